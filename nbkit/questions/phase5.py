"""Why do so few runs of a phase succeed, and what would a guard change? Asked of Phase 5 first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated

from nbkit.analysis import breaker
from nbkit.analysis.guard_replay import GuardRules, replay
from nbkit.analysis.hangs import (
    Ending,
    PhaseRun,
    by_day,
    decompose,
    mean_duration_s,
    phase_runs,
    success_of,
)
from nbkit.analysis.liveness import freshness, stuck_runs
from nbkit.errors import ParameterError
from nbkit.findings import verdict_of
from nbkit.findings.health import HealthRules, judge_freshness, judge_stuck
from nbkit.findings.phase5 import Subject, judge_absence, judge_hangs, judge_target, judge_timeout
from nbkit.params import parse_moment
from nbkit.params.checked import Bounds, Days, Minutes, checked
from nbkit.questions.judgements import judgement_of
from nbkit.questions.phase_report import PhaseReport
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

YEAR = timedelta(days=365)
TIMEOUTS_TRIED = (5, 10, 20, 30, 60)


@checked
def phase5(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    phase: str = "phase_5_predictions",
    days: Days = 30,
    changed_at: datetime | str = "",
    target: Annotated[float, Bounds(above=0, below=1)] = 0.95,
    heartbeat_minutes: Minutes = 15,
    timeout_minutes: Minutes = 30,
    breaker_failures: int = 3,
    rules: HealthRules | None = None,
) -> PhaseReport:
    """Judge the runs of a phase that started in the `days` before `as_of`, from midnight UTC.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment the report is about; nothing later is looked at.
        phase: its name, or one of its older labels.
        changed_at: when something was done about it; the target is then asked of the runs since.
            Empty: not yet.
        target: the share of runs with something to do that should succeed.
        heartbeat_minutes, timeout_minutes, breaker_failures: the guard that is played over the
            history. The timeout is also the age at which an open run counts as hung.

    Raises:
        ParameterError: a parameter makes no sense, or nobody registered the phase.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return phase5(
                opened,
                registry,
                as_of=end,
                phase=phase,
                days=days,
                changed_at=changed_at,
                target=target,
                heartbeat_minutes=heartbeat_minutes,
                timeout_minutes=timeout_minutes,
                breaker_failures=breaker_failures,
                rules=rules,
            )
    registry = registry or load_registry()
    rules = rules or HealthRules()
    guard = _guard_rules(heartbeat_minutes, timeout_minutes, breaker_failures)
    subject = _subject(phase, registry, end, days, changed_at)
    fresh = freshness(
        warehouse.query("history_freshness", start=end - YEAR, end=end, as_of=end), as_of=end
    )
    runs = _read_runs(warehouse, registry, subject, end)
    limit = guard.timeout
    changed = subject.changed_at or end
    first = [run for run in runs if run.started_at < changed]
    later = [run for run in runs if run.started_at >= changed]
    before = success_of(first, as_of=end, limit=limit)
    after = success_of(later, as_of=end, limit=limit) if subject.changed_at else None
    replayed = replay(runs, rules=guard, as_of=end)

    stale = judge_freshness(fresh, as_of=end, rules=rules)
    absent = judge_absence(runs, subject, registry) if not stale else []
    unfit = [*stale, *absent]
    open_rows = warehouse.query("open_runs", start=subject.start, end=end, as_of=end)
    own = {run.run_id for run in runs}
    judged = [
        *judge_target(
            after or before,
            subject,
            registry,
            target=target,
            worst=_worst(later if subject.changed_at else first),
            rules=rules,
        ),
        *judge_hangs(runs, replayed, subject, registry, as_of=end),
        *judge_stuck(
            stuck_runs(open_rows[open_rows["run_id"].isin(own)], registry), registry, rules=rules
        ),
        *judge_timeout(replayed, subject, registry, as_of=end),
    ]
    ranked = sorted(judged, key=lambda finding: -finding.severity.rank) if runs else []
    findings = (*unfit, *ranked)
    is_told = (after or before).against(target) in ("met", "not met")
    verdict = verdict_of(findings, fit_to_judge=not unfit, is_complete=is_told)
    return PhaseReport(
        as_of=end,
        subject=subject,
        target=target,
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        runs=runs,
        days=by_day(runs, start=subject.start, as_of=end, limit=limit),
        before=before,
        after=after,
        shares=decompose(runs),
        mean_s=mean_duration_s(runs),
        replayed=replayed,
        tried=tuple(
            replay(
                runs,
                rules=GuardRules(
                    heartbeat=guard.heartbeat,
                    timeout=timedelta(minutes=minutes),
                    breaker=None,  # it changes neither what is saved nor what is ended
                ),
                as_of=end,
            )
            for minutes in TIMEOUTS_TRIED
        ),
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(subject.start, end),
        ),
    )


def _guard_rules(heartbeat: float, timeout: float, failures: int) -> GuardRules:
    try:
        return GuardRules(
            heartbeat=timedelta(minutes=heartbeat),
            timeout=timedelta(minutes=timeout),
            breaker=breaker.Rules(failures=failures),
        )
    except ValueError as problem:
        raise ParameterError(
            f"heartbeat_minutes, timeout_minutes, breaker_failures: {problem}."
        ) from None


def _subject(
    phase: str, registry: ProcessorRegistry, end: datetime, days: int, changed_at: datetime | str
) -> Subject:
    name = registry.canonical_phase(phase)
    if name is None:
        known = [each.name for each in registry.phases]
        near = get_close_matches(phase, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
        raise ParameterError(f"phase: nobody registered {phase!r}; {hint}")
    midnight = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Subject(
        phase=name,
        title=next(each.title for each in registry.phases if each.name == name),
        start=midnight - timedelta(days=days),
        changed_at=parse_moment(changed_at) if changed_at else None,
    )


def _read_runs(
    warehouse: Warehouse, registry: ProcessorRegistry, subject: Subject, end: datetime
) -> tuple[PhaseRun, ...]:
    phase = next(each for each in registry.phases if each.name == subject.phase)
    rows = warehouse.query(
        "phase_runs",
        start=subject.start,
        end=end,
        as_of=end,
        phases="\n".join((phase.name, *phase.aliases)),
        processor_names="\n".join(p.name for p in registry.by_phase(phase.name)),
    )
    pairs = zip(rows["processor_name"], rows["phase"], strict=True)
    own = [registry.phase_of(str(name), label) == phase.name for name, label in pairs]
    return phase_runs(rows[own])


def _worst(runs: list[PhaseRun]) -> str | None:
    well = (Ending.SUCCEEDED, Ending.IDLE)
    failing = Counter(run.processor for run in runs if run.ending not in well)
    return min(failing, key=lambda name: (-failing[name], name), default=None)
