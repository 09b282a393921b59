"""What the weekly SLA report shows: its sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from nbkit import figures
from nbkit.analysis.proportions import difference
from nbkit.analysis.slas import Attainment, Burn, DateCompletion, Standing
from nbkit.findings import Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.wording import capital, count_of, part_of, some, span, verb
from nbkit.questions.past_findings import PastFindings
from nbkit.questions.sla_tables import (
    compliance,
    exceptions_shown,
    incident_note,
    incidents,
    ranked,
    scope_note,
    unmeasured,
)
from nbkit.questions.slas import WEEK, SlaStatus
from nbkit.tables import Column, Note, Table

WORST = 5


@dataclass(frozen=True, kw_only=True)
class SlaWeekly:
    """Everything the report shows.

    `weeks` are each target's weeks, the oldest first and this one last, `before` those before this
    one together; `budgets` how much of each budget was left after each day of the period.
    """

    status: SlaStatus
    weeks: Mapping[str, tuple[Attainment, ...]]
    before: Mapping[str, Attainment]
    budgets: Mapping[str, pd.Series] = field(repr=False)
    past: PastFindings = field(repr=False)

    @property
    def verdict(self) -> Verdict:
        return self.status.verdict

    @property
    def judgement(self) -> Judgement:
        return self.status.judgement

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Verdict.UNKNOWN:
            findings = self.status.findings
            return findings[0].title if findings else "Nothing could be measured."
        missed = self._standing(Standing.MISSED)
        known = [a for a in self.status.attainments if a.standing is not Standing.NOT_MEASURED]
        if not missed:
            kept = part_of(len(known), len(known), "measured target")
            return f"{capital(kept)} {verb(len(known), 'are')} kept."
        return (
            f"{capital(part_of(len(missed), len(known), 'measured target'))} "
            f"{verb(len(missed), 'are')} missed over {self.status.facts.slas.period.days} days: "
            f"{some([a.target.title for a in ranked(missed)], 3)}."
        )

    def summary_note(self) -> Note:
        """What is kept, what burns, what cannot be said."""
        status = self.status
        words = []
        burning = [b for b in status.burns.values() if b is not None]
        words.append(
            f"{count_of(len(burning), 'error budget')} {verb(len(burning), 'burn')} faster now "
            f"than {'it' if len(burning) == 1 else 'they'} can bear."
            if burning
            else "No error budget burns faster now than it can bear."
        )
        late = self._late()
        words.append(
            f"{count_of(len(late), 'deadline')} of this week {verb(len(late), 'were')} missed."
            if late
            else "No deadline of this week was missed."
        )
        unknown = self._standing(Standing.NOT_MEASURED)
        if unknown:
            words.append(
                f"{len(unknown)} of {count_of(len(status.attainments), 'target')} "
                f"{verb(len(unknown), 'are')} not measured, which is not the same as kept."
            )
        return Note(" ".join(words), is_warning=self.verdict is not Verdict.GREEN)

    def compliance_table(self) -> Table:
        """Every measured target, the most overspent first."""
        return compliance(self.status.attainments)

    def scope_note(self) -> Note:
        """What the figures leave out."""
        return scope_note(self.status.facts, self.status.start, self.status.as_of)

    def unmeasured_table(self) -> Table:
        """What nothing can be said about, and why."""
        return unmeasured(self.status.attainments)

    def exception_table(self) -> Table:
        """The exceptions of the period: figures with and without them."""
        status = self.status
        return exceptions_shown(
            status.facts.exceptions,
            {a.target.name: a for a in status.attainments},
            status.excused,
        )

    def budget_figure(self) -> figures.Figure:
        titles = {a.target.name: a.target.title for a in self.status.attainments}
        return figures.budget_burn_down(
            {titles[name]: line for name, line in self.budgets.items()},
            days=self.status.facts.slas.period.days,
        )

    def burn_table(self) -> Table:
        """The budgets that burn too fast now."""
        burning = [(name, burn) for name, burn in self.status.burns.items() if burn is not None]
        rows = [
            (
                self.status.attainment(name).target.title,
                burn.alert.name,
                burn.rate,
                burn.limit,
                span(burn.alert.long)
                if burn.long.trials is None
                else f"last {burn.long.trials} trials",
                burn.long.bad,
                burn.long.start,
            )
            for name, burn in sorted(burning, key=lambda pair: -pair[1].rate)
        ]
        return Table.of(
            [
                Column("Target"),
                Column("Alert"),
                Column("Burns at", "factor"),
                Column("Alert from", "factor"),
                Column("Over"),
                Column("Bad", "percent"),
                Column("Since (UTC)", "moment"),
            ],
            rows,
            empty="No error budget burns faster now than it can bear.",
        )

    def week_table(self) -> Table:
        """Each measured target by week, and whether this one differs from those before."""
        edges = next(iter(self.weeks.values()), ())
        columns = [Column("Target"), Column("Promised", "percent")]
        columns += [Column(f"{week.end - WEEK:%d\u00a0%b}", "percent") for week in edges]
        rows = []
        for name, own in self.weeks.items():
            if not any(week.share.total for week in own):
                continue
            target = self.status.attainment(name).target
            rows.append(
                (
                    target.title,
                    target.objective,
                    *(week.share.rate for week in own),
                    _change(self.before[name], own[-1]),
                )
            )
        return Table.of([*columns, Column("This week")], rows, empty="Nothing measured.")

    def deadline_figure(self) -> figures.Figure:
        titles = {phase.name: phase.title for phase in self.status.facts.registry.phases}
        return figures.deadline_lateness(
            {
                titles[own[0].phase]: own
                for own in self.status.dates(self.status.start).values()
                if own
            },
            as_of=self.status.as_of,
        )

    def deadline_table(self) -> Table:
        """The deadlines of the week that were missed by most."""
        titles = {phase.name: phase.title for phase in self.status.facts.registry.phases}
        as_of = self.status.as_of
        worst = sorted(self._late(), key=lambda d: (-d.lateness(as_of), d.data_date))[:WORST]
        return Table.of(
            [
                Column("Phase"),
                Column("Date", "date"),
                Column("Due (UTC)", "moment"),
                Column("Complete (UTC)", "moment"),
                Column("Late by", "span"),
                Column("Waited for"),
            ],
            [
                (titles[d.phase], d.data_date, d.due, d.done_at, d.lateness(as_of), some(d.last))
                for d in worst
            ],
            empty="No deadline of this week was missed.",
        )

    def incident_note(self) -> Note:
        """Which reports were read for the incidents."""
        return incident_note(self.past, "this week")

    def incident_table(self) -> Table:
        """What the week's reports found, the worst first."""
        return incidents(self.past)

    def _standing(self, standing: Standing) -> list[Attainment]:
        return [a for a in self.status.attainments if a.standing is standing]

    def _late(self) -> list[DateCompletion]:
        own = self.status.dates(self.status.as_of - WEEK).values()
        return [date for dates in own for date in dates if date.is_late]

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def _over(burn: Burn) -> str:
    """What the long window is made of."""
    if burn.long.trials is None:
        return span(burn.alert.long)
    return f"last {burn.long.trials} trials"


def _change(before: Attainment, now: Attainment) -> str:
    """Whether this week differs from the weeks before it together, beyond chance."""
    found = difference(before.share, now.share)
    if found is None:
        return "nothing to compare"
    if not found.is_clear:
        return "no clear change"
    return f"{'better' if found.value > 0 else 'worse'} by {100 * abs(found.value):.1f} points"
