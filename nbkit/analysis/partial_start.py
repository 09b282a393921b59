"""Phase 4 is late: start the predictions with what is there, wait, or call somebody?

The platform asked this only when another message of phase 4 arrived, and in the nights that
mattered none did. Here the answer is a function of the history and the clock, asked every half
hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """How far one processor is with one date."""

    DONE = "done"
    NOTHING_TO_DO = "nothing_to_do"
    RUNNING = "running"
    FAILED = "failed"
    NOT_STARTED = "not_started"

    @property
    def is_settled(self) -> bool:
        return self in (State.DONE, State.NOTHING_TO_DO)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One processor and one date. `since`: its end, or its start while it runs. `affected`: what
    needs it, directly or not."""

    processor: str
    state: State
    since: datetime | None = None
    due: datetime | None = None
    timeout: timedelta = timedelta(minutes=30)
    affected: tuple[str, ...] = ()

    def told(self) -> str:
        when = f" ({self.since:%Y-%m-%d %H:%M} UTC)" if self.since else ""
        return f"{self.processor} {self.state.value.replace('_', ' ')}{when}"


class StartAction(StrEnum):
    """What to do about predictions that have not started."""

    NOTHING = "nothing"
    WAIT = "wait"
    START = "start"
    ALERT = "alert"


@dataclass(frozen=True, kw_only=True)
class PartialStart:
    """The action and why; which processors are done, and which are missing."""

    action: StartAction
    data_date: date
    reasons: tuple[str, ...]
    done: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def is_partial(self) -> bool:
        return bool(self.missing)


def decide_partial_start(
    data_date: date,
    inputs: Sequence[Progress],
    predictions: Progress,
    *,
    required: Sequence[str],
    now: datetime,
) -> PartialStart:
    """Whether to start the predictions of `data_date` although phase 4 is not complete.

    Args:
        inputs: the processors of phase 4, with the deadline of each.
        predictions: the coordinator.
        required: the inputs without which predictions are worth nothing.
    """
    done = tuple(p.processor for p in inputs if p.state.is_settled)
    late = [p for p in inputs if not p.state.is_settled]

    def decided(action: StartAction, *reasons: str) -> PartialStart:
        return PartialStart(
            action=action,
            data_date=data_date,
            reasons=reasons,
            done=done,
            missing=tuple(p.processor for p in late),
        )

    if predictions.state.is_settled or predictions.state is State.RUNNING:
        return decided(StartAction.NOTHING, f"{predictions.told()} for {data_date}")
    if inputs and all(p.state is State.NOTHING_TO_DO for p in inputs):
        return decided(StartAction.NOTHING, f"there was nothing to do for {data_date}")
    early = [p for p in late if p.due is None or p.due > now]
    if early:
        dues = [p.due for p in early if p.due is not None]
        until = f" until {max(dues):%Y-%m-%d %H:%M} UTC" if dues else ""
        return decided(StartAction.WAIT, f"phase 4 has time{until}", *(p.told() for p in early))
    if predictions.state is State.FAILED:
        return decided(
            StartAction.ALERT,
            f"{predictions.told()}: the predictions have been started and failed; "
            "starting them again is for self_heal or a person",
        )
    if not late:
        return decided(
            StartAction.START,
            f"all {len(done)} processors of phase 4 are done, but the predictions never started",
        )
    blocking = [p for p in late if p.processor in required]
    at_work = [p for p in blocking if _is_at_work(p, now)]
    if at_work:
        return decided(
            StartAction.WAIT, "what the predictions need is at work", *(p.told() for p in at_work)
        )
    if blocking:
        return decided(
            StartAction.ALERT,
            "the predictions cannot do without " + ", ".join(p.processor for p in blocking),
            *(_missing(p) for p in late),
        )
    return decided(
        StartAction.START,
        f"{len(done)} of {len(inputs)} processors of phase 4 are done, among them all that the "
        f"predictions cannot do without ({', '.join(required)}); the deadline has passed",
        *(_missing(p) for p in late),
    )


def _is_at_work(progress: Progress, now: datetime) -> bool:
    return (
        progress.state is State.RUNNING
        and progress.since is not None
        and now - progress.since <= progress.timeout
    )


def _missing(progress: Progress) -> str:
    affected = f"; needed by {', '.join(progress.affected[:4])}" if progress.affected else ""
    if len(progress.affected) > 4:
        affected += f" and {len(progress.affected) - 4} more"
    return f"{progress.told()}{affected}"
