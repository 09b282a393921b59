"""Days of few runs: their P95 is lower and less sure, as far as a history shows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.trends import assess
from nbkit.analysis.trends.few_runs import evened_out, expected_height, relative_noise

SIGMA = 0.5


def _days(seed: int, runs: np.ndarray) -> np.ndarray:
    """Logarithms of each day's P95, from its runs."""
    rng = np.random.default_rng(seed)
    own = [np.quantile(rng.normal(0, SIGMA, n), 0.95, method="lower") for n in runs]
    return np.array(own) + rng.normal(0, 0.04, runs.size)


MANY_AND_FEW = np.where(np.arange(80) % 7 < 5, 80, 3)


def test_the_expected_p95_of_few_runs_is_that_of_simulated_ones() -> None:
    rng = np.random.default_rng(0)
    for runs in (1, 2, 5, 10, 40):
        seen = np.quantile(rng.normal(0, 1, (20_000, runs)), 0.95, axis=1, method="lower").mean()
        assert float(expected_height(np.array([runs]))[0]) == pytest.approx(seen, abs=0.06)


def test_the_lower_p95_of_few_runs_is_evened_out() -> None:
    logs = np.mean([_days(seed, MANY_AND_FEW) for seed in range(30)], axis=0)
    few = MANY_AND_FEW == 3
    assert logs[~few].mean() - logs[few].mean() > 0.5
    level = evened_out(logs, MANY_AND_FEW, 73)
    assert abs(level[~few].mean() - level[few].mean()) < 0.1


def test_equally_many_runs_and_unrelated_noise_change_nothing() -> None:
    logs = np.random.default_rng(1).normal(0, 0.1, 80)
    assert evened_out(logs, np.full(80, 40), 73) is logs
    assert np.all(relative_noise(logs, np.full(80, 40), 73) == 1)
    noise = relative_noise(logs, MANY_AND_FEW, 73)
    assert noise.max() / noise.min() < 1.6


def test_days_of_few_runs_are_seen_as_less_sure() -> None:
    ratios = []
    for seed in range(20):
        noise = relative_noise(_days(seed, MANY_AND_FEW), MANY_AND_FEW, 73)
        ratios.append(noise[MANY_AND_FEW == 3][0] / noise[MANY_AND_FEW == 80][0])
    assert np.median(ratios) > 1.7


def test_a_step_is_found_among_days_of_few_runs() -> None:
    found = 0
    for seed in range(20):
        logs = _days(seed, MANY_AND_FEW)
        logs[74:] += np.log(1.4)
        history = pd.DataFrame(
            {
                "date": pd.date_range("2025-11-03", periods=80),
                "runs": MANY_AND_FEW,
                "failures": 0,
                "p95_duration": 60 * np.exp(logs),
                "records_p50": np.nan,
            }
        )
        found += assess(history).kind == "step"
    assert found >= 16
