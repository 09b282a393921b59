"""Who runs what: each scheduled run is claimed before it starts, and its end is noted.

A run is claimed by one scheduler, however many look at the same time. Where the claimer dies
before the run's end, another takes it up once (`nbkit.schedule.due.ATTEMPTS`): a run happens at
most once at a time, and at least once unless its machine dies twice. Reports and messages bear the
second run: it writes the same folder, and what was said is not said again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from nbkit.schedule.due import FIRST_GRACE, Due, LastRun, Standing, due
from nbkit.schedule.job import Job


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended: its exit code, a line about it, and where its report is."""

    exit_code: int
    said: str
    report: str = ""


# Noted for a moment that no scheduler was there for.
MISSED = Outcome(exit_code=1, said="missed: no scheduler ran within its grace")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A run on record. `outcome` is None until its end; `attempt` is 0 for one started by hand."""

    job: str
    scheduled_at: datetime
    attempt: int
    standing: Standing
    claimed_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def by_hand(self) -> bool:
        return self.attempt == 0


class Turn(Protocol):
    """A claimed run; end it."""

    def end(self, outcome: Outcome, *, now: datetime) -> None: ...


class Claims(Protocol):
    """The memory of the schedulers that share it."""

    def latest(self, jobs: Iterable[Job], *, now: datetime) -> tuple[Entry, ...]:
        """The latest run on record of every job, and the latest scheduled one where that is
        another.

        Raises:
            ScheduleError | WarehouseError: it is not known.
        """
        ...

    def turn(self, run: Due, *, now: datetime) -> AbstractContextManager[Turn | None]:
        """Claim a run for the length of the block; None where somebody else has it, or had."""
        ...

    def note(self, run: Due, outcome: Outcome, *, now: datetime) -> None:
        """Put a run on record that was not run (missed), or was started by hand (attempt 0)."""
        ...

    def close(self) -> None: ...


def last_scheduled(entries: Iterable[Entry]) -> Mapping[str, LastRun]:
    """What `due` asks for: the latest run of each job that the schedule asked for."""
    return {
        entry.job: LastRun(
            scheduled_at=entry.scheduled_at, attempt=entry.attempt, standing=entry.standing
        )
        for entry in sorted(entries, key=lambda e: (e.scheduled_at, e.attempt))
        if not entry.by_hand
    }


def find_due(
    jobs: Sequence[Job], claims: Claims, now: datetime, *, first_grace: timedelta = FIRST_GRACE
) -> tuple[Due, ...]:
    """What is due by the record. See `nbkit.schedule.due.due`."""
    return due(jobs, last_scheduled(claims.latest(jobs, now=now)), now, first_grace=first_grace)


def to_text(moment: datetime) -> str:
    """UTC to the second with a fixed width, so that text sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
