"""A baseline says what was planted, with its interval; of thin history it says that it is thin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planted_runs import frames, run

from nbkit.analysis.baselines import Baseline, BaselineRules, baselines


def only(runs: list[dict[str, Any]], **options: Any) -> Baseline:
    (found,) = baselines(*frames(runs), **options)
    return found


def month(name: str = "A", each: int = 10, **more: Any) -> list[dict[str, Any]]:
    return [run(name, day, hour=n % 24, **more) for day in range(30) for n in range(each)]


def test_the_planted_median_and_p95_lie_in_their_intervals() -> None:
    draws = np.random.default_rng(20)
    seconds = 20 * np.exp(draws.normal(0, 0.4, 600))
    found = only([run("A", n % 30, seconds=float(s)) for n, s in enumerate(seconds)])
    for estimate, truth in ((found.duration.p50, 20.0), (found.duration.p95, 20 * np.exp(0.658))):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low * 0.99 <= truth <= estimate.high * 1.01
    cov = found.duration.cov
    assert cov.value == pytest.approx(np.sqrt(np.expm1(0.16)), rel=0.15)
    assert (cov.low or 0) <= np.sqrt(np.expm1(0.16)) <= (cov.high or 0)
    assert found.thin is None


def test_a_few_outliers_do_not_make_a_processor_unpredictable() -> None:
    calm = month(seconds=10.0)
    hit = calm + [run("A", day, seconds=3_600.0) for day in range(0, 30, 3)]
    assert only(calm).unpredictability == pytest.approx(0, abs=0.01)
    assert only(hit).unpredictability == pytest.approx(0, abs=0.01)


def test_real_and_expected_failures_and_zeros_are_told_apart() -> None:
    runs = month(each=8)
    runs += [run("A", day, category="timeout") for day in range(30)]
    runs += [run("A", day, category="no_data_available") for day in range(30)]
    runs += [run("A", day, records=0) for day in range(30)]
    found = only(runs)
    assert found.runs == 300
    assert found.failures.rate == pytest.approx(0.1)
    assert found.nothing_to_do.rate == pytest.approx(30 / 330)
    assert found.zero_records.rate == pytest.approx(30 / 270)
    assert found.failures.low < 0.1 < found.failures.high


def test_a_run_without_a_count_of_records_is_no_zero() -> None:
    found = only(month(records=None))
    assert found.zero_records.total == 0
    assert found.records.p50.value is None
    assert found.duration.p50.value is not None


def test_durations_of_failures_are_not_in_it() -> None:
    swept = [run("A", day, seconds=400_000.0, category="timeout") for day in range(30)]
    found = only(month(seconds=10.0) + swept)
    assert found.duration.p99.value == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ([run("A", 3) for _ in range(500)], "1 of 7 days"),  # a backfill is no baseline
        ([run("A", day) for day in range(12)], "12 of 20 successes"),
        ([run("A", day, category="error") for day in range(30)], "0 of 20 successes"),
    ],
)
def test_thin_history_is_said_to_be_thin(runs: list[dict[str, Any]], says: str) -> None:
    found = only(runs)
    assert found.thin is not None
    assert says in found.thin
    assert found.duration.p95.value is None
    assert found.duration.cov.value is None


def test_each_quantile_needs_its_own_number_of_values() -> None:
    rules = BaselineRules()
    assert [rules.enough(q) for q in (0.5, 0.95, 0.99)] == [6, 20, 100]
    found = only([run("A", n % 10) for n in range(50)])
    assert found.duration.p95.value is not None
    assert found.duration.p99.value is None


def test_a_day_of_nothing_but_expected_failures_is_idle_not_a_day_of_work() -> None:
    runs = [*month(each=2), run("A", 30, category="no_data_available")]
    found = only(runs)
    assert (found.days, found.idle_days) == (30, 1)


def test_busy_hours_go_over_midnight() -> None:
    night = [run("A", day, hour=h) for day in range(30) for h in (22, 23, 0, 1)]
    noon = [run("A", day, hour=12) for day in range(0, 30, 2)]
    found = only(night + noon)
    assert found.busy is not None
    assert (found.busy.first, found.busy.length) == (22, 4)
    assert not found.busy.is_all_day
    assert sum(found.busy.by_hour) == 135


def test_work_at_all_hours_is_all_day() -> None:
    found = only(month(each=24))
    assert found.busy is not None
    assert found.busy.is_all_day


def test_a_phase_is_one_baseline_of_its_processors() -> None:
    counts, histograms = frames(month("A", seconds=10.0) + month("B", seconds=40.0))
    (found,) = baselines(counts.assign(phase="p2"), histograms.assign(phase="p2"), by="phase")
    assert found.subject == "p2"
    assert found.runs == 600
    assert found.duration.p95.value == pytest.approx(40, rel=0.02)


def test_no_runs_make_no_baseline() -> None:
    counts, histograms = frames(month())
    assert baselines(counts.iloc[:0], histograms.iloc[:0]) == ()
