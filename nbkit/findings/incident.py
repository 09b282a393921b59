"""The rules of the incident analysis: what of a window is a finding, and how bad it is.

What hangs, what is stale and what a new message is, is judged as in the daily report, with the same
fingerprints: the same trouble is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from nbkit.analysis.causes import NewMessage
from nbkit.analysis.incident.cascade import Ground, Incident
from nbkit.analysis.incident.messages import MessageGroup
from nbkit.analysis.incident.troubles import Reason, Trouble
from nbkit.analysis.incident.usual import SameHours
from nbkit.analysis.incident.waiting import Standing, distances, incident_dates, waiting
from nbkit.findings import Finding, Severity, iso_utc
from nbkit.findings.health import UNOWNED, HealthRules, judge_new_messages
from nbkit.findings.wording import count_of, moment, short, some, span, verb
from nbkit.registry import Criticality, ProcessorRegistry

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class IncidentRules:
    """Thresholds beyond those of `TroubleRules`.

    Attributes:
        soon: time to a deadline below which waiting for it is critical.
        q: false discovery rate at which a count or duration is called unusual.
        factor: times the usual (or a part of it) that a count must differ.
        least_expected: failures with nothing to do that are worth a word; thirty is one burst of
            one file a team.
        recurring: times the month's average at which failures that come every week are mentioned.
        least_recurring: real failures below which they are not.
        recurring_grave: times the month's average from which they are a warning, though no news.
        like_weeks: times the median of the weeks before, up to which failures are like theirs.
        wide: processors in one trouble that make it critical while it goes on, whatever they are.
    """

    soon: timedelta = timedelta(hours=2)
    q: float = 0.01
    factor: float = 3.0
    least_expected: int = 30
    recurring: float = 2.0
    recurring_grave: float = 10.0
    least_recurring: int = 50
    like_weeks: float = 1.5
    wide: int = 5


def judge_incidents(
    found: Iterable[Incident],
    rows: Mapping[str, Sequence[Standing]],
    registry: ProcessorRegistry,
    *,
    rules: IncidentRules,
) -> list[Finding]:
    """One finding per root; a run that only hangs is judged by `judge_stuck`.

    Critical while it goes on, if a critical processor is among those in trouble or waiting, or if
    many are in it.

    Args:
        rows: `standings` of each root's incident, by root.
    """
    findings = []
    for incident in found:
        if is_only_stuck(incident):
            continue
        root = registry.get_processor(incident.root)
        standing = rows.get(incident.root, ())
        critical = [
            name
            for name in (*(t.processor for t in incident.troubles), incident.root)
            if (p := registry.get_processor(name)) and p.criticality is Criticality.CRITICAL
        ] or [s.processor.name for s in waiting(standing) if _is_critical(s)]
        grave = bool(critical) or len(incident.troubles) >= rules.wide
        severity = Severity.CRITICAL if grave and not incident.is_over else Severity.WARNING
        findings.append(
            Finding(
                kind="incident_root",
                subject=incident.root,
                severity=severity,
                title=root_title(incident),
                since=incident.since,
                owner=root.owner if root else UNOWNED,
                next_step=_next_step(incident, is_known=root is not None),
                fingerprint=_fingerprint(incident),
                evidence=_evidence(incident, standing, registry),
            )
        )
    return findings


def is_only_stuck(incident: Incident) -> bool:
    """Nothing but hanging runs, which have a finding of their own."""
    return all(trouble.reasons == (Reason.STUCK,) for trouble in incident.troubles) and not (
        incident.followers
    )


def root_title(incident: Incident) -> str:
    """The root and what followed it, in one sentence."""
    own = incident.trouble
    if own is None:
        named, failures = incident.naming
        return (
            f"{named:,} of {count_of(failures, 'failure')} of "
            f"{count_of(len(incident.followers), 'processor')} {verb(named, 'name')} "
            f"{incident.root}, which has no failed run in the window: it may not have run"
        )
    since = f"{own.since:%H:%M} UTC"
    if incident.shared:
        return (
            f"{count_of(len(incident.roots), 'processor')} began to fail with one new message "
            f"at {since}, {count_of(incident_failures(incident), 'time')}: "
            f"{short(own.example, 100)}"
        )
    if own.reasons == (Reason.SILENT,):
        what = f"{incident.root} has not run since {moment(own.since)}"
    elif own.reasons == (Reason.STUCK,):
        what = f"{incident.root} hangs since {since}"
    else:
        usual = own.usual.usual
        beside = f", usually {usual:,.0f} in these hours" if usual is not None else ""
        what = f"{incident.root} failed {count_of(own.failures, 'time')} from {since} on{beside}"
    if incident.followers:
        named, failures = incident.naming
        told = _naming(named, failures) if named else "none names it"
        number = len(incident.followers)
        needing = f"{count_of(number, 'processor')} that {verb(number, 'need')} it"
        return f"{what}; {needing} failed after it ({told})"
    return f"{what}: {short(own.example, 100)}" if own.example else what


def _naming(named: int, failures: int) -> str:
    return f"{named:,} of {count_of(failures, 'failure')} {verb(named, 'name')} it"


def ground_of(incident: Incident) -> str:
    """Why it is held to be the root, with the numbers."""
    named, failures = incident.naming
    if incident.ground is Ground.NAMED:
        return f"named by {named:,} of {count_of(failures, 'failure')} after it"
    return str(incident.ground)


def incident_failures(incident: Incident) -> int:
    """Real failures of the root and of what shares its cause."""
    own = (incident.trouble,) if incident.trouble else ()
    return sum(trouble.failures for trouble in (*own, *incident.shared))


def judge_waiting(
    incident: Incident, rows: Sequence[Standing], *, rules: IncidentRules
) -> list[Finding]:
    """Processors downstream of a root without a success for its data date."""
    waits = waiting(rows)
    if not waits:
        return []
    first = min(waits, key=lambda s: (s.due is None, s.due))
    days = " and ".join(f"{day}" for day in sorted({s.data_date for s in waits}))
    urgent = [s for s in waits if _is_critical(s) and s.left is not None and s.left <= rules.soon]
    names = list(dict.fromkeys(s.processor.name for s in waits))
    return [
        Finding(
            kind="work_waiting",
            subject=incident.root,
            severity=Severity.CRITICAL if urgent else Severity.WARNING,
            title=f"{count_of(len(names), 'processor')} downstream of {incident.root} "
            f"{verb(len(names), 'have')} no success for {days}; {_deadline(first)}",
            since=incident.since,
            owner=first.processor.owner,
            next_step=f"`nbkit ready {first.processor.name} --date {first.data_date}`",
            fingerprint=f"work_waiting:{incident.root}",
            evidence={
                "waiting": names,
                "data_dates": sorted({s.data_date.isoformat() for s in waits}),
                "first_due": iso_utc(first.due) if first.due else None,
                "first_due_in_s": first.left.total_seconds() if first.left is not None else None,
                "critical_soon": [s.processor.name for s in urgent],
            },
        )
    ]


def judge_messages(
    groups: Iterable[MessageGroup],
    found: Iterable[Incident],
    registry: ProcessorRegistry,
    *,
    rules: HealthRules,
) -> list[Finding]:
    """New messages of real failures, but for those that an incident's finding already quotes."""
    told = {
        (template, trouble.processor)
        for incident in found
        for trouble in (*incident.shared, *(f.trouble for f in incident.followers))
        for template in trouble.new_templates
    }
    fresh = [
        NewMessage(
            processor=group.processors[0],
            category=group.category,
            example=group.example,
            failures=group.failures,
            since=group.since,
        )
        for group in groups
        if group.is_new
        and not group.expected
        and not all((group.template, name) in told for name in group.processors)
    ]
    return judge_new_messages(fresh, registry, rules=rules)


Aspect = tuple[str, str, Severity]


def judge_unusual(
    rows: Iterable[SameHours], found: Iterable[Incident], *, weeks: int, rules: IncidentRules
) -> list[Finding]:
    """Runs, expected failures and durations far from the same hours of the weeks before; one
    finding for each way of being unusual."""
    known = {trouble.processor for incident in found for trouble in incident.troubles}
    groups: dict[str, list[tuple[float, str, str, float]]] = {}
    for row in rows:
        if not row.processor:
            continue
        for aspect, words, number in _aspects(row, rules):
            # Failures change the number of runs too: what is an incident is told already.
            if row.processor in known and aspect in ("more_runs", "fewer_runs"):
                continue
            groups.setdefault(aspect, []).append((-number, row.processor, words, number))
    findings = []
    for aspect, listed in groups.items():
        listed.sort()
        told = "; ".join(f"{name} {words}" for _, name, words, _ in listed[:2])
        more = f"; and {len(listed) - 2} more" if len(listed) > 2 else ""
        heading, severity = _ASPECTS[aspect]
        findings.append(
            Finding(
                kind="unusual_hours",
                subject=heading,
                severity=severity,
                title=f"{count_of(len(listed), 'processor')} {heading} than in the same hours of "
                f"the last {count_of(weeks, 'week')}: {told}{more}",
                since=None,
                owner=UNOWNED,
                next_step="`nbkit incident --report` shows every processor beside those hours.",
                fingerprint=f"unusual_hours:{aspect}",
                evidence={
                    "aspect": aspect,
                    "weeks": weeks,
                    "q": rules.q,
                    "processors": {name: number for _, name, _, number in listed},
                },
            )
        )
    return findings


_ASPECTS = {
    "fewer_runs": ("ran less often", Severity.WARNING),
    "more_runs": ("ran more often", Severity.INFO),
    "expected_failures": ("had nothing to do more often", Severity.WARNING),
    "slower": ("took longer", Severity.WARNING),
}


def _aspects(row: SameHours, rules: IncidentRules) -> Iterable[tuple[str, str, float]]:
    runs, idle, timed = row.runs, row.expected, row.durations
    usual = runs.usual
    if usual is not None and runs.q <= rules.q:
        words = f"{count_of(runs.now, 'time')} (usually {usual:,.0f})"
        if runs.is_more and runs.now >= rules.factor * max(usual, rules.least_expected / 3):
            yield "more_runs", words, float(runs.now)
        elif not runs.is_more and runs.now * rules.factor <= usual:
            yield "fewer_runs", words, float(runs.now)
    if idle.usual is not None and idle.q <= rules.q and idle.is_more:
        enough = max(rules.least_expected, rules.factor * idle.usual)
        if idle.now >= enough:
            words = f"{count_of(idle.now, 'time')} (usually {idle.usual:,.0f})"
            yield "expected_failures", words, float(idle.now)
    p95, before = timed.p95_s, timed.usual_p95_s
    if p95 and before and timed.q <= rules.q and p95 >= 1.5 * before:
        words = f"P95 {p95:,.0f}\u00a0s (usually {before:,.0f}\u00a0s)"
        yield "slower", words, p95


def judge_recurring(
    whole: SameHours, *, monthly: float, weeks: int, rules: IncidentRules
) -> list[Finding]:
    """Failures that these hours bring every week: trouble, but not this window's.

    Args:
        whole: all processors together.
        monthly: real failures that a window of this length brings on average.
    """
    real = whole.real
    kept = [n for week, n in enumerate(real.before, start=1) if week != real.left_out]
    if real.usual is None or real.now > rules.like_weeks * median(kept):
        return []
    if real.now < max(rules.least_recurring, rules.recurring * monthly):
        return []
    before = ", ".join(f"{count:,}" for count in real.before)
    return [
        Finding(
            kind="recurring_failures",
            subject="all processors",
            severity=Severity.WARNING
            if real.now >= rules.recurring_grave * monthly
            else Severity.INFO,
            title=f"{real.now:,} real failures are many for so short a time (the month's average: "
            f"{monthly:,.0f}) but usual for these hours of the week (weeks before: {before})",
            since=None,
            owner=UNOWNED,
            next_step="`nbkit run retry_storm` looks for what recurs, and why.",
            fingerprint="recurring_failures:all",
            evidence={
                "real_failures": real.now,
                "weeks_before": list(real.before),
                "usual": real.usual,
                "monthly_average": monthly,
                "weeks": weeks,
            },
        )
    ]


def judge_emptiness(whole: SameHours, *, start: datetime, end: datetime) -> list[Finding]:
    """No run ended in the window: nothing can be judged, and where these hours usually have runs,
    that is the news."""
    if whole.runs.now:
        return []
    usual = whole.runs.usual or 0.0
    return [
        Finding(
            kind="silent_pipeline",
            subject="run history",
            severity=Severity.CRITICAL if usual >= 1 else Severity.WARNING,
            title=f"No run ended between {moment(start)} and {moment(end)}; these hours usually "
            f"have {usual:,.0f}",
            since=start,
            owner="data-platform",
            next_step="Check the schedulers, and that processors still write run history.",
            fingerprint="silent_pipeline:all",
            evidence={
                "runs": 0,
                "usual": usual,
                "weeks_before": list(whole.runs.before),
            },
        )
    ]


def _evidence(
    incident: Incident, rows: Sequence[Standing], registry: ProcessorRegistry
) -> dict[str, object]:
    own = incident.trouble
    named, failures = incident.naming
    affected = distances(incident, registry)
    evidence: dict[str, object] = {
        "root": incident.root,
        "ground": incident.ground.name.lower(),
        "since": iso_utc(incident.since),
        "until": iso_utc(incident.until),
        "is_over": incident.is_over,
        "failures": incident_failures(incident),
        "followers": {f.processor: f.failures for f in incident.followers},
        "follower_failures": failures,
        "naming_root": named,
        "shared": [trouble.processor for trouble in incident.shared],
        "blast_radius": [name for name, steps in affected.items() if steps],
        "waiting": list(dict.fromkeys(s.processor.name for s in waiting(rows))),
        "data_dates": [day.isoformat() for day in incident_dates(incident)],
    }
    if own:
        evidence |= _own_evidence(own)
    return evidence


def _next_step(incident: Incident, *, is_known: bool) -> str:
    if incident.ground is Ground.SHARED:
        return (
            f"Look for a deploy or a change of the source before {incident.since:%H:%M} UTC; "
            f"`nbkit registry impact {incident.root}`"
        )
    if is_known:
        return f"`nbkit registry impact {incident.root}`"
    return f"Register {incident.root}, so that what depends on it is known."


def _own_evidence(own: Trouble) -> dict[str, object]:
    length = max((own.until - own.since) / HOUR, 1 / 60)
    return {
        "reasons": [reason.name.lower() for reason in own.reasons],
        "usual_failures": own.usual.usual,
        "usual_high": own.usual.high,
        "weeks_before": list(own.usual.before),
        "q": own.usual.q,
        "failures_per_hour": own.failures / length,
        "failure_share_before": own.before.rate,
        "judged_before": own.before.total,
        "failure_share_during": own.during.rate,
        "judged_during": own.during.total,
        "recovered_at": iso_utc(own.recovered_at) if own.recovered_at else None,
        "example": own.example[:500],
        "run_id": own.example_run_id,
        "new_messages": [template[:300] for template in own.new_templates[:5]],
    }


def _fingerprint(incident: Incident) -> str:
    """Of a shared cause by what is said: who says it first differs from look to look."""
    if incident.ground is Ground.SHARED and incident.trouble:
        shared = set(incident.trouble.new_templates)
        for trouble in incident.shared:
            shared &= set(trouble.new_templates)
        told = min(shared or incident.trouble.new_templates)
        return f"incident_root:message-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    return f"incident_root:{incident.root}"


def _is_critical(standing: Standing) -> bool:
    return standing.processor.criticality is Criticality.CRITICAL


def _deadline(first: Standing) -> str:
    if first.due is None or first.left is None:
        return f"{some([first.processor.name])} has no deadline"
    if first.left < timedelta(0):
        return f"{first.processor.name} was due {span(-first.left)} ago"
    return f"{first.processor.name} is due in {span(first.left)}"
