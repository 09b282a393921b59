"""What the incident analysis shows: its sentences and figures, and its words for Slack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from nbkit import figures
from nbkit.analysis.incident.cascade import Incident
from nbkit.analysis.incident.messages import MessageGroup
from nbkit.analysis.incident.surroundings import Surrounding
from nbkit.analysis.incident.timeline import Lane, lanes
from nbkit.analysis.incident.usual import Count, SameHours
from nbkit.analysis.incident.waiting import Standing, distances, waiting
from nbkit.analysis.liveness import Freshness, StuckRun
from nbkit.findings import Finding, Severity, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.incident import ground_of
from nbkit.findings.wording import count_of, moment, short, some, verb
from nbkit.questions import incident_tables
from nbkit.registry import Criticality, Processor, ProcessorRegistry
from nbkit.tables import Note, Table, Text

MOST_LANES = 14
_SIGNS = {
    Verdict.RED: ":red_circle:",
    Verdict.YELLOW: ":large_yellow_circle:",
    Verdict.GREEN: ":large_green_circle:",
    Verdict.UNKNOWN: ":white_circle:",
}


@dataclass(frozen=True, kw_only=True)
class IncidentReport:
    """Everything the report shows. Tables and figures are made from it when asked for.

    `rows` are the same hours of `weeks` weeks before, all processors together first. `standings`
    are by root. `window` holds the runs of the window added up by slots of `slot_s` seconds.
    """

    as_of: datetime
    start: datetime
    end: datetime
    processor: str
    weeks: int
    slot_s: int
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    rows: tuple[SameHours, ...]
    incidents: tuple[Incident, ...]
    standings: dict[str, tuple[Standing, ...]]
    messages: tuple[MessageGroup, ...]
    surroundings: tuple[Surrounding, ...]
    stuck: tuple[StuckRun, ...]
    registry: ProcessorRegistry = field(repr=False)
    window: pd.DataFrame = field(repr=False)
    judgement: Judgement = field(repr=False)

    @property
    def main(self) -> Incident | None:
        """The incident that hit most; None where nothing was out of the ordinary."""
        return self.incidents[0] if self.incidents else None

    @property
    def whole(self) -> SameHours:
        """All processors together."""
        return self.rows[0]

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        loud = [f for f in self.findings if f.severity is not Severity.INFO]
        if loud:
            return loud[0].title
        if self.verdict is Verdict.UNKNOWN:
            return self.findings[0].title
        return (
            f"Nothing out of the ordinary: {count_of(self.whole.runs.now, 'run')}, "
            f"{self.whole.real.now:,} of them "
            f"{_real(self.whole.real.now)}{_beside(self.whole.real)}"
        )

    def summary_note(self) -> Note:
        """The conclusion before any detail: root, blast radius, who waits."""
        main = self.main
        if main is None:
            return Note(f"{self.headline}.", is_warning=self.verdict is not Verdict.GREEN)
        words = [self.headline if self.headline.endswith("…") else f"{self.headline}."]
        affected = self.affected(main)
        if affected:
            waits = len(self.waiting_names(main))
            wait = f"{waits or 'none'} of them {verb(waits or 1, 'wait')}"
            need = verb(len(affected), "need")
            it, its = ("them", "their") if main.shared else ("it", "its")
            words.append(
                f"{count_of(len(affected), 'processor')} {need} {it}; {wait} for {its} data."
            )
        words.append(
            f"All of it has succeeded since (the last failure was at {moment(main.until)})."
            if main.is_over
            else f"It was still going on at {moment(self.end)}."
        )
        if len(self.incidents) > 1:
            others = [each.root for each in self.incidents[1:]]
            words.append(f"Beside it, and not because of it as far as known: {some(others)}.")
        return Note(" ".join(words), is_warning=True)

    def freshness_note(self) -> Note:
        """The window, and how far the history reaches."""
        zone = figures.local(self.start), figures.local(self.end)
        about = f", {self.processor} with what it needs and what needs it" if self.processor else ""
        return Note(
            f"{moment(self.start)} to {moment(self.end)} ({zone[0]} to {zone[1]}){about}. Newest "
            f"entry by then: {moment(self.freshness.last_event)}. Who waits is told as of "
            f"{moment(self.as_of)}.",
            is_warning=self.verdict is Verdict.UNKNOWN,
        )

    def timeline_figure(self) -> figures.Figure:
        """Who ran when, those in trouble first."""
        main = self.main
        return figures.incident_timeline(
            self.lanes(),
            start=self.start,
            end=self.end,
            title=self._timeline_title(),
            onset=main.since if main else None,
            roots=main.roots if main else (),
        )

    def lanes(self) -> tuple[Lane, ...]:
        """The processors of the incidents along the graph, then those that failed most."""
        troubled = [t.processor for each in self.incidents for t in each.troubles]
        worst = sorted(
            (row for row in self.rows[1:] if row.runs.now),
            key=lambda row: (-row.real.now, -row.runs.now, row.processor),
        )
        names = list(dict.fromkeys([*troubled, *(row.processor for row in worst)]))
        return lanes(self.window, names[:MOST_LANES], slot_s=self.slot_s, end=self.end)

    def waiting_note(self) -> Note:
        """The blast radius in a sentence."""
        main = self.main
        if main is None:
            return Note("There is no root, so nobody waits for one.")
        affected = self.affected(main)
        if not affected:
            return Note(f"Nothing that is registered needs {some(main.roots)}.")
        fill = [
            other.name
            for root in main.roots
            if root in self.registry
            for other in self.registry.blast_radius(root).same_table
            if other.name not in main.roots
        ]
        ill = len(main.followers) or "none"
        words = (
            f"{count_of(len(affected), 'processor')} {verb(len(affected), 'need')} "
            f"{some(main.roots)}, directly or not ({criticalities(affected)}); {ill} "
            "of them failed after it."
        )
        if fill:
            words += f" {some(fill)} can fill the same table."
        return Note(words)

    def root_table(self) -> Table:
        """Each root with why it is held to be one."""
        return incident_tables.roots(self.incidents)

    def follower_table(self) -> Table:
        """What shares a root's cause, and what followed it, in order of time."""
        return incident_tables.followers(self.incidents)

    def waiting_table(self) -> Table:
        """Roots and their descendants by data date: what waits first, then by deadline."""
        return incident_tables.waiters(self.incidents, self.standings)

    def message_table(self) -> Table:
        """What the failures said: new templates first, real failures before expected ones."""
        return incident_tables.said(self.messages)

    def surrounding_table(self) -> Table:
        """What the window has and the month before it had not."""
        return incident_tables.changed(self.surroundings)

    def comparison_table(self) -> Table:
        """Every processor with runs, beside the same hours: what is least usual first."""
        return incident_tables.compared(self.whole, self.rows[1:])

    def comparison_figure(self) -> figures.Figure:
        return figures.same_hours(self.rows, weeks=self.weeks)

    def slack_summary(self) -> Text:
        """The incident in Slack's markup, to paste or to post."""
        zone = f"{figures.local(self.start)} to {figures.local(self.end)}"
        lines = [
            f"{_SIGNS[self.verdict]} *{self.verdict}* {_slack(self.headline)}",
            f"*Window* {moment(self.start)} to {moment(self.end)} ({zone})",
        ]
        main = self.main
        if main is not None:
            lines.append(f"*Root* {_slack(some(main.roots))}: {ground_of(main)}")
            if main.followers:
                listed = [f"{f.processor} ({f.failures:,})" for f in main.followers]
                lines.append(f"*Failed after it* {_slack(_listed(listed))}")
            waits = self.waiting_names(main)
            told = _slack(_listed(waits)) if waits else "nobody"
            count = len(self.affected(main))
            lines.append(f"*Blast radius* {count_of(count, 'processor')}; waiting: {told}")
            state = "over" if main.is_over else f"going on at {moment(self.end)}"
            lines.append(f"*State* {state}; last failure {moment(main.until)}")
        for group in [g for g in self.messages if g.is_new and not g.expected][:3]:
            lines.append(f"*New message* {group.failures:,}× `{_slack(short(group.example, 140))}`")
        near = [s for s in self.surroundings if s.what == "revision"][:3]
        if near and main is not None:
            deploys = [f"{s.subject} → {s.now} at {s.at:%H:%M} UTC" for s in near]
            lines.append(f"*Also then* {_slack('; '.join(deploys))}")
        lines += [f"*Next* {_slack(step)}" for step in self.next_steps()[:3]]
        return Text("\n".join(lines))

    def next_steps(self) -> tuple[str, ...]:
        """Commands that go on from here, the most useful first."""
        loud = [f for f in self.findings if f.severity is not Severity.INFO]
        return tuple(dict.fromkeys(finding.next_step for finding in (loud or self.findings)))

    def affected(self, of: Incident) -> tuple[Processor, ...]:
        """What needs a root of it, directly or not, the nearest first."""
        steps = distances(of, self.registry)
        names = sorted((name for name in steps if steps[name]), key=lambda name: steps[name])
        return tuple(self.registry.processor(name) for name in names)

    def waiting_names(self, of: Incident) -> tuple[str, ...]:
        """Who waits for it, those with the first deadline first."""
        rows = waiting(self.standings.get(of.root, ()))
        return tuple(dict.fromkeys(row.processor.name for row in rows))

    def _timeline_title(self) -> str:
        main = self.main
        if main is None:
            return self.headline
        if main.followers:
            number = len(main.followers)
            return (
                f"{main.root} was first, at {main.since:%H:%M} UTC; "
                f"{count_of(number, 'processor')} that {verb(number, 'need')} it followed"
            )
        if main.shared:
            return (
                f"{count_of(len(main.roots), 'processor')} began to fail at {main.since:%H:%M} UTC"
            )
        return f"{main.root} was in trouble from {main.since:%H:%M} UTC on"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def criticalities(processors: Iterable[Processor]) -> str:
    """`1 critical, 8 high`: the worst first."""
    counted = Counter(processor.criticality for processor in processors)
    return ", ".join(f"{counted[c]} {c.value.lower()}" for c in Criticality if counted[c])


def _real(number: int) -> str:
    return "a real failure" if number == 1 else "real failures"


def _beside(real: Count) -> str:
    return f" (usually {incident_tables.interval(real)})" if real.low is not None else ""


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
