"""The rules of the report on one phase's hanging runs: is its target met, and what hung.

The target, the timeout and the heartbeat are asked for by the reader (parameters of the notebook);
the other thresholds are those of the daily report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nbkit.analysis.guard_replay import Replay
from nbkit.analysis.hangs import Ending, PhaseRun
from nbkit.analysis.proportions import Proportion
from nbkit.findings import Finding, Severity
from nbkit.findings.health import UNOWNED, HealthRules
from nbkit.findings.wording import count_of, percent, seconds, span
from nbkit.registry import ProcessorRegistry


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The phase that is judged; `changed_at` is when somebody set out to mend it, if they did."""

    phase: str
    title: str
    start: datetime
    changed_at: datetime | None = None


def judge_target(
    judged: Proportion,
    subject: Subject,
    registry: ProcessorRegistry,
    *,
    target: float,
    worst: str | None,
    rules: HealthRules,
) -> list[Finding]:
    """Nothing where the target is met; info where there are not enough runs to say.

    Args:
        judged: runs since the change, or all of them where there was none.
        worst: the processor with most real failures.
    """
    standing = judged.against(target)
    if standing == "met":
        return []
    since = subject.changed_at
    when = "since the change" if since else "in the window"
    interval = (
        f"{percent(judged.confidence)} interval {percent(judged.low)} to {percent(judged.high)}"
    )
    counts = (
        f"{judged.successes:,} of {count_of(judged.total, 'run')} that had something to do {when}"
    )
    if standing == "not met":
        critical = (judged.rate or 0.0) < rules.critical_rate
        severity = Severity.CRITICAL if critical else Severity.WARNING
        title = (
            f"{subject.title} misses its target of {percent(target)}: {percent(judged.rate)} "
            f"succeeded ({counts}; {interval})"
        )
    else:
        severity = Severity.INFO
        title = (
            f"{subject.title} has too few runs {when} to say whether {percent(target)} is met "
            f"({counts}; {interval})"
        )
    return [
        Finding(
            kind="phase_below_target",
            subject=subject.title,
            severity=severity,
            title=title,
            since=None,
            owner=registry.owner_of_phase(subject.phase) or UNOWNED,
            next_step=f"`nbkit registry impact {worst}`" if worst else "`nbkit run phase5`",
            fingerprint=f"phase_below_target:{subject.phase}",
            evidence={
                "standing": standing,
                "success_rate": judged.rate,
                "low": judged.low,
                "high": judged.high,
                "confidence": judged.confidence,
                "successes": judged.successes,
                "judged": judged.total,
                "target": target,
            },
        )
    ]


def judge_hangs(
    runs: Sequence[PhaseRun],
    replayed: Replay,
    subject: Subject,
    registry: ProcessorRegistry,
    *,
    as_of: datetime,
) -> list[Finding]:
    """Runs that hung until a sweep closed their rows: what that hid, and what a guard ends."""
    swept = [run for run in runs if run.ending is Ending.SWEPT]
    if not swept:
        return []
    ids = {run.run_id for run in swept}
    saved_s = sum(r.saved.total_seconds() for r in replayed.ended_early if r.run.run_id in ids)
    open_s = sum(run.lasted(as_of).total_seconds() for run in swept)
    name = Counter(run.processor for run in swept).most_common(1)[0][0]
    return [
        Finding(
            kind="hung_runs",
            subject=subject.title,
            severity=Severity.WARNING,
            title=f"{count_of(len(swept), 'run')} of {subject.title} hung until swept and stood "
            f"open for {open_s / 3_600:,.0f}\u00a0h; a timeout of "
            f"{span(replayed.rules.timeout)} ends them {saved_s / 3_600:,.0f}\u00a0h earlier",
            since=min(run.started_at for run in swept),
            owner=registry.owner_of_phase(subject.phase) or UNOWNED,
            next_step=f"`nbkit timeouts {name}`, then run it under `nbkit.runs.guard.guard`",
            fingerprint=f"hung_runs:{subject.phase}",
            evidence={
                "runs": len(swept),
                "open_s": open_s,
                "saved_s": saved_s,
                "longest_s": max(run.lasted(as_of).total_seconds() for run in swept),
                "timeout_s": replayed.rules.timeout.total_seconds(),
                "heartbeat_s": replayed.rules.heartbeat.total_seconds(),
                "with_heartbeat": sum(run.heartbeat_at is not None for run in swept),
                "with_stage": sum(run.stage is not None for run in swept),
                "run_ids": [run.run_id for run in swept[:10]],
            },
        )
    ]


def judge_timeout(
    replayed: Replay, subject: Subject, registry: ProcessorRegistry, *, as_of: datetime
) -> list[Finding]:
    """The asked timeout or heartbeat would have ended runs that went on to end well."""
    wrong = replayed.wrong_kills
    if not wrong:
        return []
    longest = max(wrong, key=lambda r: r.run.lasted(as_of)).run
    length = longest.lasted(as_of).total_seconds()
    return [
        Finding(
            kind="timeout_too_short",
            subject=subject.title,
            severity=Severity.WARNING,
            title=f"A guard of {span(replayed.rules.timeout)} (heartbeat "
            f"{span(replayed.rules.heartbeat)}) would have ended {count_of(len(wrong), 'run')} "
            f"that ended well; the longest took {seconds(length)}",
            since=None,
            owner=registry.owner_of_phase(subject.phase) or UNOWNED,
            next_step=f"`nbkit timeouts {longest.processor}`",
            fingerprint=f"timeout_too_short:{subject.phase}",
            evidence={
                "wrong_kills": len(wrong),
                "longest_s": length,
                "timeout_s": replayed.rules.timeout.total_seconds(),
                "heartbeat_s": replayed.rules.heartbeat.total_seconds(),
                "run_ids": [r.run.run_id for r in wrong[:10]],
            },
        )
    ]


def judge_absence(
    runs: Sequence[PhaseRun], subject: Subject, registry: ProcessorRegistry
) -> list[Finding]:
    """The phase has not run at all in the window: there is nothing to judge."""
    if runs:
        return []
    return [
        Finding(
            kind="phase_without_runs",
            subject=subject.title,
            severity=Severity.CRITICAL,
            title=f"{subject.title} has no run since {subject.start:%Y-%m-%d}: nothing can be "
            "judged",
            since=subject.start,
            owner=registry.owner_of_phase(subject.phase) or UNOWNED,
            next_step="`nbkit registry check --warehouse URL` shows which processors have rows.",
            fingerprint=f"phase_without_runs:{subject.phase}",
            evidence={"runs": 0, "phase": subject.phase},
        )
    ]
