"""Forecasts hold what they say about drifts that were planted, and are silent about the rest."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbkit.analysis.trends.drift_line import fit_line
from nbkit.analysis.trends.forecast import NoForecast, forecast_limit, timeout_forecasts
from nbkit.registry import load_registry

FIRST = date(2025, 10, 1)
LEVEL = 100.0


def ar1(rng: np.random.Generator, count: int, phi: float) -> np.ndarray:
    noise = rng.standard_normal(count)
    for index in range(1, count):
        noise[index] = phi * noise[index - 1] + np.sqrt(1 - phi**2) * noise[index]
    return noise


def history(
    rng: np.random.Generator,
    *,
    count: int = 60,
    rate: float = 0.0,
    bend: int = 0,
    spread: float = 0.1,
    phi: float = 0.0,
    off_days: float = 0.0,
    outliers: float = 0.0,
) -> pd.Series:
    """Durations in seconds by day that grow by `rate` a day (as a logarithm) from `bend` on."""
    ramp = rate * np.maximum(np.arange(count) - bend, 0)
    value = np.log(LEVEL) + ramp + spread * ar1(rng, count, phi)
    value += np.where(rng.random(count) < outliers, 1.5, 0.0)
    series = pd.Series(np.exp(value), index=pd.date_range(FIRST, periods=count))
    return series[rng.random(count) >= off_days]


def forecast(series: pd.Series, limit: float, **more: object):
    return forecast_limit(series.index, series, limit=limit, **more)


def limit_after(days: int, *, count: int = 60, rate: float, bend: int = 0) -> float:
    """The limit that the noiseless drift reaches so many days after the last one."""
    return float(LEVEL * np.exp(rate * (count - 1 - bend + days)))


@pytest.mark.parametrize(
    ("kind", "ahead"),
    [
        ({"rate": 0.01}, 40),
        ({"rate": 0.01, "phi": 0.5}, 40),
        ({"rate": 0.015, "count": 30, "phi": 0.3}, 30),
        ({"rate": 0.01, "phi": 0.3, "off_days": 0.25, "outliers": 0.04}, 40),
        ({"rate": 0.03, "count": 20}, 20),
        ({"rate": 0.02, "bend": 30}, 30),
    ],
)
def test_the_interval_holds_the_true_day_about_as_often_as_it_says(
    kind: dict[str, float], ahead: int
) -> None:
    rng = np.random.default_rng(11)
    where = {key: kind[key] for key in ("count", "rate", "bend") if key in kind}
    limit = limit_after(ahead, **where)
    true = FIRST + timedelta(days=kind.get("count", 60) - 1 + ahead)
    given = [found for _ in range(100) if (found := forecast(history(rng, **kind), limit)).on]
    held = [f.earliest <= true and (f.latest is None or true <= f.latest) for f in given]
    assert len(given) >= 60
    assert 0.80 <= np.mean(held) <= 0.99  # 90 %, give or take the chance in 60 to 100 of them
    assert all(f.earliest <= f.on and (f.latest is None or f.on <= f.latest) for f in given)


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_healthy_processors_get_no_forecast(phi: float) -> None:
    rng = np.random.default_rng(3)
    series = [history(rng, phi=phi, off_days=0.2, outliers=0.04) for _ in range(150)]
    dated = [each for each in series if forecast(each, 2 * LEVEL).on]
    assert len(dated) <= 2


def test_a_drift_without_noise_is_told_to_the_day() -> None:
    series = history(np.random.default_rng(0), rate=0.01, spread=0.0)
    found = forecast(series, limit_after(40, rate=0.01) * 0.9999)
    assert found.on == FIRST + timedelta(days=59 + 40)
    assert found.change == pytest.approx(np.exp(0.01) - 1)
    assert found.level == pytest.approx(LEVEL * np.exp(0.59))
    assert found.sentence.startswith("reached on 2026-01-08, between 2026-01-0")


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.01, 1e4), shift=st.integers(-2000, 2000), seed=st.integers(0, 99))
def test_units_and_calendar_do_not_matter(factor: float, shift: int, seed: int) -> None:
    series = history(np.random.default_rng(seed), rate=0.01)
    moved = (series * factor).set_axis(series.index + pd.Timedelta(days=shift))
    one, other = forecast(series, 300), forecast(moved, 300 * factor)
    assert (one.on is None) == (other.on is None)
    if one.on and other.on:
        assert abs((other.on - one.on).days - shift) <= 1
    assert one.change == pytest.approx(other.change)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_more_confidence_is_a_wider_interval(seed: int) -> None:
    series = history(np.random.default_rng(seed), rate=0.015)
    narrow, wide = (forecast(series, 300, confidence=each) for each in (0.5, 0.95))
    assert narrow.on == wide.on
    if narrow.on and narrow.latest and wide.latest:
        assert wide.earliest <= narrow.earliest <= narrow.latest <= wide.latest


def test_the_order_of_the_days_does_not_matter() -> None:
    series = history(np.random.default_rng(1), rate=0.01)
    assert forecast(series.sample(frac=1, random_state=1), 300) == forecast(series, 300)


def test_lone_outliers_move_no_date() -> None:
    series = history(np.random.default_rng(2), rate=0.01, spread=0.05)
    spoilt = series.copy()
    spoilt.iloc[[10, 40, -1]] *= 10
    clean, found = forecast(series, 400), forecast(spoilt, 400)
    assert found.days == clean.days - 3
    assert abs((found.on - clean.on).days) <= 3


@pytest.mark.parametrize("at", [20, 40, 50, 57])
@pytest.mark.parametrize("size", [1.3, 1.5, 2.0])
def test_a_step_is_not_extrapolated_as_a_drift(at: int, size: float) -> None:
    rng = np.random.default_rng(7)
    jump = np.where(np.arange(60) >= at, size, 1)
    found = [forecast(history(rng, spread=0.08) * jump, 4 * LEVEL) for _ in range(25)]
    assert sum(f.on is not None for f in found) <= 1
    if size > 1.3 and at < 50:
        assert {(f.why_not, f.change) for f in found} == {(NoForecast.STEP, None)}


def test_a_step_over_the_limit_has_reached_it() -> None:
    jumped = history(np.random.default_rng(5)) * np.where(np.arange(60) >= 57, 3, 1)
    assert forecast(jumped, 200).why_not == NoForecast.ALREADY_REACHED


def test_after_a_step_only_the_values_since_it_count() -> None:
    rng = np.random.default_rng(8)
    series = history(rng, spread=0.02) * np.where(np.arange(60) >= 35, 2, 1)
    series.iloc[35:] *= np.exp(0.01 * np.arange(25))
    since = series.index[35].date()
    found = forecast(series, 400, since=since)
    assert forecast(series, 400).on is None
    assert found.first_day == since
    # 200 s are doubled after 69 days of 1 %.
    assert abs((found.on - (since + timedelta(days=69))).days) <= 15


def test_a_drift_is_dated_from_where_it_began() -> None:
    series = history(np.random.default_rng(9), rate=0.03, bend=40, spread=0.05)
    found = forecast(series, 600)
    assert abs((found.first_day - (FIRST + timedelta(days=40))).days) <= 6
    assert found.change == pytest.approx(0.03, rel=0.3)


def test_a_drift_that_has_ended_is_not_extrapolated() -> None:
    rng = np.random.default_rng(10)
    ended = np.exp(0.02 * (np.minimum(np.arange(60), 40) - np.arange(60)))
    found = [forecast(history(rng, rate=0.02) * ended, 400) for _ in range(40)]
    assert sum(f.why_not == NoForecast.OVER for f in found) >= 35
    assert sum(f.on is not None for f in found) <= 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-3, 1e5), max_size=40), st.floats(1e-2, 1e6))
def test_any_values_give_a_forecast_or_a_reason(values: list[float], limit: float) -> None:
    series = pd.Series(values, index=pd.date_range(FIRST, periods=len(values)), dtype="float64")
    found = forecast(series, limit)
    assert (found.on is None) == (found.why_not is not None)
    if found.on:
        assert found.last_day <= found.earliest <= found.on
        assert found.latest is None or found.on <= found.latest


def test_each_reason_to_give_no_date() -> None:
    rng = np.random.default_rng(5)
    rising = history(rng, rate=0.01)
    falling = history(rng, rate=-0.01)
    jumped = history(rng) * np.where(np.arange(60) >= 57, 3, 1)
    assert forecast(rising.iloc[:13], 300).why_not == NoForecast.NOT_ENOUGH_HISTORY
    assert forecast(rising.iloc[:0], 300).why_not == NoForecast.NOT_ENOUGH_HISTORY
    assert forecast(rising, 150).why_not == NoForecast.ALREADY_REACHED
    assert forecast(falling, 300).why_not == NoForecast.NO_DRIFT
    assert forecast(jumped, 1000).why_not == NoForecast.STEP
    assert forecast(rising, 1e6).why_not == NoForecast.BEYOND_HORIZON
    assert forecast(rising, 150).sentence == "the limit is already reached"
    found = forecast(rising, 1e6)
    assert (found.on, found.earliest, found.latest) == (None, None, None)
    assert found.sentence == "no forecast: not within the horizon"
    assert found.change == pytest.approx(0.01, rel=0.3)


def test_an_interval_that_leaves_the_horizon_has_no_last_day() -> None:
    series = history(np.random.default_rng(4), rate=0.01, spread=0.15)
    day = (forecast(series, 250).on - FIRST).days - 59
    found = forecast(series, 250, horizon_days=day + 1)
    assert found.on
    assert found.latest is None
    assert "and a day beyond the horizon" in found.sentence


def test_equal_values_have_no_drift() -> None:
    series = pd.Series(60.0, index=pd.date_range(FIRST, periods=40))
    assert forecast(series, 100).why_not == NoForecast.NO_DRIFT


def test_absent_values_and_zeros_are_no_values() -> None:
    series = history(np.random.default_rng(6), rate=0.01)
    holes = series.copy()
    holes.iloc[[3, 30]] = [np.nan, 0.0]
    assert forecast(holes, 300) == forecast(series.drop(series.index[[3, 30]]), 300)


def test_a_line_that_may_be_level_crosses_nothing() -> None:
    series = np.log(history(np.random.default_rng(6)))
    line = fit_line(series)
    assert line is not None
    with pytest.raises(ValueError, match="not surely other than zero"):
        line.crossing(10, 0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": 0.0}, "has no logarithm"),
        ({"confidence": 1.0}, "at confidence 1.0"),
        ({"horizon_days": 0}, "within 0 days"),
        ({"values": [1.0]}, "2 days and 1 values"),
        ({"days": [FIRST, FIRST]}, "2025-10-01 comes twice"),
    ],
)
def test_what_cannot_be_asked_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"days": [FIRST, FIRST + timedelta(days=1)], "values": [1.0, 2.0], "limit": 10.0}
    arguments |= change
    with pytest.raises(ValueError, match=message):
        forecast_limit(arguments.pop("days"), arguments.pop("values"), **arguments)


def test_each_registered_processor_is_held_against_its_own_timeout() -> None:
    registry = load_registry()
    processor = registry.processors[3]
    series = history(np.random.default_rng(12), rate=0.012, spread=0.05)
    series *= processor.timeout_seconds / limit_after(30, rate=0.012)
    daily = pd.DataFrame({"date": series.index, "p95_duration": series.to_numpy()})
    found = timeout_forecasts(
        pd.concat([daily.assign(processor_name=name) for name in (processor.name, "Unregistered")]),
        registry,
    )
    assert list(found) == [processor.name]
    assert found[processor.name].limit == processor.timeout_seconds
    assert abs((found[processor.name].on - (FIRST + timedelta(days=89))).days) <= 10
