"""What was measured of each target, in one shape: trials that were good or not.

A *trial* is the least thing that can go well or badly by itself. Runs are not: a message that is
redelivered a hundred times fails a hundred times of one cause, and runs of one processor within an
hour share their fate. So a trial is a processor's hour (all its runs that ended in it), a date of a
phase, a work, a day of a source, or an hour of time. Its `good` and `total` keep the runs, dates or
minutes themselves, for a share is a share of these; how sure it is, is counted in trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.rates import is_real_failure, phases_of
from nbkit.analysis.slas.completion import (
    DateCompletion,
    Span,
    Works,
    blocking,
    completions,
    down_spans,
    merged,
)
from nbkit.failures import FailureCategory
from nbkit.registry import ProcessorRegistry
from nbkit.registry.sla_exceptions import SlaException
from nbkit.registry.slas import Measure, Slas, Target

COLUMNS = ["at", "processor", "good", "total"]
HOUR = timedelta(hours=1)
Ints = npt.NDArray[np.int64]
NO_SOURCE = "no rows of {key} in nba_orchestration.sla_measurements"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of one target.

    `trials` have the columns of `COLUMNS`, in order of `at` (UTC): the hour of runs, the deadline
    of a date, the day of a source. Of time, `down` are the exact spans that were not good.
    `why_not` says why nothing was measured; empty where something was.
    """

    target: Target
    trials: pd.DataFrame = field(repr=False)
    down: tuple[Span, ...] = ()
    dates: tuple[DateCompletion, ...] = ()
    why_not: str = ""

    @property
    def is_measured(self) -> bool:
        return not self.why_not

    @cached_property
    def seconds(self) -> Ints:
        """`at` of each trial in seconds since 1970, rising: a report cuts many windows."""
        moments: npt.NDArray[np.datetime64] = self.trials["at"].to_numpy(dtype="datetime64[s]")
        return moments.astype(np.int64)

    def within(self, start: datetime, end: datetime) -> pd.DataFrame:
        """The trials of [start, end)."""
        return self.trials.iloc[self.place(start, end)]

    def place(self, start: datetime, end: datetime) -> slice:
        """Where the trials of [start, end) stand."""
        edges = np.ceil([start.timestamp(), end.timestamp()]).astype(np.int64)
        first, after = np.searchsorted(self.seconds, edges)
        return slice(int(first), int(after))

    def without(self, exceptions: Sequence[SlaException]) -> Measured:
        """The same, as if the time of these exceptions had not been."""
        own = [each for each in exceptions if self.target.name in each.targets]
        if not own or not self.is_measured:
            return self
        if self.target.measure.is_time:
            excused = merged((each.start, each.end) for each in own)
            return replace(self, trials=_less(self.trials, self.down, excused))
        # A day's trial stands at its midnight, and goes with an exception that begins later.
        day = self.target.measure is Measure.SOURCE
        kept = np.ones(len(self.trials), dtype=bool)
        for each in own:
            start = pd.Timestamp(each.start).floor("D") if day else each.start
            hit = (self.trials["at"] >= start) & (self.trials["at"] < each.end)
            if each.processors and not day and self.target.measure is not Measure.ON_TIME:
                hit &= self.trials["processor"].isin(each.processors)
            kept &= ~hit.to_numpy()
        return replace(self, trials=self.trials[kept])


def measure(
    slas: Slas,
    registry: ProcessorRegistry,
    *,
    counts: pd.DataFrame,
    works: pd.DataFrame,
    overdue: pd.DataFrame,
    sources: pd.DataFrame | None,
    start: datetime,
    as_of: datetime,
) -> dict[str, Measured]:
    """Measure every target, in the order of the file.

    Args:
        counts: classified hourly counts from `start` on: processor_name, phase, hour, category,
            runs.
        works: rows of `work_states`, of dates from somewhat before `start` on.
        overdue: runs open past their timeout: processor_name, phase, at (when it passed).
        sources: sla, measured_on, good, total; None where there is no such table.
        start, as_of: aware. Nothing before `start` is a trial.
    """
    known = Works(works, registry)
    dates = completions(known, slas, as_of=as_of)
    labels = phases_of(counts, registry)
    labels_open = phases_of(overdue, registry)
    found = {}
    for target in slas.targets:
        match target.measure:
            case Measure.SUCCESS_RATE:
                one = _success(
                    target, counts[labels == target.phase], overdue[labels_open == target.phase]
                )
            case Measure.ON_TIME:
                one = _on_time(target, [d for d in dates[target.name] if d.due >= start])
            case Measure.AVAILABILITY:
                one = _availability(target, dates, start=start, as_of=as_of)
            case Measure.NOT_BLOCKING:
                trials = blocking(known, slas, target, as_of=as_of)
                one = _of(target, trials[trials["at"] >= start], "no work that others need")
            case Measure.FRESHNESS:
                one = _freshness(target, counts, start=start, as_of=as_of)
            case Measure.SOURCE:
                one = _source(target, sources, slas, start=start, as_of=as_of)
        found[target.name] = one
    return found


def _of(target: Target, trials: pd.DataFrame, why_not: str) -> Measured:
    return Measured(target=target, trials=trials, why_not=why_not if trials.empty else "")


def _success(target: Target, counts: pd.DataFrame, overdue: pd.DataFrame) -> Measured:
    success = counts["category"] == FailureCategory.SUCCESS.value
    judged = success | is_real_failure(counts)
    own = counts[judged]
    rows = pd.DataFrame(
        {
            "at": pd.to_datetime(own["hour"], utc=True),
            "processor": own["processor_name"].astype("str"),
            "good": own["runs"].where(success[judged], 0).astype("int64"),
            "total": own["runs"].astype("int64"),
        }
    )
    hung = pd.DataFrame(
        {
            "at": pd.to_datetime(overdue["at"], utc=True).dt.floor("h"),
            "processor": overdue["processor_name"].astype("str"),
            "good": 0,
            "total": 1,
        }
    )
    trials = (
        pd.concat([rows, hung] if len(hung) else [rows])
        .groupby(["at", "processor"], sort=True, observed=True)[["good", "total"]]
        .sum()
        .reset_index()
    )
    return _of(target, trials[COLUMNS], "no run of the phase that had something to do")


def _on_time(target: Target, dates: Sequence[DateCompletion]) -> Measured:
    trials = pd.DataFrame(
        {
            "at": pd.to_datetime([d.due for d in dates], utc=True),
            "processor": pd.Series([d.last[0] for d in dates], dtype="str"),
            "good": np.array([not d.is_late for d in dates], dtype=np.int64),
            "total": np.ones(len(dates), dtype=np.int64),
        }
    )
    why_not = "" if dates else "no date with work of the phase"
    return Measured(target=target, trials=trials, dates=tuple(dates), why_not=why_not)


def _availability(
    target: Target,
    dates: Mapping[str, Sequence[DateCompletion]],
    *,
    start: datetime,
    as_of: datetime,
) -> Measured:
    # A deadline of before the window may still be waited for within it.
    own = [d for d in dates.values() if d]
    if not own:
        return _of(target, _no_trials(), "no date with work of any phase")
    since = max(start, min(d[0].due for d in own))
    found = _of_time(target, down_spans(own, as_of=as_of), start=since, as_of=as_of)
    return replace(found, dates=tuple(date for phase in own for date in phase))


def _freshness(
    target: Target, counts: pd.DataFrame, *, start: datetime, as_of: datetime
) -> Measured:
    """Stale from `max_age` after each refresh to the next one, by the hours in which runs ended."""
    assert target.max_age is not None
    own = counts[counts["processor_name"] == target.processor]
    refreshed = pd.to_datetime(own.loc[~is_real_failure(own), "hour"], utc=True)
    moments = [moment.to_pydatetime() for moment in sorted(set(refreshed))]
    if not moments:
        return _of(target, _no_trials(), f"no successful run of {target.processor}")
    ends = [*moments[1:], as_of]
    stale = [
        (moment + target.max_age, end)
        for moment, end in zip(moments, ends, strict=True)
        if moment + target.max_age < end
    ]
    return _of_time(target, tuple(stale), start=max(start, moments[0]), as_of=as_of)


def _of_time(
    target: Target, down: tuple[Span, ...], *, start: datetime, as_of: datetime
) -> Measured:
    hours = pd.date_range(pd.Timestamp(start).floor("h"), as_of, freq="h", inclusive="left")
    opens = np.array([hour.timestamp() for hour in hours])
    begins = np.maximum(opens, start.timestamp())
    ends = np.minimum(opens + HOUR.total_seconds(), as_of.timestamp())
    bad = np.zeros(len(hours))
    for one, other in down:
        held = np.minimum(ends, other.timestamp()) - np.maximum(begins, one.timestamp())
        bad += np.clip(held, 0, None)
    total = np.rint((ends - begins) / 60).astype(np.int64)
    trials = pd.DataFrame(
        {
            "at": hours,
            "processor": "",
            "good": np.clip(total - np.rint(bad / 60).astype(np.int64), 0, None),
            "total": total,
        }
    )
    return replace(_of(target, trials[trials["total"] > 0], "no time has passed"), down=down)


def _source(
    target: Target,
    sources: pd.DataFrame | None,
    slas: Slas,
    *,
    start: datetime,
    as_of: datetime,
) -> Measured:
    assert target.source is not None
    if sources is None:
        return _of(target, _no_trials(), "no table nba_orchestration.sla_measurements")
    own = sources[sources["sla"] == target.source.key]
    wrong = own[~((own["good"] >= 0) & (own["good"] <= own["total"])).fillna(False).astype(bool)]
    if len(wrong):
        row = wrong.iloc[0]
        said = f"its row of {row['measured_on']} says {row['good']} good of {row['total']}"
        return _of(target, _no_trials(), said)
    days = pd.to_datetime(own["measured_on"].astype("str")).dt.tz_localize(slas.zone)
    trials = pd.DataFrame(
        {
            "at": days.dt.tz_convert("UTC"),
            "processor": "",
            "good": own["good"].astype("int64"),
            "total": own["total"].astype("int64"),
        }
    )
    kept = trials[(trials["at"] >= start) & (trials["at"] < as_of) & (trials["total"] > 0)]
    whole = kept.groupby(["at", "processor"], as_index=False)[["good", "total"]].sum()
    return _of(target, whole[COLUMNS], NO_SOURCE.format(key=target.source.key))


def _no_trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "at": pd.to_datetime([], utc=True),
            "processor": pd.Series(dtype="str"),
            "good": pd.Series(dtype="int64"),
            "total": pd.Series(dtype="int64"),
        }
    )


def _less(trials: pd.DataFrame, down: Sequence[Span], excused: Sequence[Span]) -> pd.DataFrame:
    """Hours of time without their excused minutes."""
    rows = []
    for at, good, total in zip(trials["at"], trials["good"], trials["total"], strict=True):
        hour = (at.to_pydatetime(), at.to_pydatetime() + HOUR)
        away = _minutes(hour, excused)
        if away:
            bad = sum(_minutes(_both(hour, span), excused) for span in down)
            good, total = max(good - (away - bad), 0), max(total - away, 0)
        rows.append((at, "", round(good), round(total)))
    return pd.DataFrame(rows, columns=COLUMNS).query("total > 0")


def _both(one: Span, other: Span) -> Span:
    start = max(one[0], other[0])
    return start, max(min(one[1], other[1]), start)


def _minutes(span: Span, others: Sequence[Span]) -> float:
    """How many minutes of `span` lie in any of `others`, which do not overlap."""
    return sum((b - a) / timedelta(minutes=1) for a, b in (_both(span, each) for each in others))
