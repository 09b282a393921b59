"""A promise is kept, missed, or too early to tell: each with a history in which it is so, and the
demo's figures are the published ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from nbkit.errors import InputError, ParameterError
from nbkit.findings import Verdict
from nbkit.questions.own_measures import gen2_functions, notebook_minutes
from nbkit.questions.validation import scorecard, validation
from nbkit.questions.validation_report import ValidationReport
from nbkit.registry.cloud_functions import CloudFunction
from nbkit.registry.metrics import Metric, load_metrics, metric_named
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

FIX = datetime(2026, 1, 14, tzinfo=UTC)
AFTER = datetime(2026, 1, 19, tzinfo=UTC)
DAY = timedelta(days=1)
Make = Callable[[list[dict[str, Any]]], str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"duckdb:///{shared_demo(tmp_path_factory)}"


@pytest.fixture(scope="module")
def report(demo: str) -> ValidationReport:
    return validation(demo, as_of=AFTER)


@pytest.fixture
def history(tmp_path: Path) -> Make:
    def make(rows: list[dict[str, Any]]) -> str:
        path = tmp_path / "history.duckdb"
        frame = pd.DataFrame(rows)
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            connection.execute(f"INSERT INTO {RUN_HISTORY} BY NAME SELECT * FROM frame")
            assert len(frame)
        return f"duckdb:///{path}"

    return make


def runs(day: datetime, count: int, **more: Any) -> list[dict[str, Any]]:
    """Runs of one processor, a minute apart from 01:00 of the day."""
    return [
        {
            "processor_name": "NbacScheduleProcessor",
            "phase": "phase_2_raw",
            "run_id": f"{day:%m%d}-{more.get('tag', 'r')}-{n}",
            "status": "success",
            "started_at": day + timedelta(hours=1, minutes=n),
            "processed_at": day + timedelta(hours=1, minutes=n, seconds=20),
            "data_date": day.date(),
            "duration_seconds": 20.0,
            "records_processed": 50,
            **{key: value for key, value in more.items() if key != "tag"},
        }
        for n in range(count)
    ]


def zeros(before: int, after: int, *, days: int = 20) -> list[dict[str, Any]]:
    """So many zero-record runs a day before the fix, and since, beside ten with data."""
    rows = []
    for n in range(-days, days):
        day = FIX + n * DAY
        rows += runs(day, 10)
        rows += runs(day, before if n < 0 else after, tag="z", records_processed=0)
    return rows


class TestTheTrackingBug:
    def test_the_published_baseline_is_measured_again(self, report: ValidationReport) -> None:
        assert sum(unit.hits for unit in report.before.units) == 2346
        assert report.before.count == 105
        assert report.before.value == pytest.approx(22.3, abs=0.05)

    def test_seven_runs_in_five_days_are_a_clear_fall_but_not_yet_below_two(
        self, report: ValidationReport
    ) -> None:
        assert report.after.value == pytest.approx(1.4)
        assert report.change is not None
        assert report.change.is_clear
        assert report.change.high < 0.25
        assert report.after.standing == "not enough runs"
        assert report.verdict is Verdict.UNKNOWN
        assert [finding.kind for finding in report.findings] == ["target_not_judged"]
        assert report.wait is not None
        assert f"{report.wait} more days" in str(report.summary_note())

    def test_self_healed_runs_stand_apart_and_false_alarms_are_nearly_all(
        self, report: ValidationReport
    ) -> None:
        assert report.zero is not None
        (before, processors), (after, _) = report.zero
        assert before.runs == 2346
        assert before.healed + before.covered + before.open == 2346
        assert before.false_alarms.rate == pytest.approx(0.959, abs=0.03)
        assert (after.runs, after.open) == (7, 0)
        assert sum(each.runs for each in processors) == 2346
        assert "healed by themselves" in str(report.healing_note())

    def test_every_table_and_the_figure_can_be_made(self, report: ValidationReport) -> None:
        assert "not enough data" in repr(report.target_table())
        assert "OddsGameLinesProcessor" in repr(report.processor_table())
        assert "1.4 since" in report.figure().title
        assert report.figure().png()[:4] == b"\x89PNG"


class TestVerdicts:
    def test_kept(self, history: Make) -> None:
        found = validation(history(zeros(20, 0)), as_of=FIX + 20 * DAY)
        assert found.verdict is Verdict.GREEN
        assert found.findings == ()
        assert "meets its target" in found.headline

    def test_missed_and_worse(self, history: Make) -> None:
        found = validation(history(zeros(4, 9)), as_of=FIX + 20 * DAY)
        assert found.verdict is Verdict.YELLOW
        assert {finding.kind for finding in found.findings} == {"target_missed", "change_for_worse"}
        evidence = found.findings[0].evidence
        assert evidence["after"] == pytest.approx(9)
        assert evidence["before"] == pytest.approx(4)

    def test_not_enough_data(self, history: Make) -> None:
        rows = [row for row in zeros(20, 0) if row["started_at"] < FIX + DAY]
        found = validation(history(rows), as_of=FIX + DAY)
        assert found.verdict is Verdict.UNKNOWN

    def test_days_without_any_run_are_not_days_of_zero(self, history: Make) -> None:
        rows = [
            row for row in zeros(4, 1) if not FIX + 2 * DAY <= row["started_at"] < FIX + 12 * DAY
        ]
        found = validation(history(rows), as_of=FIX + 20 * DAY)
        assert found.after.count == 10
        assert found.after.value == pytest.approx(1.0)

    def test_successes_that_do_not_say_their_records_are_not_days_of_zero(
        self, history: Make
    ) -> None:
        silent = [row | {"records_processed": None} for row in zeros(4, 0)]
        found = validation(history(silent), as_of=FIX + 20 * DAY)
        assert found.after.value is None
        assert found.verdict is Verdict.UNKNOWN

    def test_a_stale_history_is_not_judged(self, history: Make) -> None:
        found = validation(history(zeros(20, 0)), as_of=FIX + 30 * DAY)
        assert found.verdict is Verdict.UNKNOWN
        assert found.findings[0].kind == "stale_history"

    @pytest.mark.parametrize(
        ("good", "days", "verdict"),
        [(60, 15, Verdict.GREEN), (20, 15, Verdict.RED), (4, 1, Verdict.UNKNOWN)],
    )
    def test_a_success_rate_is_kept_missed_or_too_early(
        self, history: Make, good: int, days: int, verdict: Verdict
    ) -> None:
        mine = {"processor_name": "PredictionCoordinator", "phase": "phase_5_predictions"}
        rows = []
        for n in range(-10, days):
            day = FIX + n * DAY
            wins, losses = (1, 3) if n < 0 else (good, 0 if good != 20 else 20)
            rows += runs(day, wins, **mine)
            failed = {"status": "failed", "errors": '["KeyError: x"]', "tag": "f"}
            rows += runs(day, losses, **mine, **failed)
        url = history(rows)
        found = validation(url, as_of=FIX + days * DAY, metric="phase5_success")
        assert found.verdict is verdict
        assert found.before.value == pytest.approx(0.25)
        assert "PredictionCoordinator" in repr(found.processor_table())


class TestAlertNoise:
    def test_the_demos_is_the_published_share(self, demo: str) -> None:
        found = validation(demo, as_of=AFTER, metric="alert_noise")
        assert found.before.value == pytest.approx(0.976, abs=0.001)
        assert found.after.value is not None
        assert found.after.value < 0.5

    def test_expected_failures_alert_before_the_change_alone(self, history: Make) -> None:
        rows = []
        for n in range(-10, 10):
            nothing = {
                "status": "failed",
                "failure_category": "no_data_available",
                "errors": '["No games scheduled"]',
                "tag": "n",
            }
            rows += runs(FIX + n * DAY, 2) + runs(FIX + n * DAY, 38, **nothing)
        found = validation(history(rows), as_of=FIX + 10 * DAY, metric="alert_noise")
        assert found.before.value == pytest.approx(0.95)
        assert found.after.value == 0
        assert found.verdict is Verdict.GREEN


class TestMondays:
    def test_only_whole_mondays_count(self, demo: str) -> None:
        found = validation(demo, as_of=AFTER, metric="monday_failures")
        assert [unit.day.strftime("%A") for unit in found.before.units] == ["Monday"] * 5
        assert sum(unit.hits for unit in found.before.units) == pytest.approx(30_579, rel=0.01)
        assert found.after.value is None
        assert found.verdict is Verdict.UNKNOWN
        assert "nothing was measured yet" in found.headline

    def test_hours_before_the_history_begins_were_not_observed(self, history: Make) -> None:
        monday = FIX + 5 * DAY
        assert f"{monday:%A}" == "Monday"
        rows = [row for n in range(2) for row in runs(monday + n * DAY, 5)]
        asked = {"as_of": monday + 2 * DAY, "metric": "monday_failures"}
        whole = validation(history([*runs(monday - DAY, 1), *rows]), **asked)
        assert (whole.after.count, whole.verdict) == (1, Verdict.GREEN)
        Path(str(whole.judgement.warehouse).removeprefix("duckdb:///")).unlink()
        part = validation(history(rows), **asked)
        assert (part.after.count, part.verdict) == (0, Verdict.UNKNOWN)


class TestWindows:
    def test_any_two_windows_and_any_change(self, history: Make) -> None:
        url = history(zeros(20, 0))
        found = validation(
            url,
            as_of=FIX + 20 * DAY,
            changed_at=(FIX + 5 * DAY).isoformat(),
            before_days=5,
            before_end=(FIX - DAY).isoformat(),
            after_days=3,
        )
        assert found.windows[0] == (FIX - 6 * DAY, FIX - DAY)
        assert found.windows[1] == (FIX + 5 * DAY, FIX + 8 * DAY)
        assert (found.before.count, found.after.count) == (5, 3)

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"changed_at": "2026-03-01T00:00:00Z"}, "nothing to validate yet"),
            ({"before_end": "2026-01-15T00:00:00Z"}, "before_end: 2026-01-15 00:00 UTC is after"),
            ({"after_days": -1}, "after_days is a whole number, at least 0"),
        ],
    )
    def test_windows_that_make_no_sense_are_refused(
        self, history: Make, asked: dict[str, Any], said: str
    ) -> None:
        url = history(zeros(1, 1, days=2))
        with pytest.raises(ParameterError, match=said):
            validation(url, as_of=FIX + 2 * DAY, **asked)

    def test_a_metric_that_is_misspelt_is_told(self, history: Make) -> None:
        with pytest.raises(InputError, match="Did you mean zero_records"):
            validation(history(zeros(1, 1, days=2)), as_of=FIX + 2 * DAY, metric="zero_record")


class TestOwnRuns:
    def metric(self) -> Metric:
        return metric_named("health_check", load_metrics())

    def url(self, history: Make, seconds: float, count: int = 12) -> str:
        rows = []
        for n in range(count):
            rows += runs(
                FIX + n * DAY,
                1,
                processor_name="notebook:daily_health",
                duration_seconds=seconds,
            )
        return history(rows)

    @pytest.mark.parametrize(
        ("seconds", "count", "standing"),
        [(8, 12, "met"), (500, 12, "not met"), (8, 2, "not enough runs")],
    )
    def test_the_health_check_is_timed_by_its_own_runs(
        self, history: Make, seconds: float, count: int, standing: str
    ) -> None:
        end = FIX + 14 * DAY
        found = notebook_minutes(
            self.metric(), start=FIX, end=end, as_of=end, runs_url=self.url(history, seconds, count)
        )
        assert found.value == pytest.approx(seconds / 60, rel=0.02)
        assert found.count == count
        assert found.standing == standing

    def test_where_there_is_no_record_nothing_was_measured(self, tmp_path: Path) -> None:
        missing = f"duckdb:///{tmp_path / 'none.duckdb'}"
        found = notebook_minutes(self.metric(), start=FIX, end=AFTER, as_of=AFTER, runs_url=missing)
        assert (found.value, found.standing) == (None, "not enough runs")

    def test_functions_on_gen2_are_counted_and_certain(self) -> None:
        functions = tuple(
            CloudFunction(name=f"f{n}", generation=2, trigger="http", purpose="x")
            for n in range(29)
        )
        metric = metric_named("gen2_functions", load_metrics())
        assert gen2_functions(metric, start=FIX, end=AFTER, functions=functions).standing == "met"
        few = gen2_functions(metric, start=FIX, end=AFTER, functions=functions[:12])
        assert (few.value, few.standing) == (12, "not met")
        none = gen2_functions(metric, start=FIX, end=AFTER, functions=())
        assert (none.value, none.standing) == (None, "not enough runs")


class TestScorecard:
    def test_the_plans_table_is_one_question(self, demo: str) -> None:
        found = scorecard(demo, as_of=AFTER)
        assert [row.metric.name for row in found.rows] == [m.name for m in load_metrics()]
        table = repr(found.table())
        for figure in ("97.6\u00a0%", "22.3", "1.4", "at least 95\u00a0%", "13"):
            assert figure in table
        assert found.verdict is Verdict.YELLOW
        assert "too early to tell" in found.headline
        assert found.figure().png()[:4] == b"\x89PNG"
        assert "too early" in found.figure().alt

    def test_all_kept_is_green_and_one_open_is_unknown(self, history: Make) -> None:
        metrics = (metric_named("zero_records", load_metrics()),)
        url = history(zeros(20, 0))
        assert scorecard(url, as_of=FIX + 20 * DAY, metrics=metrics).verdict is Verdict.GREEN
        both = (*metrics, metric_named("phase5_success", load_metrics()))
        assert scorecard(url, as_of=FIX + 20 * DAY, metrics=both).verdict is Verdict.UNKNOWN

    def test_weeks_are_counted_from_the_change(self, history: Make) -> None:
        metrics = (metric_named("zero_records", load_metrics()),)
        rows = zeros(20, 0) + runs(FIX + 8 * DAY, 7, tag="late", records_processed=0)
        (row,) = scorecard(history(rows), as_of=FIX + 20 * DAY, metrics=metrics).rows
        assert [week.value for week in row.weeks] == [0, 1]


def test_both_engines_judge_alike(
    on_duckdb: Callable[[pd.DataFrame], Warehouse], on_bigquery: Callable[[pd.DataFrame], Warehouse]
) -> None:
    frame = pd.DataFrame(zeros(3, 0, days=6))
    found, tables = [], []
    for fill in (on_duckdb, on_bigquery):
        with fill(frame) as warehouse:
            found.append(validation(warehouse, as_of=FIX + 6 * DAY))
            tables.append(repr(scorecard(warehouse, as_of=FIX + 6 * DAY).table()))
    assert tables[0] == tables[1]
    assert found[0].before == found[1].before
    assert found[0].zero == found[1].zero
    assert found[0].verdict is found[1].verdict
