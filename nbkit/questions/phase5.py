"""Why do so few runs of a phase succeed, and what would a guard change? Asked of Phase 5 first."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from nbkit import figures
from nbkit.analysis import breaker
from nbkit.analysis.guard_replay import GuardRules, Replay, replay
from nbkit.analysis.hangs import (
    Day,
    DurationShare,
    Ending,
    PhaseRun,
    by_day,
    decompose,
    is_hung,
    mean_duration_s,
    phase_runs,
    success_of,
)
from nbkit.analysis.liveness import Freshness, freshness, stuck_runs
from nbkit.analysis.proportions import Difference, Proportion, difference
from nbkit.errors import ParameterError
from nbkit.findings import Finding, Verdict, verdict_of
from nbkit.findings.emit import Judgement
from nbkit.findings.health import HealthRules, judge_freshness, judge_stuck
from nbkit.findings.phase5 import (
    Subject,
    judge_absence,
    judge_hangs,
    judge_target,
    judge_timeout,
)
from nbkit.findings.wording import count_of, moment, percent, short, span
from nbkit.params import parse_moment
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.tables import Column, Note, Table
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

YEAR = timedelta(days=365)
TIMEOUTS_TRIED = (5, 10, 20, 30, 60)


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
            f"{judged.successes:,} of {judged.total:,} runs with something to do succeeded "
            f"({percent(judged.rate)}, {percent(judged.confidence)} interval "
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
                f"{count_of(timeless, 'run')} have neither an end nor a duration in the history: "
                "how long they took is unknown, and the replay leaves them as they are."
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


def phase5(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    phase: str = "phase_5_predictions",
    days: int = 30,
    changed_at: datetime | str = "",
    target: float = 0.95,
    heartbeat_minutes: float = 15,
    timeout_minutes: float = 30,
    breaker_failures: int = 3,
    rules: HealthRules | None = None,
) -> PhaseReport:
    """Judge the runs of a phase that started in the `days` before `as_of`, from midnight UTC.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment the report is about; nothing later is looked at.
        phase: its name, or one of its older labels.
        changed_at: when something was done about it; the target is then asked of the runs since.
            Empty: not yet.
        target: the share of runs with something to do that should succeed.
        heartbeat_minutes, timeout_minutes, breaker_failures: the guard that is played over the
            history. The timeout is also the age at which an open run counts as hung.

    Raises:
        ParameterError: a parameter makes no sense, or nobody registered the phase.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return phase5(
                opened,
                registry,
                as_of=end,
                phase=phase,
                days=days,
                changed_at=changed_at,
                target=target,
                heartbeat_minutes=heartbeat_minutes,
                timeout_minutes=timeout_minutes,
                breaker_failures=breaker_failures,
                rules=rules,
            )
    registry = registry or load_registry()
    rules = rules or HealthRules()
    guard = _guard_rules(heartbeat_minutes, timeout_minutes, breaker_failures)
    if not 0 < target < 1 or days < 1:
        raise ParameterError(
            f"target is a share between 0 and 1 and days at least 1, not {target} and {days}."
        )
    subject = _subject(phase, registry, end, days, changed_at)
    fresh = freshness(
        warehouse.query("history_freshness", start=end - YEAR, end=end, as_of=end), as_of=end
    )
    runs = _read_runs(warehouse, registry, subject, end)
    limit = guard.timeout
    changed = subject.changed_at or end
    first = [run for run in runs if run.started_at < changed]
    later = [run for run in runs if run.started_at >= changed]
    before = success_of(first, as_of=end, limit=limit)
    after = success_of(later, as_of=end, limit=limit) if subject.changed_at else None
    replayed = replay(runs, rules=guard, as_of=end)

    stale = judge_freshness(fresh, as_of=end, rules=rules)
    absent = judge_absence(runs, subject, registry) if not stale else []
    unfit = [*stale, *absent]
    open_rows = warehouse.query("open_runs", start=subject.start, end=end, as_of=end)
    own = {run.run_id for run in runs}
    judged = [
        *judge_target(
            after or before,
            subject,
            registry,
            target=target,
            worst=_worst(later if subject.changed_at else first),
            rules=rules,
        ),
        *judge_hangs(runs, replayed, subject, registry, as_of=end),
        *judge_stuck(
            stuck_runs(open_rows[open_rows["run_id"].isin(own)], registry), registry, rules=rules
        ),
        *judge_timeout(replayed, subject, registry, as_of=end),
    ]
    ranked = sorted(judged, key=lambda finding: -finding.severity.rank) if runs else []
    findings = (*unfit, *ranked)
    verdict = verdict_of(findings, fit_to_judge=not unfit)
    return PhaseReport(
        as_of=end,
        subject=subject,
        target=target,
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        runs=runs,
        days=by_day(runs, start=subject.start, as_of=end, limit=limit),
        before=before,
        after=after,
        shares=decompose(runs),
        mean_s=mean_duration_s(runs),
        replayed=replayed,
        tried=tuple(
            replay(
                runs,
                rules=GuardRules(
                    heartbeat=guard.heartbeat,
                    timeout=timedelta(minutes=minutes),
                    breaker=None,  # it changes neither what is saved nor what is ended
                ),
                as_of=end,
            )
            for minutes in TIMEOUTS_TRIED
        ),
        judgement=Judgement(
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(subject.start, end),
            warehouse=warehouse.url,
            queries=tuple(asdict(query) for query in warehouse.queries),
        ),
    )


def _guard_rules(heartbeat: float, timeout: float, failures: int) -> GuardRules:
    try:
        return GuardRules(
            heartbeat=timedelta(minutes=heartbeat),
            timeout=timedelta(minutes=timeout),
            breaker=breaker.Rules(failures=failures),
        )
    except ValueError as problem:
        raise ParameterError(
            f"heartbeat_minutes, timeout_minutes, breaker_failures: {problem}."
        ) from None


def _subject(
    phase: str, registry: ProcessorRegistry, end: datetime, days: int, changed_at: datetime | str
) -> Subject:
    name = registry.canonical_phase(phase)
    if name is None:
        known = [each.name for each in registry.phases]
        near = get_close_matches(phase, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
        raise ParameterError(f"phase: nobody registered {phase!r}; {hint}")
    midnight = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Subject(
        phase=name,
        title=next(each.title for each in registry.phases if each.name == name),
        start=midnight - timedelta(days=days),
        changed_at=parse_moment(changed_at) if changed_at else None,
    )


def _read_runs(
    warehouse: Warehouse, registry: ProcessorRegistry, subject: Subject, end: datetime
) -> tuple[PhaseRun, ...]:
    phase = next(each for each in registry.phases if each.name == subject.phase)
    rows = warehouse.query(
        "phase_runs",
        start=subject.start,
        end=end,
        as_of=end,
        phases="\n".join((phase.name, *phase.aliases)),
        processor_names="\n".join(p.name for p in registry.by_phase(phase.name)),
    )
    pairs = zip(rows["processor_name"], rows["phase"], strict=True)
    own = [registry.phase_of(str(name), label) == phase.name for name, label in pairs]
    return phase_runs(rows[own])


def _worst(runs: list[PhaseRun]) -> str | None:
    well = (Ending.SUCCEEDED, Ending.IDLE)
    failing = Counter(run.processor for run in runs if run.ending not in well)
    return min(failing, key=lambda name: (-failing[name], name), default=None)


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
