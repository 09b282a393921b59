"""Planted storms are found in counts, once or weekly; ordinary cycles and busy days stay silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from nbkit.analysis.storms.windows import find_windows

START = datetime(2025, 12, 1, tzinfo=UTC)  # a Monday
END = START + timedelta(days=35)
HOURS = 35 * 24
CYCLE = 4 + 3 * np.sin(np.arange(24) / 24 * 2 * np.pi)


def counts(failures: np.ndarray, runs: np.ndarray | None = None) -> pd.DataFrame:
    """One processor's counts by the hour."""
    hours = pd.date_range(START, periods=HOURS, freq="h")
    runs = failures + 40 if runs is None else runs
    rows = [("failed", "error", failures), ("success", "success", runs - failures)]
    return pd.concat(
        pd.DataFrame(
            {
                "processor_name": "A",
                "status": status,
                "category": category,
                "ended_hour": hours,
                "runs": number,
                "far_date_runs": 0,
            }
        )
        for status, category, number in rows
    ).query("runs > 0")


def ordinary(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    day = np.repeat(rng.gamma(9, 1 / 9, 35), 24)
    return rng.poisson(np.tile(CYCLE, 35) * day)


def test_an_ordinary_cycle_has_no_window() -> None:
    for seed in range(8):
        assert find_windows(counts(ordinary(seed)), start=START, end=END) == []


def test_a_burst_is_found_in_its_hours() -> None:
    failures = ordinary(1)
    at = 20 * 24 + 15
    failures[at : at + 2] += 150
    found = find_windows(counts(failures), start=START, end=END)[0]
    assert not found.weekly
    assert found.spans[0].start == START + timedelta(hours=at)
    assert found.spans[0].end == START + timedelta(hours=at + 2)


def test_a_weekly_storm_is_one_window_with_a_span_a_week() -> None:
    failures = ordinary(2)
    for week in range(5):
        failures[week * 168 + 30 : week * 168 + 33] += 80
    found = find_windows(counts(failures), start=START, end=END)
    assert [window.weekly for window in found] == [True]
    assert len(found[0].spans) == 5
    assert {span.start.weekday() for span in found[0].spans} == {1}


def test_one_great_burst_makes_no_weekly_window() -> None:
    failures = ordinary(3)
    failures[30:33] += 2_000
    found = find_windows(counts(failures), start=START, end=END)
    assert [window.weekly for window in found] == [False]


def test_of_a_series_that_bursts_all_the_time_no_single_burst_is_a_window() -> None:
    failures = ordinary(4)
    rng = np.random.default_rng(4)
    for hour in rng.choice(HOURS, 60, replace=False):
        failures[hour] += 150
    found = find_windows(counts(failures), start=START, end=END)
    bursts = [window for window in found if window.measures & {"failures", "real"}]
    assert all(window.spans[0].length > timedelta(hours=8) for window in bursts)


def test_too_short_a_history_has_no_window() -> None:
    assert find_windows(counts(ordinary(5)), start=START, end=START + timedelta(hours=30)) == []
