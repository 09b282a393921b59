"""The daily report on request: run, delivered, and its verdict as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbkit.cloud.events import only, option
from nbkit.cloud.settings import Settings
from nbkit.errors import DeliveryError

if TYPE_CHECKING:
    from nbkit.report.run import Report

NOTEBOOK = "daily_health"


def run_report(
    body: Mapping[str, Any], settings: Settings, now: datetime
) -> tuple[int, dict[str, Any]]:
    """Run `daily_health`, tell about it, answer with its verdict.

    The status is 200 for a report, whatever its verdict (a RED one is no fault of the call); 500
    where the notebook failed; 502 where the report was made but nobody could be told.

    Args:
        body: `as_of`, to judge another moment than now.
    """
    from nbkit.report.notebooks import find_notebook
    from nbkit.report.plan import make_plan
    from nbkit.runs.run import Trigger
    from nbkit.schedule.launch import launch
    from nbkit.store import open_store

    only(body, "as_of")
    plan = make_plan(
        find_notebook(settings.project, NOTEBOOK),
        project=settings.project,
        now=now,
        as_of=option(body, "as_of", str, ""),
    )
    stored: list[Report] = []
    untold = None
    try:
        launch(
            plan,
            project=settings.project,
            store=open_store(settings.reports),
            environment=settings.environment,
            clock=lambda: datetime.now(UTC),
            to="" if settings.alerts == "none" else settings.alerts,
            trigger=Trigger(source="api"),
            on_report=stored.append,
        )
    except DeliveryError as error:
        untold = error
    (report,) = stored
    answer: dict[str, Any] = {
        "notebook": NOTEBOOK,
        "as_of": plan.as_of.isoformat(),
        "verdict": report.emitted.verdict.value,
        "counts": report.emitted.counts(),
        "findings": [
            {key: finding[key] for key in ("severity", "title", "fingerprint")}
            for finding in report.emitted.findings
        ],
        "report": report.file("index.html"),
        "delivered": untold is None and settings.alerts != "none",
    }
    failed = report.error(NOTEBOOK)
    problem = failed or untold
    if problem is not None:
        answer |= {"error": type(problem).__name__, "message": str(untold or failed)}
    return (500 if failed else 502 if untold else 200), answer
