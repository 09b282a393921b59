"""The entry points. Each reads what it was sent, and calls one function."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from nbkit.cloud.alerts import tell
from nbkit.cloud.coalesce import Between, Coalescing
from nbkit.cloud.entry import Answer, event, http
from nbkit.cloud.events import Message, only, option
from nbkit.cloud.log import log
from nbkit.cloud.settings import Settings
from nbkit.errors import InputError, PayloadError, PublishFailed

if TYPE_CHECKING:
    from nbkit.registry import ProcessorRegistry
    from nbkit.runs.failure_message import ReportedFailure
    from nbkit.warehouse.protocol import Warehouse

_MOST_DAYS = 7
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
    from nbkit.runs.claims import claim
    from nbkit.store import open_store
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
def self_heal(message: Message, settings: Settings, now: datetime) -> None:
    """Topic nba-processor-failure: one failure is classified, and run again only where that can
    help; else somebody is told. A message that comes again is told apart and does nothing."""
    from nbkit.registry import load_registry
    from nbkit.runs.failure_message import read_failure
    from nbkit.warehouse import open_warehouse

    failure = read_failure(message.payload, message.attributes, message_id=message.id)
    registry = load_registry()
    with open_warehouse(settings.warehouse) as warehouse:
        _heal(failure, warehouse, registry, settings, now, function="self_heal")


@http
def self_heal_daily(body: Mapping[str, Any], settings: Settings, now: datetime) -> Answer:
    """POST, 12:45 New York: what failed yesterday or today and came to nothing, message or not.

    `{"days": 3}` looks further back.
    """
    from nbkit.registry import load_registry
    from nbkit.runs.healing import open_failures
    from nbkit.warehouse import open_warehouse

    only(body, "days")
    days = option(body, "days", int, 1)
    if not 0 <= days <= _MOST_DAYS:
        raise PayloadError(f"days takes 0 to {_MOST_DAYS}, not {days}.")
    registry = load_registry()
    with open_warehouse(settings.warehouse) as warehouse:
        done = [
            # A claim of the day: what waited, or was lost half-way, is decided anew.
            _heal(
                failure,
                warehouse,
                registry,
                settings,
                now,
                function="self_heal_daily",
                claim_key=f"{now:%Y-%m-%d} {failure.id}",
            )
            for failure in open_failures(warehouse, now=now, days=days)
        ]
    actions = Counter(one["action"] for one in done)
    return 200, {"failures": len(done), "actions": dict(actions), "healed": done}


def _heal(
    failure: ReportedFailure,
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    settings: Settings,
    now: datetime,
    *,
    function: str,
    claim_key: str = "",
) -> dict[str, Any]:
    """Decide and act upon one failure, say so in the log, and tell somebody where it needs one."""
    from nbkit.analysis.healing import Action
    from nbkit.findings.healing import judge_escalation
    from nbkit.runs.healing import heal, may_tell
    from nbkit.runs.pubsub import publish

    done = heal(
        failure,
        warehouse=warehouse,
        registry=registry,
        now=now,
        publish=partial(publish, environment=settings.environment),
        claim_key=claim_key,
    )
    told = done.to_json()
    log(
        "INFO",
        f"{function}: {told['processor']} for {told['data_date']}: {told['action']}",
        function=function,
        message_id=failure.message_id,
        **told,
    )
    if done.case and done.decision and done.decision.action is Action.ESCALATE:
        finding = judge_escalation(done.case, done.decision, registry, message=done.message)
        if may_tell(warehouse, now=now):
            tell(finding, function=function, settings=settings, now=now)
        else:
            log("ERROR", finding.title, function=function, finding=finding.to_json())
    return told


@http
def phase4_timeout_check(body: Mapping[str, Any], settings: Settings, now: datetime) -> Answer:
    """POST, every half hour: is phase 4 past its deadline with the predictions not started? Then
    they are started with what is there, or somebody is told why they cannot be.

    `{"data_date": "2026-01-12"}` asks about another date, `{"dry_run": true}` only answers.
    """
    from nbkit.analysis.partial_start import StartAction
    from nbkit.findings.healing import judge_partial_start
    from nbkit.registry import load_registry
    from nbkit.runs.partial_start import COORDINATOR, act, game_date, look
    from nbkit.runs.pubsub import publish
    from nbkit.warehouse import open_warehouse

    only(body, "data_date", "dry_run")
    dry_run = option(body, "dry_run", bool, False)
    registry = load_registry()
    asked = option(body, "data_date", str, "")
    try:
        day = date.fromisoformat(asked) if asked else game_date(registry, now=now)
    except ValueError:
        raise PayloadError(f"data_date={asked!r} is no date; write it like 2026-01-12.") from None
    started, why_not = False, "dry run" if dry_run else ""
    with open_warehouse(settings.warehouse) as warehouse:
        found = look(warehouse, registry, data_date=day, now=now)
        if not dry_run:
            try:
                started, why_not = act(
                    found,
                    warehouse,
                    now=now,
                    publish=partial(publish, environment=settings.environment),
                )
            except PublishFailed as error:
                # The claim of the date is used up: somebody has to start them by hand.
                why_not = f"they could not be requested: {error}"
                reasons = (why_not, *found.reasons)
                found = replace(found, action=StartAction.ALERT, reasons=reasons)
    answer: dict[str, Any] = {
        "data_date": str(day),
        "action": found.action.value,
        "started": started,
        "not_started_because": why_not,
        "reasons": list(found.reasons),
        "done": list(found.done),
        "missing": list(found.missing),
    }
    quiet = found.action in (StartAction.NOTHING, StartAction.WAIT)
    log(
        "INFO" if quiet else "WARNING",
        f"phase4_timeout_check: {day}: {found.action.value}. {found.reasons[0]}",
        function="phase4_timeout_check",
        **answer,
    )
    needs_somebody = found.action is StartAction.ALERT or (started and found.is_partial)
    if needs_somebody and not dry_run:
        finding = judge_partial_start(found, registry, coordinator=COORDINATOR)
        tell(finding, function="phase4_timeout_check", settings=settings, now=now)
    return 200, answer


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
