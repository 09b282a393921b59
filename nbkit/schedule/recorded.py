"""nbkit's own runs, in a history of their own: recorded, and held back when they keep failing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from nbkit.errors import CellTimeout, RunTimeout, WarehouseError
from nbkit.failures import FailureCategory
from nbkit.findings import iso_utc
from nbkit.project import Project
from nbkit.report.outcome import ExitState
from nbkit.report.plan import Plan
from nbkit.report.run import Report
from nbkit.runs.breaker import require_closed
from nbkit.runs.history import record
from nbkit.runs.run import NOTEBOOK, Run, Trigger
from nbkit.warehouse import open_history

PHASE = "notebooks"
_log = logging.getLogger("nbkit.runs")


def name_of(notebook: str) -> str:
    """What a notebook's runs are called in the history."""
    return f"{NOTEBOOK}{notebook}"


@contextmanager
def recorded(
    plan: Plan,
    *,
    project: Project,
    trigger: Trigger,
    clock: Callable[[], datetime],
) -> Iterator[Run]:
    """Record the run of a planned notebook in the project's own history."""
    with record(
        project.runs_url(),
        processor=name_of(plan.source.name),
        # Not the report's own moment: whoever reruns an old one would be outside of the partitions
        # that the breaker reads.
        data_date=clock().date(),
        trigger=trigger,
        phase=PHASE,
        clock=clock,
    ) as run:
        run.summary(as_of=iso_utc(plan.as_of))
        yield run


def ask_breaker(plan: Plan, *, project: Project, now: datetime) -> None:
    """Whether the notebook may run. A person who starts a run is its own probe, and need not ask.

    Raises:
        BreakerOpen: its last runs failed; says until when it is held back.
    """
    name = name_of(plan.source.name)
    try:
        with open_history(project.runs_url()) as history:
            require_closed(history, name, now=now)
    except WarehouseError as error:
        # Without its history nothing speaks against a run; reports matter most when things break.
        _log.warning("The breaker of %s could not be asked: %s", name, error)


def tell(run: Run, report: Report) -> None:
    """What came of a run: what it found is its summary, why it failed its error."""
    run.summary(
        verdict=report.emitted.verdict.value,
        findings=len(report.emitted.findings),
        report=report.folder,
    )
    run.records(processed=report.total_cells)
    failure = report.failure
    if report.state is ExitState.INTERRUPTED:
        run.skip("early_exit")
    elif failure is not None:
        timed_out = failure.error in (CellTimeout, RunTimeout)
        place = failure.place(report.total_cells)
        run.fail(
            f"{failure.reason}{f' In {place}.' if place else ''}",
            category=FailureCategory.TIMEOUT if timed_out else None,
        )
        if timed_out:
            run.columns(killed_by_timeout=True)
