"""Success rates, raw and effective, and the share of failures that are only noise.

The *effective* rate leaves the expected failures (no data available: nothing to do that day) out
of the denominator; the *raw* rate counts them as failures, as the platform's alerts do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from nbkit.failures import EXPECTED, FailureCategory
from nbkit.registry import ProcessorRegistry

OTHER_PHASE = "other"
_EXPECTED = [category.value for category in EXPECTED]


@dataclass(frozen=True)
class Outcomes:
    """How many finished runs ended how. `real` is every failure that is not expected."""

    successes: int
    expected: int
    real: int

    @property
    def runs(self) -> int:
        return self.successes + self.expected + self.real

    @property
    def failures(self) -> int:
        return self.expected + self.real

    @property
    def raw_rate(self) -> float | None:
        """Successes over all runs; None without runs."""
        return self.successes / self.runs if self.runs else None

    @property
    def effective_rate(self) -> float | None:
        """Successes over the runs that had something to do; None without such runs."""
        judged = self.successes + self.real
        return self.successes / judged if judged else None

    @property
    def noise_share(self) -> float | None:
        """Expected failures over all failures; None without failures."""
        return self.expected / self.failures if self.failures else None


@dataclass(frozen=True)
class PhaseRates:
    """One phase over a week, and in its last day.

    `daily` holds the effective rate of each 24 hours, oldest first; None where nothing was due.
    `worst` is the processor with most real failures of the week, and how many; None without any.
    """

    phase: str
    title: str
    week: Outcomes
    day: Outcomes
    daily: tuple[float | None, ...]
    last_success: datetime | None
    worst: tuple[str, int] | None


def outcomes(counts: pd.DataFrame) -> Outcomes:
    """Add up classified hourly counts (columns `category`, `runs`)."""
    by_category = counts.groupby("category", observed=True)["runs"].sum()
    successes = int(by_category.get(FailureCategory.SUCCESS.value, 0))
    expected = int(by_category.reindex(_EXPECTED).fillna(0).sum())
    return Outcomes(successes, expected, int(by_category.sum()) - successes - expected)


def between(counts: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """The hours that begin in [start, end)."""
    return counts[(counts["hour"] >= start) & (counts["hour"] < end)]


def is_real_failure(counts: pd.DataFrame) -> pd.Series:
    """True for rows whose runs failed and should not have."""
    return ~counts["category"].isin([FailureCategory.SUCCESS.value, *_EXPECTED])


def phase_rates(
    counts: pd.DataFrame, registry: ProcessorRegistry, *, end: datetime, days: int = 7
) -> tuple[PhaseRates, ...]:
    """Success rates per phase over the `days` × 24 hours before `end`, in pipeline order.

    Args:
        counts: classified hourly counts: processor_name, phase, hour, category, runs.
        registry: for the order, the titles and the old labels of the phases.
        end: the first hour that no longer counts (aware, on the hour).

    Returns:
        A row for each phase of the registry that has processors or runs, then one for the runs of
        strangers, if there are any.
    """
    labels = phases_of(counts, registry)
    named = [(p.name, p.title, bool(registry.by_phase(p.name))) for p in registry.phases]
    rows = []
    for name, title, has_processors in [*named, (OTHER_PHASE, "Not registered", False)]:
        own = counts[labels == name]
        if own.empty and not has_processors:
            continue
        ends = [end - pd.Timedelta(days=back) for back in range(days - 1, -1, -1)]
        daily = [outcomes(between(own, e - pd.Timedelta(days=1), e)) for e in ends]
        week = between(own, end - pd.Timedelta(days=days), end)
        wins = own[own["category"] == FailureCategory.SUCCESS.value]
        rows.append(
            PhaseRates(
                phase=name,
                title=title,
                week=outcomes(week),
                day=daily[-1],
                daily=tuple(each.effective_rate for each in daily),
                last_success=None if wins.empty else wins["hour"].max().to_pydatetime(),
                worst=_worst(week),
            )
        )
    return tuple(rows)


def _worst(counts: pd.DataFrame) -> tuple[str, int] | None:
    real = counts[is_real_failure(counts)].groupby("processor_name")["runs"].sum()
    if real.empty:
        return None
    ranked = real.sort_index().sort_values(ascending=False, kind="stable")
    return str(ranked.index[0]), int(ranked.iloc[0])


def phases_of(frame: pd.DataFrame, registry: ProcessorRegistry) -> pd.Series:
    """The phase of each row (processor_name, phase: the label that it carries), `OTHER_PHASE` for
    strangers; each pair of processor and label is looked up once."""
    pairs = pd.MultiIndex.from_frame(frame[["processor_name", "phase"]])
    codes, distinct = pd.factorize(pairs)
    known = [registry.phase_of(str(name), label) or OTHER_PHASE for name, label in distinct]
    return pd.Series([known[code] for code in codes], index=frame.index, dtype="str")
