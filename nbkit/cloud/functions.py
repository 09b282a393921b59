"""The entry points. Each reads what it was sent, and calls one function."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nbkit.cloud.coalesce import Between, Coalescing
from nbkit.cloud.entry import Answer, http
from nbkit.cloud.log import log
from nbkit.cloud.settings import Settings

# A report takes a minute; the platform ends a function after an hour at most.
_LONGEST_REPORT = timedelta(minutes=55)
_LOOK_S = 1.0
_reports = Coalescing()


@http
def health_check(body: Mapping[str, Any], settings: Settings, now: datetime) -> Answer:
    """POST, from Cloud Scheduler: run the daily report, tell about it, answer with its verdict.

    Calls that come during a run get its answer, with `"coalesced": true`.
    """
    from nbkit.cloud.health import run_report
    from nbkit.report.store import open_store
    from nbkit.runs.claims import claim
    from nbkit.warehouse import open_warehouse

    def claimed(key: str) -> bool:
        if not settings.runs:  # one instance, which its own lock keeps in order
            return True
        with open_warehouse(settings.runs) as runs:
            return claim(runs, key, now=datetime.now(UTC))

    between = Between(
        store=open_store(settings.reports),
        path="cloud/health_check.json",
        claim=claimed,
        clock=lambda: datetime.now(UTC),
        longest=_LONGEST_REPORT,
        pause=lambda: time.sleep(_LOOK_S),
    )
    (status, answer), shared = _reports.result(lambda: run_report(body, settings, now), between)
    if not shared:
        log(
            "INFO" if status == 200 else "ERROR",
            f"health_check: {answer['verdict']}, {answer['report']}",
            function="health_check",
            status=status,
            verdict=answer["verdict"],
            counts=answer["counts"],
            problem=answer.get("message"),
        )
    return status, {**answer, "coalesced": shared}
