"""The entry points. Each reads what it was sent, and calls one function."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nbkit.cloud.alerts import tell
from nbkit.cloud.coalesce import Between, Coalescing
from nbkit.cloud.entry import Answer, event, http
from nbkit.cloud.events import Message, only, option
from nbkit.cloud.log import log
from nbkit.cloud.settings import Settings
from nbkit.errors import InputError, PayloadError

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


@http
def stale_running_cleanup(body: Mapping[str, Any], settings: Settings, now: datetime) -> Answer:
    """POST, every half hour: runs that died without an end are given one.

    The body may hold `{"dry_run": true}`: then they are only listed.
    """
    from nbkit.registry import load_registry
    from nbkit.runs.sweep import sweep
    from nbkit.warehouse import open_warehouse

    only(body, "dry_run")
    dry_run = option(body, "dry_run", bool, False)
    registry = load_registry()
    with open_warehouse(settings.warehouse) as warehouse:
        done = sweep(warehouse, registry, now=now, dry_run=dry_run)
    log(
        "NOTICE" if done.found else "INFO",
        f"stale_running_cleanup: {len(done.found)} stale runs, {done.closed} closed",
        function="stale_running_cleanup",
        **{k: v for k, v in done.to_json().items() if k != "runs"},
    )
    return 200, done.to_json()


@event
def cleanup_upcoming_tables(message: Message, settings: Settings, now: datetime) -> None:
    """Topic upcoming-tables-cleanup-trigger: old rows of the upcoming_* tables are archived and
    deleted, where the payload holds `{"dry_run": false}`; else they are only counted.

    `{"kept_days": 14}` keeps more than the 7 days.
    """
    from nbkit.findings.healing import judge_large_cleanup
    from nbkit.registry import load_registry
    from nbkit.runs.cleanup import KEPT_DAYS, LARGE, cleanup
    from nbkit.warehouse import open_warehouse

    only(message.payload, "dry_run", "kept_days")
    dry_run = option(message.payload, "dry_run", bool, True)
    kept_days = option(message.payload, "kept_days", int, KEPT_DAYS)
    with open_warehouse(settings.warehouse) as warehouse:
        try:
            done = cleanup(warehouse, now=now, kept_days=kept_days, dry_run=dry_run)
        except InputError as error:
            raise PayloadError(str(error)) from error
    said = f"{done.total} old rows, {sum(done.deleted.values())} deleted"
    log(
        "NOTICE",
        f"cleanup_upcoming_tables: {said}" + (" (dry run)" if dry_run else ""),
        function="cleanup_upcoming_tables",
        message_id=message.id,
        **done.to_json(),
    )
    if done.is_large:
        registry = load_registry()
        owner = registry.processor("UpcomingPlayerGameContextProcessor").owner
        finding = judge_large_cleanup(done.found, before=done.before, limit=LARGE, owner=owner)
        tell(finding, function="cleanup_upcoming_tables", settings=settings, now=now)
