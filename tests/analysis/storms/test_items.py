"""What became of pieces of work: whether they succeeded later, and whether they came again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.storms.items import recovery, repeats

MIDNIGHT = pd.Timestamp("2026-01-12T00:00Z")


def ends(minutes: list[float], *, unit: list[int], category: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ended_at": (MIDNIGHT + pd.to_timedelta(minutes, unit="min")).astype(
                "datetime64[us, UTC]"
            ),
            "unit": unit,
            "category": category,
            "is_failure": category != "success",
        }
    )


def test_work_that_waits_for_one_moment_recovers_at_once() -> None:
    failed = ends([float(m) for m in range(60)], unit=[m % 6 for m in range(60)], category="no")
    won = ends([61.0 + u / 60 for u in range(6)], unit=list(range(6)), category="success")
    found = recovery(failed, pd.concat([failed, won]))
    assert found.items == 6
    assert found.recovered == 1.0
    assert found.clean == 1.0
    assert found.abrupt > 0.9
    assert found.rise == pytest.approx(1.0)


def test_work_that_never_succeeds_does_not_recover() -> None:
    failed = ends([float(m) for m in range(60)], unit=[m % 6 for m in range(60)], category="no")
    found = recovery(failed, failed)
    assert (found.recovered, found.clean, found.abrupt) == (0.0, 0.0, 0.0)


def test_work_that_fails_by_turns_is_not_clean() -> None:
    failed = ends([float(m) for m in range(0, 60, 2)], unit=[0] * 30, category="no")
    won = ends([float(m) for m in range(1, 60, 2)], unit=[0] * 30, category="success")
    found = recovery(failed, pd.concat([failed, won]))
    assert found.recovered == 1.0
    assert found.clean < 0.1  # all but the first failure came after the first success
    assert found.rise < 0.3


def test_without_failures_nothing_recovers() -> None:
    none = ends([], unit=[], category="no")
    assert recovery(none, none).items == 0


def attempts(started_s: np.ndarray, *, item: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "attempt": 1,
            "item": item,
            "message": np.arange(item.size),
            "started_at": MIDNIGHT + pd.to_timedelta(started_s, unit="s"),
            "data_date": MIDNIGHT.tz_localize(None),
        }
    )


def test_a_healer_publishes_the_same_work_at_its_period() -> None:
    started = np.repeat(np.arange(12) * 900.0, 10) + np.tile(np.arange(10), 12)
    runs = attempts(started, item=np.tile(np.arange(10), 12))
    done = pd.Series(MIDNIGHT.timestamp() - 60, index=range(10))
    found = repeats(runs, done)
    assert found.per_item == 12
    assert found.after_success == 1.0
    assert found.period_s == 900
    assert found.regular > 0.9


def test_new_work_at_any_time_is_no_repetition() -> None:
    started = np.sort(np.random.default_rng(3).uniform(0, 7_200, 120))
    found = repeats(attempts(started, item=np.arange(120)), pd.Series(dtype="float64"))
    assert found.per_item == 1
    assert found.after_success == 0.0
    assert found.period_s is None


def test_batches_keep_their_period_whatever_else_starts_then() -> None:
    batches = np.repeat(np.arange(40) * 900.0, 4) + np.tile(np.arange(4), 40)
    others = np.random.default_rng(4).uniform(0, 40 * 900, 40)
    started = np.sort(np.concatenate([batches, others]))
    runs = attempts(started, item=np.arange(started.size) % 10)
    found = repeats(runs, pd.Series(dtype="float64"))
    assert found.period_s == 900
    assert 0.6 < found.regular < 0.9


def test_what_comes_at_one_hour_every_week_keeps_no_period() -> None:
    within = np.sort(np.random.default_rng(5).uniform(0, 1_800, 100))
    started = (np.arange(4)[:, None] * 7 * 86_400.0 + within).ravel()
    found = repeats(attempts(started, item=np.arange(400) % 10), pd.Series(dtype="float64"))
    assert found.period_s is None
