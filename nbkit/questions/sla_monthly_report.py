"""What the monthly SLA report shows: its sentences, tables and figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nbkit import figures
from nbkit.analysis.proportions import difference
from nbkit.analysis.slas import Attainment, Standing
from nbkit.analysis.slas.changes import Change
from nbkit.analysis.slas.cost import Cost
from nbkit.failures import NEXT_STEP
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.slas import budgets
from nbkit.findings.wording import capital, count_of, part_of, percent, short, some, span, verb
from nbkit.questions.past_findings import PastFindings
from nbkit.questions.sla_facts import SlaFacts
from nbkit.questions.sla_tables import (
    compliance,
    exceptions_shown,
    incident_note,
    incidents,
    ranked,
    scope_note,
    unmeasured,
)
from nbkit.registry.slas import Measure
from nbkit.store import PastReport
from nbkit.tables import Column, Note, Table

ACCURACY = "hit_rate"
WASTERS = 10


@dataclass(frozen=True, kw_only=True)
class Month:
    """A calendar month of the zone that the SLAs name, in UTC; `end` is the first moment after."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class SlaMonthly:
    """Everything the report shows. The last of `months` is judged; `attained` has each target in
    every one of them, `costs` every phase; `wasters` are the processors of the judged month."""

    as_of: datetime
    months: tuple[Month, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]
    attained: Mapping[str, tuple[Attainment, ...]]
    excused: Mapping[str, Attainment]
    changes: tuple[Change, ...]
    costs: Mapping[str, tuple[Cost, ...]]
    wasters: tuple[Cost, ...]
    past: PastFindings = field(repr=False)
    facts: SlaFacts = field(repr=False)
    judgement: Judgement = field(repr=False)

    @property
    def month(self) -> Month:
        return self.months[-1]

    @property
    def last(self) -> dict[str, Attainment]:
        """Each target in the judged month."""
        return {name: own[-1] for name, own in self.attained.items()}

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Verdict.UNKNOWN:
            first = self.findings[0].title if self.findings else "nothing could be measured"
            return f"{self.month.name}: {first}"
        known = [a for a in self.last.values() if a.standing is not Standing.NOT_MEASURED]
        missed = ranked(a for a in known if a.standing is Standing.MISSED)
        if not missed:
            kept = part_of(len(known), len(known), "measured target")
            return f"{capital(kept)} {verb(len(known), 'were')} kept in {self.month.name}."
        return (
            f"{capital(part_of(len(missed), len(known), 'measured target'))} "
            f"{verb(len(missed), 'were')} missed in {self.month.name}: "
            f"{some([a.target.title for a in missed], 3)}."
        )

    def summary_note(self) -> Note:
        """The one change that would help most, and what the month cost."""
        words = []
        if self.changes:
            first = self.changes[0]
            words.append(
                f"Most would change with {first.processor}: without its part "
                f"{first.target.title} had come to {percent(first.then)} instead of "
                f"{percent(first.now)}."
            )
        own = self.costs[self.month.name]
        total, wasted = sum(c.total_h for c in own), sum(c.wasted_h for c in own)
        if total:
            words.append(
                f"Of {total:,.0f}\u00a0h of compute time {wasted:,.0f}\u00a0h went into runs that "
                f"failed and {sum(c.idle_h for c in own):,.0f}\u00a0h into runs with nothing to do."
            )
        unknown = [a for a in self.last.values() if a.standing is Standing.NOT_MEASURED]
        if unknown:
            words.append(
                f"{len(unknown)} of {count_of(len(self.last), 'target')} "
                f"{verb(len(unknown), 'are')} not measured."
            )
        return Note(
            " ".join(words) or "Nothing to tell.", is_warning=self.verdict is not Verdict.GREEN
        )

    def compliance_table(self) -> Table:
        """Every measured target of the month, the most overspent first."""
        return compliance(self.last.values())

    def scope_note(self) -> Note:
        """What the figures leave out."""
        return scope_note(self.facts, self.month.start, self.month.end)

    def unmeasured_table(self) -> Table:
        """What nothing can be said about, and why."""
        return unmeasured(self.last.values())

    def exception_table(self) -> Table:
        """The exceptions of the month: figures with and without them."""
        return exceptions_shown(self.facts.exceptions, self.last, self.excused)

    def month_figure(self) -> figures.Figure:
        pairs = {
            own[-1].target.title: (own[-2] if own[-2].share.total else None, own[-1])
            for own in self.attained.values()
        }
        return figures.month_against_month(
            pairs, now=self.months[-1].name, before=self.months[-2].name
        )

    def month_table(self) -> Table:
        """Each measured target by month, and whether the last differs from the one before."""
        columns = [Column("Target"), Column("Promised", "percent")]
        columns += [Column(month.name, "percent") for month in self.months]
        return Table.of(
            [*columns, Column("Change")],
            [
                (
                    own[-1].target.title,
                    own[-1].target.objective,
                    *(each.share.rate for each in own),
                    _change(own[-2], own[-1]),
                )
                for own in self.attained.values()
                if any(each.share.total for each in own)
            ],
            empty="Nothing could be measured.",
        )

    def accuracy_note(self) -> Note:
        """The hit rate of the predictions, where somebody writes it."""
        own = self.attained.get(ACCURACY)
        if own is None:
            return Note("registry/slas.yaml has no target hit_rate.")
        now, before = own[-1], own[-2]
        promised = percent(now.target.objective)
        if now.standing is Standing.NOT_MEASURED:
            return Note(
                f"Not measured: {now.why_not}. Promised are {promised} of graded predictions; "
                "docs/slas.md has the statement that writes them from the grading table.",
                is_warning=True,
            )
        beside = f", {percent(before.share.rate)} the month before" if before.share.total else ""
        return Note(
            f"{percent(now.share.rate)} of {now.share.total:,} graded predictions hit "
            f"({percent(now.share.confidence)} interval {percent(now.share.low)} to "
            f"{percent(now.share.high)}{beside}). Promised are {promised}: {now.standing}; "
            f"{budgets(now.spent or 0.0)}.",
            is_warning=now.standing is not Standing.MET,
        )

    def cost_figure(self) -> figures.Figure:
        return figures.cost_by_month(self.costs)

    def cost_table(self) -> Table:
        """The judged month by phase, the most wasted first."""
        return Table.of(
            [Column("Phase"), *_COST_COLUMNS],
            [_cost_row(cost) for cost in self.costs[self.month.name]],
            empty="No run ended in this month.",
        )

    def waster_table(self) -> Table:
        """The processors that wasted most."""
        wasted = [cost for cost in self.wasters if cost.wasted_h > 0][:WASTERS]
        return Table.of(
            [Column("Processor"), *_COST_COLUMNS],
            [_cost_row(cost) for cost in wasted],
            empty="No compute time was wasted.",
        )

    def own_cost_note(self) -> Note:
        """What nbkit's own reports of the month cost."""
        reports = self.past.reports
        if not reports:
            return Note(
                f"No report of {self.month.name} was found in the store, so what nbkit itself "
                "cost is not known."
            )
        billed = [r.bytes_billed for r in reports if r.bytes_billed is not None]
        told = (
            f"{sum(billed) / 1e9:,.2f}\u00a0GB were billed"
            if billed
            else "no byte was billed (the engine does not bill)"
        )
        return Note(
            f"{count_of(len(reports), 'report')} of {self.month.name}: {told}; they took "
            f"{span(timedelta(seconds=sum(r.seconds for r in reports)))}, "
            f"{span(timedelta(seconds=sum(r.query_seconds for r in reports)))} of it in queries."
        )

    def own_cost_table(self) -> Table:
        """The same by notebook, the dearest first."""
        groups: dict[str, list[PastReport]] = defaultdict(list)
        for report in self.past.reports:
            groups[report.notebook].append(report)
        ranked_groups = sorted(
            groups.items(),
            key=lambda group: (-_billed(group[1]), -sum(r.seconds for r in group[1]), group[0]),
        )
        rows = [
            (
                name,
                len(own),
                _billed(own) / 1e6 if any(r.bytes_billed is not None for r in own) else None,
                sum(r.query_seconds for r in own),
                sum(r.seconds for r in own),
                sum(r.verdict is Verdict.RED for r in own),
            )
            for name, own in ranked_groups
        ]
        return Table.of(
            [
                Column("Notebook"),
                Column("Reports", "count"),
                Column("Billed, MB", "hours"),
                Column("In queries", "seconds"),
                Column("In all", "seconds"),
                Column("RED", "count"),
            ],
            rows,
            empty="No report was found.",
        )

    def incident_note(self) -> Note:
        """Which reports were read for the incidents."""
        return incident_note(self.past, self.month.name)

    def incident_table(self) -> Table:
        """What the month's reports found, the worst first."""
        return incidents(self.past)

    def change_table(self) -> Table:
        """What to change, ranked by how many budgets it spends."""
        return Table.of(
            [
                Column("Change"),
                Column("Target"),
                Column("Spends, budgets", "hours"),
                Column("Now", "percent"),
                Column("Without it", "percent"),
                Column("How"),
            ],
            [
                (c.processor, c.target.title, c.budgets, c.now, c.then, _how(c))
                for c in self.changes
            ],
            empty="No target was missed by what a processor did.",
        )

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


_COST_COLUMNS = (
    Column("Runs", "count"),
    Column("Succeeded, h", "hours"),
    Column("Failed, h", "hours"),
    Column("Nothing to do, h", "hours"),
    Column("Open after timeout, h", "hours"),
    Column("Without a duration", "count"),
)


def _cost_row(cost: Cost) -> tuple[object, ...]:
    return (
        cost.name,
        cost.runs,
        cost.useful_h,
        cost.wasted_h,
        cost.idle_h,
        cost.open_h,
        cost.untimed,
    )


def _billed(reports: Sequence[PastReport]) -> int:
    return sum(report.bytes_billed or 0 for report in reports)


def _change(before: Attainment, now: Attainment) -> str:
    found = difference(before.share, now.share)
    if found is None:
        return "nothing to compare"
    if found.value == 0:
        return "no change"
    points = f"{100 * found.value:+.1f} points".replace("-", "−")
    return points if found.is_clear else f"{points}, may be chance"


def _how(change: Change) -> str:
    if change.target.measure is Measure.ON_TIME:
        if change.earlier is None:
            return "complete every date: some never were"
        return f"complete each date {span(change.earlier)} earlier"
    if change.category is None or change.category_share is None:
        return "see what fails: nbkit health"
    told = f"{percent(change.category_share)} of its failures: {change.category.replace('_', ' ')}"
    if change.message:
        return f"{told}, mostly “{short(change.message, 90)}”"
    return f"{told}. {NEXT_STEP[change.category].replace('NAME', change.processor)}"
