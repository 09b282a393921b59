"""A stream's score: planted incidents are alarms, usual life is not, and the future is not used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbkit.analysis.anomalies import THRESHOLD, WARM_UP, score

Floats = npt.NDArray[np.float64]
LONG = 3_000


def _times(n: int, minutes: int = 5) -> pd.DatetimeIndex:
    return pd.Timestamp("2026-01-05") + pd.to_timedelta(np.arange(n) * minutes, unit="min")


def _alarms(values: Floats, minutes: int = 5) -> npt.NDArray[np.int64]:
    return np.flatnonzero(score(values, _times(values.size, minutes)) >= THRESHOLD)


def _quiet(rng: np.random.Generator) -> Floats:
    return 20 + rng.standard_normal(LONG)


def _jobs(rng: np.random.Generator) -> Floats:
    x = 5 + rng.standard_normal(LONG)
    for at in range(30, LONG - 5, 70):
        x[at : at + 3] += 50 * np.exp(0.1 * rng.standard_normal())
    return x


def _counts(rng: np.random.Generator) -> Floats:
    return rng.poisson(6, LONG).astype(np.float64)


def _bytes(rng: np.random.Generator) -> Floats:
    return np.exp(10 + 0.6 * rng.standard_normal(LONG))


def _wave(rng: np.random.Generator) -> Floats:
    day = np.arange(LONG) / 288 * 2 * np.pi
    return 100 + 30 * np.sin(day) + 3 * rng.standard_normal(LONG)


USUAL = [_quiet, _jobs, _counts, _bytes, _wave]


@pytest.mark.parametrize("usual", USUAL)
def test_usual_life_is_hardly_ever_an_alarm(
    usual: Callable[[np.random.Generator], Floats],
) -> None:
    alarms = sum(_alarms(usual(np.random.default_rng(seed))).size for seed in range(5))
    assert alarms <= 5 * LONG / 1_000


@pytest.mark.parametrize("usual", USUAL)
def test_what_was_never_seen_is_an_alarm_whatever_is_usual(
    usual: Callable[[np.random.Generator], Floats],
) -> None:
    for seed in range(3):
        x = usual(np.random.default_rng(seed))
        x[2_000:2_004] = x.max() * 2.5
        assert np.isin(np.arange(2_000, 2_005), _alarms(x)).any()


def test_a_new_level_is_found_within_an_hour_and_then_accepted() -> None:
    x = _quiet(np.random.default_rng(1))
    x[1_500:] += 6
    alarms = _alarms(x)
    assert ((alarms >= 1_500) & (alarms < 1_512)).any()
    assert (alarms >= 1_612).sum() <= 2


def test_a_source_that_stands_still_is_found() -> None:
    x = _quiet(np.random.default_rng(2))
    x[2_000:2_060] = x[2_000]
    alarms = _alarms(x)
    assert ((alarms >= 2_000) & (alarms < 2_060)).any()


def test_a_calm_that_breaks_is_found() -> None:
    x = _quiet(np.random.default_rng(3))
    x[2_000:2_100] = 20 + 5 * (x[2_000:2_100] - 20)
    alarms = _alarms(x)
    assert ((alarms >= 2_000) & (alarms < 2_100)).any()


def test_the_wrong_height_for_the_hour_is_found_though_the_value_is_common() -> None:
    x = _wave(np.random.default_rng(4))
    x[2_664:2_736] = 100 + 3 * np.random.default_rng(5).standard_normal(72)  # a peak that is not
    alarms = _alarms(x)
    assert ((alarms >= 2_664) & (alarms < 2_750)).any()


def test_a_long_incident_is_one_alarm() -> None:
    x = _quiet(np.random.default_rng(6))
    x[2_000:2_080] += 40
    alarms = _alarms(x)
    assert ((alarms >= 2_000) & (alarms < 2_100)).sum() == 1


def test_one_incident_does_not_hide_the_next() -> None:
    x = _quiet(np.random.default_rng(7))
    for at, height in ((1_000, 60), (1_600, 45), (2_400, 50)):
        x[at : at + 3] += height
    alarms = _alarms(x)
    for at in (1_000, 1_600, 2_400):
        assert ((alarms >= at) & (alarms < at + 4)).any()


def test_what_keeps_coming_is_usual() -> None:
    x = _quiet(np.random.default_rng(8))
    x[400::100] += 40
    assert (_alarms(x) >= 1_200).sum() <= 2


def test_a_constant_that_changes_is_found_and_one_that_does_not_is_silent() -> None:
    x = np.full(1_000, 7.0)
    assert _alarms(x).size == 0
    x[700] = 7.5
    assert 700 in _alarms(x)


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_units_do_not_matter(factor: float) -> None:
    x = _jobs(np.random.default_rng(9))
    np.testing.assert_allclose(
        score(x * factor, _times(LONG)), score(x, _times(LONG)), rtol=1e-6, atol=1e-6
    )


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    usual=st.sampled_from(USUAL),
    cut=st.integers(0, 900),
    missing=st.booleans(),
    jumbled=st.booleans(),
)
def test_scoring_a_prefix_gives_the_prefix_of_the_scores(
    seed: int,
    usual: Callable[[np.random.Generator], Floats],
    cut: int,
    missing: bool,
    jumbled: bool,
) -> None:
    rng = np.random.default_rng(seed)
    x, times = usual(rng)[:900], _times(900, minutes=30)
    x[rng.integers(200, 900, 3)] *= rng.uniform(-5, 5, 3)
    if missing:
        x[rng.random(x.size) < 0.1] = np.nan
    if jumbled:
        times = times[np.argsort(np.arange(900) + rng.uniform(0, 5, 900))]
        times = times.where(rng.random(900) > 0.05)
    whole = score(x, times)
    np.testing.assert_array_equal(score(x[:cut], times[:cut]), whole[:cut])
    assert ((whole >= 0) & (whole <= 1)).all()


def test_what_is_missing_scores_zero_and_does_no_harm() -> None:
    x = _quiet(np.random.default_rng(10))
    gone = x.copy()
    gone[500:520] = np.nan
    gone[900] = np.inf
    scores = score(gone, _times(LONG))
    assert not np.isnan(scores).any()
    assert (scores[[*range(500, 520), 900]] == 0).all()


def test_too_little_history_scores_zero() -> None:
    assert not score(np.arange(float(WARM_UP)), _times(WARM_UP)).any()
    assert score([], []).size == 0
    assert not score(np.full(500, np.nan), _times(500)).any()


def test_times_with_and_without_a_zone_are_read() -> None:
    x = _wave(np.random.default_rng(11))[:800]
    plain = score(x, _times(800))
    np.testing.assert_array_equal(score(x, _times(800).tz_localize("UTC")), plain)
    np.testing.assert_array_equal(score(list(x), _times(800).astype(str).tolist()), plain)
    np.testing.assert_array_equal(score(x, _times(800).to_numpy()), plain)


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(ValueError, match="one-dimensional"):
        score(np.ones((3, 3)), _times(3))
    with pytest.raises(ValueError, match="3 values, but 2 timestamps"):
        score([1.0, 2.0, 3.0], _times(2))
