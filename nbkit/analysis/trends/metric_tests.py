"""The tests of one history: each metric's scan, and how what it finds is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from math import exp, log
from typing import Literal

import numpy as np

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.change import AssessmentRules, Change, Kind, Metric
from nbkit.analysis.trends.daily_history import DailyHistory, Days, weekdays
from nbkit.analysis.trends.day_noise import day_noise
from nbkit.analysis.trends.evidence import Evidence
from nbkit.analysis.trends.failure_rates import RateScan, rate_scan
from nbkit.analysis.trends.few_runs import evened_out, relative_noise
from nbkit.analysis.trends.normal_rows import normal_rows, weekday_effects
from nbkit.analysis.trends.onset_scan import (
    Flags,
    Ints,
    Usual,
    Windows,
    best_by_day,
    usual,
    windows,
)
from nbkit.analysis.trends.scatter import ScatterScan, scatter_scan
from nbkit.analysis.trends.shifts import LevelScan, dated
from nbkit.analysis.trends.spells import Scan, Spell

# How much of the false alerts each test may cause: as often as what it finds is the trouble.
_LEVEL, _RATE, _SCATTER, _RECORDS, _RUNS = 0.62, 0.17, 0.17, 0.02, 0.02
_SLOWER = np.log([1.25, 1.5, 2.0, 3.0])
_DRIFTS = np.array([0.03, 0.06])  # a day
_LESS_STEADY = np.array([2.5, 4.0])  # times the standard deviation
_MORE_RECORDS, _FEWER_RECORDS = np.log([3.0, 6.0]), -np.log([0.6, 0.3])
_MORE_RUNS, _FEWER_RUNS = np.log([2.0, 4.0]), -np.log([0.5, 0.25])
_DURATION_NOISE = 0.03  # of the logarithm of a P95, at least
_COUNT_NOISE = 0.1  # of the logarithm of a number of runs, at least
_UNJUDGED = 7  # rows: the last ones, that say nothing yet of weekdays and of the number of runs


@dataclass(frozen=True, kw_only=True)
class MetricTest:
    """`share` is how much of the false alerts this test may cause; `tell` describes a spell. `scan`
    is None where no row lies so far from the usual that a change could matter."""

    scan: Scan | None
    share: float
    tell: Callable[[Spell], Change]


def metric_tests(history: DailyHistory, rules: AssessmentRules) -> tuple[MetricTest, ...]:
    """Every test for which there is enough history.

    Args:
        history: the days with runs.
    """
    return (
        *_duration_tests(history, rules),
        *_rate_tests(history, rules),
        *_records_tests(history, rules),
        *_runs_tests(history, rules),
    )


@dataclass(frozen=True, kw_only=True)
class _Series:
    """Logarithms of the days on which a figure is known; `values` with the weekdays evened out."""

    days: Days
    known: Flags
    logs: Floats
    values: Floats
    noise: Floats
    seen: Windows


def _series(figures: Floats, days: Days, runs: Ints | None = None) -> _Series | None:
    """The figures of one metric; None of too few.

    Args:
        runs: of each day, where the figure is a P95 of so many.
    """
    known = np.isfinite(figures) & (figures > 0)
    days, logs = days[known], np.log(figures[known])
    learned = max(logs.size - _UNJUDGED, 0)
    values, noise = logs, np.ones(logs.size)
    if runs is not None:
        values = evened_out(logs, runs[known], learned)
    weekday = weekdays(days)
    values = values - weekday_effects(values[:learned], weekday[:learned])[weekday]
    if runs is not None:
        noise = relative_noise(values, runs[known], learned)
    seen = windows(normal_rows(values))
    if seen is None:
        return None
    return _Series(days=days, known=known, logs=logs, values=values, noise=noise, seen=seen)


def _evidence(own: _Series, normal: Usual, steps: Floats, direction: int = 1) -> Evidence:
    days = day_noise(normal, own.seen, direction=direction)
    most = float(steps[-1])
    return Evidence(normal, own.seen, own.noise, days, most=most, direction=direction)


def _level(
    own: _Series,
    normal: Usual,
    evidence: Floats,
    matters: Callable[[float, float], bool],
    direction: int = 1,
) -> LevelScan:
    return LevelScan(
        values=own.values,
        seen=own.seen,
        normal=normal,
        direction=direction,
        matters=matters,
        onsets=best_by_day(evidence, own.seen, own.values.size),
    )


def _days_since(own: _Series) -> Floats:
    """Of each onset and row since it: 1 is the day of the onset."""
    days = own.days.astype("datetime64[D]").astype(np.float64)
    return np.asarray(days[own.seen.since] - days[own.seen.onsets][:, None] + 1)


def _duration_tests(history: DailyHistory, rules: AssessmentRules) -> list[MetricTest]:
    own = _series(history.p95_duration, history.days, history.runs)
    if own is None:
        return []
    normal = usual(own.values, own.noise, own.seen, floor=_DURATION_NOISE)
    records = history.records_p50[own.known]
    evidence = _evidence(own, normal, _SLOWER)
    slow = evidence.of_steps_and_drifts(_SLOWER, _DRIFTS, _days_since(own))
    level = _level(own, normal, slow, _slower(rules))
    scatter = scatter_scan(
        own.seen,
        normal,
        evidence.of_scatter(_LESS_STEADY),
        own.values.size,
        least=log(rules.min_spread),
    )

    def slower(spell: Spell) -> Change:
        change = _by_ratio(level, own, spell, "duration", "step")
        return replace(change, explained_by_volume=_volume_explains(own, records, change))

    return [
        MetricTest(scan=level, share=_LEVEL, tell=slower),
        MetricTest(scan=scatter, share=_SCATTER, tell=lambda s: _less_steady(scatter, own, s)),
    ]


def _slower(rules: AssessmentRules) -> Callable[[float, float], bool]:
    def matters(effect: float, level: float) -> bool:
        ratio = exp(effect)
        return ratio >= rules.min_ratio and exp(level) * (ratio - 1) >= rules.min_seconds

    return matters


def _rate_tests(history: DailyHistory, rules: AssessmentRules) -> list[MetricTest]:
    seen = windows(np.ones(history.days.size, dtype=bool))
    if seen is None:
        return []
    scan = rate_scan(
        history.runs,
        history.failures,
        seen,
        least_ratio=rules.min_rate_ratio,
        least_rise=rules.min_rate_points,
    )
    if scan is None:
        return []
    return [MetricTest(scan=scan, share=_RATE, tell=lambda s: _failing(scan, history.days, s))]


@dataclass(frozen=True, kw_only=True)
class _Way:
    """Up or down (`direction` 1 or -1): the least change that matters, and those looked for."""

    direction: int
    least: float
    steps: Floats


def _records_tests(history: DailyHistory, rules: AssessmentRules) -> list[MetricTest]:
    own = _series(history.records_p50, history.days)
    if own is None:
        return []
    up = _Way(direction=1, least=log(rules.min_more_records), steps=_MORE_RECORDS)
    down = _Way(direction=-1, least=-log(rules.max_records), steps=_FEWER_RECORDS)
    return _both_ways(own, "records", (up, down), share=_RECORDS)


def _runs_tests(history: DailyHistory, rules: AssessmentRules) -> list[MetricTest]:
    own = _series(history.runs.astype(np.float64), history.days)
    if own is None:
        return []
    up = _Way(direction=1, least=log(rules.min_more_runs), steps=_MORE_RUNS)
    down = _Way(direction=-1, least=-log(rules.max_fewer_runs), steps=_FEWER_RUNS)
    amount = rules.min_runs
    return _both_ways(own, "runs", (up, down), share=_RUNS, amount=amount, floor=_COUNT_NOISE)


def _both_ways(
    own: _Series,
    metric: Literal["records", "runs"],
    ways: tuple[_Way, _Way],
    *,
    share: float,
    amount: float = 0.0,
    floor: float = 0.01,
) -> list[MetricTest]:
    """
    Args:
        amount: how much the metric must differ by.
        floor: the least standard deviation that is believed.
    """
    normal = usual(own.values, own.noise, own.seen, floor=floor)

    def test(way: _Way) -> MetricTest:
        def matters(effect: float, level: float) -> bool:
            differs = exp(level) * abs(exp(effect) - 1)
            return abs(effect) >= way.least and differs >= amount

        def tell(spell: Spell) -> Change:
            assert scan is not None
            return replace(_by_ratio(scan, own, spell, metric, metric), kind=metric)

        scan = None
        if _furthest(own, normal, way.direction) >= way.least:
            evidence = _evidence(own, normal, way.steps, way.direction).of_steps(way.steps)
            scan = _level(own, normal, evidence, matters, way.direction)
        return MetricTest(scan=scan, share=share / 2, tell=tell)

    return [test(way) for way in ways]


def _furthest(own: _Series, normal: Usual, direction: int) -> float:
    """How far from the usual a row is at most: no median of rows is further."""
    rows = direction * own.values[own.seen.onsets[0] :]
    return float(rows.max() - (direction * normal.level).min())


def _by_ratio(scan: LevelScan, own: _Series, spell: Spell, metric: Metric, kind: Kind) -> Change:
    """A change of a logarithm, told as a ratio to what is usual."""
    until = spell.last if spell.until is None else spell.until
    since, is_drift = dated(scan, spell, until)
    level = float(scan.normal.level[spell.index])
    effect = float(np.median(own.values[since : until + 1])) - level
    half = scan.interval(spell.index, until + 1 - since)
    return Change(
        kind="drift" if is_drift else kind,
        metric=metric,
        since=_date(own.days[since]),
        effect=exp(effect),
        low=exp(effect - half),
        high=exp(effect + half),
        p_value=spell.p,
        baseline=exp(level),
        recent=exp(level + effect),
        until=_date(own.days[until]) if spell.has_ended else None,
    )


def _less_steady(scan: ScatterScan, own: _Series, spell: Spell) -> Change:
    until = spell.last if spell.until is None else spell.until
    rows = until + 1 - spell.onset
    effect, half = scan.ratio(spell.index, until), scan.interval(spell.index, rows)
    return Change(
        kind="variance",
        metric="duration",
        since=_date(own.days[spell.onset]),
        effect=exp(effect),
        low=exp(effect - half),
        high=exp(effect + half),
        p_value=spell.p,
        baseline=1.0,
        recent=exp(effect),
        until=_date(own.days[until]) if spell.has_ended else None,
    )


def _failing(scan: RateScan, days: Days, spell: Spell) -> Change:
    until = spell.last if spell.until is None else spell.until
    moved = scan.moved(spell, until)
    return Change(
        kind="failure_rate",
        metric="failure_rate",
        since=_date(days[moved.onset]),
        effect=moved.rate - moved.usual,
        low=moved.low,
        high=moved.high,
        p_value=spell.p,
        baseline=moved.usual,
        recent=moved.rate,
        until=_date(days[until]) if spell.has_ended else None,
    )


def _date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day))


def _volume_explains(own: _Series, records: Floats, change: Change) -> bool:
    """Whether as many more records came as would make the runs that much longer, at most in
    proportion, as the baseline's own days show."""
    known = np.isfinite(records) & (records > 0)
    since = own.days >= np.datetime64(change.since)
    recent = known & since
    if change.until is not None:
        recent &= own.days <= np.datetime64(change.until)
    before = known & ~since
    if recent.sum() < 2 or before.sum() < 10:
        return False
    amount = np.log(records[before])
    centred = amount - amount.mean()
    total = float(centred @ centred)
    logs = own.logs[before]
    slope = float(centred @ (logs - logs.mean())) / total if total > 0 else 0.0
    more = float(np.median(np.log(records[recent])) - np.median(amount))
    return min(max(slope, 0.0), 1.0) * more > 0.6 * log(change.effect)
