"""Intervals of shares, against published values and laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.proportions import difference, proportion


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(
    successes: int, total: int, low: float, high: float
) -> None:
    found = proportion(successes, total)
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


@given(total=st.integers(1, 5_000), share=st.floats(0, 1))
def test_the_interval_holds_the_share_and_mirrors_its_complement(total: int, share: float) -> None:
    successes = round(total * share)
    found, mirror = proportion(successes, total), proportion(total - successes, total)
    assert found.rate is not None
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert mirror.low == pytest.approx(1 - found.high)


def test_few_runs_do_not_meet_a_target_and_many_do() -> None:
    assert proportion(3, 3).against(0.95) == "not enough runs"
    assert proportion(72, 72).against(0.95) == "not enough runs"
    assert proportion(73, 73).against(0.95) == "met"
    assert proportion(36, 132).against(0.95) == "not met"
    assert proportion(0, 0).against(0.95) == "not enough runs"
    assert proportion(0, 0).rate is None


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17:873, table II, method 10
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    before: tuple[int, int], after: tuple[int, int], low: float, high: float
) -> None:
    found = difference(proportion(*before), proportion(*after))
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
    assert found.is_clear


def test_without_runs_there_is_no_difference() -> None:
    assert difference(proportion(0, 0), proportion(1, 2)) is None


@pytest.mark.parametrize("wrong", [(-1, 3), (4, 3)])
def test_what_is_no_share_is_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no share"):
        proportion(*wrong)
