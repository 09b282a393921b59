"""The share of false findings is held, against published values and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from nbkit.analysis.false_discovery import benjamini_hochberg, benjamini_yekutieli

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=40)

# Benjamini & Hochberg (1995), section 4: fifteen comparisons, of which four are believed at 5 %.
PUBLISHED = [
    *[0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344],
    *[0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000],
]


def test_the_published_example_believes_four_of_fifteen() -> None:
    assert (benjamini_hochberg(PUBLISHED) <= 0.05).sum() == 4


@given(p=SHARES)
def test_both_agree_with_scipy(p: list[float]) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), atol=1e-12)
    np.testing.assert_allclose(
        benjamini_yekutieli(p), false_discovery_control(p, method="by"), atol=1e-12
    )


@given(p=SHARES, seed=st.integers(0, 100))
def test_the_order_of_the_tests_does_not_matter(p: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p))
    np.testing.assert_allclose(
        benjamini_hochberg(np.array(p)[order]), benjamini_hochberg(p)[order], atol=1e-12
    )


@given(p=SHARES)
def test_a_q_value_is_never_below_its_p_value(p: list[float]) -> None:
    assert (benjamini_hochberg(p) >= np.array(p) - 1e-12).all()


def test_the_wrong_share_of_what_is_believed_is_held() -> None:
    rng = np.random.default_rng(1)
    wrong_shares = []
    for _ in range(400):
        p = rng.uniform(size=330)
        p[:15] = rng.uniform(size=15) * 1e-4
        believed = benjamini_hochberg(p) <= 0.1
        wrong_shares.append(believed[15:].sum() / max(believed.sum(), 1))
    assert np.mean(wrong_shares) <= 0.1


def test_equal_weights_change_nothing_and_a_large_one_helps() -> None:
    p = [0.004, 0.02, 0.5, 0.9]
    np.testing.assert_allclose(benjamini_hochberg(p, weights=[3] * 4), benjamini_hochberg(p))
    assert benjamini_hochberg(p, weights=[1, 6, 1, 1])[1] < benjamini_hochberg(p)[1]


def test_no_test_has_no_q_value_and_does_not_count() -> None:
    q = benjamini_hochberg([0.01, np.nan, 0.2])
    np.testing.assert_allclose(q, [0.02, np.nan, 0.2])
    assert benjamini_hochberg([]).size == 0
    assert np.isnan(benjamini_hochberg([np.nan], weights=[1.0])).all()


@pytest.mark.parametrize("wrong", [[-0.1], [1.5], [[0.1, 0.2]]])
def test_what_is_no_p_value_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="p-value"):
        benjamini_hochberg(wrong)
    with pytest.raises(ValueError, match="p-value"):
        benjamini_yekutieli(wrong)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0]])
def test_weights_are_positive_and_one_each(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        benjamini_hochberg([0.1, 0.2], weights=weights)
