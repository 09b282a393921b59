"""Everything that is measured once about a storm, for all causes to be asked of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.storms.attempts import Amplification, amplification, seconds_of, with_messages
from nbkit.analysis.storms.crowding import Crowding, crowding
from nbkit.analysis.storms.evidence.apart import done_before, set_apart
from nbkit.analysis.storms.items import Repeats, repeats
from nbkit.analysis.storms.windows import Span
from nbkit.failures import FailureCategory

Bools = npt.NDArray[np.bool_]
SUCCESS = FailureCategory.SUCCESS.value


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A storm, measured.

    Attributes:
        around: all runs that were looked at, with `message`, `attempt`, `gap_s` and `item`.
        inside: those of the storm's processors that ended in its spans.
        failures: of these the failed ones, with `signature`, and what sets some of them apart:
            `is_swept`, `is_poison`, `is_far` (dates long ago), `is_quota`, `is_waiting` (no data,
            or an upstream's missing). `is_rest`: none of the first three.
        rest: `inside` without the runs that are set apart.
        usual: per processor (index): `failures`, `real` and `runs` an hour, `failure_share` and
            `attempts_per_message`, in other hours.
        usual_words: what failures say then: processor_name, errors_text, failures.
        hours: how long the spans are together.
        usual_failures: how many of `failures` would have been there anyway.
        real_only: expected failures are left out everywhere.
        attempts, crowding, repeats: of `rest`.
        done: when each item first succeeded, seconds since 1970.
    """

    spans: tuple[Span, ...]
    around: pd.DataFrame
    inside: pd.DataFrame
    failures: pd.DataFrame
    rest: pd.DataFrame
    usual: pd.DataFrame
    usual_words: pd.DataFrame
    hours: float
    usual_failures: float
    real_only: bool
    attempts: Amplification
    crowding: Crowding
    repeats: Repeats
    done: pd.Series

    @property
    def usual_share(self) -> pd.Series:
        """The share of runs that usually fails, by processor, of the failures looked at."""
        if not self.real_only:
            return self.usual["failure_share"]
        expected = self.usual["failures"] - self.usual["real"]
        return self.usual["real"] / (self.usual["runs"] - expected).clip(lower=1e-9)

    @property
    def excess(self) -> float:
        """Failures beyond those that would have been there anyway."""
        return max(len(self.failures) - self.usual_failures, 0.0)

    @property
    def rest_failures(self) -> pd.DataFrame:
        return self.failures[self.failures["is_rest"]]

    def done_before(self, runs: pd.DataFrame) -> Bools:
        """Which runs are about work that had succeeded when they started."""
        return done_before(runs, self.done)

    def without(self, messages: pd.Series) -> Facts:
        """The same storm, with `rest` and what is measured of it without these messages."""
        rest = self.rest[~self.rest["message"].isin(messages)]
        return replace(
            self,
            rest=rest,
            attempts=amplification(rest),
            crowding=crowding(rest, rest),
            repeats=repeats(rest, self.done),
        )

    def share(self, column: str) -> float:
        """The part of the storm's failures for which a column holds."""
        return float(self.failures[column].mean()) if len(self.failures) else 0.0

    @property
    def speaks(self) -> bool:
        """Whether any run says why it failed, or which message started it. Without either, a
        redelivered message, a poll for missing input and a healer's batch look alike."""
        told = (self.failures["category_origin"] == "recorded").any()
        return bool(told) or self.known("errors_text") or self.known("trigger_message_id")

    def known(self, column: str) -> bool:
        """Whether any run says something in a column; of `ended_at`, something else than when it
        started."""
        if column not in self.inside:
            return False
        if column == "ended_at":
            return bool((self.inside["ended_at"] > self.inside["started_at"]).any())
        return bool(self.inside[column].notna().any())


def measure(
    runs: pd.DataFrame,
    spans: Sequence[Span],
    *,
    processors: Sequence[str] = (),
    usual: pd.DataFrame | None = None,
    real_only: bool = False,
    usual_words: pd.DataFrame | None = None,
    succeeded: pd.DataFrame | None = None,
) -> Facts:
    """Measure a storm.

    Args:
        runs: classified runs: those that ended or started in the spans, and some hours around them.
        spans: when the storm blew.
        processors: whose; default: all that failed more in the spans than they usually do.
        usual: see `Facts`; default: from the runs outside the spans.
        usual_words: what failures say in other hours: processor_name, errors_text, failures;
            default: from the runs outside the spans.
        real_only: leave out expected failures: the storm was found among the others.
        succeeded: when the work of each processor_name and data_date first succeeded
            (first_succeeded_at), where that may be earlier than the runs at hand.
    """
    around = with_messages(runs[~runs["is_expected"]] if real_only else runs)
    around["item"] = pd.factorize(
        pd.MultiIndex.from_frame(around[["processor_name", "data_date"]])
    )[0]
    done = first_successes(around, succeeded)
    within = inside_of(around["ended_at"], spans)
    if usual is None:
        usual = usual_of_runs(around[~within])
    if usual_words is None:
        usual_words = around[~within & around["is_failure"].to_numpy(dtype=bool)][
            ["processor_name", "errors_text"]
        ].assign(failures=1)
    hours = sum(span.length.total_seconds() for span in spans) / 3600
    if not processors:
        failed = around[within & around["is_failure"].to_numpy(dtype=bool)]
        processors = in_excess(failed, usual, hours)
    own = around["processor_name"].isin(list(processors)).to_numpy()
    inside = around[within & own]
    failures = set_apart(inside, around, usual, hours, len(spans), done)
    apart = failures.index[~failures["is_rest"]]
    poisoned = failures.loc[failures["is_poison"], "message"].unique()
    rest = inside[~inside.index.isin(apart) & ~inside["message"].isin(poisoned)]
    known = usual.reindex(list(processors)).fillna(0.0)
    return Facts(
        spans=tuple(spans),
        around=around,
        inside=inside,
        failures=failures,
        rest=rest,
        usual=usual,
        usual_words=usual_words,
        hours=hours,
        usual_failures=float(
            min(known["real" if real_only else "failures"].sum() * hours, len(failures))
        ),
        real_only=real_only,
        attempts=amplification(rest),
        crowding=crowding(rest, around[own]),
        repeats=repeats(rest, done),
        done=done,
    )


def first_successes(around: pd.DataFrame, succeeded: pd.DataFrame | None) -> pd.Series:
    """When each item first succeeded, seconds since 1970, by item."""
    wins = around[around["category"] == SUCCESS]
    found = pd.Series(seconds_of(wins["ended_at"])).groupby(wins["item"].to_numpy()).min()
    if succeeded is None:
        return found
    known = succeeded.dropna(subset=["first_succeeded_at"])
    items = around[["processor_name", "data_date", "item"]].drop_duplicates("item")
    joined = items.merge(
        known.assign(
            data_date=known["data_date"].astype("datetime64[us]"),
            at=seconds_of(known["first_succeeded_at"]),
        )[["processor_name", "data_date", "at"]],
        on=["processor_name", "data_date"],
    )
    both: pd.Series = pd.concat([found, joined.set_index("item")["at"]]).groupby(level=0).min()
    return both


def in_excess(failed: pd.DataFrame, usual: pd.DataFrame, hours: float) -> list[str]:
    """Who fails more than usual, by all failures or by real ones; all that fail if nobody does."""
    names = failed["processor_name"]
    seen = names.value_counts()
    real = names[~failed["is_expected"]].value_counts().reindex(seen.index).fillna(0)
    known = usual.reindex(seen.index).fillna(0.0)
    more = (seen >= 1.5 * known["failures"] * hours + 1) | (real >= 2.0 * known["real"] * hours + 4)
    return [str(name) for name in seen.index[more]] or [str(name) for name in seen.index]


def inside_of(moments: pd.Series, spans: Sequence[Span]) -> Bools:
    """Which moments lie in one of the spans; null ones do not."""
    seconds = seconds_of(moments)
    found = np.zeros(len(moments), dtype=bool)
    for span in spans:
        found |= (seconds >= span.start.timestamp()) & (seconds < span.end.timestamp())
    return found


def usual_of_runs(outside: pd.DataFrame) -> pd.DataFrame:
    """What is usual, from runs with messages that ended outside the storm."""
    ended = outside[outside["ended_at"].notna()]
    if ended.empty:
        columns = ["failures", "real", "runs", "failure_share", "attempts_per_message"]
        return pd.DataFrame(columns=columns, dtype="float64")
    hours = max(ended["ended_at"].dt.floor("h").nunique(), 1)
    grouped = ended.groupby("processor_name")
    runs, failed = grouped.size(), grouped["is_failure"].sum()
    return pd.DataFrame(
        {
            "failures": failed / hours,
            "real": (failed - grouped["is_expected"].sum()) / hours,
            "runs": runs / hours,
            "failure_share": failed / runs,
            "attempts_per_message": runs / grouped["message"].nunique(),
        }
    )
