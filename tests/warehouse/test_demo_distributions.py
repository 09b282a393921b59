"""Solved distributions: whatever is asked for comes out, exactly where exactness is promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.warehouse.demo import distributions
from nbkit.warehouse.demo.facts import load_published

DURATIONS = load_published()["durations_s"]
RECORDS = load_published()["records"]


@pytest.mark.parametrize("name", DURATIONS)
def test_durations_have_the_published_summary(name: str) -> None:
    wanted = DURATIONS[name]
    values = distributions.durations(
        wanted["n"],
        mean=wanted["mean"],
        sd=wanted["sd"],
        p95=wanted["p95"],
        maximum=wanted["max"],
        minimum=wanted["min"],
    )
    assert values.size == wanted["n"]
    assert values.mean() == pytest.approx(wanted["mean"], rel=0.01)
    assert values.std() == pytest.approx(wanted["sd"], rel=0.12)
    assert values.max() == pytest.approx(wanted["max"])
    for method in ("linear", "lower", "higher", "nearest"):
        assert np.quantile(values, 0.95, method=method) == pytest.approx(wanted["p95"])


@pytest.mark.parametrize("name", RECORDS)
def test_records_have_the_published_summary(name: str) -> None:
    wanted = RECORDS[name]
    values = distributions.records(
        wanted["n"],
        zeros=wanted["zeros"],
        mean=wanted["mean"],
        median=wanted["median"],
        sd=wanted["sd"],
    )
    assert values.size == wanted["n"]
    assert (values == 0).sum() == wanted["zeros"]
    assert np.median(values) == wanted["median"]
    assert values.sum() == round(wanted["n"] * wanted["mean"])
    assert values.std() == pytest.approx(wanted["sd"], rel=0.02)


@given(
    total=st.integers(0, 10_000),
    weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=50),
)
def test_a_spread_adds_up_and_is_fair(total: int, weights: list[float]) -> None:
    shares = np.array(weights)
    parts = distributions.spread(total, shares)
    assert parts.sum() == total
    assert (np.abs(parts - shares / shares.sum() * total) < 1 + 1e-6).all()


@given(n=st.integers(5, 2_000), share=st.floats(0.1, 0.9), seed=st.integers(0, 100))
def test_stuck_runs_add_up_and_none_is_older_than_the_history(
    n: int, share: float, seed: int
) -> None:
    longest = 1_860_000.0
    seconds = distributions.stuck(
        n, total=share * n * longest, longest=longest, rng=np.random.default_rng(seed)
    )
    assert seconds.sum() == pytest.approx(share * n * longest, rel=1e-3)
    assert 0 <= seconds.min() <= seconds.max() <= longest
