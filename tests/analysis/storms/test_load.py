"""Load and failing: a curve that never falls."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from nbkit.analysis.storms.load import never_falling

levels = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=60)


@given(levels)
def test_the_nearest_sequence_that_never_falls_is_found(pairs: list[tuple[int, int]]) -> None:
    values = np.array([value / 40 for value, _ in pairs])
    weights = np.array([float(weight) for _, weight in pairs])
    found = never_falling(values, weights)
    assert np.all(np.diff(found) >= 0)
    np.testing.assert_allclose(found, isotonic_regression(values, weights=weights).x, atol=1e-12)


def test_what_rises_already_stays_as_it_is() -> None:
    rising = np.array([0.1, 0.2, 0.2, 0.9])
    np.testing.assert_array_equal(never_falling(rising, np.ones(4)), rising)
