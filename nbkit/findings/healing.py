"""What the healing functions tell people: one finding each time that only a person can go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from nbkit.analysis.healing import HealingCase, HealingDecision
from nbkit.analysis.partial_start import PartialStart, StartAction
from nbkit.failures import NEXT_STEP
from nbkit.findings import Finding, Severity
from nbkit.findings.health import UNOWNED
from nbkit.findings.wording import count_of
from nbkit.registry import Criticality, ProcessorRegistry

_URGENT = (Criticality.CRITICAL, Criticality.HIGH)


def judge_escalation(
    case: HealingCase, decision: HealingDecision, registry: ProcessorRegistry, *, message: str
) -> Finding:
    """Work that failed and that running again will not mend."""
    processor = registry.get_processor(case.processor)
    urgent = processor is not None and processor.criticality in _URGENT
    return Finding(
        kind="failed_work",
        subject=f"{case.processor} for {case.data_date}",
        severity=Severity.CRITICAL if urgent else Severity.WARNING,
        title=f"{case.processor} failed for {case.data_date} and was not run again: "
        f"{decision.reasons[0]}",
        since=None,
        owner=processor.owner if processor else UNOWNED,
        next_step=NEXT_STEP[case.failure.category],
        fingerprint=f"failed_work:{case.processor}:{case.data_date}",
        evidence={
            "category": case.failure.category.value,
            "rule": case.failure.rule,
            "reasons": list(decision.reasons),
            "message": message[:500],
            "dependents": len(registry.downstream(case.processor)) if processor else 0,
        },
    )


def judge_partial_start(
    found: PartialStart, registry: ProcessorRegistry, *, coordinator: str
) -> Finding:
    """Predictions that start without all of phase 4, or cannot start."""
    processor = registry.processor(coordinator)
    started = found.action is StartAction.START
    missing = count_of(len(found.missing), "processor")
    title = (
        f"Predictions of {found.data_date} start without {missing} of phase 4"
        if started
        else f"Predictions of {found.data_date} have not run: {found.reasons[0]}"
    )
    return Finding(
        kind="late_predictions",
        subject=f"{coordinator} for {found.data_date}",
        severity=Severity.WARNING if started else Severity.CRITICAL,
        title=title,
        since=None,
        owner=processor.owner,
        next_step="Look at the first missing processor: nbkit registry show "
        f"{found.missing[0] if found.missing else coordinator}",
        fingerprint=f"late_predictions:{found.data_date}",
        evidence={
            "missing_processors": len(found.missing),
            "missing": list(found.missing),
            "done": list(found.done),
            "reasons": list(found.reasons),
        },
    )


def judge_large_cleanup(
    rows: Mapping[str, int], *, before: date, limit: int, owner: str
) -> Finding:
    """More old rows than a week of games can leave."""
    total = sum(rows.values())
    return Finding(
        kind="large_cleanup",
        subject="upcoming tables",
        severity=Severity.WARNING,
        title=f"{total:,} rows of the upcoming tables are older than {before}: more than {limit:,}",
        since=None,
        owner=owner,
        next_step="See which dates they are of before the next clean-up; the rows that were "
        "deleted are in nba_orchestration.upcoming_archive.",
        fingerprint="large_cleanup:upcoming",
        evidence={"rows": total, "limit": limit, **dict(rows)},
    )
