"""What the scorecard shows: every promise on one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nbkit import figures
from nbkit.analysis.count_rates import RateRatio
from nbkit.analysis.measures import Measured
from nbkit.analysis.proportions import Difference
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.validation import interval_told, target_told, told
from nbkit.findings.wording import count_of
from nbkit.questions.validation_report import STANDING
from nbkit.registry.metrics import Metric
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One metric before the change, in each week since, and in all of the time since."""

    metric: Metric
    before: Measured
    weeks: tuple[Measured, ...]
    since: Measured
    change: RateRatio | Difference | None


@dataclass(frozen=True, kw_only=True)
class ScorecardReport:
    """Everything the scorecard shows, in the order of `registry/metrics.yaml`."""

    as_of: datetime
    rows: tuple[Scored, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]
    judgement: Judgement = field(repr=False)

    def _count(self, standing: str) -> int:
        return sum(row.since.standing == standing for row in self.rows)

    @property
    def headline(self) -> str:
        """How many promises are kept, missed and open, or why nobody can say."""
        stale = [f.title for f in self.findings[:1] if f.kind == "stale_history"]
        if stale:
            return stale[0]
        return (
            f"Of {count_of(len(self.rows), 'promise')} {self._count('met')} kept, "
            f"{self._count('not met')} missed, {self._count('not enough runs')} too early to tell."
        )

    def summary_note(self) -> Note:
        """The headline, and what is missed."""
        missed = [row.metric.title for row in self.rows if row.since.standing == "not met"]
        words = [f"{self.headline.removesuffix('.')}."] + (
            [f"Missed: {'; '.join(missed)}."] if missed else []
        )
        return Note(" ".join(words), is_warning=self.verdict is not Verdict.GREEN)

    def table(self) -> Table:
        """Week 0, the weeks since, target and verdict."""
        return Table.of(
            [
                Column("Metric"),
                Column("Verdict"),
                Column("Week 0"),
                Column("Week 1"),
                Column("Week 2"),
                Column("Target"),
                Column("Since the change, 95 % interval"),
                Column("Published"),
            ],
            [
                (
                    row.metric.title,
                    STANDING[row.since.standing],
                    told(row.before.value, row.before),
                    *(told(week.value, week) for week in row.weeks),
                    target_told(row.metric.target, row.since),
                    interval_told(row.since),
                    told(row.metric.published.value, row.since) if row.metric.published else "–",
                )
                for row in self.rows
            ],
            empty="registry/metrics.yaml lists no metric.",
        )

    def observed_table(self) -> Table:
        """How much each figure rests on."""
        return Table.of(
            [
                Column("Metric"),
                Column("Changed", "date"),
                Column("Before"),
                Column("Since"),
                Column("Published by"),
            ],
            [
                (
                    row.metric.title,
                    row.metric.changed_at.date(),
                    count_of(row.before.count, row.before.unit),
                    count_of(row.since.count, row.since.unit),
                    row.metric.published.source if row.metric.published else "–",
                )
                for row in self.rows
            ],
            empty="registry/metrics.yaml lists no metric.",
        )

    def figure(self) -> figures.Figure:
        """How far each metric has come from where it was to its target."""
        return figures.scorecard_progress(
            [
                figures.Progress(
                    title=row.metric.title,
                    start=row.before.value
                    if row.before.value is not None
                    else row.metric.published.value
                    if row.metric.published
                    else None,
                    now=row.since.value,
                    low=row.since.low,
                    high=row.since.high,
                    target=row.metric.target.value,
                    label=f"{told(row.since.value, row.since)} "
                    f"(target {target_told(row.metric.target, row.since)})",
                    standing=row.since.standing,
                )
                for row in self.rows
            ]
        )
