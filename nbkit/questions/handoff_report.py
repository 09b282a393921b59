"""What the hand-off shows: its sentences and tables, and the same as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from nbkit.findings import Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.handover import Handover, OpenFinding
from nbkit.findings.wording import count_of, moment
from nbkit.questions.health_report import DailyHealth
from nbkit.store import NoteOfWork, Told
from nbkit.tables import Column, Note, Table

_NEW = {True: "new", False: "", None: "first report"}


@dataclass(frozen=True, kw_only=True)
class OwnRuns:
    """How often a notebook ran in the watch, and failed to."""

    notebook: str
    runs: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """What a critical processor owes next."""

    processor: str
    data_date: date
    due: datetime
    owner: str


@dataclass(frozen=True, kw_only=True)
class Handoff:
    """Everything the hand-off shows. `reports` counts those made in the watch."""

    as_of: datetime
    since: datetime
    health: DailyHealth
    handover: Handover
    reports: int
    unreadable: tuple[str, ...]
    told: tuple[Told, ...]
    notes: tuple[NoteOfWork, ...]
    own_runs: tuple[OwnRuns, ...]
    deadlines: tuple[Deadline, ...]
    judgement: Judgement = field(repr=False)

    @property
    def headline(self) -> str:
        """The state in one sentence."""
        found = self.handover
        new = sum(each.is_new is True for each in found.open)
        return (
            f"{self.health.verdict}: {count_of(len(found.open), 'finding')} open, {new} of them "
            f"new since {moment(self.since)}, {len(found.recovered)} recovered."
        )

    def summary_note(self) -> Note:
        """The state, and the first thing to look at."""
        words = [self.headline]
        if self.handover.open:
            words.append(f"First: {self.handover.open[0].finding.title}.")
        if self.unreadable:
            words.append(f"{count_of(len(self.unreadable), 'report')} could not be read.")
        return Note(" ".join(words), is_warning=self.health.verdict is not Verdict.GREEN)

    def open_table(self) -> Table:
        """Open findings, worst and oldest first."""
        return self._findings(
            self.handover.open, empty="Nothing is open: no finding at or above warning."
        )

    def changed_table(self) -> Table:
        """What is new and what has recovered since the watch began."""
        rows = [("new", each) for each in self.handover.open if each.is_new]
        rows += [("recovered", each) for each in self.handover.recovered]
        return Table.of(
            [Column("Change"), Column("Severity"), Column("Finding"), Column("Told by")],
            [
                (what, each.finding.severity.value, each.finding.title, each.notebook)
                for what, each in rows
            ],
            empty="Nothing became open, and nothing recovered.",
        )

    def verdict_table(self) -> Table:
        """Each report's last verdict beside the one before the watch."""
        return Table.of(
            [Column("Report"), Column("Before"), Column("Now")],
            [
                (notebook, before.value if before else "–", now.value)
                for notebook, before, now in self.handover.verdicts
            ],
            empty="No report was made.",
        )

    def done_table(self) -> Table:
        """What people noted, what was told to channels, what nbkit ran; in order of time."""
        rows: list[tuple[datetime, str, str]] = [
            (note.at, note.who, note.what) for note in self.notes
        ]
        rows += [
            (each.at, "nbkit", f"told {each.destination}: {each.notebook} {each.verdict}")
            for each in self.told
        ]
        return Table.of(
            [Column("When (UTC)", "moment"), Column("Who"), Column("What")],
            sorted(rows),
            empty='Nothing was noted. `nbkit handoff --note "…"` keeps a line for the next person.',
        )

    def runs_table(self) -> Table:
        """nbkit's own runs in the watch."""
        return Table.of(
            [Column("Notebook"), Column("Runs", "count"), Column("Failed", "count")],
            [(each.notebook, each.runs, each.failed) for each in self.own_runs],
            empty="nbkit recorded no run of its own.",
        )

    def next_table(self) -> Table:
        """The next step of each open finding, worst first."""
        return Table.of(
            [
                Column("Next step", "step"),
                Column("Because"),
                Column("Owner"),
                Column("Runbook", "code"),
            ],
            [
                (
                    each.finding.next_step,
                    each.finding.subject,
                    each.finding.owner,
                    each.finding.runbook,
                )
                for each in self.handover.open
            ],
            empty="Nothing is left to do.",
        )

    def deadline_table(self) -> Table:
        """What critical processors owe in the next day."""
        return Table.of(
            [
                Column("Due (UTC)", "moment"),
                Column("Processor"),
                Column("Data date", "date"),
                Column("Owner"),
            ],
            [(each.due, each.processor, each.data_date, each.owner) for each in self.deadlines],
            empty="No critical processor has a deadline in the next 24 hours.",
        )

    def _findings(self, found: tuple[OpenFinding, ...], *, empty: str) -> Table:
        return Table.of(
            [
                Column("Severity"),
                Column("Finding"),
                Column("Open for", "span"),
                Column("New"),
                Column("Owner"),
                Column("Told by"),
            ],
            [
                (
                    each.finding.severity.value,
                    each.finding.title,
                    (self.as_of - each.first_seen) or None,  # seen now for the first time
                    _NEW[each.is_new],
                    each.finding.owner,
                    each.notebook,
                )
                for each in found
            ],
            empty=empty,
        )

    def markdown(self) -> str:
        """The whole hand-off, to paste into a ticket or a channel."""
        parts = [
            f"# Hand-off, {moment(self.as_of)}",
            self.summary_note().text,
            "## State now",
            self.health.headline,
            as_markdown(self.verdict_table()),
            "## Open findings",
            as_markdown(self.open_table()),
            f"## What changed since {moment(self.since)}",
            as_markdown(self.changed_table()),
            "## What was done",
            as_markdown(self.done_table()),
            as_markdown(self.runs_table()),
            "## What is next",
            as_markdown(self.next_table()),
            as_markdown(self.deadline_table()),
        ]
        return "\n\n".join(parts) + "\n"


def as_markdown(table: Table) -> str:
    """A table in GitHub's Markdown; its sentence where it has no row."""
    if not table.rows:
        return table.empty
    marks = ["---:" if column.is_number else "---" for column in table.columns]
    lines = [[column.header for column in table.columns], marks, *table.texts()]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
