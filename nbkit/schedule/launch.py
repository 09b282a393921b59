"""One run as everybody starts it (by hand, on schedule, on request): execute, store, tell.

The kernel is started before anything that takes long to import (papermill, pandas, nbconvert, the
Slack client): this process and the kernel then get ready side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from nbkit.errors import DeliveryError, NbkitError
from nbkit.findings import Severity, Verdict
from nbkit.project import Project
from nbkit.report.outcome import ExitState
from nbkit.runs.run import Trigger

if TYPE_CHECKING:
    from nbkit.report.limits import Limits
    from nbkit.report.outcome import Progress
    from nbkit.report.plan import Plan
    from nbkit.report.run import Report
    from nbkit.store import Store

BY_HAND = Trigger(source="manual")

# What a shell says of a process that Ctrl-C ended.
INTERRUPTED = 130


def launch(
    plan: Plan,
    *,
    project: Project,
    store: Store,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    limits: Limits | None = None,
    to: str = "",
    channel: str | None = None,
    trigger: Trigger = BY_HAND,
    on_cell: Callable[[Progress], None] = lambda _: None,
    on_report: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Run a planned notebook, store its report and deliver it.

    A run that failed half-way is told as well; one that was interrupted is not. Each run is
    recorded in the project's own history.

    Args:
        to: `slack` or `dir:PATH`; empty tells nobody.
        channel: a Slack channel instead of `SLACK_CHANNEL`.
        trigger: who starts it. Whatever is not started by hand is held back after failures.
        on_report: called when the report is stored, before it is told.

    Raises:
        BreakerOpen: the notebook's last runs failed, and this one is held back.
        ReportError: the report could not be stored.
        DeliveryError: it is stored, but nobody could be told; says how to send it later (and why
            the run failed, where it did).
    """
    from nbkit.report.kernel import started_kernel

    if trigger.source != BY_HAND.source:
        from nbkit.schedule.recorded import ask_breaker

        ask_breaker(plan, project=project, now=clock())
    with started_kernel(
        cwd=project.root,
        environment={**environment, **plan.environment},
        ahead=plan.source.asks,
    ) as kernel:
        from nbkit.report.run import run
        from nbkit.schedule.recorded import recorded, tell

        with recorded(plan, project=project, trigger=trigger, clock=clock) as recording:

            def progressed(progress: Progress) -> None:
                recording.heartbeat()
                on_cell(progress)

            report = run(
                plan,
                project=project,
                store=store,
                kernel=kernel,
                clock=clock,
                limits=limits,
                on_cell=progressed,
            )
            tell(recording, report)
    on_report(report)
    if to and report.state is not ExitState.INTERRUPTED:
        try:
            _tell(report, to, channel, project, environment, clock())
        except NbkitError as error:
            failed = report.error(plan.source.name)
            raise DeliveryError(f"{failed}\n{error}" if failed else str(error)) from error
    return report


def earned(report: Report, *, fail_on: Severity = Severity.CRITICAL) -> int:
    """The exit code of a stored run: 130 interrupted, 3 failed, 1 for a finding at or above
    `fail_on` or for data not fit to judge, else 0."""
    if report.state is ExitState.INTERRUPTED:
        return INTERRUPTED
    if report.failure is not None:
        return report.failure.error.exit_code
    found = any(Severity(f["severity"]).rank >= fail_on.rank for f in report.emitted.findings)
    return int(found or report.emitted.verdict is Verdict.UNKNOWN)


def near(place: str) -> str:
    """A path below the working directory as it would be typed there; another place as it is."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")


def _tell(
    report: Report,
    to: str,
    channel: str | None,
    project: Project,
    environment: Mapping[str, str],
    now: datetime,
) -> None:
    from nbkit.delivery import deliver
    from nbkit.report.run import keep_locally

    url = report.file("index.html") if "://" in report.folder else None
    with TemporaryDirectory(prefix="nbkit-report-") as temporary:
        folder = keep_locally(report, Path(temporary))
        try:
            deliver(
                folder,
                to=to,
                project=project,
                now=now,
                environment=environment,
                report_url=url,
                channel=channel,
            )
        except NbkitError as error:
            raise DeliveryError(
                f"{error}\nThe report is kept: {near(report.folder)}. "
                f"Send it later with: nbkit deliver {near(report.folder)} --to {to}"
            ) from error
