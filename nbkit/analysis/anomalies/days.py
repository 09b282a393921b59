"""Days on which a processor departs from its own baseline, over all processors at once.

Each metric of each processor is one test against the days before the judged one (`day_tests.py`);
the false discovery rate is held over all tests of a day (Benjamini & Hochberg 1995).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.anomalies.day_tests import (
    COLUMNS,
    DayRules,
    DayTest,
    Direction,
    History,
    Metric,
    tail_evidence,
    tests_of,
)
from nbkit.analysis.anomalies.predictive import common_heaviness
from nbkit.analysis.false_discovery import benjamini_hochberg

Floats = npt.NDArray[np.float64]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class DayAnomaly:
    """One metric of one processor that was off on one day.

    `expected`, its 95 % range `low` to `high`, and `seen` are in the metric's unit: seconds,
    records, runs. `p_value`: how often a usual day is as far off. `q_value`: the share of wrong
    ones among this and all likelier anomalies of the day. `since`: the first of the days up to
    this one that were off without a usual one between. `baseline_days`: how many it rests on.
    """

    processor: str
    metric: Metric
    direction: Direction
    day: date
    expected: float
    low: float
    high: float
    seen: float
    p_value: float
    q_value: float
    since: date
    baseline_days: int

    @property
    def kind(self) -> str:
        """What an engineer calls it: slow, fast, few records, many runs, silence, ..."""
        above = self.direction == "above"
        match self.metric:
            case Metric.DURATION | Metric.SLOWEST:
                return "slow" if above else "fast"
            case Metric.RECORDS | Metric.RUNS:
                unit = "runs" if self.metric is Metric.RUNS else "records"
                return f"{'many' if above else 'few'} {unit}"
            case Metric.PRESENCE:
                return "silence"
            case Metric.ZERO_RECORDS:
                return "zero records"
            case _:
                return "failures"


@dataclass(frozen=True, kw_only=True)
class NotJudged:
    """A metric of a processor about which nothing can be said on that day, and why."""

    processor: str
    metric: Metric
    day: date
    why: str


@dataclass(frozen=True, kw_only=True)
class DayAnomalies:
    """The anomalies of the judged `days`, the least likely first within a day, newest day first.

    `tests` were made in all. `expected_false` is the number of wrong anomalies to be expected in
    the list at most; on days without any true one, a list that is not empty comes with a
    probability of `rules.false_discovery_rate` a day.
    """

    days: tuple[date, ...]
    anomalies: tuple[DayAnomaly, ...]
    not_judged: tuple[NotJudged, ...]
    tests: int
    rules: DayRules

    @property
    def expected_false(self) -> float:
        return self.rules.false_discovery_rate * len(self.anomalies)


def daily_anomalies(
    daily: pd.DataFrame,
    *,
    as_of: date | None = None,
    days: int = 1,
    is_whole: bool = True,
    excluded: Collection[date] = (),
    rules: DayRules | None = None,
) -> DayAnomalies:
    """Judge the last `days` days up to `as_of`, each against the days before it.

    Args:
        daily: `nbkit.analysis.daily.daily_histories`; days without a row are off-days.
        as_of: the last judged day; None: the last in `daily`.
        days: each has its own tests and its own false discovery rate. A day on which a
            processor was found to be off is not part of its baseline on a later one.
        is_whole: whether the day `as_of` is over. Of one that goes on, too few runs and silence
            are not judged.
        excluded: days that belong in no baseline, such as known incidents.

    Raises:
        ValueError: `days` below 1, or columns are missing.
    """
    if days < 1:
        raise ValueError(f"at least one day is judged, not {days}")
    missing = {*COLUMNS, "processor_name", "date"} - set(daily.columns)
    if missing:
        raise ValueError(f"daily histories lack the columns {sorted(missing)}")
    rules = rules or DayRules()
    histories = _histories(daily)
    if as_of is None:
        if not histories:
            return DayAnomalies(days=(), anomalies=(), not_judged=(), tests=0, rules=rules)
        as_of = _date(max(int(h.day[-1]) for h in histories))
    last = (as_of - _EPOCH).days
    kept_out = {(day - _EPOCH).days for day in excluded}
    flagged: dict[str, set[int]] = {}
    found: list[DayAnomaly] = []
    skipped: list[NotJudged] = []
    tests_made = 0
    for day in range(last - days + 1, last + 1):
        tests: list[DayTest] = []
        left_out = {h.processor: kept_out | flagged.get(h.processor, set()) for h in histories}
        heaviness = _heaviness(histories, day, left_out, rules)
        for history in histories:
            made, refused = tests_of(
                history,
                day,
                left_out=left_out[history.processor],
                heaviness=heaviness,
                is_whole=is_whole or day < last,
                rules=rules,
            )
            tests += made
            skipped += [
                NotJudged(processor=history.processor, metric=metric, day=_date(day), why=why)
                for metric, why in refused.items()
            ]
        tests_made += len(tests)
        fresh = _believed(tests, rules)
        for anomaly in fresh:
            flagged.setdefault(anomaly.processor, set()).add(day)
        found += fresh
    found.sort(key=lambda a: (-a.day.toordinal(), a.q_value, a.p_value, a.processor, a.metric))
    return DayAnomalies(
        days=tuple(_date(day) for day in range(last - days + 1, last + 1)),
        anomalies=tuple(found),
        not_judged=tuple(skipped),
        tests=tests_made,
        rules=rules,
    )


def _heaviness(
    histories: list[History], day: int, left_out: dict[str, set[int]], rules: DayRules
) -> dict[Metric, Floats]:
    """How heavy the tails of each metric are, told from all processors together."""
    evidence: dict[Metric, list[Floats]] = {}
    for history in histories:
        own = tail_evidence(history, day, left_out=left_out[history.processor], rules=rules)
        for metric, each in own.items():
            evidence.setdefault(metric, []).append(each)
    return {metric: common_heaviness(each) for metric, each in evidence.items()}


def _believed(tests: list[DayTest], rules: DayRules) -> list[DayAnomaly]:
    """The tests of one day that are anomalies at the false discovery rate."""
    q_values = benjamini_hochberg(
        np.array([test.p_value for test in tests], dtype=np.float64),
        weights=[rules.silence_weight if t.metric is Metric.PRESENCE else 1.0 for t in tests],
    )
    return [
        DayAnomaly(
            processor=test.processor,
            metric=test.metric,
            direction=test.direction,
            day=_date(test.day),
            expected=test.bounds()[0],
            low=test.bounds()[1],
            high=test.bounds()[2],
            seen=test.seen,
            p_value=test.p_value,
            q_value=float(q),
            since=_date(test.since(rules.since_p)),
            baseline_days=test.baseline_days,
        )
        for test, q in zip(tests, q_values, strict=True)
        if q <= rules.false_discovery_rate
    ]


def _histories(daily: pd.DataFrame) -> list[History]:
    ordered = daily.sort_values(["processor_name", "date"])
    numbers = ordered["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    columns = {name: ordered[name].to_numpy(dtype=np.float64) for name in COLUMNS}
    names = ordered["processor_name"].astype(str).to_numpy()
    if names.size == 0:
        return []
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    return [
        History(
            processor=str(names[first]),
            day=numbers[first:end],
            columns={name: column[first:end] for name, column in columns.items()},
        )
        for first, end in zip(starts, np.r_[starts[1:], names.size], strict=True)
    ]


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=int(day))
