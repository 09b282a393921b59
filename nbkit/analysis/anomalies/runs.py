"""Single runs that depart from their processor's own baseline, and runs that should have come.

A processor is asked six questions about the last day (`run_tests.py`), and the false discovery
rate is held over all of them (Benjamini & Hochberg 1995).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from nbkit.analysis.anomalies.run_tests import (
    DAY,
    MEASURED,
    RunKind,
    RunNotJudged,
    RunRules,
    RunTest,
    baseline,
    extreme_runs,
    silences,
    zero_records,
)
from nbkit.analysis.false_discovery import benjamini_hochberg


@dataclass(frozen=True, kw_only=True)
class RunAnomaly:
    """One run that was off, or one that is missing (`run_id` None).

    `at`: when the run ended; of a silence, when the last one did. `expected` is the median of the
    baseline, `low` to `high` hold 95 % of its runs (NaN of zero records); with `seen` they are
    seconds, records, or, of a silence, hours since the last run. `p_value`: how rarely a usual day
    has any run so far off. `q_value`: the share of wrong ones among this and all likelier
    departures. `since`: when it began, earlier days included.
    """

    processor: str
    kind: RunKind
    run_id: str | None
    at: datetime
    expected: float
    low: float
    high: float
    seen: float
    p_value: float
    q_value: float
    since: datetime
    baseline_days: int


@dataclass(frozen=True, kw_only=True)
class RunAnomalies:
    """Anomalies from `start` to `end`, the least likely first.

    `tests` were made. `departures` counts the tests that were believed (a processor and a kind): a
    processor whose runs are all slow is one. At most `expected_false` of them are wrong on average,
    and a day on which nothing is wrong has one with a probability of
    `rules.false_discovery_rate`.
    """

    start: datetime
    end: datetime
    anomalies: tuple[RunAnomaly, ...]
    not_judged: tuple[RunNotJudged, ...]
    departures: int
    tests: int
    rules: RunRules

    @property
    def expected_false(self) -> float:
        return self.rules.false_discovery_rate * self.departures


def run_anomalies(
    runs: pd.DataFrame,
    histograms: pd.DataFrame,
    counts: pd.DataFrame,
    *,
    as_of: datetime,
    off_days: Collection[date] = (),
    excluded: Collection[date] = (),
    rules: RunRules | None = None,
) -> RunAnomalies:
    """Judge the runs of the last 24 hours before `as_of`, and who is silent then.

    Args:
        runs: successful runs that ended in those hours: processor_name, run_id, ended_at (UTC),
            duration_s, records (missing where not said). Others in it are ignored.
        histograms: daily histograms (processor_name, day, metric, outcome, bucket, runs).
        counts: classified hourly counts of the same days, as `daily_outcomes` takes them.
        as_of: aware.
        off_days: days on which the platform had nothing to do (`off_days.off_days`): no baseline
            for silence and zero records; if the judged day is one, neither is judged.
        excluded: days that belong in no baseline, such as known incidents.

    Raises:
        ValueError: `as_of` is naive.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of must carry a time zone")
    rules = rules or RunRules()
    end = as_of.astimezone(UTC)
    start = end - DAY
    earlier = {start.date() - n * DAY for n in range(1, rules.baseline_days + 1)}
    days = earlier - set(excluded)
    own = runs[(runs["ended_at"] >= start) & (runs["ended_at"] < end)]
    tests: list[RunTest] = []
    skipped: list[RunNotJudged] = []
    past = baseline(histograms, days)
    for kind in MEASURED:
        made, refused = extreme_runs(own, past, kind, start.date(), rules)
        tests += made
        skipped += refused
    worked = days - set(off_days)
    judged = {start.date(), (end - timedelta(microseconds=1)).date()}
    if not judged & set(off_days):
        for made, refused in (
            zero_records(own, counts, worked, rules),
            silences(counts, worked, end, rules),
        ):
            tests += made
            skipped += refused
    anomalies, departures = _believed(tests, rules)
    return RunAnomalies(
        start=start,
        end=end,
        anomalies=anomalies,
        not_judged=tuple(skipped),
        departures=departures,
        tests=len(tests),
        rules=rules,
    )


def _believed(tests: list[RunTest], rules: RunRules) -> tuple[tuple[RunAnomaly, ...], int]:
    """Of each test at the false discovery rate, the runs that would have passed by themselves."""
    weights = np.array(
        [rules.zero_weight if t.kind is RunKind.ZERO_RECORDS else 1.0 for t in tests]
    )
    weights /= weights.mean() if tests else 1.0
    p_values = np.array([test.p_value for test in tests], dtype=np.float64)
    q_values = benjamini_hochberg(p_values, weights=weights)
    is_believed = q_values <= rules.false_discovery_rate
    bar = rules.false_discovery_rate * int(is_believed.sum()) / max(len(tests), 1)
    found = []
    for test, weight, q in zip(tests, weights, q_values, strict=True):
        if q > rules.false_discovery_rate:
            continue
        cases = [case for case in test.cases if case.rate / weight <= bar]
        first = min(case.at for case in cases)
        found += [
            RunAnomaly(
                processor=test.processor,
                kind=test.kind,
                run_id=case.run_id,
                at=case.at,
                expected=test.expected[0],
                low=test.expected[1],
                high=test.expected[2],
                seen=case.seen,
                p_value=case.rate,
                q_value=float(q),
                since=test.since or first,
                baseline_days=test.baseline_days,
            )
            for case in cases
        ]
    found.sort(key=lambda a: (a.q_value, a.p_value, a.processor, a.kind, a.at))
    return tuple(found), int(is_believed.sum())
