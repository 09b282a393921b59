"""A window beside the same hours of four weeks: outbursts are found, chance is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.false_discovery import benjamini_hochberg
from nbkit.analysis.incident.usual import (
    SameHours,
    by_processor,
    common_wildness,
    predicted,
    same_hours,
)
from nbkit.analysis.profiles import bucket_of


@pytest.mark.parametrize(
    ("now", "before"),
    [(252, (9, 6, 6, 0)), (36, (1, 0, 0, 0)), (14, (0, 0, 0, 0)), (400, (100, 110, 90, 105))],
)
def test_an_outburst_is_more_than_a_further_week_would_bring(
    now: int, before: tuple[int, ...]
) -> None:
    found = predicted(now, before)
    assert found.is_more
    assert found.p < 0.001
    assert found.high is not None
    assert now > found.high


@pytest.mark.parametrize(
    ("now", "before"),
    [(8, (9, 6, 6, 0)), (1, (0, 0, 0, 0)), (0, (1, 0, 2, 0)), (115, (100, 110, 90, 105))],
)
def test_a_week_like_the_others_is_usual(now: int, before: tuple[int, ...]) -> None:
    found = predicted(now, before)
    assert found.p > 0.05
    assert found.low is not None
    assert found.high is not None
    assert found.low <= now <= found.high


def test_runs_that_stay_away_are_fewer() -> None:
    found = predicted(0, (48, 48, 47, 48))
    assert not found.is_more
    assert found.p < 0.001


def test_last_weeks_outage_does_not_hide_this_weeks() -> None:
    found = predicted(252, (250, 9, 6, 6))
    assert found.left_out == 1
    assert found.usual == 7
    assert found.p < 0.001
    assert predicted(252, (250, 240, 6, 6)).left_out is None


def test_one_week_is_no_comparison() -> None:
    found = predicted(50, (1,))
    assert found.usual is None
    assert found.high is None
    assert found.p == 1


@pytest.mark.parametrize("size", [1.0, 4.0, 1_000.0])
def test_the_range_holds_what_it_promises_and_false_alarms_are_few(size: float) -> None:
    """Worlds in which the fifth week is like the four before (negative binomial; `size` says how
    wild they are)."""
    rng = np.random.default_rng(7)
    held, p_values = 0, []
    for mean in (0.3, 2.0, 20.0, 300.0):
        world = rng.negative_binomial(size, size / (size + mean), size=(75, 5)).tolist()
        common = common_wildness(weeks[1:] for weeks in world[:40])
        for now, *before in world:
            found = predicted(now, before, wildness=common)
            assert found.low is not None
            assert found.high is not None
            held += found.low <= found.now <= found.high
            p_values.append(found.p)
    assert held / 300 > 0.9
    assert np.sum(benjamini_hochberg(p_values) <= 0.01) <= 3


def row(week: int, runs: int, category: str = "success", **more: Any) -> dict[str, Any]:
    name = more.pop("name", "A")
    return {
        "processor_name": name,
        "weeks_back": week,
        "category": category,
        "duration_bucket": None,
        "runs": runs,
        **more,
    }


def compared(*rows: dict[str, Any], weeks: int = 4) -> dict[str, SameHours]:
    frame = pd.DataFrame(rows).astype({"duration_bucket": "Int64"})
    found = same_hours(frame, weeks=weeks)
    return {"": found[0], **by_processor(found)}


def test_failures_expected_and_real_stand_apart() -> None:
    found = compared(
        row(0, 5, "error"),
        row(0, 7, "no_data_available"),
        row(0, 3),
        row(1, 2, "timeout"),
        row(0, 4, "error", name="B"),
    )
    own = found["A"]
    assert (own.runs.now, own.real.now, own.expected.now) == (15, 5, 7)
    assert own.real.before == (2, 0, 0, 0)
    assert found[""].real.now == 9


def test_weeks_before_the_history_began_are_absent_not_zero() -> None:
    found = compared(row(0, 5, "error"), row(1, 5, "error"), row(2, 5, "error"), weeks=2)
    assert found["A"].real.before == (5, 5)
    assert found["A"].real.usual == 5


def timed(week: int, seconds: list[float], name: str = "A") -> list[dict[str, Any]]:
    buckets = bucket_of(np.array(seconds))
    return [row(week, 1, duration_bucket=int(bucket), name=name) for bucket in buckets]


def test_a_processor_that_takes_twice_as_long_is_slower() -> None:
    rng = np.random.default_rng(3)
    usual = [rng.lognormal(3, 0.3, 40).tolist() for _ in range(4)]
    before = [r for week, values in enumerate(usual, 1) for r in timed(week, values)]
    slow = compared(*timed(0, (2 * rng.lognormal(3, 0.3, 40)).tolist()), *before)["A"].durations
    same = compared(*timed(0, rng.lognormal(3, 0.3, 40).tolist()), *before)["A"].durations
    assert slow.q < 0.001
    assert same.q > 0.05
    assert slow.p95_s is not None
    assert slow.usual_p95_s is not None
    assert slow.p95_s > 1.5 * slow.usual_p95_s


def test_few_durations_are_not_judged() -> None:
    found = compared(*timed(0, [99.0] * 3), *timed(1, [1.0] * 5))["A"].durations
    assert found.q == 1


def test_of_many_processors_chance_is_taken_off() -> None:
    """One in twenty of forty quiet processors looks odd alone; together none does."""
    rng = np.random.default_rng(11)
    rows = [
        row(week, int(rng.poisson(6)), "error", name=f"P{number:02}")
        for number in range(40)
        for week in range(5)
    ]
    found = compared(*rows)
    assert not [name for name, own in found.items() if name and own.real.q <= 0.01]
    loud = compared(*rows, row(0, 60, "error", name="P07"))
    assert [name for name, own in loud.items() if name and own.real.q <= 0.01] == ["P07"]
