"""Everything that is measured once about a storm, for all causes to be asked of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.storms.attempts import Amplification, amplification, seconds_of, with_messages
from nbkit.analysis.storms.crowding import Crowding, crowding
from nbkit.analysis.storms.items import Repeats, repeats
from nbkit.analysis.storms.windows import Span
from nbkit.failures import FailureCategory, error_text

Bools = npt.NDArray[np.bool_]
SUCCESS = FailureCategory.SUCCESS.value
WAITING = (FailureCategory.NO_DATA_AVAILABLE.value, FailureCategory.DEPENDENCY_MISSING.value)
QUOTA = r"(?i)\b429\b|too many requests|quota|rate[ _-]?limit|ratelimit|throttl|resource_?exhausted"
# It waits for nothing: there was nothing left to do.
_DONE = r"(?i)already[ _](?:processed|exists|loaded|done)|unchanged|duplicate"
_VARYING = (
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?", "#"),
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "#"),
    (r"[0-9]+", "#"),
)
# A sweep closes rows that stood open for hours, all within a minute.
_SWEEP_S, _SWEEP_LEAST, _STOOD_OPEN_S = 60.0, 10, 3_600.0
# A poisoned message: this many attempts in the storm, none of them good, one kind of error.
POISON_ATTEMPTS = 10
POISON_MESSAGES = 15
# Without message ids: on so few pieces of work (a processor and a date), for so long.
POISON_WORKS, _POISON_LASTS_S = 6, 7_200.0
FAR_DAYS = 7  # ordinary work is about yesterday; late data about the week before


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

    def known(self, column: str) -> bool:
        """Whether any run says something in a column."""
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
    failures = _set_apart(inside[inside["is_failure"]], around, len(spans))
    failures = _with_poison(failures, inside, usual, hours, len(spans))
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


def _set_apart(failures: pd.DataFrame, around: pd.DataFrame, times: int) -> pd.DataFrame:
    found = failures.assign(
        signature=signatures(failures["errors_text"]),
        is_swept=_swept(failures),
        is_quota=about(failures["errors_text"], QUOTA),
        is_waiting=failures["category"].isin(WAITING) & ~about(failures["errors_text"], _DONE),
    )
    found["is_poison"] = _poison(found, around, times) & ~found["is_swept"]
    return found


def _with_poison(
    failures: pd.DataFrame, inside: pd.DataFrame, usual: pd.DataFrame, hours: float, times: int
) -> pd.DataFrame:
    """With the poison that no message id shows, and what is left."""
    apart = failures["is_swept"].to_numpy(dtype=bool) | failures["is_poison"].to_numpy(dtype=bool)
    nameless = _nameless_poison(failures[~apart], inside, usual, hours, times)
    found = failures.assign(is_poison=failures["is_poison"] | failures.index.isin(nameless))
    found["is_far"] = is_far(found) & ~found["is_swept"] & ~found["is_poison"]
    found["is_rest"] = ~(found["is_swept"] | found["is_poison"] | found["is_far"])
    return found


def is_far(runs: pd.DataFrame) -> Bools:
    """Runs about a date long ago, or of a backfill that says so about one that is not yesterday."""
    lag = (runs["started_at"].dt.tz_localize(None) - runs["data_date"]).dt.days.abs()
    marked = runs["backfill_mode"].fillna(False).astype(bool) & (lag > 2)
    return np.asarray((lag > FAR_DAYS) | marked, dtype=bool)


def _swept(failures: pd.DataFrame) -> Bools:
    """Closed by a sweep: it says so, or many that stood open for hours end in one minute."""
    told = (failures["category_rule"] == "swept").to_numpy() | about(
        failures["errors_text"], r"(?i)stale_running_cleanup|stuck in running|cleanup.{0,20}stale"
    )
    ended, started = seconds_of(failures["ended_at"]), seconds_of(failures["started_at"])
    open_for = ended - started
    old = open_for >= _STOOD_OPEN_S
    instant = pd.Series(np.floor(ended / _SWEEP_S).astype(np.int64))
    counts = (
        instant[old].groupby(instant[old]).transform("size").reindex(instant.index, fill_value=0)
    )
    spread = pd.Series(started)[old].groupby(instant[old]).transform(np.ptp)
    spread = spread.reindex(instant.index, fill_value=0.0)
    together = (counts >= _SWEEP_LEAST).to_numpy() & (spread >= _STOOD_OPEN_S).to_numpy()
    return np.asarray(told | (old & together), dtype=bool)


def _poison(failures: pd.DataFrame, around: pd.DataFrame, times: int) -> Bools:
    """Failures of messages that were delivered again and again and always failed the same way,
    where such messages are few."""
    certain = failures[failures["trigger_message_id"].notna() & ~failures["is_waiting"]]
    if certain.empty:
        return np.zeros(len(failures), dtype=bool)
    size = certain.groupby("message").size()
    often = certain[certain["message"].isin(size.index[size >= POISON_ATTEMPTS])]
    kinds = often.groupby(["message", "signature"]).size()
    one_kind = (kinds.groupby("message").max() / size).reindex(size.index).fillna(0.0)
    good = around.loc[around["category"] == SUCCESS, "message"].unique()
    stuck = size[(size >= POISON_ATTEMPTS) & (one_kind >= 0.9) & ~size.index.isin(good)]
    # Of an outage too some messages have not come through yet; but then many have.
    others = size[~size.index.isin(stuck.index) & (size >= POISON_ATTEMPTS / 2)]
    if len(stuck) > POISON_MESSAGES * times or len(others) > 2 * len(stuck):
        return np.zeros(len(failures), dtype=bool)
    return failures["message"].isin(stuck.index).to_numpy()


def _nameless_poison(
    failures: pd.DataFrame, inside: pd.DataFrame, usual: pd.DataFrame, hours: float, times: int
) -> pd.Index:
    """Runs without a message id that fail for hours with one error on few pieces of work, while
    their processors succeed neither oftener nor more seldom than usual: what fails never comes
    through (as it does after an outage), and nothing else suffers."""
    own = failures[
        failures["trigger_message_id"].isna()
        & ~failures["is_waiting"]
        & ~failures["is_quota"]
        & (failures["signature"] >= 0)
    ]
    own = own[~is_far(own)]
    size = own.groupby(["processor_name", "data_date", "signature"])["run_id"].transform("size")
    own = own[size >= POISON_ATTEMPTS]
    works = len(own.groupby(["processor_name", "data_date"]).size())
    names = own["processor_name"].unique()
    if not 1 <= works <= POISON_WORKS * times or len(own) < 0.5 * len(failures):
        return own.index[:0]
    started = pd.Series(seconds_of(own["started_at"]))
    pieces = started.groupby([own[name].to_numpy() for name in ("processor_name", "data_date")])
    lasting = float((pieces.max() - pieces.min()).median())
    wins = (inside["processor_name"].isin(names) & (inside["category"] == SUCCESS)).sum()
    known = usual.reindex(names).fillna(0.0)
    expected = float((known["runs"] - known["failures"]).sum() * hours)
    slack = 2.0 + 2.0 * np.sqrt(expected)
    calm = 0.6 * expected - slack <= wins <= 1.4 * expected + slack
    one_error = own.groupby("processor_name")["signature"].nunique().max() == 1
    often = len(own) >= 3 * float(known["failures"].sum() * hours)
    if calm and one_error and often and lasting >= _POISON_LASTS_S:
        return own.index
    return own.index[:0]


def signatures(texts: pd.Series) -> npt.NDArray[np.int64]:
    """A number for each message without what varies in it, whatever the shape of its JSON; -1 where
    there is none."""
    codes, values = pd.factorize(texts)
    shapes = pd.Series([error_text(value)[0] for value in values], dtype="str")
    for pattern, mark in _VARYING:
        shapes = shapes.str.replace(pattern, mark, regex=True)
    return np.append(pd.factorize(shapes)[0], -1)[codes].astype(np.int64)


def about(texts: pd.Series, pattern: str) -> Bools:
    """Which texts match, each distinct one asked once; null does not."""
    codes, values = pd.factorize(texts)
    found = pd.Series(values, dtype="str").str.contains(pattern).to_numpy(dtype=bool)
    return np.append(found, False)[codes]
