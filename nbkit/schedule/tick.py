"""Run what is due, each under its claim; a job that fails does not stop the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from nbkit.errors import NbkitError
from nbkit.findings import iso_utc
from nbkit.project import Project
from nbkit.report.limits import Limits
from nbkit.report.notebooks import find_notebook
from nbkit.report.page import counted
from nbkit.report.plan import make_plan
from nbkit.report.run import Report
from nbkit.runs.run import Trigger
from nbkit.schedule.claims import MISSED, Claims, Outcome
from nbkit.schedule.due import Due
from nbkit.schedule.job import Job
from nbkit.schedule.launch import BY_HAND, INTERRUPTED, earned, launch
from nbkit.store import Store

SCHEDULED = Trigger(source="scheduler")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where jobs run: the project, where its reports go, what the kernels' environment is."""

    project: Project
    store: Store
    environment: Mapping[str, str]
    clock: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Done:
    """A run of a job with its outcome."""

    run: Due
    outcome: Outcome


def run_due(
    runs: tuple[Due, ...],
    claims: Claims,
    place: Place,
    *,
    on_start: Callable[[Due], None] = lambda _: None,
    on_end: Callable[[Done], None] = lambda _: None,
) -> tuple[Done, ...]:
    """Run them one after another. What another scheduler has claimed meanwhile is left to it.

    An interrupted run (Ctrl-C, SIGTERM) ends the round: those after it stay due.

    Raises:
        ScheduleError | WarehouseError: the record cannot be used.
    """
    done: list[Done] = []
    for run in runs:
        with claims.turn(run, now=place.clock()) as turn:
            if turn is None:
                continue
            if run.too_late:
                outcome = MISSED
            else:
                on_start(run)
                outcome = run_job(run.job, as_of=run.scheduled_at, place=place, trigger=SCHEDULED)
            turn.end(outcome, now=place.clock())
        done.append(Done(run=run, outcome=outcome))
        on_end(done[-1])
        if outcome.exit_code == INTERRUPTED:
            break
    return tuple(done)


def run_by_hand(job: Job, *, as_of: datetime, claims: Claims, place: Place) -> Done:
    """Run a job now, due or not; on record, but not counted as a run of the schedule."""
    run = Due(job=job, scheduled_at=as_of, attempt=0)
    outcome = run_job(job, as_of=as_of, place=place, trigger=BY_HAND)
    claims.note(run, outcome, now=place.clock())
    return Done(run=run, outcome=outcome)


def run_job(job: Job, *, as_of: datetime, place: Place, trigger: Trigger) -> Outcome:
    """One run of a job from its plan to its message; every error becomes its outcome."""
    project = place.project
    reports: list[Report] = []
    try:
        plan = make_plan(
            find_notebook(project, job.notebook),
            project=project,
            now=place.clock(),
            params_file=project.root / job.params,
            as_of=iso_utc(as_of),
        )
        report = launch(
            plan,
            project=project,
            store=place.store,
            environment=place.environment,
            clock=place.clock,
            limits=Limits(cell=job.timeout, run=job.timeout),
            to=_rooted(job.to, project),
            channel=job.slack_channel,
            trigger=trigger,
            on_report=reports.append,
        )
    except NbkitError as error:
        return Outcome(exit_code=error.exit_code, said=str(error), report=_kept(reports))
    except Exception as error:
        # A defect met by one job must not stop the others.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        said = f"internal error, a defect of nbkit: {type(error).__name__}: {error} ({where})"
        return Outcome(exit_code=3, said=said, report=_kept(reports))
    return Outcome(exit_code=earned(report), said=_said(report, job), report=_kept(reports))


def _kept(reports: list[Report]) -> str:
    return reports[0].file("index.html") if reports else ""


def _said(report: Report, job: Job) -> str:
    if earned(report) == INTERRUPTED:
        return "interrupted"
    if failed := report.error(job.notebook):
        return str(failed)
    counts = counted(report.emitted.counts())
    return f"{report.emitted.verdict} ({counts})" if counts else str(report.emitted.verdict)


def _rooted(to: str, project: Project) -> str:
    """`dir:PATH` is meant from the project's root, wherever the scheduler was started."""
    path = to.removeprefix("dir:")
    return f"dir:{project.root / path}" if path != to else to
