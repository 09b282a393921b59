"""A planted weekday is found, chance is not taken for one, a storm or a drift is nobody's day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_runs import MONDAY, frames, run

from nbkit.analysis.daily import daily_histories
from nbkit.analysis.off_days import off_days
from nbkit.analysis.seasonality import Factor, Seasonality, SeasonalMetric, seasonality

DAYS = 30


def judged(runs: list[dict[str, Any]]) -> Seasonality:
    counts, histograms = frames(runs)
    return seasonality(daily_histories(counts, histograms), histograms)


def noisy(
    name: str,
    draws: np.random.Generator,
    *,
    each: int = 8,
    slower: dict[int, float] | None = None,
    drift: float = 0.0,
) -> list[dict[str, Any]]:
    """A month of runs; `slower` has a factor by weekday (0: Monday)."""
    runs = []
    for day in range(DAYS):
        level = 20 * np.exp(draws.normal(0, 0.05) + drift * day) * (slower or {}).get(day % 7, 1.0)
        for _ in range(int(each)):
            seconds = float(level * np.exp(draws.normal(0, 0.3)))
            runs.append(run(name, day, seconds=seconds, records=int(draws.poisson(200))))
    return runs


def found(seasons: Seasonality) -> set[tuple[str, str, str]]:
    return {(e.subject, e.metric.value, e.factor.value) for e in seasons.effects}


def test_a_slow_monday_is_found_among_processors_without_one() -> None:
    draws = np.random.default_rng(2)
    runs = noisy("Slow", draws, slower={0: 1.6})
    for n in range(6):
        runs += noisy(f"Calm{n}", draws)
    seasons = judged(runs)
    assert found(seasons) == {("Slow", "duration", "weekday")}
    (effect,) = seasons.effects
    levels = {level.name: level for level in effect.levels}
    monday = levels["Monday"]
    assert monday.low > 1 > levels["Tuesday"].low
    assert monday.value == max(level.value for level in effect.levels)
    ratio = monday.value / levels["Thursday"].value
    assert ratio == pytest.approx(1.6, rel=0.15)


def test_chance_is_not_taken_for_a_weekday() -> None:
    draws = np.random.default_rng(7)
    named = sum(
        len(judged([r for n in range(8) for r in noisy(f"P{n}", draws, each=4)]).effects)
        for _ in range(5)
    )
    assert named <= 1  # of 40 processors with three metrics each


def test_a_drift_is_nobodys_weekday() -> None:
    draws = np.random.default_rng(3)
    runs = [r for n in range(6) for r in noisy(f"P{n}", draws, drift=0.03)]
    assert found(judged(runs)) == set()


def test_busy_days_are_not_slow_days() -> None:
    # The lower median of two runs lies below that of three: the mean logarithm does not.
    draws = np.random.default_rng(4)
    runs = []
    for n in range(5):
        for day in range(DAYS):
            for _ in range(3 if day % 7 < 2 else 2):
                seconds = float(20 * np.exp(draws.normal(0, 0.5)))
                runs.append(run(f"P{n}", day, seconds=seconds, records=100))
    named = found(judged(runs))
    assert {metric for _, metric, _ in named} == {"runs"}


def failing(name: str, rates: dict[int, float], draws: np.random.Generator) -> list[dict[str, Any]]:
    return [
        run(name, day, category="error" if draws.random() < rates.get(day % 7, 0.03) else "success")
        for day in range(DAYS)
        for _ in range(30)
    ]


def test_a_failing_monday_is_found_and_its_rate_told() -> None:
    draws = np.random.default_rng(6)
    runs = failing("Mondays", {0: 0.4}, draws) + failing("Even", {}, draws)
    seasons = judged(runs)
    assert found(seasons) == {("Mondays", "failure rate", "weekday")}
    monday = next(level for level in seasons.effects[0].levels if level.name == "Monday")
    assert monday.low < 0.4 < monday.high + 0.05
    assert monday.value == pytest.approx(0.4, abs=0.1)


def test_one_storm_is_no_weekday() -> None:
    draws = np.random.default_rng(8)
    runs = failing("Stormy", {}, draws)
    runs += [run("Stormy", 7, category="error") for _ in range(900)]
    assert ("Stormy", "failure rate", "weekday") not in found(judged(runs))


def test_two_weeks_are_needed() -> None:
    draws = np.random.default_rng(9)
    short = [r for r in noisy("A", draws, slower={0: 3.0}) if (r["ended"].date() - MONDAY).days < 9]
    seasons = judged(short)
    assert (seasons.effects, seasons.tests) == ((), 0)


def platform(idle_on: dict[str, set[int]]) -> pd.DataFrame:
    rows = [
        run(name, day, category="no_data_available" if day in idle else "success")
        for name, idle in idle_on.items()
        for day in range(DAYS)
    ]
    return daily_histories(*frames(rows))


def test_days_on_which_game_driven_processors_are_idle_together_are_off_days() -> None:
    off = {9, 10, 20}
    idle = {f"Game{n}": off for n in range(6)} | {"Poller": set(), "Dead": set(range(DAYS))}
    assert off_days(platform(idle)) == tuple(MONDAY + timedelta(days=d) for d in sorted(off))


def test_processors_that_are_idle_each_by_itself_make_no_off_day() -> None:
    draws = np.random.default_rng(10)
    idle = {f"P{n}": {d for d in range(DAYS) if draws.random() < 0.2} for n in range(12)}
    assert off_days(platform(idle)) == ()


def test_an_effect_of_off_days_is_found() -> None:
    draws = np.random.default_rng(11)
    off = {5, 9, 16, 20, 26}
    runs = []
    for n in range(5):
        runs += [
            run(f"Game{n}", day, category="no_data_available" if day in off else "success")
            for day in range(DAYS)
        ]
    for day in range(DAYS):
        level = 4.0 if day in off else 20.0
        runs += [
            run("Poller", day, seconds=float(level * np.exp(draws.normal(0, 0.2))))
            for _ in range(10)
        ]
    seasons = judged(runs)
    assert len(seasons.off_days) == 5
    effect = next(e for e in seasons.effects if e.factor is Factor.OFF_DAY)
    assert (effect.subject, effect.metric) == ("Poller", SeasonalMetric.DURATION)
    values = {level.name: level.value for level in effect.levels}
    assert values["off-day"] / values["game-day"] == pytest.approx(0.2, rel=0.25)
