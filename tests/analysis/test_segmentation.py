"""Change points: the planted ones are found, and none where nothing changes for good."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbkit.analysis.trends import change_points


def _noise(seed: int, size: int = 120) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_change(seed: int) -> None:
    assert change_points(_noise(seed)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_found_where_it_begins(seed: int) -> None:
    values = _noise(seed)
    values[70:] += 4
    (found,) = change_points(values)
    assert abs(found - 70) <= 2


def test_two_steps_are_two_regimes() -> None:
    values = _noise(1)
    values[40:] += 5
    values[80:] -= 4
    first, second = change_points(values)
    assert abs(first - 40) <= 2
    assert abs(second - 80) <= 2


def test_a_lone_outlier_is_not_a_regime() -> None:
    values = _noise(2)
    values[[20, 60, 110]] += 15
    assert change_points(values) == []


def test_a_straight_line_is_not_a_staircase() -> None:
    assert change_points(_noise(3) + np.linspace(0, 8, 120)) == []


def test_missing_days_do_not_move_the_index() -> None:
    values = _noise(4)
    values[70:] += 5
    values[10:30] = np.nan
    (found,) = change_points(values)
    assert abs(found - 70) <= 2


@pytest.mark.parametrize("values", [[], [1.0], [2.0] * 50, [np.nan] * 50, [1.0, 9.0, 1.0]])
def test_too_little_and_constant_have_no_change(values: list[float]) -> None:
    assert change_points(values) == []


def test_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        change_points(np.zeros((3, 3)))


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(1e-3, 1e6),
    offset=st.floats(-1e3, 1e3),
    seed=st.integers(0, 20),
    at=st.integers(30, 90),
)
def test_the_unit_does_not_matter(scale: float, offset: float, seed: int, at: int) -> None:
    values = _noise(seed)
    values[at:] += 5
    assert change_points(values) == change_points(scale * (values + offset))
