"""What the daily health report shows: its sentences, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from nbkit import figures
from nbkit.analysis.causes import Cause, Change, NewMessage
from nbkit.analysis.completeness import Completeness
from nbkit.analysis.durations import DurationShift
from nbkit.analysis.liveness import Freshness, Silence, StuckRun
from nbkit.analysis.rates import Outcomes, PhaseRates
from nbkit.analysis.services import PhaseDeployment
from nbkit.analysis.trends.outlook import Outlook
from nbkit.findings import Finding, Severity, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.trends import ahead_told, change_named, effect_told
from nbkit.findings.wording import count_of, moment, short, some, span, verb
from nbkit.tables import Column, Note, Table

DAY = timedelta(days=1)
WORSE_LINES = 10


@dataclass(frozen=True, kw_only=True)
class DailyHealth:
    """Everything the daily report shows. Tables and figures are made from it when asked for."""

    as_of: datetime
    start: datetime
    warehouse: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    phases: tuple[PhaseRates, ...]
    deployments: tuple[PhaseDeployment, ...]
    day: Outcomes
    day_before: Outcomes
    shifts: tuple[DurationShift, ...]
    completeness: tuple[Completeness, ...]
    stuck: tuple[StuckRun, ...]
    silent: tuple[Silence, ...]
    causes: tuple[Cause, ...]
    new_messages: tuple[NewMessage, ...]
    changes: tuple[Change, ...]
    worse: Outlook = field(repr=False)
    counts: pd.DataFrame = field(repr=False)
    judgement: Judgement = field(repr=False)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        worst = [f for f in self.findings if f.severity is Severity.CRITICAL]
        warnings = [f for f in self.findings if f.severity is Severity.WARNING]
        if self.verdict is Verdict.UNKNOWN:
            return self.findings[0].title
        if not worst and not warnings:
            return "Nothing needs attention."
        first = (worst or warnings)[0].title
        return f"{len(worst)} critical, {count_of(len(warnings), 'warning')}. First: {first}."

    def freshness_note(self) -> Note:
        """One line: how old the history is, and what lies after `as_of`."""
        after = self.freshness.runs_after_as_of
        text = (
            f"Newest entry {moment(self.freshness.last_event)}, {span(self.freshness.age)} before "
            f"this report's moment {moment(self.as_of)}."
            + (f" {count_of(after, 'later run')} {verb(after, 'are')} left out." if after else "")
        )
        return Note(text, is_warning=self.verdict is Verdict.UNKNOWN)

    def phase_table(self) -> Table:
        state = {d.phase: d.state for d in self.deployments}
        return Table.of(
            [
                Column("Phase"),
                Column("Service"),
                Column("Runs, 24 h", "count"),
                Column("Real failures", "count"),
                Column("Expected", "count"),
                Column("Raw, 7 d", "percent"),
                Column("Effective, 7 d", "percent"),
                Column("Last success (UTC)", "moment"),
            ],
            [
                (
                    p.title,
                    state.get(p.phase, "not measured"),
                    p.day.runs,
                    p.day.real,
                    p.day.expected,
                    p.week.raw_rate,
                    p.week.effective_rate,
                    p.last_success,
                )
                for p in self.phases
            ],
            empty="No phase has run.",
        )

    def noise_table(self) -> Table:
        return Table.of(
            [
                Column("24 hours"),
                Column("Failures", "count"),
                Column("Real", "count"),
                Column("Expected", "count"),
                Column("Noise share", "percent"),
            ],
            [
                ("to this report", *_noise(self.day)),
                ("the day before", *_noise(self.day_before)),
            ],
            empty="",
        )

    def cause_table(self) -> Table:
        return Table.of(
            [
                Column("Failures", "count"),
                Column("Category"),
                Column("Processors"),
                Column("Example", "code"),
                Column("New?"),
            ],
            [
                (
                    c.failures,
                    c.category.replace("_", " "),
                    some(c.processors),
                    short(c.example, 140) or "no message recorded",
                    "new" if c.new else "",
                )
                for c in self.causes
            ],
            empty="Nothing failed in the last 24 hours.",
        )

    def duration_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("Runs", "count"),
                Column("P50", "seconds"),
                Column("P95", "seconds"),
                Column("P99", "seconds"),
                Column("P95 usual", "seconds"),
                Column("Ratio", "factor"),
                Column("Runs over 2×", "count"),
            ],
            [
                (s.processor, s.runs, s.p50, s.p95, s.p99, s.baseline_p95, s.ratio, s.over_limit)
                for s in self.shifts
            ],
            empty="No successful run with a duration in the last 24 hours.",
        )

    def completeness_table(self) -> Table:
        order = {"none": 0, "below": 1, "above": 2, "within": 3, "unknown": 4}
        rows = sorted(self.completeness, key=lambda r: (order[r.state], not r.stated))
        return Table.of(
            [
                Column("Processor"),
                Column("Date", "date"),
                Column("Records", "count"),
                Column("Low", "count"),
                Column("High", "count"),
                Column("Range from"),
                Column("State"),
            ],
            [
                (
                    r.processor,
                    r.data_date,
                    r.records,
                    r.low,
                    r.high,
                    "registry" if r.stated else "its history",
                    r.state,
                )
                for r in rows
            ],
            empty="No processor has an expected range, stated or learned.",
        )

    def stuck_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("Started (UTC)", "moment"),
                Column("Running for", "span"),
                Column("Timeout", "span"),
                Column("Run", "code"),
            ],
            [(r.processor, r.started_at, r.running, r.timeout, r.run_id) for r in self.stuck],
            empty="No run is stuck.",
        )

    def silence_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("Last run ended (UTC)", "moment"),
                Column("Silent for", "span"),
                Column("Longest before", "span"),
            ],
            [(s.processor, s.last_seen, s.quiet, s.longest_before) for s in self.silent],
            empty="Every processor with a rhythm keeps it.",
        )

    def change_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("What changed"),
                Column("Real failures, day before", "count"),
                Column("Last 24 h", "count"),
                Column("Successes, last 24 h", "count"),
            ],
            [(c.processor, c.direction, c.before, c.now, c.successes_now) for c in self.changes],
            empty="No processor's failures changed much since yesterday.",
        )

    def worse_note(self) -> Note:
        """How many get worse, of how many that could be judged."""
        warned = self.worse.warnings
        words = [
            f"{len(warned.warnings)} of {count_of(len(warned.judged), 'processor')} with enough "
            f"history {verb(len(warned.warnings), 'are')} getting worse, as of "
            f"{self.worse.day}."
        ]
        if shared := self.worse.onset_shared():
            words.append(
                f"{shared[1]} of them changed on {shared[0]}: look for one cause before many."
            )
        if warned.insufficient:
            words.append(
                f"{count_of(len(warned.insufficient), 'processor')} had too little history."
            )
        hidden = len(self.worse.worse) - WORSE_LINES
        if hidden > 0:
            words.append(f"{hidden} more {verb(hidden, 'stand')} in the trends report.")
        return Note(" ".join(words), is_warning=bool(warned.warnings))

    def worse_table(self) -> Table:
        """The most important of what is getting worse, as the trends report ranks it."""
        return Table.of(
            [
                Column("Processor"),
                Column("What"),
                Column("Since", "date"),
                Column("Effect (95 % interval)"),
                Column("If it goes on"),
            ],
            [
                (
                    warning.processor,
                    change_named(change),
                    change.since,
                    effect_told(change),
                    ahead_told(self.worse, warning.processor, change),
                )
                for warning, change in self.worse.worse[:WORSE_LINES]
            ],
            empty="Nothing is getting worse among what could be judged.",
        )

    def phase_figure(self) -> figures.Figure:
        return figures.phase_week(self.phases, end=hour_after(self.as_of))

    def failure_figure(self) -> figures.Figure:
        end = hour_after(self.as_of)
        return figures.failures_by_hour(self.counts, start=end - 2 * DAY, end=end)

    def duration_figure(self) -> figures.Figure:
        return figures.duration_shift(self.shifts)

    def cause_figure(self) -> figures.Figure:
        return figures.cause_bars(self.causes)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def hour_after(moment: datetime) -> datetime:
    """The end of the hour that `moment` lies in (counts are hourly)."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + timedelta(hours=1)


def _noise(day: Outcomes) -> tuple[int, int, int, float | None]:
    return day.failures, day.real, day.expected, day.noise_share
