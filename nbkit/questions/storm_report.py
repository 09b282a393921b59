"""What the storm report shows: its sentences and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from html import escape

import pandas as pd

from nbkit.analysis.liveness import Freshness
from nbkit.analysis.storms.outside import RetryPolicy, SchedulerJob, shared_marks
from nbkit.analysis.storms.storm import Storm
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.storms import TITLES
from nbkit.findings.wording import count_of, moment, percent, seconds, some
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class StormReport:
    """Everything the report shows. Tables are made from it when asked for.

    `storms` are in the order of the findings: the first is the one the report is about. `sampled`
    is the share of the messages whose runs were read (1: all).
    """

    as_of: datetime
    window: tuple[datetime, datetime]
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    storms: tuple[Storm, ...]
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
            f" Of the runs around them, those of {percent(self.sampled)} of the messages were read."
            if self.sampled < 1
            else ""
        )
        return Note(f"{looked} {found} with more failures than usual.{part}")

    def storm_table(self) -> Table:
        """All storms, as the findings have them."""
        return Table.of(
            [
                Column("When"),
                Column("Cause"),
                Column("Failures", "count"),
                Column("of these real", "count"),
                Column("Usual", "count"),
                Column("Times", "count"),
                Column("Attempts per message", "factor"),
            ],
            [
                (
                    storm.name,
                    storm.diagnosis.cause,
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
            [(each.cause, each.score, TITLES[each.cause]) for each in causes],
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
                    each.cause,
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
            f"{count_of(found.attempts, 'run')} for {count_of(found.messages, 'message')}: "
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

    def _repr_html_(self) -> str:
        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"
