"""What the report on what is normal shows: its sentences, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import pandas as pd

from nbkit import figures
from nbkit.analysis.baselines import Baseline, BaselineRules
from nbkit.analysis.day_clusters import Estimate
from nbkit.analysis.liveness import Freshness
from nbkit.analysis.seasonality import Factor, Level, SeasonalEffect, Seasonality
from nbkit.errors import ParameterError
from nbkit.findings import Finding, Verdict
from nbkit.findings.baselines import TimeoutNow
from nbkit.findings.emit import Judgement
from nbkit.findings.intervals import (
    between,
    busy,
    joined,
    level_told,
    share_between,
    whole,
    whole_percent,
)
from nbkit.findings.wording import count_of, percent
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class LevelBaseline:
    """A processor on one weekday, or on off-days, where that is not chance."""

    factor: Factor
    level: str
    baseline: Baseline


@dataclass(frozen=True, kw_only=True)
class BaselineReport:
    """Everything the report shows. Tables and figures are made from it when asked for.

    The window is of whole UTC days, from `start` to `end`, which is not after `as_of`.
    `processors` come with the least predictable first, those without enough history last.
    """

    as_of: datetime
    start: datetime
    end: datetime
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    rules: BaselineRules
    processors: tuple[Baseline, ...]
    phases: tuple[Baseline, ...]
    seasonality: Seasonality
    levels: tuple[LevelBaseline, ...]
    timeouts: tuple[TimeoutNow, ...]
    counts: pd.DataFrame = field(repr=False)
    judgement: Judgement = field(repr=False)

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def known(self) -> tuple[Baseline, ...]:
        """Processors with enough history."""
        return tuple(each for each in self.processors if each.thin is None)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Verdict.UNKNOWN:
            return self.findings[0].title
        first = self.known[0]
        return (
            f"What is normal is known for {len(self.known)} of "
            f"{count_of(len(self.processors), 'processor')}; {first.subject} is the hardest to "
            f"predict: its durations vary by {percent(_cov(first.duration.cov))}."
        )

    def baseline(self, processor: str) -> Baseline:
        """The baseline of one processor.

        Raises:
            ParameterError: it has not run in the window.
        """
        for each in self.processors:
            if each.subject == processor:
                return each
        raise ParameterError(f"{processor} has no run in the {self.days} days from {self.start}.")

    def summary_note(self) -> Note:
        """The conclusion before any detail."""
        if not self.processors:
            return Note(self.headline, is_warning=True)
        found = self.seasonality
        by_weekday = {e.subject for e in found.effects if e.factor is Factor.WEEKDAY}
        words = [
            self.headline,
            f"{sum(p.runs for p in self.processors):,} runs had something to do in the "
            f"{self.days} whole UTC days from {self.start:%d\u00a0%b\u00a0%Y}.",
            f"The weekday matters to {count_of(len(by_weekday), 'processor')}, beyond chance"
            if by_weekday
            else "No processor differs by weekday beyond chance",
            f"({found.tests} tests, one in twenty of those named may be chance).",
            _off_days_told(found.off_days),
        ]
        return Note(" ".join(words), is_warning=self.verdict is Verdict.UNKNOWN)

    def duration_table(self) -> Table:
        """Durations of successes, the least predictable processor first."""
        return Table.of(
            [
                Column("Processor"),
                Column("Successes", "count"),
                Column("Days", "count"),
                Column("CoV", "percent"),
                Column("95 % interval"),
                Column("P50", "seconds"),
                Column("P95", "seconds"),
                Column("95 % interval"),
                Column("P99", "seconds"),
            ],
            [
                (
                    b.subject,
                    b.duration.count,
                    b.days,
                    _cov(b.duration.cov),
                    between(b.duration.cov, whole_percent),
                    b.duration.p50.value,
                    b.duration.p95.value,
                    between(b.duration.p95),
                    b.duration.p99.value,
                )
                for b in self.known
            ],
            empty="No processor has enough history.",
        )

    def record_table(self) -> Table:
        """Records of successes, those that vary most first."""
        rows = sorted(
            (b for b in self.known if b.records.count),
            key=lambda b: (-(b.records.cov.value or 0.0), b.subject),
        )
        return Table.of(
            [
                Column("Processor"),
                Column("Successes", "count"),
                Column("CoV", "percent"),
                Column("P50", "count"),
                Column("95 % interval"),
                Column("P95", "count"),
                Column("Zero records", "percent"),
                Column("95 % interval"),
            ],
            [
                (
                    b.subject,
                    b.records.count,
                    _cov(b.records.cov),
                    _whole(b.records.p50.value),
                    between(b.records.p50, whole),
                    _whole(b.records.p95.value),
                    b.zero_records.rate,
                    share_between(b.zero_records),
                )
                for b in rows
            ],
            empty="No processor with enough history writes records.",
        )

    def failure_table(self) -> Table:
        """How often runs fail, really and as expected; the worst first."""
        enough = [b for b in self.processors if b.days >= self.rules.enough_days]
        rows = sorted(enough, key=lambda b: (-(b.failures.rate or 0.0), b.subject))
        return Table.of(
            [
                Column("Processor"),
                Column("Runs with work", "count"),
                Column("Really failed", "percent"),
                Column("95 % interval"),
                Column("Nothing to do, of all", "percent"),
                Column("Work ends mostly (UTC)"),
            ],
            [
                (
                    b.subject,
                    b.runs,
                    b.failures.rate,
                    share_between(b.failures),
                    b.nothing_to_do.rate,
                    busy(b.busy),
                )
                for b in rows
            ],
            empty=f"No processor ran on {self.rules.enough_days} days.",
        )

    def phase_table(self) -> Table:
        """The same per phase, in pipeline order."""
        return Table.of(
            [
                Column("Phase"),
                Column("Runs", "count"),
                Column("P50", "seconds"),
                Column("P95", "seconds"),
                Column("95 % interval"),
                Column("Really failed", "percent"),
                Column("95 % interval"),
                Column("Nothing to do", "percent"),
            ],
            [
                (
                    b.subject,
                    b.runs,
                    b.duration.p50.value,
                    b.duration.p95.value,
                    between(b.duration.p95),
                    b.failures.rate,
                    share_between(b.failures),
                    b.nothing_to_do.rate,
                )
                for b in self.phases
            ],
            empty="No phase has run.",
        )

    def level_table(self, processor: str = "") -> Table:
        """Baselines by weekday or off-day, where that is not chance; records are their P50."""
        return Table.of(
            [
                Column("Processor"),
                Column("On"),
                Column("Days", "count"),
                Column("Runs/day", "hours"),
                Column("P50", "seconds"),
                Column("P95", "seconds"),
                Column("Records", "count"),
                Column("Really failed", "percent"),
                Column("95 % interval"),
            ],
            [
                (
                    each.baseline.subject,
                    f"{each.level}s",
                    each.baseline.days,
                    each.baseline.runs / each.baseline.days if each.baseline.days else None,
                    each.baseline.duration.p50.value,
                    each.baseline.duration.p95.value,
                    _whole(each.baseline.records.p50.value),
                    each.baseline.failures.rate,
                    share_between(each.baseline.failures),
                )
                for each in self.levels
                if processor in ("", each.baseline.subject)
            ],
            empty="No weekday differs beyond chance.",
        )

    def effect_table(self) -> Table:
        """Each effect that is not chance, the strongest first: its highest and its lowest days."""
        return Table.of(
            [
                Column("Processor"),
                Column("What"),
                Column("Highest"),
                Column("95 % interval"),
                Column("Lowest"),
                Column("95 % interval"),
            ],
            [
                (
                    effect.subject,
                    effect.metric.value,
                    *_level_cells(effect, max(effect.levels, key=lambda level: level.value)),
                    *_level_cells(effect, min(effect.levels, key=lambda level: level.value)),
                )
                for effect in self.seasonality.effects
            ],
            empty="Neither the weekday nor an off-day matters to any processor, beyond chance.",
        )

    def timeout_table(self) -> Table:
        """What the registry sets and what is suggested; the most wrongly ended first."""
        rows = sorted(
            (t for t in self.timeouts if t.suggestion.suggested is not None),
            key=lambda t: (-t.over_now, -t.suggestion.over, _gap(t), t.suggestion.processor),
        )
        return Table.of(
            [
                Column("Processor"),
                Column("Successes", "count"),
                Column("P95", "seconds"),
                Column("Suggested", "span"),
                Column("Good runs over it", "count"),
                Column("Registry", "span"),
                Column("Good runs over that", "count"),
                Column("Registry's source"),
            ],
            [
                (
                    t.suggestion.processor,
                    t.suggestion.successes,
                    t.suggestion.p95.total_seconds() if t.suggestion.p95 else None,
                    t.suggestion.suggested,
                    t.suggestion.over,
                    t.suggestion.current,
                    t.over_now,
                    _stated(t),
                )
                for t in rows
            ],
            empty="No processor has enough successes for a suggestion.",
        )

    def thin_table(self) -> Table:
        """Who has not enough history, and why."""
        return Table.of(
            [
                Column("Processor"),
                Column("Not enough history"),
                Column("Runs", "count"),
                Column("Successes", "count"),
                Column("Days with work", "count"),
                Column("Days idle", "count"),
            ],
            [
                (b.subject, b.thin, b.runs, b.successes, b.days, b.idle_days)
                for b in self.processors
                if b.thin is not None
            ],
            empty="Every processor that ran has enough history.",
        )

    def spread_figure(self) -> figures.Figure:
        return figures.duration_spreads(self.known)

    def week_figure(self) -> figures.Figure:
        return figures.week_hours(self.counts, start=self.start, days=self.days)

    def effect_figure(self) -> figures.Figure:
        weekly = [e for e in self.seasonality.effects if e.factor is Factor.WEEKDAY]
        return figures.weekday_effects(weekly, tests=self.seasonality.tests)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def _gap(timeout: TimeoutNow) -> float:
    """How far the registry's timeout lies from the suggested one; the shortest for it first."""
    told = timeout.suggestion
    if told.current is None or told.suggested is None:
        return float("inf")
    return told.current / told.suggested


def _level_cells(effect: SeasonalEffect, level: Level) -> tuple[str, str]:
    """Where and how much, and between what."""
    name = level.name[:3] if effect.factor is Factor.WEEKDAY else level.name
    low, high = level_told(effect, level.low), level_told(effect, level.high)
    return f"{name}\u00a0{level_told(effect, level.value)}", joined(low, high)


def _stated(timeout: TimeoutNow) -> str:
    told = timeout.suggestion
    if told.current is None:
        return "not registered"
    return "default" if told.is_default else "stated"


def _off_days_told(off: tuple[date, ...]) -> str:
    if not off:
        return "No day stands out on which the platform had nothing to do."
    listed = ", ".join(f"{day:%d\u00a0%b}" for day in off)
    return f"{count_of(len(off), 'off-day')}, on which most of it had nothing to do: {listed}."


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _cov(estimate: Estimate) -> float | None:
    """To whole percents."""
    return None if estimate.value is None else round(estimate.value, 2)
