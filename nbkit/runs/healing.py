"""Self-heal: one reported failure, decided and acted upon once.

Facts are asked for only while they matter: what a message says by itself costs nothing, readiness
and breaker cost a query each. Limits hold whatever happens, for each request to run again takes two
numbered claims that are given once: the n-th of its work, and the n-th of the hour. Redelivered
messages, several instances and failures that self-heal itself caused all draw from the same.

A failure is claimed before anything is done about it, so that an instance which dies half-way
leaves work undone rather than done twice; the daily form, whose claims are of the day, finds it
again. To wait claims nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from nbkit.analysis.healing import (
    Action,
    HealingCase,
    HealingDecision,
    HealingRules,
    Nature,
    decide_healing,
    nature_of,
)
from nbkit.errors import PublishFailed, WarehouseError
from nbkit.failures import EXPECTED, classify, error_text
from nbkit.registry import ProcessorRegistry
from nbkit.runs.claims import claim
from nbkit.runs.failure_message import GENERATION, ReportedFailure
from nbkit.runs.work import Work, works

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

ACTIONS = "nba_orchestration.self_heal_actions"
# The topics on which a phase is triggered. Raw processors are triggered by files, not by dates.
TOPICS = {
    "phase_3_analytics": "nba-phase3-trigger",
    "phase_4_precompute": "nba-phase4-trigger",
    "phase_5_predictions": "nba-predictions-trigger",
    "phase_6_publishing": "nba-phase6-export-trigger",
    "grading": "nba-grading-trigger",
}
REQUESTED_BY = "nbkit.self_heal"
ALERTS_PER_HOUR = 10
# A run that has been open for longer than its timeout and this is dead; the sweep will close it.
_GRACE = timedelta(minutes=15)


class Publish(Protocol):
    """Publishes a message to a topic and gives its id; raises PublishFailed."""

    def __call__(
        self, topic: str, payload: dict[str, Any], *, attributes: dict[str, str]
    ) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Healing:
    """What became of a reported failure. `case` and `decision` are None where it had been dealt
    with before."""

    failure: ReportedFailure
    message: str
    case: HealingCase | None = None
    decision: HealingDecision | None = None
    published_id: str | None = None

    @property
    def was_done_before(self) -> bool:
        return self.decision is None

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "processor": self.failure.processor,
            "data_date": str(self.failure.data_date),
            "run_id": self.failure.run_id,
            "action": self.decision.action.value if self.decision else "done_before",
        }
        if self.case and self.decision:
            told |= {
                "reasons": list(self.decision.reasons),
                "category": self.case.failure.category.value,
                "rule": self.case.failure.rule,
                "nature": self.case.nature.value,
                "generation": self.case.generation,
                "published_id": self.published_id,
            }
        return told


def heal(
    failure: ReportedFailure,
    *,
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    now: datetime,
    publish: Publish,
    rules: HealingRules | None = None,
    claim_key: str = "",
) -> Healing:
    """Decide what to do about a failure, and request another run where that is it.

    To tell people of an escalation is left to the caller.

    Args:
        claim_key: what makes this decision one that is taken once; by default the failure itself.

    Raises:
        WarehouseError: nothing has been done; the same message can be given again.
    """
    rules = rules or HealingRules()
    case, message = _gather(failure, warehouse, registry, now=now, rules=rules)
    decision = decide_healing(case, now=now, rules=rules)
    if decision.action in (Action.NOTHING, Action.WAIT):
        # Nothing is done, so nothing is claimed: asked again, the answer may be another one.
        _audit(warehouse, failure, case, decision, now=now, step="decided")
        return Healing(failure=failure, message=message, case=case, decision=decision)
    if not claim(warehouse, f"self_heal {claim_key or failure.id}", now=now):
        return Healing(failure=failure, message=message)
    try:
        if decision.action is Action.REPROCESS:
            case = _with_budget(case, warehouse, now=now, rules=rules)
            decision = decide_healing(case, now=now, rules=rules)
        _audit(warehouse, failure, case, decision, now=now, step="decided")
    except WarehouseError as error:
        # It will not be given again, so somebody has to know; and nothing is requested unseen.
        lost = f"the warehouse went away while it was decided: {error}"
        decision = HealingDecision(action=Action.ESCALATE, reasons=(lost,))
        return Healing(failure=failure, message=message, case=case, decision=decision)
    if decision.action is not Action.REPROCESS:
        return Healing(failure=failure, message=message, case=case, decision=decision)
    return _request(failure, case, decision, message, warehouse, now=now, publish=publish)


def _gather(
    failure: ReportedFailure,
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    *,
    now: datetime,
    rules: HealingRules,
) -> tuple[HealingCase, str]:
    """The case, with as many facts as it takes to decide it."""
    message = error_text(failure.errors)[0] or (failure.exception_type or "")
    judged = classify(
        failure.errors,
        exception_type=failure.exception_type,
        processor_name=failure.processor,
        status=failure.status,
        skip_reason=failure.skip_reason,
    )
    processor = registry.get_processor(failure.processor)
    case = HealingCase(
        processor=failure.processor,
        data_date=failure.data_date,
        failure=judged,
        nature=nature_of(judged, message),
        is_registered=processor is not None,
        generation=failure.generation,
        due=processor.deadline(failure.data_date) if processor else None,
        topic=topic_of(failure.processor, registry),
    )
    for add in (_add_work, _add_readiness, _add_breaker):
        if decide_healing(case, now=now, rules=rules).action is not Action.REPROCESS:
            break
        case = add(case, failure, warehouse, registry, now)
    return case, message


def may_tell(warehouse: Warehouse, *, now: datetime) -> bool:
    """Whether people are told of one more escalation in this hour: an outage fails hundreds of
    works at once, and the first ten tell of it. The rest stand in the log and in the audit."""
    hour = f"self_heal alerts {now:%Y-%m-%dT%H}"
    try:
        return _draw(warehouse, hour, first=1, most=ALERTS_PER_HOUR, now=now) is not None
    except WarehouseError:
        return True


def topic_of(name: str, registry: ProcessorRegistry) -> str | None:
    """Where a run of a processor is requested; the topics are those of the NBA pipeline."""
    processor = registry.get_processor(name)
    if processor is None or processor.sport not in (None, "nba"):
        return None
    return TOPICS.get(processor.phase)


def _add_work(
    case: HealingCase,
    failure: ReportedFailure,
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    now: datetime,
) -> HealingCase:
    found = works(
        warehouse,
        first_date=case.data_date,
        last_date=case.data_date,
        as_of=now,
        processor=case.processor,
    )
    work = found.get((case.processor, case.data_date))
    if work is None:
        return case
    timeout = registry.processor(case.processor).timeout
    return replace(
        case,
        succeeded_at=work.succeeded_at,
        running_since=_at_work_since(work, failure, timeout, now),
    )


def _at_work_since(
    work: Work, failure: ReportedFailure, timeout: timedelta, now: datetime
) -> datetime | None:
    """The start of another run that is under way. The message of a failure may be quicker than the
    row of its run's end."""
    if work.running_since is None or now - work.running_since > timeout + _GRACE:
        return None
    if work.open_runs == 1 and failure.run_id and work.open_run_id == failure.run_id:
        return None
    return work.running_since


def _add_readiness(
    case: HealingCase,
    failure: ReportedFailure,
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    now: datetime,
) -> HealingCase:
    from nbkit.runs.readiness import check_dependencies

    found = check_dependencies(
        case.processor, case.data_date, warehouse=warehouse, registry=registry, as_of=now
    )
    return replace(case, not_ready={u.name: u.reason for u in found.not_ready})


def _add_breaker(
    case: HealingCase,
    failure: ReportedFailure,
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    now: datetime,
) -> HealingCase:
    from nbkit.runs.breaker import breaker_of

    state = breaker_of(warehouse, case.processor, as_of=now)
    if state.may_start:
        return case
    return replace(case, breaker_until=state.until or now, breaker_reason=state.reason)


def _with_budget(
    case: HealingCase, warehouse: Warehouse, *, now: datetime, rules: HealingRules
) -> HealingCase:
    """The numbered claims that a request takes. One drawn in vain is lost, on the safe side."""
    most = rules.requests_per_work
    if case.nature is Nature.UNKNOWN:
        most = min(most, rules.unknown_per_work)
    work = f"self_heal request {case.processor} {case.data_date}"
    attempt = _draw(warehouse, work, first=case.generation + 1, most=most, now=now)
    if attempt is None:
        return replace(case, attempt=None)
    hour = f"self_heal hour {now:%Y-%m-%dT%H}"
    slot = _draw(warehouse, hour, first=1, most=rules.requests_per_hour, now=now)
    return replace(case, attempt=attempt, has_hourly_budget=slot is not None)


def _draw(warehouse: Warehouse, name: str, *, first: int, most: int, now: datetime) -> int | None:
    numbers = range(first, most + 1)
    return next((n for n in numbers if claim(warehouse, f"{name} {n}", now=now)), None)


def _request(
    failure: ReportedFailure,
    case: HealingCase,
    decision: HealingDecision,
    message: str,
    warehouse: Warehouse,
    *,
    now: datetime,
    publish: Publish,
) -> Healing:
    assert case.topic is not None  # decided so
    attributes = {
        "requested_by": REQUESTED_BY,
        "processor_name": case.processor,
        "data_date": str(case.data_date),
        GENERATION: str(case.attempt),
        "caused_by": failure.message_id,
    }
    payload = {**attributes, "game_date": str(case.data_date), "reason": decision.reasons[0]}
    published_id = None
    try:
        published_id = publish(case.topic, payload, attributes=attributes)
        step = "published"
    except PublishFailed as error:
        step = "publish_failed"
        decision = HealingDecision(
            action=Action.ESCALATE, reasons=(f"it could not be requested: {error}",)
        )
    done = Healing(
        failure=failure, message=message, case=case, decision=decision, published_id=published_id
    )
    try:
        _audit(warehouse, failure, case, decision, now=now, step=step, published_id=published_id)
    except WarehouseError:
        return done  # what was decided stands in the audit; that it was published, in the log
    return done


def _audit(
    warehouse: Warehouse,
    failure: ReportedFailure,
    case: HealingCase,
    decision: HealingDecision,
    *,
    now: datetime,
    step: str,
    published_id: str | None = None,
) -> None:
    import pandas as pd

    row = {
        "decided_at": pd.Timestamp(now),
        "step": step,
        "action": decision.action.value,
        "processor_name": case.processor,
        "data_date": case.data_date,
        "run_id": failure.run_id,
        "message_id": failure.message_id,
        "category": case.failure.category.value,
        "rule": case.failure.rule,
        "nature": case.nature.value,
        "reasons": json.dumps(decision.reasons),
        "generation": case.generation,
        "attempt": case.attempt or 0,
        "topic": case.topic or "",
        "published_id": published_id or "",
    }
    warehouse.append(ACTIONS, pd.DataFrame([row]))


def open_failures(warehouse: Warehouse, *, now: datetime, days: int = 1) -> list[ReportedFailure]:
    """Work of the last dates that failed and that nothing has come of since: what no message told
    of, or whose message was lost. One query."""
    today = now.date()
    found = works(warehouse, first_date=today - timedelta(days=days), last_date=today, as_of=now)
    return [
        ReportedFailure(
            id=f"run {work.processor} {work.data_date} {work.run_id}",
            message_id="",
            processor=work.processor,
            data_date=work.data_date,
            run_id=work.run_id or "",
            errors=work.errors,
            status=work.status or "failed",
            skip_reason=work.skip_reason,
        )
        for work in found.values()
        if work.succeeded_at is None
        and work.running_since is None
        and work.category is not None
        and work.category not in EXPECTED
    ]
