"""Crowds of starts are seen, and whether they do harm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.storms.crowding import crowding, in_flight

MIDNIGHT = pd.Timestamp("2026-01-12T00:00Z")


def runs(started_s: np.ndarray, *, failed: np.ndarray, lasts_s: float = 30.0) -> pd.DataFrame:
    """First attempts of four processors in turn."""
    size = started_s.size
    started = MIDNIGHT + pd.to_timedelta(started_s, unit="s")
    return pd.DataFrame(
        {
            "processor_name": [f"p{at % 4}" for at in range(size)],
            "started_at": started,
            "ended_at": started + pd.Timedelta(seconds=lasts_s),
            "attempt": 1,
            "category": np.where(failed, "timeout", "success"),
            "is_failure": failed,
        }
    )


def bursts(*, every_min: int, size: int, times: int = 8) -> np.ndarray:
    marks = np.repeat(np.arange(times) * every_min * 60.0, size)
    return marks + np.tile(np.linspace(0, 20, size), times)


def test_starts_on_the_quarter_hours_are_a_crowd_on_that_grid() -> None:
    started = bursts(every_min=15, size=20)
    found = runs(started, failed=np.zeros(started.size, dtype=bool))
    seen = crowding(found, found)
    assert seen.crowded == 1.0
    assert seen.interval_min == 15
    assert seen.processors == 4


def test_starts_spread_evenly_are_no_crowd() -> None:
    started = np.arange(240) * 30.0
    found = runs(started, failed=np.zeros(240, dtype=bool))
    seen = crowding(found, found)
    assert seen.crowded == 0.0
    assert seen.interval_min is None


def test_failing_with_the_runs_in_flight_is_a_dose() -> None:
    started = bursts(every_min=15, size=20)
    late = np.tile(np.arange(20) >= 10, 8)  # the second half of each crowd meets the first
    seen = crowding(runs(started, failed=late), runs(started, failed=late))
    assert seen.dose == pytest.approx(1.0)


def test_failing_by_chance_is_none() -> None:
    started = bursts(every_min=15, size=40)
    failed = np.random.default_rng(5).random(started.size) < 0.4
    seen = crowding(runs(started, failed=failed), runs(started, failed=failed))
    assert seen.dose == pytest.approx(0.5, abs=0.1)


def test_where_all_fail_no_dose_can_show() -> None:
    started = bursts(every_min=15, size=20)
    found = runs(started, failed=np.ones(started.size, dtype=bool))
    assert crowding(found, found).dose is None


def test_a_few_runs_are_not_judged() -> None:
    few = runs(np.zeros(19), failed=np.zeros(19, dtype=bool))
    assert crowding(few, few).crowded == 0.0


def test_a_run_is_in_flight_from_its_start_to_its_end() -> None:
    one = runs(np.array([0.0]), failed=np.array([False]), lasts_s=60)
    moments = MIDNIGHT.timestamp() + np.array([-1.0, 1.0, 59.0, 61.0])
    assert in_flight(moments, one).tolist() == [0, 1, 1, 0]


def test_a_single_burst_is_a_crowd_and_not_its_own_average() -> None:
    started = np.linspace(0, 40, 200)
    found = runs(started, failed=started > 20)
    assert crowding(found, found).crowded == 1.0


def test_where_no_end_is_known_a_run_counts_for_a_minute() -> None:
    started = np.concatenate([np.arange(100) * 120.0, 20_000 + np.arange(100) * 1.0])
    found = runs(started, failed=started > 20_030, lasts_s=0.0)
    seen = crowding(found, found)
    assert seen.dose is not None
    assert seen.dose > 0.9
