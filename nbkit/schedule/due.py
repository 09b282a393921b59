"""Which jobs are due: a pure function of the schedule, what ran last, and the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nbkit.schedule.job import Job

# A job that never ran is not made up for; it starts with a moment as fresh as this, which a
# scheduler that looks every minute cannot miss.
FIRST_GRACE = timedelta(minutes=10)
# A run whose process died is taken up once; a job that kills its machine must not do so for ever.
ATTEMPTS = 2
# Missed moments are counted no further back.
_COUNTED = timedelta(days=31)


class Standing(StrEnum):
    """How the last run of a job stands."""

    RUNNING = "running"
    LOST = "lost"  # its process went away before its end
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """The last run of a job that the schedule asked for."""

    scheduled_at: datetime
    attempt: int = 1
    standing: Standing = Standing.ENDED


@dataclass(frozen=True, kw_only=True)
class Due:
    """A run that is to start now.

    Attributes:
        scheduled_at: the moment the schedule named; the run's `as_of`, so that a report does not
            depend on when its run got its turn.
        attempt: 1, or 2 where the process of the first went away.
        missed: earlier moments that had no run; this one stands for them too.
        too_late: the moment lies longer ago than the job's grace: it is to be noted as missed,
            not to be run.
    """

    job: Job
    scheduled_at: datetime
    attempt: int = 1
    missed: int = 0
    too_late: bool = False


def due(
    jobs: Iterable[Job],
    last_runs: Mapping[str, LastRun],
    now: datetime,
    *,
    first_grace: timedelta = FIRST_GRACE,
) -> tuple[Due, ...]:
    """What is to run at `now`, the earliest moment first.

    Moments that were missed coalesce: one run, for the latest of them. A job is not due while it
    runs. One that never ran is due for a moment within `first_grace` only.

    Args:
        last_runs: by the name of the job.
    """
    found = (_due(job, last_runs.get(job.name), now, first_grace) for job in jobs if job.enabled)
    return tuple(sorted((d for d in found if d), key=lambda d: d.scheduled_at))


def _due(job: Job, last: LastRun | None, now: datetime, first_grace: timedelta) -> Due | None:
    if last is not None and last.standing is Standing.RUNNING:
        return None
    if last is None:
        since = now - min(first_grace, job.grace)
    else:
        since = max(last.scheduled_at, now - _COUNTED)
    moments = list(job.when.between(since, now))
    if moments:
        return Due(
            job=job,
            scheduled_at=moments[-1],
            missed=0 if last is None else len(moments) - 1,
            too_late=now - moments[-1] > job.grace,
        )
    if last is None or last.standing is not Standing.LOST or last.attempt >= ATTEMPTS:
        return None
    if now - last.scheduled_at > job.grace:
        return None  # it stays on record as lost
    return Due(job=job, scheduled_at=last.scheduled_at, attempt=last.attempt + 1)
