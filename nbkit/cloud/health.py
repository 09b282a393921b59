"""The daily report on request: run, delivered, and its verdict as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nbkit.cloud.settings import Settings
from nbkit.errors import NbkitError, PayloadError

if TYPE_CHECKING:
    from nbkit.report.run import Report

NOTEBOOK = "daily_health"
_TAKEN = frozenset({"as_of"})


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
    from nbkit.report.run import run
    from nbkit.report.store import open_store

    if unknown := set(body) - _TAKEN:
        raise PayloadError(f"The body may hold as_of; not {', '.join(sorted(unknown))}.")
    plan = make_plan(
        find_notebook(settings.project, NOTEBOOK),
        project=settings.project,
        now=now,
        as_of=str(body.get("as_of") or ""),
    )
    report = run(
        plan,
        project=settings.project,
        store=open_store(settings.reports),
        environment=settings.environment,
        clock=lambda: datetime.now(now.tzinfo),
    )
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
    }
    status = 200
    if failed := report.error(NOTEBOOK):
        status, answer["error"], answer["message"] = 500, type(failed).__name__, str(failed)
    try:
        answer["delivered"] = _deliver(report, settings, now)
    except NbkitError as error:
        answer["delivered"] = None
        if status == 200:
            status, answer["error"], answer["message"] = 502, type(error).__name__, str(error)
    return status, answer


def _deliver(report: Report, settings: Settings, now: datetime) -> dict[str, Any] | None:
    if settings.alerts == "none":
        return None
    from nbkit.delivery import deliver
    from nbkit.report.run import keep_locally

    with TemporaryDirectory(prefix="nbkit-report-") as temporary:
        delivery = deliver(
            keep_locally(report, Path(temporary)),
            to=settings.alerts,
            project=settings.project,
            now=now,
            environment=settings.environment,
            report_url=report.file("index.html") if "://" in report.folder else None,
        )
    return delivery.to_json()
