"""The statistics of the daily report find what was planted, and stay silent on clean data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.causes import causes, changes, new_messages
from nbkit.analysis.completeness import completeness
from nbkit.analysis.durations import duration_shifts
from nbkit.analysis.liveness import freshness, silences, stuck_runs
from nbkit.analysis.profiles import GAMMA
from nbkit.analysis.rates import Outcomes, outcomes, phase_rates
from nbkit.findings.health import judge_completeness
from nbkit.registry import ProcessorRegistry, load_registry

END = datetime(2026, 1, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def hours(
    processor: str,
    at: list[datetime],
    *,
    category: str = "success",
    phase: str | None = "phase_2_raw",
    runs: int = 1,
    message: str | None = None,
) -> pd.DataFrame:
    """Classified hourly counts of one processor."""
    return pd.DataFrame(
        {
            "processor_name": processor,
            "phase": phase,
            "hour": pd.DatetimeIndex(at).as_unit("us"),
            "category": category,
            "category_rule": message or category,
            "error_signature": message,
            "error_example": message,
            "example_run_id": "r1",
            "runs": pd.array([runs] * len(at), dtype="Int64"),
        }
    )


def every(step: timedelta, *, days: int, until: datetime = END) -> list[datetime]:
    return [until - step * n for n in range(1, int(timedelta(days=days) / step) + 1)]


def test_expected_failures_leave_the_effective_rate_alone() -> None:
    counted = outcomes(
        pd.concat(
            [
                hours("A", [END], runs=6),
                hours("A", [END], category="no_data_available", runs=90),
                hours("A", [END], category="dependency_missing", runs=4),
            ]
        )
    )
    assert counted == Outcomes(successes=6, expected=90, real=4)
    assert counted.raw_rate == pytest.approx(0.06)
    assert counted.effective_rate == pytest.approx(0.6)
    assert counted.noise_share == pytest.approx(90 / 94)


def test_without_runs_there_is_no_rate() -> None:
    nothing = Outcomes(0, 0, 0)
    assert nothing.raw_rate is nothing.effective_rate is nothing.noise_share is None
    assert Outcomes(0, 5, 0).effective_rate is None


def test_old_labels_missing_labels_and_strangers_are_all_counted(
    registry: ProcessorRegistry,
) -> None:
    at = [END - HOUR]
    frame = pd.concat(
        [
            hours("PlayerGameSummaryProcessor", at, phase="phase_3"),
            hours("PlayerGameSummaryProcessor", at, phase="phase_3_analytics"),
            hours("PlayerGameSummaryProcessor", at, phase=None),
            hours("NobodyKnowsProcessor", at, phase="phase_99"),
        ]
    )
    rows = {row.phase: row.week.runs for row in phase_rates(frame, registry, end=END)}
    assert rows["phase_3_analytics"] == 3
    assert sum(rows.values()) == 4


def test_each_day_of_the_week_has_its_own_rate(registry: ProcessorRegistry) -> None:
    frame = pd.concat(
        [
            hours("NbacScheduleProcessor", [END - 3 * DAY], runs=3),
            hours("NbacScheduleProcessor", [END - 3 * DAY], category="error", runs=1),
            hours("NbacScheduleProcessor", [END - 8 * DAY], category="error", runs=50),
        ]
    )
    (raw,) = (r for r in phase_rates(frame, registry, end=END) if r.phase == "phase_2_raw")
    assert raw.daily == (None, None, None, None, 0.75, None, None)
    assert raw.week == Outcomes(3, 0, 1)
    assert raw.last_success == END - 3 * DAY


def histogram(processor: str, values: list[float], outcome: str = "success") -> pd.DataFrame:
    buckets = np.ceil(np.log(values) / np.log(GAMMA)).astype(int)
    return pd.DataFrame(
        {
            "processor_name": processor,
            "metric": "duration_s",
            "outcome": outcome,
            "bucket": pd.array(buckets, dtype="Int64"),
            "runs": pd.array([1] * len(values), dtype="Int64"),
        }
    )


def test_a_processor_three_times_slower_is_seen_and_a_steady_one_is_not() -> None:
    usual = pd.concat([histogram("Slow", [10.0] * 50), histogram("Steady", [10.0] * 50)])
    recent = pd.concat([histogram("Slow", [30.0] * 9), histogram("Steady", [10.0] * 9)])
    slow, steady = duration_shifts(recent, usual)
    assert (slow.processor, slow.over_limit, slow.runs) == ("Slow", 9, 9)
    assert slow.ratio == pytest.approx(3, rel=0.03)
    assert (steady.processor, steady.over_limit) == ("Steady", 0)
    assert steady.ratio == pytest.approx(1)


def test_a_short_baseline_is_not_quoted_and_failures_do_not_time_successes() -> None:
    usual = pd.concat(
        [histogram("New", [10.0] * 5), histogram("Failing", [9.0] * 90, outcome="failure")]
    )
    recent = pd.concat([histogram("New", [30.0]), histogram("Failing", [9.0], outcome="failure")])
    (new,) = duration_shifts(recent, usual)
    assert new.processor == "New"
    assert new.ratio is new.baseline_p95 is new.over_limit is None
    assert new.baseline_runs == 5


def dates(processor: str, records: list[int | None]) -> pd.DataFrame:
    """Best records per date, the last one for yesterday."""
    days = [date(2026, 1, 12) - timedelta(days=n) for n in range(len(records))][::-1]
    return pd.DataFrame(
        {
            "processor_name": processor,
            "data_date": days,
            "success_runs": [int(number is not None) for number in records],
            "best_records": pd.array(records, dtype="Int64"),
        }
    )


def test_successes_that_do_not_say_how_many_records_they_had_are_not_without_records(
    registry: ProcessorRegistry,
) -> None:
    rows = completeness(
        dates("NbacGamebookProcessor", [300, None]).assign(success_runs=1),
        registry,
        today=date(2026, 1, 13),
    )
    assert [r.state for r in rows] == ["unknown", "within"]
    assert judge_completeness(rows, registry) == []


def test_a_date_below_the_registrys_range_is_below_and_one_without_success_has_none(
    registry: ProcessorRegistry,
) -> None:
    rows = completeness(
        dates("NbacGamebookProcessor", [300, 40, None]), registry, today=date(2026, 1, 13)
    )
    assert [(r.data_date.day, r.state, r.stated) for r in rows] == [
        (12, "none", True),
        (11, "below", True),
        (10, "within", True),
    ]
    assert (rows[0].low, rows[0].high) == (100, 500)


def test_where_the_registry_states_no_range_history_does_if_it_is_steady(
    registry: ProcessorRegistry,
) -> None:
    steady = dates("PlayerDailyCacheProcessor", [*range(100, 120), 30, 110, 115])
    fitful = dates("BdlStandingsProcessor", [*[100, 0] * 10, 0, 0, 0])
    rows = completeness(pd.concat([steady, fitful]), registry, today=date(2026, 1, 13))
    assert [(r.processor, r.state, r.stated) for r in rows] == [
        ("PlayerDailyCacheProcessor", "within", False),
        ("PlayerDailyCacheProcessor", "within", False),
        ("PlayerDailyCacheProcessor", "below", False),
    ]


def test_today_is_not_judged_before_it_is_over(registry: ProcessorRegistry) -> None:
    frame = dates("NbacGamebookProcessor", [300, 300])
    assert {r.data_date for r in completeness(frame, registry, today=date(2026, 1, 12))} == {
        date(2026, 1, 11)
    }


def test_the_age_of_the_history_is_that_of_its_newest_event() -> None:
    frame = pd.DataFrame(
        {
            "runs": [5],
            "last_started_at": [pd.Timestamp(END - 2 * HOUR)],
            "last_ended_at": [pd.Timestamp(END - HOUR)],
            "runs_after_as_of": [7],
        }
    )
    found = freshness(frame, as_of=END)
    assert (found.age, found.runs, found.runs_after_as_of) == (HOUR, 5, 7)


def test_an_empty_history_has_no_age() -> None:
    empty = pd.DataFrame(
        {
            "runs": [0],
            "last_started_at": [pd.NaT],
            "last_ended_at": [pd.NaT],
            "runs_after_as_of": [0],
        }
    )
    assert freshness(empty, as_of=END).age is None


def test_a_run_is_stuck_after_a_quarter_of_an_hour_or_past_its_timeout(
    registry: ProcessorRegistry,
) -> None:
    minutes = [5, 16, 123 * 60]
    frame = pd.DataFrame(
        {
            "processor_name": "NbacGamebookProcessor",  # timeout 600 s
            "run_id": ["fresh", "late", "forgotten"],
            "started_at": pd.DatetimeIndex([END - timedelta(minutes=m) for m in minutes]),
            "running_s": [m * 60.0 for m in minutes],
        }
    )
    found = stuck_runs(frame, registry)
    assert [(r.run_id, r.past_timeout) for r in found] == [("forgotten", True), ("late", True)]
    assert found[0].running == timedelta(hours=123)
    assert found[0].timeout == timedelta(minutes=10)


def test_a_processor_that_breaks_its_rhythm_is_silent() -> None:
    frame = pd.concat(
        [
            hours("Hourly", every(HOUR, days=10, until=END - 9 * HOUR)),
            hours("Daily", every(DAY, days=20)),
            hours("Rare", every(DAY * 5, days=20, until=END - 9 * DAY)),
            hours("OffDays", every(DAY * 3, days=30, until=END + DAY)),
        ]
    )
    (found,) = silences(frame, end=END)
    assert found.processor == "Hourly"
    assert found.quiet == timedelta(hours=9)
    assert found.longest_before == HOUR


def test_causes_are_real_first_and_know_what_is_new() -> None:
    yesterday = [END - 2 * HOUR]
    frame = pd.concat(
        [
            hours("A", every(DAY, days=9), category="error", message="quota", runs=3),
            hours("B", yesterday, category="error", message="no module", runs=8),
            hours("A", yesterday, category="no_data_available", message="no games", runs=90),
        ]
    )
    found = causes(frame, start=END - DAY, end=END)
    assert [(c.rule, c.failures, c.expected, c.new) for c in found] == [
        ("no module", 8, False, True),
        ("quota", 3, False, False),
        ("no games", 90, True, True),
    ]
    assert found[0].example == "no module"
    assert found[0].processors == ("B",)
    (fresh,) = new_messages(frame, start=END - DAY, end=END)
    assert (fresh.processor, fresh.failures, fresh.example) == ("B", 8, "no module")


def test_changes_name_what_got_worse_and_what_recovered_and_pass_over_the_rest() -> None:
    today, before = [END - 3 * HOUR], [END - DAY - 3 * HOUR]
    fail = {"category": "error", "message": "x"}
    frame = pd.concat(
        [
            hours("Broke", today, runs=20, **fail),
            hours("Worse", today, runs=30, **fail),
            hours("Worse", before, runs=10, **fail),
            hours("Healed", before, runs=40, **fail),
            hours("Healed", today, runs=5),
            hours("Same", today, runs=11, **fail),
            hours("Same", before, runs=10, **fail),
            hours("Few", today, runs=4, **fail),
        ]
    )
    found = changes(frame, start=END - DAY, end=END)
    assert [(c.processor, c.direction, c.before, c.now) for c in found] == [
        ("Broke", "started failing", 0, 20),
        ("Worse", "more failures", 10, 30),
        ("Healed", "recovered", 40, 0),
    ]


def test_one_new_message_in_two_shapes_of_json_is_one_message() -> None:
    today = [END - 2 * HOUR]
    frame = pd.concat(
        [
            hours("A", today, category="error", message='["certificate has expired"]', runs=4),
            hours("A", today, category="error", message='[{"error": "certificate has expired"}]'),
            hours("A", today, category="error", message='["quota exceeded"]', runs=2),
        ]
    )
    found = new_messages(frame, start=END - DAY, end=END)
    assert [(m.example, m.failures) for m in found] == [
        ("certificate has expired", 5),
        ("quota exceeded", 2),
    ]
