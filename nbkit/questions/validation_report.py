"""What the report on one promise shows: its sentences, tables and figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nbkit import figures
from nbkit.analysis.count_rates import RateRatio
from nbkit.analysis.measures import Measured, Unit
from nbkit.analysis.proportions import Difference
from nbkit.analysis.zero_records import ZeroRecords
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.validation import interval_told, target_told, told
from nbkit.findings.wording import count_of, percent, span, verb
from nbkit.registry.metrics import Metric
from nbkit.tables import Column, Note, Table

Window = tuple[datetime, datetime]
STANDING = {"met": "met", "not met": "missed", "not enough runs": "not enough data"}


@dataclass(frozen=True, kw_only=True)
class ValidationReport:
    """Everything the report shows.

    `windows`, `zero` and `processors` come as before, after. `wait`: how many more units will tell.
    `zero` is of zero-record runs alone: all of a window, then by processor.
    """

    as_of: datetime
    metric: Metric
    windows: tuple[Window, ...]
    before: Measured
    after: Measured
    change: RateRatio | Difference | None
    wait: int | None
    zero: tuple[tuple[ZeroRecords, tuple[ZeroRecords, ...]], ...] | None
    processors: tuple[Mapping[str, Unit], Mapping[str, Unit]]
    verdict: Verdict
    findings: tuple[Finding, ...]
    judgement: Judgement = field(repr=False)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.findings:
            return self.findings[0].title
        return (
            f"{self.metric.title} meets its target ({target_told(self.metric.target, self.after)}):"
            f" {told(self.after.value, self.after)} since the change."
        )

    def summary_note(self) -> Note:
        """The conclusion before any detail: target, change, and how long until it is sure."""
        words = [f"{self.headline.removesuffix('.')}.", self.change_told()]
        if self.wait:
            words.append(
                f"At this rate it takes {self.wait} more "
                f"{self.after.unit}{'' if self.wait == 1 else 's'} to tell."
            )
        return Note(" ".join(words), is_warning=self.verdict is not Verdict.GREEN)

    def change_told(self) -> str:
        """How the value changed, with its interval, or why that cannot be said."""
        change = self.change
        if change is None:
            return "There is no earlier figure of the same kind to compare with."
        clear = "a clear change" if change.is_clear else "which may be chance"
        if isinstance(change, Difference):
            points, low, high = (100 * each for each in (change.value, change.low, change.high))
            return (
                f"Before it was {told(self.before.value, self.before)}: a change of "
                f"{points:+.1f} points (95\u00a0% interval {low:+.1f} to {high:+.1f}), {clear}."
            )
        if change.value is None:
            return "Before there was not one."
        return (
            f"Before it was {told(self.before.value, self.before)}: now {change.value:.2f}\u00a0× "
            f"that (95\u00a0% interval {change.low:.2f} to {change.high:.2f}), {clear}."
        )

    def target_table(self) -> Table:
        """Before and after beside the target."""
        published = self.metric.published
        unit = f"a {self.after.unit}" if self.after.form == "count" else ""
        rows: list[tuple[object, ...]] = []
        for name, window, each in zip(
            ("before", "since the change"), self.windows, (self.before, self.after), strict=True
        ):
            rows.append(
                (
                    name,
                    window[0].date(),
                    window[1].date(),
                    f"{told(each.value, each)} {unit}".strip(),
                    interval_told(each),
                    count_of(each.count, each.unit) if each.count else "nothing observed",
                    STANDING[each.standing],
                )
            )
        if published:
            rows.append(
                ("published", None, None, told(published.value, self.after), "–", None, None)
            )
        return Table.of(
            [
                Column("Window"),
                Column("From", "date"),
                Column("Until", "date"),
                Column(self.metric.title),
                Column("95 % interval"),
                Column("Observed"),
                Column(f"Target: {target_told(self.metric.target, self.after)}"),
            ],
            rows,
            empty="",
        )

    def figure(self) -> figures.Figure:
        """Every day (or week) of both windows, with the target and the means."""
        return figures.before_and_after(
            self.metric.title,
            self.before,
            self.after,
            target=self.metric.target.value,
            is_ceiling=self.metric.target.below is not None,
            changed_at=self.windows[1][0],
        )

    def processor_table(self) -> Table:
        """Which processors make the figure up, those with most since the change first."""
        if self.zero is not None:
            return self._zero_table()
        before, after = self.processors
        names = sorted(
            {*before, *after},
            key=lambda name: (-_hits(after, name), -_hits(before, name), name),
        )
        share = self.after.form == "share"
        return Table.of(
            [
                Column("Processor"),
                *([Column("Before", "percent"), Column("of runs", "count")] if share else []),
                *([] if share else [Column("Before", "count")]),
                *([Column("Since", "percent"), Column("of runs", "count")] if share else []),
                *([] if share else [Column("Since", "count")]),
            ],
            [
                (
                    name,
                    *(_cells(before.get(name), share)),
                    *(_cells(after.get(name), share)),
                )
                for name in names
            ],
            empty="This metric is not made of processors.",
        )

    def healing_note(self) -> Note:
        """Of zero-record runs: false alarms, healed ones, and those that nobody explains."""
        if self.zero is None:
            return Note("Only zero-record runs heal; this metric has none.")
        words = []
        for name, (all_runs, _) in zip(("Before", "Since the change"), self.zero, strict=True):
            if not all_runs.runs:
                words.append(f"{name}: no zero-record run.")
                continue
            share = all_runs.false_alarms
            most = (
                f"so at least {percent(share.rate)} were false alarms, and {all_runs.open:,} "
                f"{verb(all_runs.open, 'have')} no run with data"
                if all_runs.open
                else "so all were false alarms"
            )
            words.append(
                f"{name}: of {count_of(all_runs.runs, 'zero-record run')} {all_runs.healed:,} "
                f"healed by themselves (a later run of the date had data"
                + (f", after {span(all_runs.heals_in)} in the median" if all_runs.heals_in else "")
                + f"), {all_runs.covered:,} had data before; {most}."
            )
        return Note(" ".join(words))

    def _zero_table(self) -> Table:
        assert self.zero is not None
        (_, before), (_, after) = self.zero
        earlier = {each.subject: each for each in before}
        later = {each.subject: each for each in after}
        names = sorted(
            {*earlier, *later},
            key=lambda name: (
                -_runs(later, name),
                -_runs(earlier, name),
                name,
            ),
        )
        return Table.of(
            [
                Column("Processor"),
                Column("Before", "count"),
                Column("healed", "count"),
                Column("had data", "count"),
                Column("open", "count"),
                Column("Since", "count"),
                Column("healed", "count"),
                Column("open", "count"),
                Column("Open dates"),
            ],
            [
                (
                    name,
                    *(
                        (was.runs, was.healed, was.covered, was.open)
                        if (was := earlier.get(name))
                        else (0, 0, 0, 0)
                    ),
                    *((now.runs, now.healed, now.open) if (now := later.get(name)) else (0, 0, 0)),
                    ", ".join(f"{day:%d\u00a0%b}" for day in now.open_dates[:4]) if now else "",
                )
                for name in names
            ],
            empty="No run recorded zero records.",
        )


def _hits(units: Mapping[str, Unit], name: str) -> int:
    return units[name].hits if name in units else 0


def _runs(found: Mapping[str, ZeroRecords], name: str) -> int:
    return found[name].runs if name in found else 0


def _cells(unit: Unit | None, share: bool) -> tuple[object, ...]:
    if unit is None:
        return (None, None) if share else (0,)
    return (unit.value, unit.total) if share else (unit.hits,)
