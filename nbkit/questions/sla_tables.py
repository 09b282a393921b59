"""Tables that both SLA reports show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from nbkit.analysis.rates import between, outcomes, phases_of
from nbkit.analysis.slas import Attainment, Standing
from nbkit.findings.intervals import share_between
from nbkit.findings.wording import count_of, percent, short, some
from nbkit.questions.past_findings import PastFindings
from nbkit.questions.sla_facts import SlaFacts
from nbkit.registry.sla_exceptions import SlaException
from nbkit.registry.sla_page import promised
from nbkit.registry.slas import Measure
from nbkit.tables import Column, Note, Table


def ranked(attainments: Iterable[Attainment]) -> list[Attainment]:
    """The most overspent first."""
    return sorted(attainments, key=lambda a: -(a.spent or 0.0))


def compliance(attainments: Iterable[Attainment]) -> Table:
    """Every measured target, the most overspent first."""
    known = [a for a in attainments if a.standing is not Standing.NOT_MEASURED]
    return Table.of(
        [
            Column("Target"),
            Column("Standing"),
            Column("Attained", "percent"),
            Column("95 % interval"),
            Column("Promised"),
            Column("Of", "count"),
            Column("Bad", "count"),
            Column("May be bad", "hours"),
            Column("Budget left"),
        ],
        [
            (
                a.target.title,
                _standing(a),
                a.share.rate,
                share_between(a.share),
                promised(a.target),
                a.share.total,
                a.bad,
                a.budget,
                _left(a),
            )
            for a in ranked(known)
        ],
        empty="Nothing could be measured.",
    )


def scope_note(facts: SlaFacts, start: datetime, end: datetime) -> Note:
    """What the figures leave out: phases without a date, and the rates as they are published."""
    titles = {phase.name: phase.title for phase in facts.registry.phases}
    deadlines = facts.slas.of(Measure.ON_TIME)
    absent = [titles[str(t.phase)] for t in deadlines if not facts.measured[t.name].is_measured]
    words = []
    if absent and len(absent) < len(deadlines):
        words.append(
            f"Availability is without {some(absent, len(absent))}: no date with work of "
            f"{'it' if len(absent) == 1 else 'them'} is in the history."
        )
    own = between(facts.counts, start, end)
    labels = phases_of(own, facts.registry)
    raw = [
        f"{titles[str(target.phase)]} {percent(rate)}"
        for target in facts.slas.of(Measure.SUCCESS_RATE)
        if (rate := outcomes(own[labels == target.phase]).raw_rate) is not None
    ]
    if raw:
        words.append(
            "Of all runs, those with nothing to do among them, succeeded: "
            f"{', '.join(raw)}. That is how the platform publishes it."
        )
    return Note(" ".join(words) or "Nothing is left out.")


def unmeasured(attainments: Iterable[Attainment]) -> Table:
    """What nothing can be said about, and why."""
    return Table.of(
        [Column("Target"), Column("Promised"), Column("Why it is not measured")],
        [
            (a.target.title, promised(a.target), a.why_not)
            for a in attainments
            if a.standing is Standing.NOT_MEASURED
        ],
        empty="Every target is measured.",
    )


def exceptions_shown(
    exceptions: Sequence[SlaException],
    attainments: Mapping[str, Attainment],
    excused: Mapping[str, Attainment],
) -> Table:
    """Each exception that touches the time of these attainments: the figures with and without."""
    rows = [
        (
            each.name,
            each.start,
            each.end - each.start,
            attainments[name].target.title,
            attainments[name].share.rate,
            excused[name].share.rate,
            f"{each.reason} ({each.evidence}; {each.approved_by})",
        )
        for each in exceptions
        for name in each.targets
        if name in excused
        and each.start < attainments[name].end
        and each.end > attainments[name].start
    ]
    return Table.of(
        [
            Column("Exception"),
            Column("From (UTC)", "moment"),
            Column("For", "span"),
            Column("Target"),
            Column("Attained", "percent"),
            Column("Without it", "percent"),
            Column("Why"),
        ],
        rows,
        empty="No exception is recorded for this time (registry/sla_exceptions.yaml).",
    )


def _standing(a: Attainment) -> str:
    is_doubtful = a.standing is Standing.MISSED and not a.is_sure
    return f"{a.standing}, may be chance" if is_doubtful else str(a.standing)


def _left(a: Attainment) -> str:
    spent = a.spent or 0.0
    return percent(1 - spent) if spent <= 1 else f"none, spent {spent:,.1f}×"


def incident_note(past: PastFindings, when: str) -> Note:
    """Which reports were read for the incidents; `when` is "this week"."""
    if not past.reports:
        return Note(
            f"No report of {when} was found in the store, so nothing can be said about incidents: "
            "run daily_health and the others into it, or name the store (parameter reports)."
        )
    names = sorted({report.notebook for report in past.reports})
    words = f"From {count_of(len(past.reports), 'report')} of {when}: {some(names, 6)}."
    if past.unreadable:
        words += (
            f" {count_of(len(past.unreadable), 'report')} could not be read: "
            f"{some(past.unreadable)}."
        )
    return Note(words, is_warning=bool(past.unreadable))


def incidents(past: PastFindings) -> Table:
    """What those reports found, the worst first."""
    return Table.of(
        [
            Column("Severity"),
            Column("What"),
            Column("First told (UTC)", "moment"),
            Column("Times", "count"),
            Column("At last"),
            Column("Owner"),
        ],
        [
            (
                incident.worst.value,
                short(incident.finding.title, 160),
                incident.first_seen,
                incident.times,
                "open"
                if incident.is_open
                else f"gone after {incident.last_seen:%a\u00a0%d\u00a0%b}",
                incident.finding.owner,
            )
            for incident in past.incidents
        ],
        empty="These reports found nothing at or above a warning."
        if past.reports
        else "No report was found.",
    )
