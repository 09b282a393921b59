"""The tests of one processor's day against its earlier days, one for each metric.

Durations and records are judged on the log scale with Student noise of unknown heaviness, counts
as counts, all by predictive distributions (`predictive.py`). A test whose effect is too small to
matter has the p-value 1: it was made, and must count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from nbkit.analysis.anomalies.predictive import (
    LogModel,
    absence,
    count_model,
    log_model,
    share_model,
)

Direction = Literal["above", "below"]
Bounds = tuple[float, float, float]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COLUMNS = (
    "runs",
    "failures",
    "expected",
    "successes",
    "zero_records",
    "p50_duration",
    "p95_duration",
    "records_p50",
)
# Quantiles come in steps of 2 %, and a day differs by that much without any reason.
_LEAST_LOG_SCALE = 0.02
_SMALL_COUNT = 10
_LEAST_P95_RUNS = 5
_ONE_SILENCE = 7
_REST = 0.2  # of the days of a weekday: below this it is one of rest


class Metric(StrEnum):
    """What is judged of a day. Durations are of successful runs, in seconds."""

    DURATION = "median duration"
    SLOWEST = "P95 duration"
    RECORDS = "median records"
    RUNS = "runs"
    PRESENCE = "any run"
    ZERO_RECORDS = "runs with zero records"
    FAILURES = "real failures"


_ON_LOG_SCALE = {
    Metric.DURATION: "p50_duration",
    Metric.SLOWEST: "p95_duration",
    Metric.RECORDS: "records_p50",
    Metric.RUNS: "runs",
}


@dataclass(frozen=True, kw_only=True)
class DayRules:
    """How a day is judged.

    `false_discovery_rate`: the share of wrong ones among all anomalies of a day. `baseline_days`
    are looked at before a judged day, and `least_days` of them must have the metric. A processor
    is expected where it was there on `presence` of the earlier days, weekdays of rest left out.
    `silence_weight`: how much more than any other test the one for silence is believed, since the
    only evidence of a schedule is that it was kept. What is unlikely but small is no anomaly: an
    effect must reach the ratios, and `least_count` runs (failures, empty runs) or `least_seconds`.
    `share_step`: by how much a share of failures or of empty runs must rise. A day counts as off,
    for `since`, where its own tail is below `since_p`.
    """

    false_discovery_rate: float = 0.05
    baseline_days: int = 56
    least_days: int = 10
    presence: float = 0.9
    silence_weight: float = 6.0
    duration_ratio: float = 1.25
    records_ratio: float = 1.5
    runs_ratio: float = 1.5
    share_ratio: float = 1.5
    share_step: float = 0.05
    least_count: int = 3
    least_seconds: float = 1.0
    since_p: float = 0.02


@dataclass(frozen=True, kw_only=True)
class History:
    """Days of one processor in order (days since 1970), and their `COLUMNS`."""

    processor: str
    day: Ints
    columns: dict[str, Floats]


@dataclass(frozen=True, kw_only=True)
class DayTest:
    """One metric on one day. `bounds` gives the expected value and its 95 % range.

    `earlier` are the days before, oldest first, and `tail_of` says how likely one as far off as
    the i-th of them is.
    """

    processor: str
    metric: Metric
    direction: Direction
    day: int
    seen: float
    p_value: float
    baseline_days: int
    bounds: Callable[[], Bounds]
    earlier: Ints
    tail_of: Callable[[int], float]

    def since(self, off_below: float) -> int:
        """The first of the days that were off, up to this one, without a usual one between."""
        first = self.day
        for index in range(self.earlier.size - 1, -1, -1):
            if self.tail_of(index) >= off_below:
                break
            first = int(self.earlier[index])
        return first


@dataclass(frozen=True, kw_only=True)
class _Day:
    """What the tests of one day share. `inside`: the rows of the baseline."""

    history: History
    day: int
    row: int
    inside: npt.NDArray[np.bool_]
    is_whole: bool
    rules: DayRules
    heaviness: Mapping[Metric, Floats]

    def seen(self, column: str) -> float:
        return float(self.history.columns[column][self.row])


def tests_of(
    history: History,
    day: int,
    *,
    left_out: Iterable[int],
    is_whole: bool,
    rules: DayRules,
    heaviness: Mapping[Metric, Floats],
) -> tuple[list[DayTest], dict[Metric, str]]:
    """All tests of a day, and of each metric that cannot be tested why.

    An off-day (no run, or only runs that had nothing to do) is tested for silence alone.
    `heaviness` is that of the tails of each metric over all processors.
    """
    inside = _inside(history, day, left_out, rules)
    if not inside.any():
        return [], {}
    rows = np.flatnonzero(history.day == day)
    row = int(rows[0]) if rows.size else -1
    shared = _Day(
        history=history,
        day=day,
        row=row,
        inside=inside,
        is_whole=is_whole,
        rules=rules,
        heaviness=heaviness,
    )
    active = history.columns["runs"] + history.columns["expected"] > 0
    is_there = row >= 0 and bool(active[row])
    results: dict[Metric, DayTest | str | None] = {}
    if is_whole:
        results[Metric.PRESENCE] = _presence(shared, active & inside, is_there)
    if is_there and shared.seen("runs") > 0:
        results[Metric.RUNS] = _runs(shared)
        results[Metric.FAILURES] = _share(shared, Metric.FAILURES, "failures", "runs")
    if is_there and shared.seen("successes") > 0:
        results[Metric.DURATION] = _quantile(shared, Metric.DURATION, "p50_duration")
        results[Metric.SLOWEST] = _quantile(shared, Metric.SLOWEST, "p95_duration")
        results[Metric.RECORDS] = _quantile(shared, Metric.RECORDS, "records_p50")
        results[Metric.ZERO_RECORDS] = _share(
            shared, Metric.ZERO_RECORDS, "zero_records", "successes"
        )
    tests = [each for each in results.values() if isinstance(each, DayTest)]
    return tests, {metric: why for metric, why in results.items() if isinstance(why, str)}


def tail_evidence(
    history: History, day: int, *, left_out: Iterable[int], rules: DayRules
) -> dict[Metric, Floats]:
    """What one processor's baseline says on how heavy the tails of its metrics are."""
    inside = _inside(history, day, left_out, rules)
    evidence = {}
    for metric, column in _ON_LOG_SCALE.items():
        use = _usable(history, metric, inside)
        values = history.columns[column][use]
        if values.size >= rules.least_days:
            evidence[metric] = _fit(metric, values, history.day[use], None).evidence
    return evidence


def _inside(
    history: History, day: int, left_out: Iterable[int], rules: DayRules
) -> npt.NDArray[np.bool_]:
    """Which rows are the baseline of a day."""
    inside = (history.day < day) & (history.day >= day - rules.baseline_days)
    return inside & ~np.isin(history.day, list(left_out))


def _usable(
    history: History, metric: Metric, inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    enough = _LEAST_P95_RUNS if metric is Metric.SLOWEST else 0
    values = history.columns[_ON_LOG_SCALE[metric]]
    return inside & (values > 0) & (history.columns["successes"] >= enough)


def _fit(metric: Metric, values: Floats, days: Ints, heaviness: Floats | None) -> LogModel:
    least = _LEAST_LOG_SCALE
    if metric is Metric.RUNS:
        least = max(least, 0.5 / float(np.median(values)))
    return log_model(np.log(values), _weekdays(days), least_scale=least, heaviness=heaviness)


def _quantile(shared: _Day, metric: Metric, column: str) -> DayTest | str | None:
    """A duration or a number of records, against the logs of earlier days."""
    rules, values = shared.rules, shared.history.columns[column]
    successes = shared.history.columns["successes"]
    enough = _LEAST_P95_RUNS if metric is Metric.SLOWEST else 1
    seen, runs = shared.seen(column), shared.seen("successes")
    use = _usable(shared.history, metric, shared.inside)
    if use.sum() < rules.least_days:
        return _too_few(use, rules)
    if runs < enough:
        return f"{runs:.0f} successful runs, {enough} are needed"
    if not seen > 0:
        return None  # no records at all: the test of zero records speaks
    days, logs = shared.history.day[use], np.log(values[use])
    model = _fit(metric, values[use], days, shared.heaviness.get(metric))
    # A median of fewer runs than usual is that much less sure.
    widen = float(np.sqrt(max(1.0, np.median(successes[use]) / runs)))
    weekday = _weekday(shared.day)
    low, high = model.tails(float(np.log(seen)), weekday, widen=widen)
    expected = float(np.exp(model.levels[weekday]))
    if metric is Metric.SLOWEST:
        low = 1.0  # the fastest P95 worries nobody whose median is usual
    is_record = metric is Metric.RECORDS
    ratio = rules.records_ratio if is_record else rules.duration_ratio
    matters = max(seen / expected, expected / seen) >= ratio and (
        is_record or abs(seen - expected) >= rules.least_seconds
    )
    below = low < high
    return DayTest(
        processor=shared.history.processor,
        metric=metric,
        direction="below" if below else "above",
        day=shared.day,
        seen=seen,
        p_value=_two_sided(low, high, one_sided=metric is Metric.SLOWEST) if matters else 1.0,
        baseline_days=int(use.sum()),
        bounds=lambda: model.bounds(weekday, widen=widen),
        earlier=days,
        tail_of=lambda i: model.tails(float(logs[i]), _weekday(int(days[i])))[0 if below else 1],
    )


def _runs(shared: _Day) -> DayTest | str | None:
    """How often it ran: large numbers on the log scale, small ones as counts."""
    rules, values = shared.rules, shared.history.columns["runs"]
    use = _usable(shared.history, Metric.RUNS, shared.inside)
    if use.sum() < rules.least_days:
        return _too_few(use, rules)
    seen, counts, days = shared.seen("runs"), values[use], shared.history.day[use]
    tails: Callable[[float, int], tuple[float, float]]
    bounds: Callable[[], Bounds]
    weekday = _weekday(shared.day)
    middle = float(np.median(counts))
    if middle >= _SMALL_COUNT:
        large = _fit(Metric.RUNS, counts, days, shared.heaviness.get(Metric.RUNS))
        expected = float(np.exp(large.levels[weekday]))

        def tails(count: float, of_weekday: int) -> tuple[float, float]:
            return large.tails(float(np.log(count)), of_weekday)

        def bounds() -> Bounds:
            return large.bounds(weekday)
    else:
        small = count_model(counts.astype(np.int64))
        expected = small.mean

        def tails(count: float, of_weekday: int) -> tuple[float, float]:
            return small.tails(int(count))

        bounds = small.bounds
    low, high = tails(seen, weekday)
    if not shared.is_whole:
        low = 1.0
    ratio = max(seen / expected, expected / seen)
    matters = ratio >= rules.runs_ratio and abs(seen - expected) >= rules.least_count
    below = low < high
    return DayTest(
        processor=shared.history.processor,
        metric=Metric.RUNS,
        direction="below" if below else "above",
        day=shared.day,
        seen=seen,
        p_value=_two_sided(low, high, one_sided=not shared.is_whole) if matters else 1.0,
        baseline_days=int(use.sum()),
        bounds=bounds,
        earlier=days,
        tail_of=lambda i: tails(float(counts[i]), _weekday(int(days[i])))[0 if below else 1],
    )


def _share(shared: _Day, metric: Metric, hits: str, of: str) -> DayTest | str | None:
    """More failures, or more runs without records, than the runs of the day explain."""
    rules, columns = shared.rules, shared.history.columns
    use = shared.inside & (columns[of] > 0)
    if use.sum() < rules.least_days:
        return _too_few(use, rules)
    earlier, totals = columns[hits][use].astype(np.int64), columns[of][use].astype(np.int64)
    seen, total = int(shared.seen(hits)), int(shared.seen(of))
    usual = (earlier.sum() + 0.5) / (totals.sum() + 1)
    matters = (
        seen >= rules.least_count
        and seen / total >= rules.share_ratio * usual
        and seen / total >= usual + rules.share_step
    )
    model = share_model(earlier, totals)
    return DayTest(
        processor=shared.history.processor,
        metric=metric,
        direction="above",
        day=shared.day,
        seen=float(seen),
        p_value=model.tail(seen, total) if matters else 1.0,
        baseline_days=int(use.sum()),
        bounds=lambda: model.bounds(total),
        earlier=shared.history.day[use],
        tail_of=lambda i: model.tail(int(earlier[i]), int(totals[i])),
    )


def _presence(shared: _Day, present: npt.NDArray[np.bool_], is_there: bool) -> DayTest | str | None:
    """Whether it ran at all, where the earlier weeks say that it runs on such a weekday."""
    rules, days = shared.rules, shared.history.day
    first = int(days[shared.inside][0])
    span = np.arange(first, shared.day)
    there = np.isin(span, days[present])
    known = there | ~np.isin(span, days[~shared.inside])
    weekdays = _weekdays(span)
    shares = np.array(
        [
            there[known & (weekdays == w)].mean() if (known & (weekdays == w)).any() else 0.0
            for w in range(7)
        ]
    )
    # Weekdays of rest are told from the others; those share one schedule, and the evidence for it.
    alike = known & (shares > _REST)[weekdays]
    if shares[_weekday(shared.day)] <= _REST or not alike.any():
        return None
    due, was_there = span[alike], there[alike]
    # A silence that goes on is one incident and no evidence for another rhythm, for a week.
    last = np.flatnonzero(was_there[-_ONE_SILENCE:])
    kept = was_there.size - (min(_ONE_SILENCE, was_there.size) - 1 - last[-1] if last.size else 0)
    days_due, days_there = kept, int(was_there[:kept].sum())
    expected = days_there / days_due
    if expected < rules.presence:
        return None
    if days_due < rules.least_days:
        return f"{days_due} earlier days, {rules.least_days} are needed"
    return DayTest(
        processor=shared.history.processor,
        metric=Metric.PRESENCE,
        direction="below",
        day=shared.day,
        seen=float(is_there),
        p_value=1.0 if is_there else absence(days_due, days_there),
        baseline_days=days_due,
        bounds=lambda: (expected, 1.0, 1.0),
        earlier=due,
        tail_of=lambda i: 1.0 if was_there[i] else 0.0,
    )


def _two_sided(low: float, high: float, *, one_sided: bool) -> float:
    return min(low, high) if one_sided else min(2 * min(low, high), 1.0)


def _too_few(use: npt.NDArray[np.bool_], rules: DayRules) -> str:
    return f"{use.sum()} earlier days, {rules.least_days} are needed"


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0


def _weekdays(days: Ints) -> Ints:
    return (days + 3) % 7
