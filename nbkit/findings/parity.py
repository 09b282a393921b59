"""The rules of the report on two versions of a job: what speaks against cutting over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nbkit.analysis.parity import OutputParity, TwinRuns
from nbkit.findings import Finding, Severity
from nbkit.findings.wording import count_of, percent, some, verb

OWNER = "data-platform"


@dataclass(frozen=True, kw_only=True)
class ParityRules:
    """When two versions count as alike.

    Attributes:
        days: on which both must have run (the plan: side by side for 7 days).
        failure_margin: how much more of its runs the new one may fail, with 95 % confidence.
        duration_margin: how many times as long its median run may take, with 95 % confidence.
    """

    days: int = 7
    failure_margin: float = 0.05
    duration_margin: float = 1.5


def judge_outputs(
    outputs: OutputParity | None, *, name: str, since: datetime, rules: ParityRules
) -> list[Finding]:
    """Nothing where both gave the same; else what differs, or that there was nothing to compare."""
    if outputs is None or not (outputs.left_rows or outputs.right_rows):
        why = "no outputs were given" if outputs is None else "both outputs are empty"
        return [_not_judged(name, "outputs", why, since, {"left_rows": 0, "right_rows": 0})]
    if outputs.is_equal:
        return []
    parts = []
    if outputs.differing:
        worst = [c.name for c in outputs.columns if c.differing]
        differ = verb(outputs.differing, "differ")
        parts.append(f"{count_of(outputs.differing, 'value')} {differ} ({some(worst, 3)})")
    if outputs.only_left:
        parts.append(f"{count_of(len(outputs.only_left), 'row')} missing in the new one")
    if outputs.only_right:
        parts.append(f"{count_of(len(outputs.only_right), 'row')} only in the new one")
    repeated = outputs.left_repeated + outputs.right_repeated
    if repeated:
        parts.append(f"{count_of(repeated, 'row')} with a key that is not unique")
    columns = [*outputs.left_columns, *outputs.right_columns]
    if columns:
        parts.append(f"columns that one side lacks ({some(columns, 3)})")
    return [
        Finding(
            kind="outputs_differ",
            subject=name,
            severity=Severity.CRITICAL
            if outputs.only_left or outputs.differing
            else Severity.WARNING,
            title=f"The two versions of {name} do not give the same: {'; '.join(parts)}",
            since=since,
            owner=OWNER,
            next_step="The table of columns shows the keys; `ignore` leaves out what may differ.",
            fingerprint=f"outputs_differ:{name}",
            evidence={
                "left_rows": outputs.left_rows,
                "right_rows": outputs.right_rows,
                "matched": outputs.matched,
                "differing_values": outputs.differing,
                "only_left": len(outputs.only_left),
                "only_right": len(outputs.only_right),
                "left_repeated": outputs.left_repeated,
                "right_repeated": outputs.right_repeated,
                "missing_columns": len(columns),
                "by_column": {c.name: c.differing for c in outputs.columns if c.differing},
            },
        )
    ]


def judge_twins(
    twins: TwinRuns | None, *, name: str, since: datetime, rules: ParityRules
) -> list[Finding]:
    """Whether the new version fails more or takes longer than the margins allow."""
    if twins is None:
        return [_not_judged(name, "runs", "no processors were named", since, {"days": 0})]
    evidence = {
        "days": twins.days,
        "needed_days": rules.days,
        "left_runs": twins.left_failed.total,
        "right_runs": twins.right_failed.total,
        "left_failed": twins.left_failed.rate,
        "right_failed": twins.right_failed.rate,
        "failures_low": twins.failures.low if twins.failures else None,
        "failures_high": twins.failures.high if twins.failures else None,
        "failure_margin": rules.failure_margin,
        "duration_ratio": twins.duration.value if twins.duration else None,
        "duration_low": twins.duration.low if twins.duration else None,
        "duration_high": twins.duration.high if twins.duration else None,
        "duration_margin": rules.duration_margin,
    }
    found = []

    def finding(kind: str, title: str) -> None:
        found.append(
            Finding(
                kind=kind,
                subject=name,
                severity=Severity.WARNING,
                title=title,
                since=since,
                owner=OWNER,
                next_step=f"`nbkit baselines show {twins.right}`",
                fingerprint=f"{kind}:{name}",
                evidence=evidence,
            )
        )

    if twins.failures and twins.failures.low > rules.failure_margin:
        finding(
            "twin_fails_more",
            f"{twins.right} fails {percent(twins.right_failed.rate)} of its runs, {twins.left} "
            f"{percent(twins.left_failed.rate)}: surely over {percent(rules.failure_margin)} more",
        )
    if twins.duration and twins.duration.low > rules.duration_margin:
        finding(
            "twin_is_slower",
            f"{twins.right} takes {twins.duration.value:.1f} times as long as {twins.left} "
            f"(95\u00a0% interval {twins.duration.low:.1f} to {twins.duration.high:.1f})",
        )
    doubts = []
    if twins.days < rules.days:
        doubts.append(f"both ran on {twins.days} of {rules.days} days")
    if not found:
        if twins.failures is None or twins.failures.high > rules.failure_margin:
            doubts.append(f"too few runs to exclude {percent(rules.failure_margin)} more failures")
        if twins.duration is None or twins.duration.high > rules.duration_margin:
            doubts.append(f"too few runs to exclude {rules.duration_margin:g} times the duration")
    if doubts:
        found.append(_not_judged(name, "runs", "; ".join(doubts), since, evidence))
    return found


def _not_judged(
    name: str, what: str, why: str, since: datetime, evidence: Mapping[str, object]
) -> Finding:
    return Finding(
        kind="parity_not_judged",
        subject=name,
        severity=Severity.INFO,
        title=f"Not enough to call {name} safe to cut over, by its {what}: {why}",
        since=since,
        owner=OWNER,
        next_step="Let both run on, and run `nbkit run parity` again.",
        fingerprint=f"parity_not_judged:{name}:{what}",
        evidence=dict(evidence),
    )
