"""The rules of the report on what is normal: who has too little history, whose timeout is short.

What is unusual is for the daily report and for trends to say; a baseline alarms nobody by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbkit.analysis.baselines import Baseline
from nbkit.analysis.timeouts import TimeoutSuggestion
from nbkit.findings import Finding, Severity
from nbkit.findings.health import UNOWNED
from nbkit.findings.wording import capital, count_of, part_of, percent, some, span, verb
from nbkit.registry import ProcessorRegistry


@dataclass(frozen=True, kw_only=True)
class TimeoutNow:
    """What the registry sets, what is suggested, and how many successes took longer than is set."""

    suggestion: TimeoutSuggestion
    over_now: int


def judge_history(
    found: Sequence[Baseline], *, start: datetime, days: int, enough_days: int
) -> list[Finding]:
    """One line for all processors whose history is too short to say what is normal, or for a window
    in which none ran."""
    thin = [each for each in found if each.thin]
    if found and not thin:
        return []
    title = (
        f"{capital(part_of(len(thin), len(found), 'processor'))} {verb(len(thin), 'have')} too "
        f"little history in {count_of(days, 'day')} to say what is normal: "
        f"{some([each.subject for each in thin], 3)}"
        if found
        else f"No run ended in the {days} days from {start:%Y-%m-%d}: nothing is known to be normal"
    )
    return [
        Finding(
            kind="not_enough_history",
            subject="run history",
            severity=Severity.INFO,
            title=title,
            since=start,
            owner="data-platform",
            next_step="`nbkit run baselines -p days=90` looks further back.",
            fingerprint="not_enough_history:all",
            evidence={
                "processors": len(found),
                "not_enough": len(thin),
                "window_days": days,
                "enough_days": enough_days,
                "reasons": {each.subject: each.thin for each in thin},
            },
        )
    ]


def judge_timeouts(
    timeouts: Sequence[TimeoutNow],
    registry: ProcessorRegistry,
    *,
    share: float = 0.01,
    least: int = 3,
) -> list[Finding]:
    """Timeouts of the registry that more than `share` of the successes (and `least` of them) would
    not have met. Where nobody states one and the phase's default stands in, that is for information
    only: the registry is not what runs."""
    findings = []
    for each in timeouts:
        told = each.suggestion
        if told.current is None or told.suggested is None or told.successes == 0:
            continue
        if each.over_now < least or each.over_now <= share * told.successes:
            continue
        known = registry.get_processor(told.processor)
        findings.append(
            Finding(
                kind="timeout_too_short",
                subject=told.processor,
                severity=Severity.INFO if told.is_default else Severity.WARNING,
                title=f"A timeout of {span(told.current)} would have ended "
                f"{count_of(each.over_now, 'good run')} of {told.processor} "
                f"({percent(each.over_now / told.successes)}; P95 {span(told.p95)})",
                since=None,
                owner=known.owner if known else UNOWNED,
                next_step=f"`nbkit timeouts {told.processor}`",
                fingerprint=f"timeout_too_short:{told.processor}",
                evidence={
                    "wrong_kills": each.over_now,
                    "successes": told.successes,
                    "timeout_s": _seconds(told.current),
                    "suggested_s": _seconds(told.suggested),
                    "p95_s": _seconds(told.p95),
                    "is_default": told.is_default,
                },
            )
        )
    return findings


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
