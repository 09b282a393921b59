"""Work that has to be done, and what a world's engine makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from worlds.hazards import Hazard
from worlds.redelivery import Redelivery


@dataclass(slots=True)
class Work:
    """One start that somebody asked for. Times are seconds since 1970, UTC.

    Attributes:
        duration: of a run that succeeds and is not slowed, seconds.
        data_day: days since 1970 of the date that the data is about.
        trigger: starts with the same trigger move together when schedules are jittered.
        scheduled: a scheduler starts it, so jitter moves it.
        message: id of the message that carries it; None: nobody delivers it again.
        ready_at: when its input exists.
        outage: from when to when there is nothing of the upstream that it needs; None: always is.
        names: what the error message is about (an upstream's name); "": nothing in particular.
        swept_at: a clean-up job closes the row then, whatever the run was doing.
    """

    processor: str
    start: float
    duration: float
    data_day: int
    hazards: tuple[Hazard, ...] = ()
    trigger: int = -1
    scheduled: bool = False
    message: str | None = None
    policy: Redelivery | None = None
    ready_at: float = float("-inf")
    outage: tuple[float, float] | None = None
    names: str = ""
    source: str = "pubsub"
    by: str = "workflow"
    parent: str | None = None
    backfill: bool = False
    swept_at: float | None = None
    storm: bool = True
    cause: str = ""


@dataclass(slots=True)
class Attempt:
    """One run of the history. `fault` is a family of `worlds.said`; "": it succeeded."""

    work: int
    number: int
    start: float
    end: float
    fault: str
