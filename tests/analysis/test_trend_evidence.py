"""Likelihood ratios of what has changed since an onset."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom

from nbkit.analysis.trends.day_noise import DayNoise, day_noise
from nbkit.analysis.trends.evidence import Evidence
from nbkit.analysis.trends.failure_evidence import (
    _CONCENTRATION,
    _RATES,
    _log_chances,
    rate_evidence,
)
from nbkit.analysis.trends.onset_scan import Usual, Windows, usual, windows

ROWS = 80
STEPS = np.log([1.25, 1.5, 2.0, 3.0])


def _learned(values: np.ndarray) -> tuple[Usual, Windows, DayNoise]:
    seen = windows(np.ones(values.size, dtype=bool))
    assert seen is not None
    normal = usual(values, np.ones(values.size), seen, floor=0.03)
    return normal, seen, day_noise(normal, seen)


def _evidence(values: np.ndarray) -> tuple[Evidence, Windows]:
    normal, seen, days = _learned(values)
    return Evidence(normal, seen, np.ones(values.size), days, most=STEPS[-1]), seen


def _quiet(seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).normal(4, 0.15, ROWS))


@pytest.mark.parametrize("seed", range(3))
def test_the_density_of_a_day_has_mass_one(seed: int) -> None:
    places = np.linspace(-14, 55, 20_001)
    density = np.exp(_learned(_quiet(seed))[2].log_density(places))
    assert np.trapezoid(density, places) == pytest.approx(1, abs=0.01)


def test_far_days_are_less_of_a_surprise_where_tails_are_heavy() -> None:
    rngs = [np.random.default_rng(seed) for seed in range(5)]
    far = np.array([-5.0])
    heavy = [_learned(0.15 * rng.standard_t(2.5, 200))[2].log_density(far) for rng in rngs]
    light = [_learned(0.15 * rng.normal(0, 1, 200))[2].log_density(far) for rng in rngs]
    assert np.mean(heavy) > np.mean(light) + 0.5


def test_two_slow_days_say_much_more_than_one_however_slow() -> None:
    def told(*ratios: float) -> float:
        values = _quiet()
        values[-2:] = 4 + np.log(ratios)
        evidence, _ = _evidence(values)
        return float(evidence.of_steps(STEPS)[-1, 1])

    assert told(1.8, 1.8) > 6
    assert told(5.0, 1.0) < 1
    assert told(500.0, 500.0) > 6


def test_a_drift_is_believed_sooner_than_by_steps_alone() -> None:
    values = _quiet()
    values[-10:] += 0.05 * np.arange(1, 11)
    evidence, seen = _evidence(values)
    index = int(np.searchsorted(seen.onsets, ROWS - 10))
    since = np.tile(np.arange(1.0, seen.since.shape[1] + 1), (seen.onsets.size, 1))
    both = evidence.of_steps_and_drifts(STEPS, np.array([0.03, 0.06]), since)
    assert both[index, 9] > evidence.of_steps(STEPS)[index, 9] - 0.2
    assert both[index, 9] > 6


def test_days_on_both_sides_are_scatter_and_no_step() -> None:
    values = _quiet()
    values[-6:] = 4 + np.array([0.6, -0.6, 0.5, -0.5, 0.6, -0.6])
    evidence, _ = _evidence(values)
    index = -5  # the onset six rows before the end
    scatter = evidence.of_scatter(np.array([2.5, 4.0]))[index, 5]
    assert scatter > 6
    assert scatter > evidence.of_steps(STEPS)[index, 5] + 2


@pytest.mark.parametrize("runs", [1, 40, 2500])
def test_the_chance_of_a_days_failures_is_beta_binomial(runs: int) -> None:
    failures = np.arange(0, runs + 1, max(1, runs // 5))
    found = _log_chances(np.full(failures.size, runs), failures)
    own = betabinom.pmf(
        failures[:, None], runs, _RATES * _CONCENTRATION, (1 - _RATES) * _CONCENTRATION
    )
    assert np.exp(found) == pytest.approx(0.99 * own + 0.01 / (runs + 1), rel=1e-6)


def test_a_tripled_rate_is_told_and_a_burst_is_not() -> None:
    rng = np.random.default_rng(3)
    runs = np.full(ROWS, 60)
    seen = windows(np.ones(ROWS, dtype=bool))
    assert seen is not None
    asked = seen.since_known

    def told(now: list[int]) -> float:
        failures = rng.binomial(runs, 0.02)
        failures[-len(now) :] = now
        index = int(np.searchsorted(seen.onsets, ROWS - len(now)))
        return float(rate_evidence(runs, failures, seen, asked)[index, len(now) - 1])

    assert told([4, 3, 5, 4]) > 4
    assert told([1, 40, 1, 1]) < 2
