"""The tables of an incident: roots, what followed, who waits, what was said and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from nbkit.analysis.incident.cascade import Incident
from nbkit.analysis.incident.messages import MessageGroup
from nbkit.analysis.incident.surroundings import Surrounding
from nbkit.analysis.incident.troubles import Trouble
from nbkit.analysis.incident.usual import Count, SameHours
from nbkit.analysis.incident.waiting import Standing
from nbkit.findings.incident import ground_of, incident_failures
from nbkit.findings.wording import short, some, span
from nbkit.tables import Column, Table

_MANY = 5  # failures, and times the usual number, from which a known message is marked


def roots(incidents: Sequence[Incident]) -> Table:
    """Each root with why it is held to be one."""
    rows = []
    for each in incidents:
        own = each.trouble
        rows.append(
            (
                some(each.roots),
                each.since,
                each.recovered_at,
                incident_failures(each),
                interval(own.usual) if own else None,
                own.before.rate if own and own.before.total else None,
                own.during.rate if own and own.during.total else None,
                ground_of(each),
            )
        )
    return Table.of(
        [
            Column("Root"),
            Column("First (UTC)", "moment"),
            Column("Well again (UTC)", "moment"),
            Column("Failures", "count"),
            Column("Usual"),
            Column("Failing before", "percent"),
            Column("During", "percent"),
            Column("Why the root"),
        ],
        rows,
        empty="No processor was in trouble out of the ordinary.",
    )


def followers(incidents: Sequence[Incident]) -> Table:
    """What shares a root's cause, and what followed it, in order of time."""
    rows = []
    for each in incidents:
        for trouble in each.shared:
            rows.append(_joiner(each, trouble, "same cause", None))
        for follower in sorted(each.followers, key=lambda f: f.trouble.since):
            rows.append(_joiner(each, follower.trouble, f"{follower.distance}", follower.named))
    return Table.of(
        [
            Column("Processor"),
            Column("After"),
            Column("Later by", "span"),
            Column("Steps away"),
            Column("Failures", "count"),
            Column("Naming it", "count"),
            Column("Says", "code"),
        ],
        rows,
        empty="Nothing followed.",
    )


def waiters(incidents: Sequence[Incident], standings: Mapping[str, Sequence[Standing]]) -> Table:
    """Roots and their descendants by data date: what waits first, then by deadline."""
    rows = [
        (
            row.processor.name,
            row.data_date,
            "the root" if row.distance == 0 else f"{row.distance}",
            row.processor.criticality.value.lower(),
            _state(row, {f.processor for f in each.followers}),
            row.due,
            _left(row),
            row.missed / row.judged if row.judged and row.missed is not None else None,
            short(row.reason, 70),
        )
        for each in incidents
        for row in standings.get(each.root, ())
    ]
    return Table.of(
        [
            Column("Processor"),
            Column("Data of", "date"),
            Column("Steps"),
            Column("Criticality"),
            Column("State"),
            Column("Due (UTC)", "moment"),
            Column("Time left"),
            Column("Misses", "percent"),
            Column("Why"),
        ],
        rows,
        empty="Nobody waits.",
    )


def said(messages: Sequence[MessageGroup]) -> Table:
    """What the failures said: new templates first, real failures before expected ones."""
    return Table.of(
        [
            Column("New?"),
            Column("Failures", "count"),
            Column("Usual", "hours"),
            Column("Message", "code"),
            Column("Processors"),
            Column("First (UTC)", "moment"),
            Column("Category"),
            Column("Run", "code"),
        ],
        [
            (
                _novelty(group),
                group.failures,
                group.usual,
                short(group.example, 160) or "no message recorded",
                some(group.processors),
                group.since,
                group.category.replace("_", " "),
                group.example_run_id,
            )
            for group in messages
        ],
        empty="Nothing failed in the window.",
    )


def changed(surroundings: Sequence[Surrounding]) -> Table:
    """What the window has and the month before it had not."""
    return Table.of(
        [
            Column("When (UTC)", "moment"),
            Column("What"),
            Column("Whose"),
            Column("Before"),
            Column("Now"),
            Column("Runs", "count"),
        ],
        [(s.at, s.what, s.subject, s.before, s.now, s.runs) for s in surroundings],
        empty="No new revision, trigger, source, host or processor, and no first failure.",
    )


def compared(whole: SameHours, rows: Sequence[SameHours]) -> Table:
    """Every processor with runs, beside the same hours: what is least usual first."""
    ordered = sorted(
        rows,
        key=lambda r: (min(r.real.q, r.runs.q, r.durations.q), -r.real.now, r.processor),
    )
    return Table.of(
        [
            Column("Processor"),
            Column("Unusual?"),
            Column("Real failures", "count"),
            Column("Usual"),
            Column("Weeks before, latest first"),
            Column("Runs", "count"),
            Column("Usual"),
            Column("Nothing to do", "count"),
            Column("Usual"),
            Column("P95", "seconds"),
            Column("P95 usual", "seconds"),
        ],
        [_compared(row) for row in (whole, *ordered) if row.runs.now or any(row.runs.before)],
        empty="Nothing ran in these hours.",
    )


def _compared(row: SameHours) -> tuple[object, ...]:
    return (
        row.processor or "all together",
        "; ".join(_unusual(row)) or "–",
        row.real.now,
        interval(row.real),
        _weeks(row.real),
        row.runs.now,
        interval(row.runs),
        row.expected.now,
        interval(row.expected),
        row.durations.p95_s,
        row.durations.usual_p95_s,
    )


def _joiner(of: Incident, trouble: Trouble, how: str, named: int | None) -> tuple[object, ...]:
    return (
        trouble.processor,
        of.root,
        max(trouble.since - of.since, timedelta(0)),
        how,
        trouble.failures,
        named,
        short(trouble.example, 70) or ", ".join(trouble.reasons),
    )


def interval(count: Count) -> str | None:
    """`0 to 21`: what a further such window brings in 95 of 100 cases."""
    if count.low is None or count.high is None:
        return None
    return f"{count.low:,.0f} to {count.high:,.0f}"


def _weeks(count: Count) -> str | None:
    """`[250], 9, 6, 6`: in brackets the week that stood out."""
    if not count.before:
        return None
    return ", ".join(
        f"[{number:,}]" if week == count.left_out else f"{number:,}"
        for week, number in enumerate(count.before, start=1)
    )


def _unusual(row: SameHours) -> Iterable[str]:
    limit = 0.05
    for count, word in (
        (row.real, "failures"),
        (row.runs, "runs"),
        (row.expected, "nothing to do"),
    ):
        if count.usual is not None and count.q <= limit:
            yield f"{'more' if count.is_more else 'fewer'} {word}"
    if row.durations.q <= limit and row.durations.over:
        yield "slower"


def _novelty(group: MessageGroup) -> str:
    if group.is_new:
        return "NEW"
    if len(group.new_for) == len(group.processors):
        return "new here"
    if group.failures >= _MANY and group.failures >= _MANY * group.usual:
        return f"{group.failures / group.usual:,.0f}× usual" if group.usual else "more"
    return ""


def _state(row: Standing, failing: set[str]) -> str:
    if row.is_waiting:
        return "waits"
    if not row.is_recorded:
        return "no runs recorded"
    if row.is_done:
        return "done, failed since" if row.processor.name in failing else "done"
    return "not yet due"


def _left(row: Standing) -> str | None:
    if row.left is None or row.is_done or not row.is_recorded:
        return None
    return f"{span(-row.left)} late" if row.left < timedelta(0) else span(row.left)
