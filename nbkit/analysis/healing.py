"""A run failed: run it again, wait, call somebody, or do nothing? Decided from facts alone.

The platform's healers made three of its worst weeks. They redelivered what could never succeed
(malformed messages, an AttributeError, a 400), retried before the input existed, and every fifteen
minutes republished work that had succeeded long before (2026-01-16, 01-23, 01-28, 02-08, 03-03).
So the order of the questions is: is anything wrong, can a rerun help at all, may it start now, and
is there budget left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from nbkit.failures import Classification, FailureCategory


class Nature(StrEnum):
    """Whether the same run can end otherwise when nothing but the time is different."""

    PASSING = "passing"
    LASTING = "lasting"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What to do about a failure."""

    NOTHING = "nothing"
    WAIT = "wait"
    REPROCESS = "reprocess"
    ESCALATE = "escalate"


@dataclass(frozen=True, kw_only=True)
class HealingRules:
    """Limits on requests to run again.

    The platform's own limit on republishing was 50 a round, then 10. `unknown_per_work` is for
    errors that no rule knows: one try tells whether they pass.
    """

    requests_per_work: int = 3
    unknown_per_work: int = 1
    requests_per_hour: int = 10


@dataclass(frozen=True, kw_only=True)
class HealingCase:
    """What is known when a failure is reported.

    `work` is one processor and one data_date.

    Attributes:
        generation: how many requests to run again led to this failure, as its message says; 0 for
            a failure of the pipeline's own making.
        succeeded_at: the end of a successful run of the same work, if there is one.
        running_since: the start of a run of the same work that has not ended.
        not_ready: what keeps each upstream from being ready, by its name.
        due: the deadline of the work.
        breaker_until: until when the breaker is open; None while it is closed.
        topic: where a request would be published; None where the phase has no such topic.
        attempt: which request for this work it would be (1, 2, ...), None when all are used up.
        has_hourly_budget: whether the requests of this hour are not used up.
    """

    processor: str
    data_date: date
    failure: Classification
    nature: Nature
    is_registered: bool = True
    generation: int = 0
    succeeded_at: datetime | None = None
    running_since: datetime | None = None
    not_ready: dict[str, str] = field(default_factory=dict)
    due: datetime | None = None
    breaker_until: datetime | None = None
    breaker_reason: str = ""
    topic: str | None = None
    attempt: int | None = 1
    has_hourly_budget: bool = True


@dataclass(frozen=True, kw_only=True)
class HealingDecision:
    """The action and why, the deciding reason first."""

    action: Action
    reasons: tuple[str, ...]


# The answer of a service, told as one: "450 of 500 rows" are no codes.
_CODE = re.compile(
    r"(?:^\W*|(?:https?|http/\d(?:\.\d)?|status|code|error|returned|answered|response)\W{0,3}"
    r"(?:status |code |error )?\W{0,2})([45]\d\d)(?!\d)",
    re.IGNORECASE,
)
_PASSING_CODES = frozenset({"408", "425", "429"})
# BigQuery answers 403 where a quota is used up.
_THROTTLED = re.compile(r"quota|rate[ -]?limit|throttl|resource_?exhausted|too many", re.IGNORECASE)
_PASSING = re.compile(
    r"time[d]?[ -]?out|deadline|temporar|transient|unavailable|connection|broken pipe"
    r"|disconnected|reset by peer|unreachable|name resolution|back-?off|concurrent (?:update|dml"
    r"|writes?)|could not serialize|streaming buffer|deadlock|is locked|internal (?:server )?error"
    r"|bad gateway|resources exceeded|jobbackenderror",
    re.IGNORECASE,
)
_LASTING = re.compile(
    r"permission|forbidden|unauthori[sz]ed|unauthenticated|denied|malformed|invalid|not found"
    r"|no such|credential|certificate|too large|unsupported",
    re.IGNORECASE,
)
_PROVEN = frozenset({"code_fault", "configuration"})


def nature_of(failure: Classification, message: str) -> Nature:
    """Whether a failure can pass by itself.

    A fault of code or configuration cannot, whatever its words, nor can data that was refused. A
    refused query can only where the words speak of quotas or clashes; an answer of a service can
    unless it is a client's fault (a 4xx but timeouts and throttling). What no rule knows stays
    unknown.
    """
    if failure.category in (FailureCategory.TIMEOUT, FailureCategory.DEPENDENCY_MISSING):
        return Nature.PASSING
    if failure.category is FailureCategory.VALIDATION_FAILED or failure.rule in _PROVEN:
        return Nature.LASTING
    if _THROTTLED.search(message):
        return Nature.PASSING
    if answer := _CODE.search(message):
        passes = answer[1] in _PASSING_CODES or answer[1].startswith("5")
        return Nature.PASSING if passes else Nature.LASTING
    if _PASSING.search(message):
        return Nature.PASSING
    if failure.rule == "query_refused" or _LASTING.search(message):
        return Nature.LASTING
    return Nature.UNKNOWN


def decide_healing(
    case: HealingCase, *, now: datetime, rules: HealingRules | None = None
) -> HealingDecision:
    """What to do about one reported failure. Pure: asks nothing, changes nothing."""
    rules = rules or HealingRules()
    return _no_need(case) or _no_use(case, rules) or _not_now(case, now) or _in_budget(case, rules)


def _no_need(case: HealingCase) -> HealingDecision | None:
    if case.failure.is_expected or case.failure.category is FailureCategory.SUCCESS:
        return _decided(Action.NOTHING, f"it is no failure: {case.failure.reason}")
    if case.succeeded_at is not None:
        return _decided(
            Action.NOTHING,
            f"{case.processor} succeeded for {case.data_date} at {_clock(case.succeeded_at)}: "
            "work that succeeded is never requested again",
        )
    return None


def _no_use(case: HealingCase, rules: HealingRules) -> HealingDecision | None:
    """Where running again cannot help, or has been tried."""
    if not case.is_registered:
        return _decided(
            Action.ESCALATE,
            f"{case.processor} is not in the registry: nobody knows what it needs or who owns it",
        )
    if case.nature is Nature.LASTING:
        return _decided(
            Action.ESCALATE,
            f"it fails again however often it runs ({case.failure.category.value}, rule "
            f"{case.failure.rule}): {case.failure.reason}",
        )
    if case.generation >= rules.requests_per_work:
        return _decided(
            Action.ESCALATE,
            f"this failure came of request {case.generation} to run again: they do not help",
        )
    if case.nature is Nature.UNKNOWN and case.generation >= rules.unknown_per_work:
        return _decided(
            Action.ESCALATE, "no rule knows the error, and running again has not mended it"
        )
    if case.topic is None:
        return _decided(
            Action.ESCALATE, "its phase has no topic on which a rerun could be requested"
        )
    return None


def _not_now(case: HealingCase, now: datetime) -> HealingDecision | None:
    """Where running again may help, but not at this moment."""
    if case.running_since is not None:
        return _decided(
            Action.WAIT, f"a run of the same work started at {_clock(case.running_since)}"
        )
    if case.not_ready:
        why = tuple(f"{name}: {reason}" for name, reason in sorted(case.not_ready.items()))
        if case.due is not None and now >= case.due:
            late = f"its input is not ready, and it was due at {_clock(case.due)}"
            return _decided(Action.ESCALATE, late, *why)
        return _decided(Action.WAIT, "its input is not ready: a rerun would fail again", *why)
    if case.breaker_until is not None:
        return _decided(
            Action.ESCALATE,
            f"its breaker is open until {_clock(case.breaker_until)}",
            *([case.breaker_reason] if case.breaker_reason else []),
        )
    return None


def _in_budget(case: HealingCase, rules: HealingRules) -> HealingDecision:
    most = rules.requests_per_work
    if case.nature is Nature.UNKNOWN:
        most = min(most, rules.unknown_per_work)
    if case.attempt is None or case.attempt > most:
        times = "once" if most == 1 else f"{most} times"
        return _decided(Action.ESCALATE, f"it has been requested {times}, which did not mend it")
    if not case.has_hourly_budget:
        return _decided(
            Action.ESCALATE,
            f"the {rules.requests_per_hour} requests of this hour are used up: so many failures at "
            "once have one cause, which is to be found first",
        )
    return _decided(
        Action.REPROCESS,
        f"{case.failure.category.value} can pass ({case.failure.reason}), its input is ready",
        f"request {case.attempt} of at most {most} for {case.processor} and {case.data_date}",
    )


def _decided(action: Action, *reasons: str) -> HealingDecision:
    return HealingDecision(action=action, reasons=reasons)


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
