"""Rates of counts: exact where counts are Poisson, wider where they come in clumps."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.count_rates import (
    count_rate,
    rate_ratio,
    shared_overdispersion,
    units_until_sure,
)

CALM = st.lists(st.integers(0, 40), min_size=2, max_size=30)


def test_seven_events_in_five_days_have_garwoods_interval() -> None:
    # Tables of the exact Poisson interval: 7 events, 2.814 to 14.423.
    rate = count_rate([1, 3, 2, 0, 1])
    assert rate.rate == pytest.approx(1.4)
    assert (5 * rate.low, 5 * rate.high) == pytest.approx((2.814, 14.423), abs=1e-3)


def test_no_event_is_not_certainty_and_no_day_is_not_zero() -> None:
    none = count_rate([0] * 10)
    assert none.rate == 0
    assert none.high == pytest.approx(0.3689, abs=1e-4)
    unseen = count_rate([])
    assert unseen.rate is None
    assert unseen.high == inf
    assert unseen.below(2) == "not enough runs"


def test_a_target_is_met_missed_or_not_yet_to_be_told() -> None:
    assert count_rate([1] * 10).below(2) == "met"
    assert count_rate([4] * 10).below(2) == "not met"
    assert count_rate([1, 3, 2, 0, 1]).below(2) == "not enough runs"


def test_a_ratio_agrees_with_the_published_exact_one() -> None:
    # Rothman & Greenland (2008): 41 of 28,010 against 15 of 19,017 woman-years, ratio 1.86.
    before, after = np.zeros(19_017, dtype=np.int64), np.zeros(28_010, dtype=np.int64)
    before[:15], after[:41] = 1, 1
    ratio = rate_ratio(before, after)
    assert ratio is not None
    assert ratio.value == pytest.approx(1.86, abs=0.01)
    assert (ratio.low, ratio.high) == pytest.approx((1.00, 3.61), abs=0.02)


def test_clumped_counts_are_seen_and_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    clumped = rng.negative_binomial(2, 0.1, 60)
    assert shared_overdispersion(clumped) == pytest.approx(0.5, abs=0.25)
    wide, narrow = count_rate(clumped), count_rate(clumped, overdispersion=0.0)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert shared_overdispersion(rng.poisson(18, 60)) == 0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    held = ratios = 0
    rounds = 400
    for _ in range(rounds):
        before, after = rng.negative_binomial(4, 4 / 24, 40), rng.negative_binomial(4, 4 / 10, 10)
        rate, ratio = count_rate(before), rate_ratio(before, after)
        assert ratio is not None
        held += rate.low <= 20 <= rate.high
        ratios += ratio.low <= 0.3 <= ratio.high
    assert held / rounds > 0.91
    assert ratios / rounds > 0.91


def test_the_same_rate_twice_is_seldom_called_a_change() -> None:
    rng = np.random.default_rng(5)
    told = [rate_ratio(rng.poisson(3, 30), rng.poisson(3, 5)) for _ in range(400)]
    assert sum(each is not None and each.is_clear for each in told) / 400 < 0.05


@given(CALM, CALM)
def test_the_ratio_of_the_other_way_round_is_the_inverse(
    before: list[int], after: list[int]
) -> None:
    there, back = rate_ratio(before, after), rate_ratio(after, before)
    if there is None or back is None:
        assert sum(before) == sum(after) == 0
        return
    assert there.low == pytest.approx(1 / back.high if back.high else inf, rel=1e-6)
    assert there.p_value == pytest.approx(back.p_value, abs=1e-9)


@given(CALM)
def test_the_interval_holds_what_was_seen(counts: list[int]) -> None:
    rate = count_rate(counts)
    assert rate.rate is not None
    assert rate.low <= rate.rate <= rate.high


def test_how_long_to_wait_is_told() -> None:
    assert units_until_sure(count_rate([1] * 10), 2) == 0
    wait = units_until_sure(count_rate([1, 3, 2, 0, 1]), 2)
    assert wait is not None
    assert 5 < wait < 60
    assert units_until_sure(count_rate([2, 2, 2]), 2) is None
    assert units_until_sure(count_rate([]), 2) is None


@pytest.mark.parametrize(("counts", "confidence"), [([-1], 0.95), ([1], 1.0)])
def test_nonsense_is_refused(counts: list[int], confidence: float) -> None:
    with pytest.raises(ValueError, match="no rate"):
        count_rate(counts, confidence=confidence)
