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


def test_a_step_on_a_trend_is_one_step() -> None:
    values = _noise(5) + np.linspace(0, 10, 120)
    values[60:] += 7
    (found,) = change_points(values)
    assert abs(found - 60) <= 2


@pytest.mark.parametrize("seed", range(3))
def test_a_line_that_turns_has_one_change(seed: int) -> None:
    values = 0.5 * _noise(seed) + 0.3 * np.maximum(np.arange(120) - 70, 0)
    (found,) = change_points(values)
    assert abs(found - 70) <= 5


def test_a_trend_that_turns_back_has_one_change() -> None:
    values = 0.5 * _noise(6) + 15 - 0.25 * np.abs(np.arange(120.0) - 60)
    (found,) = change_points(values)
    assert abs(found - 60) <= 4


@pytest.mark.parametrize("power", [2, 3])
def test_growth_without_a_turn_has_no_change(power: int) -> None:
    assert change_points(20 * np.linspace(0, 1, 120) ** power + 0.7 * _noise(7)) == []


@pytest.mark.parametrize("period", [4, 7, 12])
def test_a_season_is_not_a_change(period: int) -> None:
    season = np.resize(4 * np.random.default_rng(period).normal(size=period), 120)
    growing = np.linspace(1, 3, 120)
    assert change_points(season * growing + 6 * growing + _noise(8)) == []
    values = season + _noise(8)
    values[66:] += 5
    (found,) = change_points(values)
    assert abs(found - 66) <= 2


def test_both_ends_of_a_plateau_are_changes() -> None:
    values = _noise(9)
    values[50:62] += 6
    first, second = change_points(values)
    assert abs(first - 50) <= 1
    assert abs(second - 62) <= 1


def test_a_calm_that_ends_is_a_change_though_the_level_stays() -> None:
    values = _noise(10, 200)
    values[120:] *= 5
    (found,) = change_points(values)
    assert abs(found - 120) <= 8


def test_what_wanders_has_few_changes() -> None:
    found = []
    for seed in range(10):
        steps, values = _noise(seed, 150), np.zeros(150)
        for i in range(1, 150):
            values[i] = 0.6 * values[i - 1] + steps[i]
        found.append(len(change_points(values)))
    assert np.mean(found) < 0.6


def test_a_long_series_is_told_to_the_point() -> None:
    values = _noise(11, 20_000)
    values[7_000:] += 3
    values[15_000:] -= 2
    first, second = change_points(values)
    assert abs(first - 7_000) <= 2
    assert abs(second - 15_000) <= 5


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


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.floats(-1e3, 1e3),
            st.integers(0, 3).map(float),
            st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e300, -1e300, 1e-300]),
        ),
        max_size=60,
    )
)
def test_any_numbers_have_an_answer(values: list[float]) -> None:
    found = change_points(values)
    assert found == sorted(set(found))
    assert all(0 < at < len(values) for at in found)


@pytest.mark.parametrize("size", [50, 500])
def test_a_line_without_any_noise_has_no_change(size: int) -> None:
    assert change_points(np.arange(float(size))) == []


def test_a_step_without_any_noise_is_found() -> None:
    assert change_points([0.0] * 20 + [1.0] * 20) == [20]
