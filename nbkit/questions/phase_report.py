"""What the report on one phase's hanging runs shows: its sentences, tables and figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nbkit import figures
from nbkit.analysis.guard_replay import Replay
from nbkit.analysis.hangs import Day, DurationShare, Ending, PhaseRun, is_hung
from nbkit.analysis.liveness import Freshness
from nbkit.analysis.proportions import Difference, Proportion, difference
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.phase5 import Subject
from nbkit.findings.wording import count_of, moment, percent, short, span, verb
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class PhaseReport:
    """Everything the report shows. Tables and figures are made from it when asked for.

    `before` are the runs up to the change, or all where there was none (`after` is None then).
    `tried` are replays with other timeouts, the shortest first.
    """

    as_of: datetime
    subject: Subject
    target: float
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    runs: tuple[PhaseRun, ...]
    days: tuple[Day, ...]
    before: Proportion
    after: Proportion | None
    shares: tuple[DurationShare, ...]
    mean_s: float | None
    replayed: Replay
    tried: tuple[Replay, ...]
    judgement: Judgement = field(repr=False)

    @property
    def judged(self) -> Proportion:
        """What the verdict is about: the runs since the change, else all."""
        return self.after or self.before

    @property
    def change(self) -> Difference | None:
        return difference(self.before, self.after) if self.after else None

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.findings:
            return self.findings[0].title
        return f"{self.subject.title} meets its target of {percent(self.target)}."

    def summary_note(self) -> Note:
        """The conclusion before any detail: target, hangs, and what a guard changes."""
        if not self.runs:
            return Note(self.headline, is_warning=True)
        judged = self.judged
        swept = [run for run in self.runs if run.ending is Ending.SWEPT]
        words = [
            f"Target {percent(self.target)}: {judged.against(self.target)}. "
            f"{judged.successes:,} of {count_of(judged.total, 'run')} with something to do "
            f"succeeded ({percent(judged.rate)}, {percent(judged.confidence)} interval "
            f"{percent(judged.low)} to {percent(judged.high)})."
        ]
        if swept:
            words.append(
                f"{count_of(len(swept), 'run')} hung until swept; a guard of "
                f"{span(self.replayed.rules.timeout)} saves "
                f"{_whole_hours(self.replayed.saved):,}\u00a0h in all and would have ended "
                f"{_none_or(len(self.replayed.wrong_kills), 'good run')} wrongly."
            )
        return Note(" ".join(words), is_warning=judged.against(self.target) != "met")

    def target_table(self) -> Table:
        """Before and after the change, beside the target."""
        changed = self.subject.changed_at
        rows: list[tuple[object, ...]] = []
        name = f"before {moment(changed)}" if changed else "the whole window (no change yet)"
        rows.append(_against(name, self.before, self.target))
        if self.after is not None:
            rows.append(_against(f"from {moment(changed)}", self.after, self.target))
        return Table.of(
            [
                Column("Runs"),
                Column("Judged", "count"),
                Column("Succeeded", "count"),
                Column("Rate", "percent"),
                Column("Low", "percent"),
                Column("High", "percent"),
                Column("Target"),
            ],
            rows,
            empty="",
        )

    def change_note(self) -> Note:
        """How much the rate changed, where there was a change."""
        if self.subject.changed_at is None:
            return Note("No change is named yet (parameter changed_at), so there is only a before.")
        if self.change is None:
            return Note("One side of the change has no run to compare.")
        points, low, high = (
            100 * value for value in (self.change.value, self.change.low, self.change.high)
        )
        clear = "a clear change" if self.change.is_clear else "which may be chance"
        return Note(
            f"Since the change the rate is {points:+.1f} points from before "
            f"({percent(self.before.confidence)} interval {low:+.1f} to {high:+.1f}): {clear}."
        )

    def ending_table(self) -> Table:
        """How all runs of the window ended, and the rate as it was published: of all runs."""
        total = len(self.runs)
        counts = Counter(run.ending for run in self.runs)
        return Table.of(
            [Column("How it ended"), Column("Runs", "count"), Column("Of all runs", "percent")],
            [(e.value, counts[e], counts[e] / total) for e in Ending if counts[e]],
            empty="No run.",
        )

    def day_table(self) -> Table:
        """Day by day, the latest first."""
        return Table.of(
            [
                Column("Day (UTC)", "date"),
                Column("Runs", "count"),
                Column("Succeeded", "count"),
                Column("Failed", "count"),
                Column("Of these hung", "count"),
                Column("Nothing to do", "count"),
                Column("Rate", "percent"),
                Column("Low", "percent"),
                Column("High", "percent"),
            ],
            [
                (
                    d.day,
                    d.runs,
                    d.judged.successes,
                    d.real,
                    d.hung,
                    d.expected,
                    d.judged.rate,
                    None if d.is_off else d.judged.low,
                    None if d.is_off else d.judged.high,
                )
                for d in reversed(self.days)
            ],
            empty="No day.",
        )

    def share_table(self) -> Table:
        """The mean duration, taken apart."""
        return Table.of(
            [
                Column("How it ended"),
                Column("Runs", "count"),
                Column("With a duration", "count"),
                Column("Median", "seconds"),
                Column("Longest", "seconds"),
                Column("Adds to the mean, h", "hours"),
                Column("Share of the mean", "percent"),
            ],
            [
                (
                    s.ending.value,
                    s.runs,
                    s.timed,
                    s.median_s,
                    s.longest_s,
                    s.adds_s / 3_600,
                    s.adds_s / self.mean_s if self.mean_s else None,
                )
                for s in sorted(self.shares, key=lambda s: -s.adds_s)
            ],
            empty="No run.",
        )

    def hang_table(self) -> Table:
        """Runs that hung, those that are still open first, then the latest."""
        limit = self.replayed.rules.timeout
        hung = [run for run in self.runs if is_hung(run, as_of=self.as_of, limit=limit)]
        hung += [run for run in self.runs if run.ending is Ending.OPEN and run not in hung]
        hung.sort(key=lambda run: (run.ended_at is None, run.started_at), reverse=True)
        return Table.of(
            [
                Column("Started (UTC)", "moment"),
                Column("Last sign of life"),
                Column("Closed (UTC)", "moment"),
                Column("Told by"),
                Column("Stood open", "span"),
                Column("Stage"),
                Column("Run", "code"),
            ],
            [
                (
                    run.started_at,
                    f"heartbeat {moment(run.heartbeat_at)}" if run.heartbeat_at else "its start",
                    run.ended_at,
                    run.swept_by.value if run.swept_by else _closed_by(run),
                    run.lasted(self.as_of),
                    short(run.stage, 40) if run.stage else "unknown",
                    run.run_id,
                )
                for run in hung
            ],
            empty="No run hung.",
        )

    def stage_note(self) -> Note:
        """Where hung runs stopped, as far as anything was logged."""
        limit = self.replayed.rules.timeout
        hung = [run for run in self.runs if is_hung(run, as_of=self.as_of, limit=limit)]
        if not hung:
            return Note("No run hung.")
        known = Counter(run.stage for run in hung if run.stage)
        beats = sum(run.heartbeat_at is not None for run in hung)
        listed = ", ".join(f"{short(str(stage), 40)} ({n})" for stage, n in known.most_common(5))
        where = f"They stopped at: {listed}." if known else "None logged its stage."
        unknown = len(hung) - sum(known.values())
        if unknown:
            whose = "the others" if known else "they"
            where += (
                f" Where {whose} stopped is unknown: write the stage with each heartbeat to know "
                "it next time."
            )
        signs = (
            f" {beats} of them gave heartbeats."
            if beats
            else " None gave a heartbeat, so the start is the last sign of life."
        )
        return Note(f"{count_of(len(hung), 'run')} hung. {where}{signs}")

    def replay_table(self) -> Table:
        """The history as it was, beside the history under the guard."""
        now = self.replayed
        early = len(now.ended_early)
        rows = [
            ("Runs that the guard ends before the history did", f"{early:,}"),
            ("… of these by a lost heartbeat, before the timeout", f"{now.by_heartbeat:,}"),
            ("Hours that their rows stood open for nothing", f"{_whole_hours(now.saved):,} h"),
            ("Their failure is known earlier by, median", span(now.earlier_median)),
            ("… and at most", span(now.earlier_most)),
            ("Good runs ended wrongly", f"{len(now.wrong_kills):,}"),
            ("Times that the breaker opens", f"{now.openings:,}"),
            ("Runs that it holds back", f"{len(now.held_back):,}"),
            ("… of these good runs", f"{now.successes_held_back:,}"),
        ]
        return Table.of([Column("Under the guard"), Column("", "text")], rows, empty="")

    def replay_note(self) -> Note:
        """What the history leaves open about the replay."""
        total = len(self.runs)
        beating = sum(run.heartbeat_at is not None for run in self.runs)
        timeless = sum(run.ended_at == run.started_at for run in self.runs)
        words = [
            f"{beating:,} of {count_of(total, 'run')} gave a heartbeat; the others are held to the "
            "timeout alone."
            if beating
            else "No run gave a heartbeat, so here the timeout alone ends runs."
        ]
        if timeless:
            words.append(
                f"{count_of(timeless, 'run')} {verb(timeless, 'have')} neither an end nor a "
                "duration in the history: how long they took is unknown, and the replay "
                "leaves them as they are."
            )
        return Note(" ".join(words), is_warning=timeless > 0)

    def sensitivity_table(self) -> Table:
        """Other timeouts: what is saved against what is ended wrongly."""
        return Table.of(
            [
                Column("Timeout", "span"),
                Column("Runs ended early", "count"),
                Column("Hours saved", "count"),
                Column("Good runs ended wrongly", "count"),
            ],
            [
                (
                    each.rules.timeout,
                    len(each.ended_early),
                    _whole_hours(each.saved),
                    len(each.wrong_kills),
                )
                for each in self.tried
            ],
            empty="",
        )

    def day_figure(self) -> figures.Figure:
        return figures.success_by_day(self.days, target=self.target)

    def share_figure(self) -> figures.Figure:
        return figures.duration_shares(self.shares, self.runs, mean_s=self.mean_s)

    def hang_figure(self) -> figures.Figure:
        return figures.hang_lines(self.replayed, as_of=self.as_of)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def _closed_by(run: PhaseRun) -> str | None:
    return None if run.ending is Ending.OPEN else run.ending.value


def _none_or(number: int, noun: str) -> str:
    return count_of(number, noun) if number else f"no {noun}"


def _against(name: str, share: Proportion, target: float) -> tuple[object, ...]:
    known = share.total > 0
    return (
        name,
        share.total,
        share.successes,
        share.rate,
        share.low if known else None,
        share.high if known else None,
        f"{percent(target)}: {share.against(target)}",
    )


def _whole_hours(length: timedelta) -> int:
    return round(length / timedelta(hours=1))
