"""How the runs of a phase really ended: what a run took, told from how long its row stood open.

A row that a clean-up job closed has the sweep's time as its end. Its duration measures the sweep,
so such rows are told apart before anything is averaged.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any

import pandas as pd

from nbkit.analysis.proportions import Proportion, proportion
from nbkit.failures import EXPECTED, FailureCategory, classify_history, error_text

_STAGE_KEYS = ("stage", "last_stage", "current_stage", "step", "last_step")
# Sweeps run every 30 minutes and take rows over 4 hours (the platform's incident notes).
_SWEEP_PERIOD = timedelta(minutes=30)
_SWEEP_AGE = timedelta(hours=4)
_ON_TIME = timedelta(seconds=2)
# Of runs closed in one sweep: more than two ends in one second, begun more than an hour apart.
_SHARED = 3
_SPREAD = timedelta(hours=1)
_QUARTER = timedelta(minutes=15)


class Ending(StrEnum):
    """Who ended a run, in the order in which reports show them."""

    SUCCEEDED = "succeeded"
    IDLE = "nothing to do"
    FAILED = "failed or partial"
    KILLED = "ended by a guard"
    SWEPT = "hung until swept"
    OPEN = "still open"


class SweptBy(StrEnum):
    """What tells that a row was closed by a sweep."""

    MESSAGE = "message"
    SHARED_END = "shared end"
    SWEEP_TIME = "sweep mark"


@dataclass(frozen=True, kw_only=True)
class PhaseRun:
    """One run. `duration_s` is what the history recorded, `lasted` what its row's times say.

    `heartbeat_at` is None where the run (or the whole history) gives no heartbeats. `stage` is
    where it was last known to be; None: not logged.
    """

    run_id: str
    processor: str
    started_at: datetime
    ended_at: datetime | None
    category: FailureCategory | None
    ending: Ending
    heartbeat_at: datetime | None = None
    duration_s: float | None = None
    swept_by: SweptBy | None = None
    message: str = ""
    stage: str | None = None

    @property
    def last_sign(self) -> datetime:
        """Its last heartbeat; its start where it never gave one."""
        return self.heartbeat_at or self.started_at

    def lasted(self, as_of: datetime) -> timedelta:
        """From start to end, or to `as_of` while it has none."""
        return (self.ended_at or as_of) - self.started_at


@dataclass(frozen=True, kw_only=True)
class DurationShare:
    """What the runs that ended one way add to the mean of all recorded durations.

    `timed` of the `runs` have a duration. `adds_s` of all shares add up to the mean.
    """

    ending: Ending
    runs: int
    timed: int
    total_s: float
    median_s: float | None
    longest_s: float | None
    adds_s: float


@dataclass(frozen=True, kw_only=True)
class Day:
    """What the runs that started on one UTC day came to; `hung` (swept, or open for too long) are
    part of `real`. `judged` has an interval; a day without anything to do is an off-day."""

    day: date
    runs: int
    real: int
    expected: int
    hung: int
    judged: Proportion

    @property
    def is_off(self) -> bool:
        return self.judged.total == 0


def phase_runs(frame: pd.DataFrame) -> tuple[PhaseRun, ...]:
    """Read rows of the query `phase_runs`, and say of each how it ended; by start.

    A sweep is told by its message; else by three or more failures of one processor that ended in
    the same second after starts more than an hour apart; else by an end within 2 s of a full or
    half hour after more than 4 hours. Where no run has a recorded duration, start and end say it.
    """
    if frame.empty:
        return ()
    judged = classify_history(frame)
    runs = [_read(row) for row in judged.to_dict("records")]
    shared = _shared_ends(runs)
    told = [_told_by_times(run, shared) for run in runs]
    if mean_duration_s(told) is None:
        told = [_timed(run) for run in told]
    return tuple(sorted(told, key=lambda run: (run.started_at, run.run_id)))


def is_hung(run: PhaseRun, *, as_of: datetime, limit: timedelta) -> bool:
    """Swept, ended by a guard, or open for longer than `limit`."""
    if run.ending is Ending.OPEN:
        return run.lasted(as_of) > limit
    return run.ending in (Ending.SWEPT, Ending.KILLED)


def success_of(runs: Iterable[PhaseRun], *, as_of: datetime, limit: timedelta) -> Proportion:
    """Successes among the runs that had something to do and are done, or should be: a run that is
    open for longer than `limit` has not succeeded."""
    successes = total = 0
    for run in runs:
        if run.ending is Ending.IDLE:
            continue
        if run.ending is Ending.OPEN and not is_hung(run, as_of=as_of, limit=limit):
            continue
        total += 1
        successes += run.ending is Ending.SUCCEEDED
    return proportion(successes, total)


def by_day(
    runs: Sequence[PhaseRun], *, start: datetime, as_of: datetime, limit: timedelta
) -> tuple[Day, ...]:
    """Every UTC day from `start` to `as_of`, also those without a run, oldest first."""
    first = start.astimezone(UTC).date()
    length = (as_of.astimezone(UTC).date() - first).days + 1
    own: dict[date, list[PhaseRun]] = {first + timedelta(days=n): [] for n in range(length)}
    for run in runs:
        own[run.started_at.astimezone(UTC).date()].append(run)
    days = []
    for day, there in own.items():
        judged = success_of(there, as_of=as_of, limit=limit)
        days.append(
            Day(
                day=day,
                runs=len(there),
                real=judged.total - judged.successes,
                expected=sum(run.ending is Ending.IDLE for run in there),
                hung=sum(is_hung(run, as_of=as_of, limit=limit) for run in there),
                judged=judged,
            )
        )
    return tuple(days)


def decompose(runs: Sequence[PhaseRun]) -> tuple[DurationShare, ...]:
    """The mean recorded duration, taken apart by how runs ended; endings without runs left out."""
    timed_runs = sum(run.duration_s is not None for run in runs)
    shares = []
    for ending in Ending:
        own = [run for run in runs if run.ending is ending]
        known = [run.duration_s for run in own if run.duration_s is not None]
        if own:
            shares.append(
                DurationShare(
                    ending=ending,
                    runs=len(own),
                    timed=len(known),
                    total_s=sum(known),
                    median_s=median(known) if known else None,
                    longest_s=max(known, default=None),
                    adds_s=sum(known) / timed_runs if timed_runs else 0.0,
                )
            )
    return tuple(shares)


def mean_duration_s(runs: Iterable[PhaseRun]) -> float | None:
    """The mean of the recorded durations, as the platform publishes it; None without any."""
    known = [run.duration_s for run in runs if run.duration_s is not None]
    return sum(known) / len(known) if known else None


def _read(row: Mapping[Hashable, Any]) -> PhaseRun:
    category = row["category"]
    known = None if pd.isna(category) else FailureCategory(category)
    text = "" if pd.isna(row["errors_text"]) else str(row["errors_text"])
    duration = row["duration_s"]
    run = PhaseRun(
        run_id=str(row["run_id"]),
        processor=str(row["processor_name"]),
        started_at=row["started_at"].to_pydatetime(),
        ended_at=None if pd.isna(row["ended_at"]) else row["ended_at"].to_pydatetime(),
        category=known,
        ending=Ending.OPEN,
        heartbeat_at=None if pd.isna(row["heartbeat_at"]) else row["heartbeat_at"].to_pydatetime(),
        duration_s=None if pd.isna(duration) else float(duration),
        message=error_text(text)[0] if text else "",
        stage=_stage(row["summary_text"], row["timing_text"], text),
    )
    if known is None or run.ended_at is None:
        return run
    if known is FailureCategory.SUCCESS:
        return replace(run, ending=Ending.SUCCEEDED)
    if known in EXPECTED:
        return replace(run, ending=Ending.IDLE)
    # A sweep that keeps the run's own error is not the rule that fired, but its words are there.
    if row["category_rule"] == "swept" or "stale_running_cleanup" in text:
        return replace(run, ending=Ending.SWEPT, swept_by=SweptBy.MESSAGE)
    was_killed = not pd.isna(row["killed_by_timeout"]) and bool(row["killed_by_timeout"])
    return replace(run, ending=Ending.KILLED if was_killed else Ending.FAILED)


def _shared_ends(runs: Sequence[PhaseRun]) -> set[tuple[str, datetime]]:
    """(processor, second) at which several long failures ended whose starts lie far apart."""
    ends: dict[tuple[str, datetime], list[datetime]] = {}
    for run in runs:
        if run.ending is Ending.FAILED and run.ended_at and _length(run) > _QUARTER:
            ends.setdefault(_second(run), []).append(run.started_at)
    return {
        key
        for key, starts in ends.items()
        if len(starts) >= _SHARED and max(starts) - min(starts) > _SPREAD
    }


def _told_by_times(run: PhaseRun, shared: set[tuple[str, datetime]]) -> PhaseRun:
    if run.ending is not Ending.FAILED or run.ended_at is None:
        return run
    if _second(run) in shared and _length(run) > _QUARTER:
        return replace(run, ending=Ending.SWEPT, swept_by=SweptBy.SHARED_END)
    past_mark = timedelta(seconds=run.ended_at.timestamp() % _SWEEP_PERIOD.total_seconds())
    if _length(run) > _SWEEP_AGE and past_mark <= _ON_TIME:
        return replace(run, ending=Ending.SWEPT, swept_by=SweptBy.SWEEP_TIME)
    return run


def _timed(run: PhaseRun) -> PhaseRun:
    # An end that is its start means that the history gives neither an end nor a duration.
    if run.ended_at is None or run.ended_at <= run.started_at:
        return run
    return replace(run, duration_s=_length(run).total_seconds())


def _second(run: PhaseRun) -> tuple[str, datetime]:
    assert run.ended_at is not None
    return run.processor, run.ended_at.replace(microsecond=0)


def _length(run: PhaseRun) -> timedelta:
    assert run.ended_at is not None
    return run.ended_at - run.started_at


def _stage(summary: Any, timing: Any, errors: str) -> str | None:
    """Where a run was last known to be: a field that says so, else after its last timed stage."""
    for text in (summary, errors):
        for found in _objects(text):
            named = next((found[key] for key in _STAGE_KEYS if found.get(key)), None)
            if named is not None:
                return str(named)
    for found in _objects(timing):
        stages = [key for key, value in found.items() if isinstance(value, int | float)]
        if stages:
            return f"after {stages[-1]}"
    return None


def _objects(text: Any) -> list[dict[str, Any]]:
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return []
    try:
        value = json.loads(text)
    except ValueError:  # cut off: it says nothing that can be trusted
        return []
    return [each for each in (value if isinstance(value, list) else [value]) if type(each) is dict]
