"""What is normal for a processor, or for a phase: how long, how much, how often it fails, and when.

Every figure has an interval and a sample size. Where history is not enough for one, it is None and
`thin` says why: never a number that a few runs happened to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.daily import daily_outcomes
from nbkit.analysis.day_clusters import (
    NOTHING,
    Estimate,
    Ints,
    bootstrap_days,
    quantile_of,
    share_of,
)
from nbkit.analysis.profiles import GAMMA, Profile, profiles_by
from nbkit.analysis.proportions import Proportion
from nbkit.analysis.rates import is_real_failure
from nbkit.failures import FailureCategory

# The tenth and the ninetieth percentile of a normal distribution, in standard deviations apart.
_INTERDECILE = 2.5631031
HOURS = 24


@dataclass(frozen=True, kw_only=True)
class BaselineRules:
    """When history is enough.

    Attributes:
        enough_days: days with a run, below which one bad day is half of the baseline.
        enough_spread: successes needed to say how widely they vary.
        busy_share: the share of the work that the busy hours hold.
    """

    confidence: float = 0.95
    enough_days: int = 7
    enough_spread: int = 20
    busy_share: float = 0.8

    def enough(self, q: float) -> int:
        """Values needed for a quantile: one beyond it is to be expected, so that it is not the
        maximum by another name; and for the median as many as bound it on both sides at 95 %."""
        return max(6, ceil(round(1 / (1 - q), 6)))


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Durations in seconds, or records, of successful runs.

    `cov` is the coefficient of variation of the lognormal distribution that has their tenth and
    ninetieth percentile: √(exp(σ²) − 1), σ = (ln P90 − ln P10) / 2.563. Less than a tenth of
    outliers at either end hardly moves it. Zero records are left out of it, not of the quantiles.
    """

    count: int
    p50: Estimate
    p95: Estimate
    p99: Estimate
    cov: Estimate


@dataclass(frozen=True, kw_only=True)
class BusyHours:
    """The shortest stretch of the (circular) UTC day that holds most of the work.

    From the beginning of hour `first`, `length` hours; `share` of the runs end in it. `by_hour` has
    the runs of each hour of the day.
    """

    first: int
    length: int
    share: float
    by_hour: tuple[int, ...]

    @property
    def is_all_day(self) -> bool:
        """Work that is spread evenly needs four fifths of the day to hold four fifths of it."""
        return self.length >= 18


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One processor or phase in the window.

    `runs` = successes + real failures had something to do, `expected` had not. `days` have such a
    run; on `idle_days` it ran, and every run was expected to have nothing to do. `failures` is the
    real share of `runs`, `nothing_to_do` the expected share of all, `zero_records` the share of
    successes (with a count) that wrote nothing. `thin` is None, or why there is not enough history.
    """

    subject: str
    runs: int
    successes: int
    expected: int
    days: int
    idle_days: int
    duration: Spread
    records: Spread
    failures: Proportion
    nothing_to_do: Proportion
    zero_records: Proportion
    busy: BusyHours | None
    thin: str | None

    @property
    def unpredictability(self) -> float | None:
        """The coefficient of variation of durations, by which processors are ranked."""
        return self.duration.cov.value


def baselines(
    counts: pd.DataFrame,
    histograms: pd.DataFrame,
    *,
    by: str = "processor_name",
    rules: BaselineRules | None = None,
) -> tuple[Baseline, ...]:
    """A baseline for each value of the column `by`, in their order.

    Args:
        counts: classified hourly counts: `by`, hour, category, runs, zero_record_runs,
            missing_record_runs.
        histograms: daily histograms of the same window: `by`, day, metric, outcome, bucket, runs.
    """
    rules = rules or BaselineRules()
    daily = daily_outcomes(counts, by=by)
    hourly = _hourly(counts, by)
    good = histograms[histograms["outcome"] == "success"]
    profiles: dict[tuple[str, str], list[Profile]] = {}
    for (subject, metric, _), profile in profiles_by(good, [by, "metric", "day"]).items():
        profiles.setdefault((subject, metric), []).append(profile)
    return tuple(
        _baseline(
            str(name),
            own,
            hourly[str(name)],
            profiles.get((str(name), "duration_s"), []),
            profiles.get((str(name), "records"), []),
            rules,
        )
        for name, own in daily.groupby(level=0, sort=True)
    )


def _baseline(
    subject: str,
    daily: pd.DataFrame,
    by_hour: Ints,
    durations: Sequence[Profile],
    records: Sequence[Profile],
    rules: BaselineRules,
) -> Baseline:
    column = {name: daily[name].to_numpy(dtype=np.int64) for name in daily.columns}
    runs = column["successes"] + column["failures"]
    days = int((runs > 0).sum())
    enough = days >= rules.enough_days
    level = rules.confidence
    return Baseline(
        subject=subject,
        runs=int(runs.sum()),
        successes=int(column["successes"].sum()),
        expected=int(column["expected"].sum()),
        days=days,
        idle_days=int(((runs == 0) & (column["expected"] > 0)).sum()),
        duration=_spread(durations, rules, enough=enough),
        records=_spread(records, rules, enough=enough),
        failures=share_of(column["failures"], runs, confidence=level),
        nothing_to_do=share_of(column["expected"], runs + column["expected"], confidence=level),
        zero_records=share_of(column["zero_records"], column["counted"], confidence=level),
        busy=_busy(by_hour, rules.busy_share) if enough else None,
        thin=_why_thin(days, int(column["successes"].sum()), rules),
    )


def _why_thin(days: int, successes: int, rules: BaselineRules) -> str | None:
    if days < rules.enough_days:
        return f"work on {days} of {rules.enough_days} days needed"
    if successes < rules.enough(0.95):
        return f"{successes} of {rules.enough(0.95)} successes needed"
    return None


def _spread(days: Sequence[Profile], rules: BaselineRules, *, enough: bool) -> Spread:
    count = sum(day.count for day in days)

    def quantile(q: float) -> Estimate:
        if not enough or count < rules.enough(q):
            return NOTHING
        return quantile_of(days, q, confidence=rules.confidence)

    positive = count - sum(day.zeros for day in days)
    varies = enough and positive >= rules.enough_spread
    return Spread(
        count=count,
        p50=quantile(0.5),
        p95=quantile(0.95),
        p99=quantile(0.99),
        cov=_variation(days, rules.confidence) if varies else NOTHING,
    )


def _variation(days: Sequence[Profile], confidence: float) -> Estimate:
    buckets, drawn, _ = bootstrap_days(days)
    counts = np.sum(np.stack([_laid_out(day, buckets) for day in days]), axis=0)
    value = float(_cov(buckets, counts[None, :])[0])
    tail = 50 * (1 - confidence)
    low, high = np.percentile(_cov(buckets, drawn), [tail, 100 - tail])
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _laid_out(day: Profile, buckets: Ints) -> Ints:
    row = np.zeros(buckets.size, dtype=np.int64)
    row[np.searchsorted(buckets, day.buckets)] = day.counts
    return row


def _cov(buckets: Ints, counts: Ints) -> npt.NDArray[np.float64]:
    """The coefficient of variation of each row of counts; NaN-free, 0 for an empty row."""
    ends = np.cumsum(counts, axis=1)
    total = ends[:, -1]
    low, high = (
        buckets[np.argmax(ends > np.floor(q * np.maximum(total - 1, 0))[:, None], axis=1)]
        for q in (0.1, 0.9)
    )
    sigma = (high - low) * np.log(GAMMA) / _INTERDECILE
    found: npt.NDArray[np.float64] = np.sqrt(np.expm1(sigma * sigma))
    return found


def _busy(by_hour: Ints, share: float) -> BusyHours | None:
    total = int(by_hour.sum())
    if total == 0:
        return None
    twice = np.concatenate([[0], np.cumsum(np.tile(by_hour, 2))])
    for length in range(1, HOURS + 1):
        held = twice[length : length + HOURS] - twice[:HOURS]
        first = int(np.argmax(held))
        if held[first] >= share * total:
            break
    return BusyHours(
        first=first,
        length=length,
        share=float(held[first] / total),
        by_hour=tuple(int(n) for n in by_hour),
    )


def _hourly(counts: pd.DataFrame, by: str) -> dict[str, Ints]:
    """Runs that had something to do, by the UTC hour of the day in which they ended."""
    real = is_real_failure(counts)
    success = counts["category"] == FailureCategory.SUCCESS.value
    table = (
        pd.DataFrame(
            {
                "subject": counts[by].astype("str"),
                "hour": pd.to_datetime(counts["hour"], utc=True).dt.hour,
                "runs": counts["runs"].astype("int64").where(real | success, 0),
            }
        )
        .groupby(["subject", "hour"])["runs"]
        .sum()
        .unstack(fill_value=0)
        .reindex(columns=range(HOURS), fill_value=0)
    )
    return {str(name): row.to_numpy(dtype=np.int64) for name, row in table.iterrows()}
