"""The rules of the daily health report: when a fact becomes a finding, and how bad it is.

Every threshold is a field of `HealthRules` with its source; nothing else in the package judges
health. A rule looks at one kind of fact and returns the findings of one kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbkit.analysis.causes import NewMessage
from nbkit.analysis.completeness import Completeness
from nbkit.analysis.durations import DurationShift
from nbkit.analysis.liveness import Freshness, Silence, StuckRun
from nbkit.analysis.rates import Outcomes, PhaseRates
from nbkit.analysis.services import PhaseDeployment
from nbkit.findings import Finding, Severity
from nbkit.findings.wording import count_of, percent, seconds, short, span, verb
from nbkit.registry import ProcessorRegistry

UNOWNED = "unassigned"


@dataclass(frozen=True, kw_only=True)
class HealthRules:
    """Thresholds of the daily verdict.

    Attributes:
        stale_after: history older than this is not fit to judge; the platform writes rows at
            least hourly (master-controller-hourly, transition-monitor-hourly).
        warn_rate, critical_rate: effective 7-day success rate of a phase. The customer's targets
            are 95 % and more; below half, a phase does not do its job.
        min_judged: runs with something to do, below which a rate is not judged.
        failing_rate: a processor that fails more of its runs than this in a day is failing.
        slow_factor: recent P95 over baseline P95 (published threshold: 2 × P95 warns).
        slow_share: share of the recent runs over that limit which makes it more than an outlier.
        min_timed: recent timed runs needed to call a processor slow.
        abandoned_after: a run open for longer was not closed by its own processor; the platform's
            sweep closes rows after 4 hours.
        new_message_min: failures with a never-seen message before it is worth a line.
    """

    stale_after: timedelta = timedelta(hours=6)
    warn_rate: float = 0.95
    critical_rate: float = 0.5
    min_judged: int = 20
    failing_rate: float = 0.5
    min_failing: int = 5
    slow_factor: float = 2.0
    slow_share: float = 0.1
    min_timed: int = 5
    abandoned_after: timedelta = timedelta(hours=4)
    new_message_min: int = 3


def judge_freshness(facts: Freshness, *, as_of: datetime, rules: HealthRules) -> list[Finding]:
    """Nothing, or the one finding that makes the verdict UNKNOWN."""
    if facts.age is not None and facts.age <= rules.stale_after:
        return []
    if facts.last_event is None:
        future = facts.runs_after_as_of
        title = "The run history is empty before this moment" + (
            f", while {count_of(future, 'run')} {verb(future, 'lie')} after it: a wrong "
            "as-of time or zone?"
            if future
            else ": nothing can be judged"
        )
    else:
        title = (
            f"The run history is stale: its newest entry is {span(facts.age)} old "
            f"(limit {span(rules.stale_after)}), so nothing below can be trusted"
        )
    return [
        Finding(
            kind="stale_history",
            subject="run history",
            severity=Severity.CRITICAL,
            title=title,
            since=facts.last_event,
            owner="data-platform",
            next_step="Check that processors still write run history, and that this report "
            "reads the right warehouse and as-of time.",
            fingerprint="stale_history:run-history",
            evidence={
                "age_s": facts.age.total_seconds() if facts.age else None,
                "limit_s": rules.stale_after.total_seconds(),
                "runs": facts.runs,
                "runs_after_as_of": facts.runs_after_as_of,
            },
        )
    ]


def judge_phases(
    phases: Sequence[PhaseRates], registry: ProcessorRegistry, *, rules: HealthRules
) -> list[Finding]:
    """Phases whose effective 7-day success rate is under the target."""
    findings = []
    for phase in phases:
        rate = phase.week.effective_rate
        judged = phase.week.successes + phase.week.real
        if rate is None or judged < rules.min_judged or rate >= rules.warn_rate:
            continue
        findings.append(
            Finding(
                kind="phase_success_rate",
                subject=phase.title,
                severity=_worse(rate < rules.critical_rate),
                title=f"{phase.title} succeeds {percent(rate)} of the time over 7 days "
                f"({phase.week.successes:,} of {count_of(judged, 'run')} that had something to do)",
                since=None,
                owner=registry.owner_of_phase(phase.phase) or UNOWNED,
                next_step=_start_with(phase),
                fingerprint=f"phase_success_rate:{phase.phase}",
                evidence={
                    "effective_rate": rate,
                    "raw_rate": phase.week.raw_rate,
                    "successes": phase.week.successes,
                    "real_failures": phase.week.real,
                    "expected_failures": phase.week.expected,
                    "judged": judged,
                    "warn_rate": rules.warn_rate,
                    "critical_rate": rules.critical_rate,
                },
            )
        )
    return findings


def judge_services(
    deployed: Sequence[PhaseDeployment], registry: ProcessorRegistry
) -> list[Finding]:
    """Cloud Run services that are not ready. What was not measured is no finding."""
    return [
        Finding(
            kind="service_not_ready",
            subject=service.name,
            severity=_worse(service.state == "not ready"),
            title=f"Cloud Run service {service.name} is {service.state}"
            + (f": {short(service.message)}" if service.message else ""),
            since=None,
            owner=registry.owner_of_phase(phase.phase) or UNOWNED,
            next_step=f"`gcloud run services describe {service.name} --region=us-west2`",
            fingerprint=f"service_not_ready:{service.name}",
            evidence={"phase": phase.phase, "revision": service.revision, "state": service.state},
        )
        for phase in deployed
        for service in phase.services
        if service.state in ("not ready", "deploying")
    ]


def judge_failing(
    by_processor: dict[str, Outcomes],
    usual: dict[str, Outcomes],
    registry: ProcessorRegistry,
    *,
    rules: HealthRules,
) -> list[Finding]:
    """Processors that failed most of what they had to do in the last day.

    `usual` is the same over the baseline; it tells a fresh break from a standing one.
    """
    findings = []
    for name, day in by_processor.items():
        rate = day.effective_rate
        if rate is None or day.real < rules.min_failing or 1 - rate <= rules.failing_rate:
            continue
        before = usual[name].effective_rate if name in usual else None
        standing = before is not None and 1 - before > rules.failing_rate
        beside = f", usually {percent(1 - before)}" if before is not None else ""
        findings.append(
            Finding(
                kind="processor_failing",
                subject=name,
                # What has failed for a month is no news at 3 am, however bad.
                severity=_worse(_is_critical(name, registry) and not standing),
                title=f"{name} failed {day.real:,} of {count_of(day.successes + day.real, 'run')} "
                f"in 24 hours ({percent(1 - rate)}{beside})",
                since=None,
                owner=owner_of(name, registry),
                next_step=f"`nbkit registry impact {name}`",
                fingerprint=f"processor_failing:{name}",
                evidence={
                    "failure_rate": 1 - rate,
                    "usual_failure_rate": None if before is None else 1 - before,
                    "real_failures": day.real,
                    "judged": day.successes + day.real,
                    "successes": day.successes,
                },
            )
        )
    return findings


def judge_stuck(
    stuck: Sequence[StuckRun], registry: ProcessorRegistry, *, rules: HealthRules
) -> list[Finding]:
    """One finding per processor with stuck runs."""
    grouped: dict[str, list[StuckRun]] = defaultdict(list)
    for run in stuck:
        grouped[run.processor].append(run)
    findings = []
    for name, runs in grouped.items():
        longest = max(runs, key=lambda run: run.running)
        past = sum(run.past_timeout for run in runs)
        how_many = f"{past} " if len(runs) > 1 else ""
        limit = (
            f"{how_many}past the timeout of {span(longest.timeout)}"
            if past
            else f"within the timeout of {span(longest.timeout)}"
        )
        how_long = ", the longest for" if len(runs) > 1 else " for"
        findings.append(
            Finding(
                kind="stuck_run",
                subject=name,
                severity=_worse(
                    past > 0
                    and (longest.running > rules.abandoned_after or _is_critical(name, registry))
                ),
                title=f"{name} has {count_of(len(runs), 'run')} stuck{how_long} "
                f"{span(longest.running)} ({limit})",
                since=longest.started_at,
                owner=owner_of(name, registry),
                next_step=f"End run {longest.run_id}, then `nbkit registry impact {name}`",
                fingerprint=f"stuck_run:{name}",
                evidence={
                    "runs": len(runs),
                    "past_timeout": past,
                    "longest_s": longest.running.total_seconds(),
                    "timeout_s": longest.timeout.total_seconds(),
                    "run_ids": [run.run_id for run in runs[:10]],
                },
            )
        )
    return findings


def judge_silence(silent: Sequence[Silence], registry: ProcessorRegistry) -> list[Finding]:
    """Processors that should have run by their own rhythm."""
    return [
        Finding(
            kind="silent_processor",
            subject=quiet.processor,
            severity=_worse(_is_critical(quiet.processor, registry)),
            title=f"{quiet.processor} has been silent for {span(quiet.quiet)}; in the 30 days "
            f"before, never for longer than {span(quiet.longest_before)}",
            since=quiet.last_seen,
            owner=owner_of(quiet.processor, registry),
            next_step="Check its schedule and its subscription, then "
            f"`nbkit registry impact {quiet.processor}`",
            fingerprint=f"silent_processor:{quiet.processor}",
            evidence={
                "quiet_s": quiet.quiet.total_seconds(),
                "longest_before_s": quiet.longest_before.total_seconds(),
            },
        )
        for quiet in silent
    ]


def judge_durations(
    shifts: Sequence[DurationShift], registry: ProcessorRegistry, *, rules: HealthRules
) -> list[Finding]:
    """Processors that take more than `slow_factor` times their usual P95."""
    findings = []
    for shift in shifts:
        if shift.ratio is None or shift.baseline_p95 is None or shift.over_limit is None:
            continue
        if shift.ratio <= rules.slow_factor or shift.runs < rules.min_timed:
            continue
        if shift.over_limit < max(2, rules.slow_share * shift.runs):
            continue
        findings.append(
            Finding(
                kind="slow_processor",
                subject=shift.processor,
                severity=Severity.WARNING,
                title=f"{shift.processor} takes {shift.ratio:.1f} times its usual time: P95 "
                f"{seconds(shift.p95)} against {seconds(shift.baseline_p95)} over 30 days",
                since=None,
                owner=owner_of(shift.processor, registry),
                next_step=f"Compare its input sizes and revisions; "
                f"`nbkit registry show {shift.processor}` has its timeout",
                fingerprint=f"slow_processor:{shift.processor}",
                evidence={
                    "p95_s": shift.p95,
                    "baseline_p95_s": shift.baseline_p95,
                    "ratio": shift.ratio,
                    "runs": shift.runs,
                    "runs_over_limit": shift.over_limit,
                    "factor": rules.slow_factor,
                },
            )
        )
    return findings


def judge_completeness(rows: Sequence[Completeness], registry: ProcessorRegistry) -> list[Finding]:
    """One finding per processor with too few records, about its newest such date.

    A range taken from history warns only when it is missed by half: it is a habit, not a promise.
    """
    findings: dict[str, Finding] = {}
    for row in rows:
        short = row.state == "below" and (row.stated or (row.records or 0) < row.low / 2)
        if row.processor in findings or not (short or row.state == "none"):
            continue
        seen = "no successful run with records" if row.state == "none" else f"{row.records:,}"
        source = "the registry's range" if row.stated else "usual"
        findings[row.processor] = Finding(
            kind="incomplete_data",
            subject=row.processor,
            severity=_worse(row.stated and _is_critical(row.processor, registry)),
            title=f"{row.processor} has {seen} {'records ' if row.state != 'none' else ''}for "
            f"{row.data_date:%Y-%m-%d}; {row.low:,} to {row.high:,} is {source}",
            since=None,
            owner=owner_of(row.processor, registry),
            next_step=f"Reprocess {row.data_date:%Y-%m-%d} once its sources are complete",
            fingerprint=f"incomplete_data:{row.processor}",
            evidence={
                "data_date": row.data_date.isoformat(),
                "records": row.records,
                "low": row.low,
                "high": row.high,
                "range_stated": row.stated,
            },
        )
    return list(findings.values())


def judge_new_messages(
    messages: Sequence[NewMessage], registry: ProcessorRegistry, *, rules: HealthRules
) -> list[Finding]:
    """Error messages never seen in the baseline: the most useful first clue after a deploy."""
    return [
        Finding(
            kind="new_error",
            subject=message.processor,
            severity=Severity.WARNING,
            title=f"{message.processor} fails with a message not seen in 30 days, "
            f"{count_of(message.failures, 'time')}: {short(message.example)}",
            since=message.since,
            owner=owner_of(message.processor, registry),
            next_step="Look for a deploy or a source change at that hour.",
            fingerprint=f"new_error:{message.processor}:{message.category}",
            evidence={
                "failures": message.failures,
                "category": message.category,
                "example": message.example[:500],
            },
        )
        for message in _one_per_processor_and_category(messages)
        if message.failures >= rules.new_message_min
    ]


def judge_noise(day: Outcomes) -> list[Finding]:
    """How many of the day's failures nobody needs to look at; never an alarm by itself."""
    if day.noise_share is None:
        return []
    return [
        Finding(
            kind="alert_noise",
            subject="all phases",
            severity=Severity.INFO,
            title=f"{percent(day.noise_share)} of {count_of(day.failures, 'failure')} in the last "
            f"day {verb(day.failures, 'were')} expected; {day.real:,} "
            f"{verb(day.real, 'were')} real",
            since=None,
            owner="data-platform",
            next_step="Alert on real failures only.",
            fingerprint="alert_noise:all",
            evidence={
                "noise_share": day.noise_share,
                "real_failures": day.real,
                "expected_failures": day.expected,
            },
        )
    ]


def _start_with(phase: PhaseRates) -> str:
    if phase.worst is None:
        return "`nbkit run daily_health`"
    name, failures = phase.worst
    share = percent(failures / phase.week.real)
    return f"Start with {name}, {share} of its real failures: `nbkit registry impact {name}`"


def _one_per_processor_and_category(messages: Sequence[NewMessage]) -> list[NewMessage]:
    kept: dict[tuple[str, str], NewMessage] = {}
    for message in messages:
        kept.setdefault((message.processor, message.category), message)
    return list(kept.values())


def _worse(is_critical: bool) -> Severity:
    return Severity.CRITICAL if is_critical else Severity.WARNING


def _is_critical(name: str, registry: ProcessorRegistry) -> bool:
    processor = registry.get_processor(name)
    return processor is not None and processor.criticality == "CRITICAL"


def owner_of(name: str, registry: ProcessorRegistry) -> str:
    """Who owns a processor; `UNOWNED` where nobody registered it."""
    processor = registry.get_processor(name)
    return processor.owner if processor else UNOWNED
