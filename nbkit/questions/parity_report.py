"""What the report on two versions of a job shows: its sentences and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nbkit import figures
from nbkit.analysis.parity import OutputParity, TwinRuns
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.parity import ParityRules
from nbkit.findings.wording import count_of, percent, seconds, verb
from nbkit.registry.cloud_functions import CloudFunction
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class ParityReport:
    """Everything the report shows. `sources` are left and right, as they were asked for."""

    as_of: datetime
    name: str
    window: tuple[datetime, datetime]
    sources: tuple[str, str]
    outputs: OutputParity | None
    twins: TwinRuns | None
    rules: ParityRules
    functions: tuple[CloudFunction, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]
    judgement: Judgement = field(repr=False)

    @property
    def is_safe(self) -> bool:
        return self.verdict is Verdict.GREEN

    @property
    def headline(self) -> str:
        """Safe to cut over, or what speaks against it."""
        if self.is_safe:
            return f"{self.name} is safe to cut over: both versions give the same."
        return self.findings[0].title

    def summary_note(self) -> Note:
        """The verdict with its evidence."""
        words = [f"{self.headline.removesuffix('.')}."]
        if self.outputs is not None:
            words.append(
                f"{count_of(self.outputs.matched, 'row')} compared, "
                f"{count_of(self.outputs.differing, 'value')} "
                f"{verb(self.outputs.differing, 'differ')}."
            )
        if self.twins is not None:
            words.append(f"Both ran on {count_of(self.twins.days, 'day')}.")
        return Note(" ".join(words), is_warning=not self.is_safe)

    def output_table(self) -> Table:
        """Rows of both sides, and which the other lacks."""
        found = self.outputs
        rows: list[tuple[object, ...]] = []
        if found is not None:
            rows = [
                ("rows", found.left_rows, found.right_rows, None),
                ("rows that both have", found.matched, found.matched, None),
                (
                    "rows that the other lacks",
                    len(found.only_left),
                    len(found.only_right),
                    _listed([*found.only_left, *found.only_right]),
                ),
                ("rows whose key is not unique", found.left_repeated, found.right_repeated, None),
                (
                    "columns that the other lacks",
                    len(found.left_columns),
                    len(found.right_columns),
                    _listed([*found.left_columns, *found.right_columns]),
                ),
            ]
        return Table.of(
            [
                Column("Outputs"),
                Column(f"Old: {self.sources[0]}", "count"),
                Column(f"New: {self.sources[1]}", "count"),
                Column("Which"),
            ],
            rows,
            empty="No outputs were given (parameters left and right).",
        )

    def column_table(self) -> Table:
        """Each column, those that differ most first, with examples."""
        columns = self.outputs.columns if self.outputs else ()
        ranked = sorted(columns, key=lambda c: (-c.differing, -c.within_tolerance, c.name))
        return Table.of(
            [
                Column("Column", "code"),
                Column("Compared", "count"),
                Column("Differ", "count"),
                Column("Within tolerance", "count"),
                Column("Largest difference"),
                Column("Example: old → new"),
            ],
            [
                (
                    c.name,
                    c.compared,
                    c.differing,
                    c.within_tolerance,
                    None if not c.largest else f"{c.largest:g}",
                    "; ".join(f"{key}: {old} → {new}" for key, old, new in c.examples[:1]) or None,
                )
                for c in ranked
            ],
            empty="No column stands on both sides.",
        )

    def run_table(self) -> Table:
        """Failures and durations of both over the days on which both ran."""
        twins = self.twins
        rows: list[tuple[object, ...]] = []
        if twins is not None:
            rows = [
                ("days on which both ran", f"{twins.days}", f"{twins.days}", None, _at_least(self)),
                (
                    "runs with something to do",
                    f"{twins.left_failed.total:,}",
                    f"{twins.right_failed.total:,}",
                    None,
                    None,
                ),
                (
                    "really failed",
                    percent(twins.left_failed.rate),
                    percent(twins.right_failed.rate),
                    f"{100 * twins.failures.low:+.1f} to {100 * twins.failures.high:+.1f} points"
                    if twins.failures
                    else None,
                    f"at most {100 * self.rules.failure_margin:+g} points",
                ),
                (
                    "median duration of successes",
                    seconds(twins.left_median_s),
                    seconds(twins.right_median_s),
                    f"{twins.duration.low:.2f} to {twins.duration.high:.2f} times"
                    if twins.duration
                    else None,
                    f"at most {self.rules.duration_margin:g} times",
                ),
            ]
        return Table.of(
            [
                Column("Runs"),
                Column(f"Old: {twins.left}" if twins else "Old"),
                Column(f"New: {twins.right}" if twins else "New"),
                Column("Difference, 95 % interval"),
                Column("Allowed"),
            ],
            rows,
            empty="No processors were named (parameter processors).",
        )

    def tracker_note(self) -> Note:
        """How far the migration has come."""
        day = self.window[1].date()
        moved = sum(function.is_gen2(day) for function in self.functions)
        return Note(
            f"{moved} of {count_of(len(self.functions), 'Cloud Function')} {verb(moved, 'are')} on "
            "Gen2. The documents of week 0 count 10 of 28 and list none; this is counted from "
            "registry/cloud_functions.yaml."
        )

    def tracker_figure(self) -> figures.Figure:
        """One cell a function: on Gen2, or not yet."""
        day = self.window[1].date()
        return figures.migration(
            [(function.name, function.is_gen2(day)) for function in self.functions]
        )

    def tracker_table(self) -> Table:
        """Every function, those still on Gen1 first."""
        day = self.window[1].date()
        return Table.of(
            [
                Column("Function", "code"),
                Column("Generation", "count"),
                Column("Moved", "date"),
                Column("Trigger"),
                Column("Purpose"),
            ],
            [
                (
                    function.name,
                    2 if function.is_gen2(day) else 1,
                    function.moved_on,
                    function.trigger,
                    function.purpose,
                )
                for function in sorted(self.functions, key=lambda f: (f.is_gen2(day), f.name))
            ],
            empty="registry/cloud_functions.yaml lists none.",
        )


def _listed(names: list[str], most: int = 6) -> str | None:
    if not names:
        return None
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if names[most:] else "")


def _at_least(report: ParityReport) -> str:
    return f"at least {report.rules.days}"
