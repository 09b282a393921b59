"""What the storm report shows: its sentences and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from html import escape

import pandas as pd

from nbkit import figures
from nbkit.analysis.liveness import Freshness
from nbkit.analysis.storms.attempts import staircase
from nbkit.analysis.storms.outside import RetryPolicy, SchedulerJob, shared_marks
from nbkit.analysis.storms.storm import Storm, scaled
from nbkit.analysis.storms.what_if import WhatIf
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.storm_changes import Change
from nbkit.findings.storms import RECOMMENDATIONS, TITLES
from nbkit.findings.wording import count_of, moment, percent, seconds, some
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class StormReport:
    """Everything the report shows. Tables are made from it when asked for.

    `storms` are in the order of the findings: the first is the one the report is about; `predicted`
    (None where no fix was tried) and `changes` go with them. `sampled` is the share of the messages
    whose runs were read (1: all).
    """

    as_of: datetime
    window: tuple[datetime, datetime]
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    storms: tuple[Storm, ...]
    predicted: tuple[WhatIf | None, ...]
    changes: tuple[tuple[Change, ...], ...]
    counts: pd.DataFrame = field(repr=False)
    sampled: float
    target_per_week: float
    jobs: tuple[SchedulerJob, ...]
    policies: tuple[RetryPolicy, ...]
    judgement: Judgement = field(repr=False)

    @property
    def storm(self) -> Storm | None:
        """The worst one; None where there is none."""
        return self.storms[0] if self.storms else None

    @property
    def headline(self) -> str:
        if self.findings:
            return self.findings[0].title
        return "No hour in which more failed than usual."

    def summary_note(self) -> Note:
        """The verdict, in two sentences."""
        first, last = self.window
        looked = f"Looked at {first:%Y-%m-%d} to {last:%Y-%m-%d %H:%M} UTC."
        if not self.storms:
            return Note(f"{looked} {self.headline}")
        found = count_of(len(self.storms), "window")
        part = (
            f" Of the runs around them, those of {percent(self.sampled)} of the messages were "
            "read; counts are scaled up from them."
            if self.sampled < 1
            else ""
        )
        return Note(f"{looked} {found} with more failures than usual.{part}")

    def storm_table(self) -> Table:
        """All storms, as the findings have them."""
        return Table.of(
            [
                Column("When (UTC)"),
                Column("Cause"),
                Column("Failures", "count"),
                Column("of these real", "count"),
                Column("Usual", "count"),
                Column("Times", "count"),
                Column("Attempts per message", "factor"),
            ],
            [
                (
                    storm.name.removesuffix(" UTC"),
                    _words(storm.diagnosis.cause),
                    storm.failures,
                    storm.real,
                    round(storm.usual_failures),
                    len(storm.spans),
                    storm.diagnosis.facts.attempts.factor,
                )
                for storm in self.storms
            ],
            empty="No window.",
        )

    def cause_table(self) -> Table:
        """The causes of the worst storm, ranked."""
        causes = self.storm.diagnosis.causes if self.storm else ()
        return Table.of(
            [Column("Cause"), Column("Score", "percent"), Column("Means")],
            [(_words(each.cause), each.score, TITLES[each.cause]) for each in causes],
            empty="No storm.",
        )

    def evidence_table(self) -> Table:
        """What speaks for the first cause and for its runner-up."""
        causes = [
            each
            for each in (self.storm.diagnosis.causes if self.storm else ())
            if each.evidence and each.score > 0
        ][:3]
        return Table.of(
            [
                Column("Cause"),
                Column("Evidence"),
                Column("Seen"),
                Column("From"),
                Column("Holds"),
                Column("Source"),
            ],
            [
                (
                    _words(each.cause),
                    one.words,
                    "unknown" if one.value is None else f"{one.value:,.3g}",
                    f"{one.threshold:,.3g}",
                    "unknown" if one.strength is None else ("yes" if one.strength >= 0.5 else "no"),
                    one.source,
                )
                for each in causes
                for one in each.evidence
            ],
            empty="No storm.",
        )

    def amplification_note(self) -> Note:
        """How often messages came, and by which law."""
        if self.storm is None:
            return Note("No storm.")
        found = self.storm.diagnosis.facts.attempts
        words = (
            f"{count_of(self.storm.attempts, 'run')} for "
            f"{count_of(self.storm.messages, 'message')}: "
            f"{found.factor:.1f} attempts each, {found.most:,} at most."
        )
        if found.law:
            law = found.law
            words += (
                f" They came back after {seconds(law.min_s)} to {seconds(law.max_s)}, each wait "
                f"{law.factor:.1f} times the one before"
                f"{', without jitter' if law.jitter < 0.1 else ''}."
            )
        if found.hopeless is not None:
            words += f" {percent(found.hopeless)} of the runs could not help any more."
        if found.known < 0.9:
            words += (
                f" Of {percent(1 - found.known)} of the runs the message is not recorded and was "
                "guessed from processor, date and gap."
            )
        return Note(words)

    def outside_note(self) -> Note:
        """What the given schedules and subscriptions say about the worst storm."""
        storm = self.storm
        if storm is None or not (self.jobs or self.policies):
            return Note(
                "No schedules or subscriptions were given (parameters `scheduler_jobs` and "
                "`subscriptions`), so collisions and waits are read from the runs alone."
            )
        words = []
        if self.jobs:
            marks = shared_marks(self.jobs, storm.spans[-1])
            if marks:
                worst = marks[0]
                words.append(
                    f"{len(worst.jobs)} scheduled jobs start together at {moment(worst.at)}: "
                    f"{some(worst.jobs, 5)}; {count_of(len(marks), 'moment')} of the last time had "
                    "three or more."
                )
            else:
                words.append("No three of the given schedules start together in it.")
        law = storm.diagnosis.facts.attempts.law
        if self.policies and law:
            able = [policy.name for policy in self.policies if policy.explains(law)]
            words.append(
                f"The waits fit the retry policy of {some(able, 5)}."
                if able
                else "The waits fit none of the given retry policies."
            )
        return Note(" ".join(words) or "The given subscriptions have nothing to compare with.")

    def processor_table(self) -> Table:
        """Whose failures they are."""
        storm = self.storm
        return Table.of(
            [Column("Processor"), Column("Failures", "count"), Column("Share", "percent")],
            [
                (name, count, count / storm.failures)
                for name, count in (storm.by_processor if storm else {}).items()
                if storm
            ],
            empty="No storm.",
        )

    def week_table(self) -> Table:
        """Failures in the window's hours, week by week."""
        storm = self.storm
        return Table.of(
            [Column("Week of", "date"), Column("Failures", "count"), Column("Target")],
            [
                (day, count, "met" if count <= self.target_per_week else "missed")
                for day, count in sorted((storm.by_week if storm else {}).items(), reverse=True)
            ],
            empty="No storm.",
        )

    @property
    def what_if(self) -> WhatIf | None:
        """What fixes would do to the worst storm."""
        return self.predicted[0] if self.predicted else None

    def fit_note(self) -> Note:
        """How well the replay of the worst storm fits, and what it goes by."""
        found = self.what_if
        if found is None and self.storm:
            return Note(
                "What fixes would do is not predicted: the runs neither say why they failed nor "
                "which message started them.",
                is_warning=True,
            )
        if found is None:
            return Note("No storm was played again.")
        if not found.observed:
            return Note("Nothing failed, so there is nothing that a fix could save.")
        words = (
            f"The replay without a fix comes to {found.replayed:,.0f} failures; "
            f"{found.observed:,} were seen ({found.misfit:+.1%})."
        )
        if not found.fits:
            words += " That is more than a tenth off: the model does not fit, and predicts nothing."
        words += f" It goes by this: {'; '.join(each.told for each in found.reasons)}."
        if found.sampled < 1:
            words += f" {percent(found.sampled)} of the messages were played."
        return Note(words, is_warning=not found.fits)

    def fix_table(self) -> Table:
        """Each fix with its prediction and bounds."""
        found = self.what_if
        return Table.of(
            [
                Column("Fix"),
                Column("Failures", "count"),
                Column("at least", "count"),
                Column("at most", "count"),
                Column("Saves", "percent"),
            ],
            [
                (
                    each.fix.label or each.fix.title,
                    each.failures,
                    each.failures_low,
                    each.failures_high,
                    each.reduction,
                )
                for each in (found.effects if found else ())
            ],
            empty="Nothing was predicted.",
        )

    def change_table(self) -> Table:
        """What exactly to change, the most useful first."""
        rows = [
            ("", "", line) if place else (change.title, f"{percent(round(change.saves, 2))}", line)
            for change in (self.changes[0] if self.changes else ())
            for place, line in enumerate(change.commands)
        ]
        return Table.of(
            [Column("Change"), Column("Saves"), Column("Do this", "code")],
            rows,
            empty="No fix that was tried surely saves much here.",
        )

    def change_note(self) -> Note:
        """What to mind with the changes."""
        storm, changes = self.storm, self.changes[0] if self.changes else ()
        if storm is None:
            return Note("Nothing to do.")
        words = [RECOMMENDATIONS[storm.diagnosis.cause]]
        words += [f"{change.title}: {change.note}" for change in changes]
        return Note(" ".join(words))

    def cost_note(self) -> Note:
        """What the worst storm costs: computing, redelivery, and alerts."""
        storm = self.storm
        if storm is None:
            return Note("No storm.")
        inside = storm.diagnosis.facts.inside
        failed = inside[inside["is_failure"]]
        # An hour is the longest that such a service lets a run last; more is a row left open.
        length_s = (failed["ended_at"] - failed["started_at"]).dt.total_seconds().clip(0, 3_600)
        again = failed["attempt"] > 1
        per_hour = 3_600 * storm.sampled
        hours, wasted = length_s.sum() / per_hour, length_s[again].sum() / per_hour
        weeks = len(storm.spans)
        each = f", about {hours / weeks:,.1f}\u00a0h each time" if weeks > 1 else ""
        words = (
            f"Failed runs took {hours:,.1f}\u00a0h of computing{each}; {wasted:,.1f}\u00a0h of it "
            f"were redeliveries ({count_of(scaled(int(again.sum()), storm.sampled), 'run')}). "
        )
        often = " each time" if weeks > 1 else ""
        return Note(
            f"{words}An alert for every failure would be {storm.failures / weeks:,.0f} "
            f"alerts{often}, for every real one {storm.real / weeks:,.0f}; this report is one."
        )

    def week_figure(self) -> figures.Figure:
        storm = self.storm
        start, end = self.window
        return figures.failure_week(
            self.counts,
            storm.spans if storm else (),
            name=storm.name if storm else "this week",
            start=start,
            end=end,
        )

    def minute_figure(self) -> figures.Figure:
        storm = self.storm
        if storm is None:
            return figures.nothing("No storm to look at")
        return figures.failures_by_minute(
            storm.runs,
            storm.spans[-1],
            usual_per_hour=storm.usual_failures / max(storm.diagnosis.facts.hours, 1e-9),
            sampled=storm.sampled,
        )

    def stairs_figure(self) -> figures.Figure:
        storm = self.storm
        if storm is None:
            return figures.nothing("No storm to look at")
        return figures.attempt_stairs(staircase(storm.diagnosis.facts.inside))

    def fix_figure(self) -> figures.Figure:
        found = self.what_if
        return figures.fix_bars(found) if found else figures.nothing("No storm to play again")

    def progress_figure(self) -> figures.Figure:
        by_week = self.storm.by_week if self.storm else {}
        return figures.weekly_progress(by_week, target=self.target_per_week)

    def _repr_html_(self) -> str:
        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def _words(cause: str) -> str:
    return cause.replace("_", " ")
