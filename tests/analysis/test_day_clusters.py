"""Intervals of figures whose runs come in days hold the truth, and know how little they know."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.day_clusters import bootstrap_days, effective_size, quantile_of, share_of
from nbkit.analysis.profiles import Profile
from nbkit.analysis.proportions import proportion

DAYS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: (min(p), max(p))), max_size=40
)


def ints(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@given(DAYS)
def test_runs_are_never_worth_more_than_they_are_nor_less_than_their_days(
    days: list[tuple[int, int]],
) -> None:
    hits, totals = ints([h for h, _ in days]), ints([n for _, n in days])
    size = effective_size(hits, totals)
    runs = int(totals.sum())
    least = runs**2 / max(float((totals**2).sum()), 1.0)
    assert min(least, runs) - 1e-9 <= size <= runs


@given(DAYS)
def test_a_clustered_share_is_never_surer_than_an_independent_one(
    days: list[tuple[int, int]],
) -> None:
    hits, totals = ints([h for h, _ in days]), ints([n for _, n in days])
    found, plain = share_of(hits, totals), proportion(int(hits.sum()), int(totals.sum()))
    assert found.rate == plain.rate
    assert found.high - found.low >= plain.high - plain.low - 1e-12
    if found.rate is not None:
        assert found.low <= found.rate <= found.high


def test_a_storm_of_a_hundred_failures_in_one_day_is_one_bad_day() -> None:
    hits = ints([0] * 29 + [100])
    totals = ints([100] * 30)
    plain = proportion(100, 3_000)
    found = share_of(hits, totals)
    assert plain.high < 0.05
    assert found.high > 0.1


def test_one_run_a_day_is_as_sure_as_independent_runs() -> None:
    hits = ints([1] * 6 + [0] * 24)
    assert effective_size(hits, ints([1] * 30)) == 30


def test_the_ranks_of_the_median_are_the_classic_ones() -> None:
    # Conover (1999), table A3: of 20 values the 6th and the 15th hold the median at 95 %.
    values = [float(2**n) for n in range(20)]
    found = quantile_of([Profile.of_values([v]) for v in values], 0.5)
    assert found.low == pytest.approx(values[5], rel=0.01)
    assert found.high == pytest.approx(values[14], rel=0.01)


def test_too_few_values_bound_a_quantile_on_one_side_only() -> None:
    days = [Profile.of_values([float(n)]) for n in range(1, 41)]
    found = quantile_of(days, 0.95)
    assert found.value is not None
    assert found.low is not None
    assert found.high is None  # forty values cannot say how far the P95 may be above


def test_five_values_do_not_bound_a_median() -> None:
    found = quantile_of([Profile.of_values([float(n)]) for n in range(1, 6)], 0.5)
    assert (found.low, found.high) == (None, None)


def test_nothing_has_no_quantile() -> None:
    assert quantile_of([], 0.5).value is None


@pytest.mark.parametrize("scatter", [0.0, 0.2])
def test_an_interval_holds_the_truth_as_often_as_it_says(scatter: float) -> None:
    draws = np.random.default_rng(5)
    truth = float(np.exp(NormalDist().inv_cdf(0.9) * np.hypot(0.3, scatter)))
    rounds = 120
    held = 0
    for _ in range(rounds):
        days = [
            Profile.of_values(np.exp(draws.normal(0, scatter) + draws.normal(0, 0.3, 30)))
            for _ in range(30)
        ]
        found = quantile_of(days, 0.9)
        low, high = found.low or 0.0, found.high or float("inf")
        held += low <= truth * 1.01 and truth <= high * 1.01
    assert held / rounds >= 0.9


def test_resampled_days_are_whole_and_the_same_each_time() -> None:
    days = [Profile.of_values([1.0, 1.0]), Profile.of_values([50.0])]
    buckets, first, _ = bootstrap_days(days, rounds=50)
    again = bootstrap_days(days, rounds=50)[1]
    assert (first == again).all()
    assert set(first[:, 0].tolist()) <= {0, 2, 4}
    assert buckets.size == 2


def test_values_at_or_below_zero_are_drawn_with_their_day() -> None:
    days = [Profile.of_values([0.0, -1.0, 3.0]), Profile.of_values([3.0])]
    _, counts, zeros = bootstrap_days(days, rounds=50)
    assert set(zeros.tolist()) <= {0, 2, 4}
    assert (counts.sum(axis=1) == 2).all()  # each day has one value above
