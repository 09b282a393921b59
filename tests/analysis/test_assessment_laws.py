"""What holds of an assessment whatever the history is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbkit.analysis.trends import Assessment, assess

START = pd.Timestamp("2025-11-01")


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Any length, with unknown figures, off-days, outliers and perhaps a change."""
    seed, days = draw(st.integers(0, 2**32)), draw(st.integers(1, 110))
    rng = np.random.default_rng(seed)
    runs = rng.poisson(draw(st.sampled_from([0.7, 3, 40, 300])), days)
    duration = draw(st.sampled_from([5.0, 60.0, 2000.0])) * np.exp(rng.normal(0, 0.15, days))
    duration[days - min(draw(st.integers(0, 40)), days) :] *= draw(st.sampled_from([0.5, 1, 1.5]))
    duration[rng.random(days) < draw(st.sampled_from([0.0, 0.05, 0.6]))] = np.nan
    records = 500 * np.exp(rng.standard_t(3, days) * 0.2)
    return pd.DataFrame(
        {
            "date": pd.date_range(START, periods=days),
            "runs": runs,
            "failures": rng.binomial(runs, draw(st.sampled_from([0.0, 0.02, 0.9]))),
            "p95_duration": duration,
            "records_p50": np.where(records > 900, 0.0, records),
        }
    )


def _parts(found: Assessment) -> list[tuple[object, ...]]:
    """What must not change, without figures in the last bit."""
    return [(found.status, c.kind, c.since, c.until) for c in found.changes + found.recovered]


@settings(max_examples=20, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(history: pd.DataFrame, random: object) -> None:
    order = list(range(len(history)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert assess(history.iloc[order]) == assess(history)


@settings(max_examples=20, deadline=None)
@given(histories(), st.integers(1, 5))
def test_missing_days_at_the_end_change_nothing(history: pd.DataFrame, days: int) -> None:
    missing = pd.DataFrame(
        {
            "date": pd.date_range(history["date"].iloc[-1] + pd.Timedelta(days=1), periods=days),
            "runs": 0,
            "failures": 0,
            "p95_duration": np.nan,
            "records_p50": np.nan,
        }
    )
    assert assess(pd.concat([history, missing])) == assess(history)


@settings(max_examples=20, deadline=None)
@given(histories(), st.sampled_from([4.0, 1000.0]))
def test_the_unit_of_durations_is_irrelevant(history: pd.DataFrame, factor: float) -> None:
    slow = history.assign(p95_duration=history["p95_duration"] * 10)
    scaled = slow.assign(p95_duration=slow["p95_duration"] * factor)
    assert _parts(assess(scaled)) == _parts(assess(slow))


@settings(max_examples=20, deadline=None)
@given(histories(), st.integers(0, 100), st.integers(0, 20))
def test_marked_days_are_as_days_without_runs(
    history: pd.DataFrame, first: int, length: int
) -> None:
    span = (
        (START + pd.Timedelta(days=first)).date(),
        (START + pd.Timedelta(days=first + length)).date(),
    )
    outside = ~history["date"].between(pd.Timestamp(span[0]), pd.Timestamp(span[1]))
    assert assess(history, marked=[span]) == assess(history[outside])


@settings(max_examples=30, deadline=None)
@given(histories())
def test_a_verdict_is_whole(history: pd.DataFrame) -> None:
    found = assess(history)
    assert found.alert == bool(found.changes)
    assert (found.status == "recovered") == (bool(found.recovered) and not found.changes)
    assert (found.confidence is None) == (not found.changes and not found.recovered)
    for change in found.changes + found.recovered:
        assert change.low <= change.effect <= change.high
        assert 0 <= change.p_value <= 1
        assert history["date"].iloc[0].date() <= change.since <= history["date"].iloc[-1].date()
    assert all(change.until is None for change in found.changes)
    assert all(c.until is not None and c.until >= c.since for c in found.recovered)


def _steady(seed: int = 0, days: int = 60, runs: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "date": pd.date_range(START, periods=days),
            "runs": runs,
            "failures": rng.binomial(runs, 0.02, days),
            "p95_duration": 60 * np.exp(rng.normal(0, 0.12, days)),
            "records_p50": 500 * np.exp(rng.normal(0, 0.1, days)),
        }
    )


@pytest.mark.parametrize("seed", range(6))
def test_an_alert_does_not_flap(seed: int) -> None:
    history = _steady(seed)
    history.loc[46:, "p95_duration"] *= 1.35
    said = [assess(history.head(47 + day)).alert for day in range(14)]
    assert any(said)
    assert all(said[said.index(True) :])


@pytest.mark.parametrize("seed", range(6))
def test_an_alert_ends_soon_after_the_days_are_as_usual(seed: int) -> None:
    history = _steady(seed)
    history.loc[44:51, "p95_duration"] *= 1.8
    assert assess(history.head(52)).alert
    assert [assess(history.head(rows)).status for rows in (55, 60)] == ["recovered"] * 2


def test_a_history_of_years_is_judged_by_its_last_months() -> None:
    long = _steady(days=900)
    long.loc[896:, "p95_duration"] *= 1.6
    found = assess(long)
    assert found.days == 900
    assert replace(found, days=200) == assess(long.tail(200))
    assert found.since == date(2028, 4, 15)


def test_the_first_day_of_all_is_insufficient() -> None:
    assert assess(_steady(days=1)).status == "insufficient"
    assert assess(_steady(days=1).head(0)).status == "insufficient"


def test_days_of_few_runs_are_no_step_down_nor_back_up() -> None:
    """A P95 of few runs is a lower order statistic: a change of the number of runs alone."""
    rng = np.random.default_rng(2)
    alerts = 0
    for _ in range(20):
        runs = np.where(np.arange(70) // 10 % 2 == 0, 60, 5)
        logs = [np.quantile(rng.normal(0, 0.3, n), 0.95, method="lower") for n in runs]
        history = _steady(days=70).assign(runs=runs, failures=0, p95_duration=60 * np.exp(logs))
        found = assess(history)
        alerts += any(change.metric == "duration" for change in found.changes)
    assert alerts <= 1


def test_durations_that_become_unsteady_are_found_and_faster_ones_are_not() -> None:
    rng = np.random.default_rng(3)
    history = _steady()
    history.loc[50:, "p95_duration"] = 60 * np.exp(rng.normal(0, 0.5, 10))
    found = assess(history)
    assert found.kind == "variance"
    assert found.effect == pytest.approx(0.5 / 0.12, rel=0.5)
    faster = _steady()
    faster.loc[50:, "p95_duration"] *= 0.5
    assert not assess(faster).alert
