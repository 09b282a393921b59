"""Figures of what is normal state their finding, and say so when there is none."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from nbkit.analysis.baselines import baselines
from nbkit.analysis.daily import daily_histories
from nbkit.analysis.seasonality import seasonality
from nbkit.figures import duration_spreads, week_hours, weekday_effects

sys.path.insert(0, str(Path(__file__).parent / "analysis"))
from planted_runs import MONDAY, frames, run

START = datetime(MONDAY.year, MONDAY.month, MONDAY.day, tzinfo=UTC)
DRAWS = np.random.default_rng(12)
RUNS = [
    run("Slow", day, seconds=float((60 if day % 7 == 0 else 20) * np.exp(DRAWS.normal(0, 0.2))))
    for day in range(28)
    for _ in range(8)
]
FAILURES = [run("Slow", day, hour=3, category="error") for day in (0, 7, 14, 21) for _ in range(5)]
STORM = [run("Slow", 2, hour=9, category="error") for _ in range(500)]


def test_the_hardest_to_predict_is_named() -> None:
    figure = duration_spreads(baselines(*frames(RUNS)))
    assert figure.title.startswith("Slow is hardest to predict: its durations vary by ")
    assert "P95" in figure.alt
    assert len(figure.png()) > 3_000


def test_without_history_the_figure_says_so() -> None:
    assert duration_spreads(()).title.startswith("No processor has enough history")


def test_what_fails_each_week_is_the_peak_and_one_storm_is_not() -> None:
    counts, _ = frames([*RUNS, *FAILURES, *STORM])
    figure = week_hours(counts, start=START, days=28)
    assert figure.title.startswith("Real failures peak on Mondays at 03:00 UTC")
    assert len(figure.png()) > 3_000


def test_no_failure_is_no_peak_of_failures() -> None:
    counts, _ = frames(RUNS)
    assert "No run really failed" in week_hours(counts, start=START, days=28).title
    assert week_hours(counts.iloc[:0], start=START, days=28).title == "No run ended in this window"


def test_a_weekday_is_named_with_how_much() -> None:
    counts, histograms = frames(RUNS)
    found = seasonality(daily_histories(counts, histograms), histograms)
    figure = weekday_effects(found.effects, tests=found.tests)
    assert "Slow in its durations" in figure.title
    assert "on Mondays" in figure.alt


def test_no_effect_is_said_with_the_number_of_tests() -> None:
    assert "(82 tests)" in weekday_effects((), tests=82).title
