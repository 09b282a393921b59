"""The platform's own rules: what they are to find, and what they must not say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.profiles import bucket_of
from nbkit.analysis.trends.rules import (
    check_quality_trends,
    detect_failure_spike,
    detect_performance_degradation,
)
from nbkit.registry import ProcessorRegistry, load_registry

LAST = date(2026, 1, 12)
CRITICAL = "NbacGamebookProcessor"


def durations(seconds_of_day: dict[int, list[float]], name: str = CRITICAL) -> pd.DataFrame:
    """Daily histograms of one processor; days are counted back from the last one."""
    rows = [
        (name, LAST - timedelta(days=back), value)
        for back, values in seconds_of_day.items()
        for value in values
    ]
    frame = pd.DataFrame(rows, columns=["processor_name", "day", "value"])
    bucket = pd.array(bucket_of(frame["value"].to_numpy()), dtype="Int64")
    return frame.assign(metric="duration_s", outcome="success", bucket=bucket, runs=1)


def rates(failures_of_day: dict[int, int], runs: int = 10, name: str = CRITICAL) -> pd.DataFrame:
    """Daily rows of one processor: failures of so many runs a day."""
    return pd.DataFrame(
        {
            "processor_name": name,
            "date": [pd.Timestamp(LAST - timedelta(days=back)) for back in failures_of_day],
            "runs": runs,
            "failures": list(failures_of_day.values()),
        }
    )


def test_a_week_that_takes_over_twice_the_time_is_degrading() -> None:
    found = detect_performance_degradation(
        durations({back: [25.0] * 3 if back < 7 else [10.0] * 3 for back in range(37)}),
        CRITICAL,
        as_of=LAST,
    )
    assert found.alert
    assert (found.severity, found.trend) == ("WARNING", "DEGRADING")
    assert (found.recent_runs, found.baseline_runs) == (21, 90)
    assert found.ratio == pytest.approx(2.5, rel=0.02)
    assert found.message.startswith(f"{CRITICAL} taking 2x normal time (2")


def test_less_than_twice_is_not() -> None:
    found = detect_performance_degradation(
        durations({back: [19.0] * 3 if back < 7 else [10.0] * 3 for back in range(37)}),
        CRITICAL,
        as_of=LAST,
    )
    assert not found.alert
    assert found.insufficient is None
    assert (found.severity, found.trend) == (None, None)


def test_the_p95_is_that_of_all_runs_and_no_mean_of_days() -> None:
    # Six quiet days of one run, and a busy one: a mean of daily P95s would be 6.4 s.
    quiet = {back: [1.0] for back in range(6)}
    seconds = quiet | {6: [39.0] * 100} | {back: [10.0] * 3 for back in range(7, 37)}
    found = detect_performance_degradation(durations(seconds), CRITICAL, as_of=LAST)
    assert found.recent == pytest.approx(39, rel=0.01)
    assert found.alert


def test_the_baseline_ends_where_the_week_begins_and_nothing_after_as_of_is_seen() -> None:
    seconds = {back: [30.0] * 5 for back in range(7)} | {back: [10.0] * 5 for back in range(7, 37)}
    seconds |= {back: [1e5] * 50 for back in (-1, 37)}
    found = detect_performance_degradation(durations(seconds), CRITICAL, as_of=LAST)
    assert (found.recent_runs, found.baseline_runs) == (35, 150)
    assert found.baseline == pytest.approx(10, rel=0.01)


def test_only_successes_of_the_processor_itself_are_timed() -> None:
    own = durations({back: [10.0] * 3 for back in range(37)})
    failed = durations({0: [900.0] * 50}).assign(outcome="failure")
    records = durations({0: [900.0] * 50}).assign(metric="records")
    other = durations({0: [900.0] * 50}, name="Other")
    frame = pd.concat([own, failed, records, other])
    found = detect_performance_degradation(frame, CRITICAL, as_of=LAST)
    assert found.recent == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        ({back: [10.0] for back in range(4)}, "4 recent successful runs, 5 needed"),
        ({back: [10.0] for back in range(20)}, "13 successful runs in the baseline, 20 needed"),
        ({99: [10.0]}, "0 recent successful runs, 5 needed"),
    ],
)
def test_a_short_history_is_insufficient_and_not_fine(
    seconds: dict[int, list[float]], why: str
) -> None:
    found = detect_performance_degradation(durations(seconds), CRITICAL, as_of=LAST)
    assert not found.alert
    assert found.insufficient == why
    assert why in found.message


def test_a_failure_rate_of_half_as_much_again_and_over_five_percent_is_a_spike() -> None:
    found = detect_failure_spike(
        rates({back: 2 if back < 7 else 1 for back in range(37)}), CRITICAL, as_of=LAST
    )
    assert found.alert
    assert (found.severity, found.trend) == ("WARNING", "INCREASING_FAILURES")
    assert found.message == f"{CRITICAL} failure rate spiking (20.0% vs 10.0%)"
    assert found.ratio == pytest.approx(2)


@pytest.mark.parametrize(
    ("before", "after"),
    [(2, 3), (0, 5), (1, 4)],  # of 100: exactly half as much again; not over 5 %
)
def test_a_rate_at_or_below_either_bound_is_no_spike(before: int, after: int) -> None:
    table = rates({back: after if back < 7 else before for back in range(37)}, runs=100)
    found = detect_failure_spike(table, CRITICAL, as_of=LAST)
    assert not found.alert
    assert found.insufficient is None


def test_after_a_baseline_without_a_failure_the_floor_decides_and_there_is_no_ratio() -> None:
    found = detect_failure_spike(
        rates({back: 1 if back < 7 else 0 for back in range(37)}), CRITICAL, as_of=LAST
    )
    assert found.alert
    assert found.ratio is None
    assert found.message == f"{CRITICAL} failure rate spiking (10.0% vs 0.0%)"


def test_one_failure_of_a_few_runs_is_insufficient() -> None:
    table = rates({back: int(back == 0) for back in range(37)}, runs=1)
    found = detect_failure_spike(table, CRITICAL, as_of=LAST)
    assert not found.alert
    assert found.insufficient == "7 recent runs, 20 needed"
    nothing = detect_failure_spike(table, "Unheard", as_of=LAST)
    assert (nothing.recent, nothing.baseline, nothing.ratio) == (None, None, None)


def test_a_moment_stands_for_its_day_in_utc() -> None:
    table = rates({back: 2 if back < 7 else 1 for back in range(37)})
    eastern = timezone(timedelta(hours=-5))
    moment = datetime(2026, 1, 11, 22, tzinfo=eastern)
    assert moment.astimezone(UTC).date() == LAST
    by_day = detect_failure_spike(table, CRITICAL, as_of=LAST)
    assert detect_failure_spike(table, CRITICAL, as_of=moment) == by_day


def test_a_window_without_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="a window needs a day: days=0"):
        detect_failure_spike(rates({0: 1}), CRITICAL, as_of=LAST, days=0)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def test_every_critical_processor_is_checked_and_only_those(registry: ProcessorRegistry) -> None:
    critical = [p.name for p in registry.get_by_criticality("CRITICAL")]
    slow = {back: [30.0] * 5 if back < 7 else [10.0] * 5 for back in range(37)}
    failing = {back: 3 if back < 7 else 1 for back in range(37)}
    other = next(p.name for p in registry.processors if p.criticality != "CRITICAL")
    found = check_quality_trends(
        pd.concat([rates(failing, name=critical[1]), rates(failing, name=other)]),
        pd.concat([durations(slow, name=critical[0]), durations(slow, name=other)]),
        registry,
        as_of=LAST,
    )
    assert [result.processor for result in found.results] == list(np.repeat(critical, 2))
    assert [(warning.processor, warning.trend) for warning in found.warnings] == [
        (critical[0], "DEGRADING"),
        (critical[1], "INCREASING_FAILURES"),
    ]
    assert len(found.insufficient) == len(found.results) - 2
