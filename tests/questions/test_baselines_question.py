"""The report on what is normal finds what the demo publishes, and computes it as SQL does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from nbkit.analysis.seasonality import WEEKDAYS, Factor, SeasonalMetric
from nbkit.cli import main
from nbkit.errors import ParameterError
from nbkit.findings import Severity, Verdict
from nbkit.questions.baselines import BaselineReport, baselines
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
Make = Callable[[list[dict[str, Any]]], str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def report(demo: Path) -> BaselineReport:
    return baselines(f"duckdb:///{demo}", as_of=AS_OF)


@pytest.fixture
def history(tmp_path: Path) -> Make:
    def make(rows: list[dict[str, Any]]) -> str:
        path = tmp_path / "history.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            for row in rows:
                marks = ", ".join("?" for _ in row)
                connection.execute(
                    f"INSERT INTO {RUN_HISTORY} ({', '.join(row)}) VALUES ({marks})",
                    list(row.values()),
                )
        return f"duckdb:///{path}"

    return make


def row(number: int, *, days_ago: int, status: str = "success", **more: Any) -> dict[str, Any]:
    ended = datetime(2026, 1, 13, 10, tzinfo=UTC) - timedelta(days=days_ago)
    return {
        "processor_name": "Own",
        "run_id": f"r{number}",
        "status": status,
        "started_at": ended - timedelta(seconds=20),
        "processed_at": ended,
        "data_date": ended.date(),
        "duration_seconds": 20.0,
        "records_processed": 50,
        **more,
    }


def show_all(report: BaselineReport) -> None:
    for table in (
        report.duration_table(),
        report.record_table(),
        report.failure_table(),
        report.phase_table(),
        report.effect_table(),
        report.level_table(),
        report.timeout_table(),
        report.thin_table(),
    ):
        assert "nb-" in table._repr_html_()
        assert repr(table)
    assert report.summary_note().text
    for figure in (report.spread_figure(), report.week_figure(), report.effect_figure()):
        assert figure.alt
        assert len(figure.png()) > 3_000


def test_durations_agree_with_sql(demo: Path, report: BaselineReport) -> None:
    with duckdb.connect(str(demo), read_only=True) as connection:
        p50, p95, runs = connection.execute(
            "SELECT quantile_disc(duration_seconds, 0.5), quantile_disc(duration_seconds, 0.95), "
            f"count(*) FROM {RUN_HISTORY} WHERE processor_name = 'OddsApiPropsProcessor' "
            "AND status = 'success' AND processed_at >= TIMESTAMPTZ '2025-12-14 00:00:00+00' "
            "AND processed_at < TIMESTAMPTZ '2026-01-13 00:00:00+00'"
        ).fetchall()[0]
    found = report.baseline("OddsApiPropsProcessor")
    assert found.duration.count == runs
    assert found.duration.p50.value == pytest.approx(p50, rel=0.012)
    assert found.duration.p95.value == pytest.approx(p95, rel=0.012)


def test_the_published_weekdays_are_found(report: BaselineReport) -> None:
    # Published: records by weekday of three processors, and failures that peak on Monday nights.
    found = {(e.subject, e.metric, e.factor) for e in report.seasonality.effects}
    for name in ("OddsApiPropsProcessor", "BdlLiveBoxscoresProcessor"):
        assert (name, SeasonalMetric.RECORDS, Factor.WEEKDAY) in found
    storm = next(
        e
        for e in report.seasonality.effects
        if (e.subject, e.metric) == ("MLFeatureStoreProcessor", SeasonalMetric.FAILURES)
    )
    assert max(storm.levels, key=lambda level: level.value).name == "Monday"


def test_the_least_predictable_come_first_and_the_thin_last(report: BaselineReport) -> None:
    values = [each.unpredictability for each in report.known]
    assert values == sorted(values, key=lambda v: -(v or 0))
    assert [each.thin is None for each in report.processors] == sorted(
        (each.thin is None for each in report.processors), reverse=True
    )
    assert report.verdict is Verdict.GREEN
    (finding,) = report.findings
    assert (finding.kind, finding.severity) == ("not_enough_history", Severity.INFO)
    assert len(finding.evidence["reasons"]) == len(report.thin_table().rows)


def test_a_processor_that_always_fails_is_thin_but_its_failing_is_told(
    report: BaselineReport,
) -> None:
    assert report.baseline("BasketballRefRosterBatchProcessor").thin is not None
    rows = {row[0]: row for row in report.failure_table().rows}
    assert rows["BasketballRefRosterBatchProcessor"][2] == 1.0


def test_the_day_of_the_report_is_not_in_it(demo: Path, report: BaselineReport) -> None:
    assert (report.start, report.end) == (
        datetime(2025, 12, 14, tzinfo=UTC),
        datetime(2026, 1, 13, tzinfo=UTC),
    )
    later = baselines(f"duckdb:///{demo}", as_of=AS_OF + timedelta(hours=11))
    assert later.processors == report.processors


def test_every_part_can_be_shown(report: BaselineReport) -> None:
    show_all(report)
    assert report.headline.startswith("What is normal is known for")


def test_weekdays_have_their_own_baselines_where_they_matter(report: BaselineReport) -> None:
    named = {e.subject for e in report.seasonality.effects}
    assert {each.baseline.subject for each in report.levels} == named
    table = report.level_table("OddsApiPropsProcessor")
    assert [str(row[1]) for row in table.rows] == [f"{name}s" for name in WEEKDAYS]


def test_a_row_without_a_category_is_not_dropped(history: Make) -> None:
    rows = [row(n, days_ago=1 + n % 10) for n in range(30)]
    rows += [row(100 + n, days_ago=1 + n, status="failed") for n in range(10)]
    found = baselines(history(rows), as_of=AS_OF).baseline("Own")
    assert (found.runs, found.successes) == (40, 30)
    assert found.failures.rate == pytest.approx(0.25)


def test_too_short_a_history_is_unknown_and_every_part_can_be_shown(history: Make) -> None:
    few = baselines(history([row(n, days_ago=n) for n in range(3)]), as_of=AS_OF)
    assert few.verdict is Verdict.UNKNOWN
    assert [finding.kind for finding in few.findings] == ["not_enough_history"]
    assert "too little history" in few.headline
    show_all(few)


def test_an_empty_history_is_unknown_and_every_part_can_be_shown(history: Make) -> None:
    nothing = baselines(history([]), as_of=AS_OF)
    assert nothing.verdict is Verdict.UNKNOWN
    assert [finding.kind for finding in nothing.findings] == ["stale_history"]
    show_all(nothing)


def test_a_history_that_began_today_is_unknown(history: Make) -> None:
    today = baselines(history([row(n, days_ago=0) for n in range(30)]), as_of=AS_OF)
    assert today.verdict is Verdict.UNKNOWN
    assert today.headline.startswith("No run ended in the 30 days")
    show_all(today)


def test_a_stale_history_is_not_judged(demo: Path) -> None:
    late = baselines(f"duckdb:///{demo}", as_of="2026-02-20T12:00:00Z")
    assert late.verdict is Verdict.UNKNOWN
    assert late.findings[0].kind == "stale_history"


@pytest.mark.parametrize(
    ("wrong", "says"), [({"days": 0}, "at least 1"), ({"as_of": "noon"}, "noon")]
)
def test_a_parameter_without_sense_is_refused(demo: Path, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        baselines(f"duckdb:///{demo}", **({"as_of": AS_OF} | wrong))


def test_a_processor_that_did_not_run_has_no_baseline(report: BaselineReport) -> None:
    with pytest.raises(ParameterError, match="no run in the 30 days"):
        report.baseline("Nobody")


def test_off_days_of_the_demo_leave_no_mark_on_its_runs(report: BaselineReport) -> None:
    # Its calendar has some, but what depends on games polls, fails or is skipped on them as well.
    assert date(2025, 12, 24) not in report.seasonality.off_days


def test_planted_off_days_are_found_and_have_their_own_baselines(history: Make) -> None:
    off, draws = {2, 6, 13, 17, 23}, np.random.default_rng(3)
    rows = [
        row(
            100 * n + day,
            days_ago=day,
            status="failed" if day in off else "success",
            processor_name=f"Game{n}",
            failure_category="no_data_available" if day in off else None,
        )
        for n in range(5)
        for day in range(1, 31)
    ]
    rows += [
        row(
            10_000 + 100 * n + day,
            days_ago=day,
            processor_name="Poller",
            duration_seconds=float((4 if day in off else 20) * np.exp(draws.normal(0, 0.2))),
        )
        for n in range(5)
        for day in range(1, 31)
    ]
    found = baselines(history(rows), as_of=AS_OF)
    assert set(found.seasonality.off_days) == {(AS_OF - timedelta(days=d)).date() for d in off}
    assert "5 off-days" in found.summary_note().text
    levels = {row[1]: row for row in found.level_table("Poller").rows}
    assert levels["off-days"][2] == 5
    assert levels["off-days"][4] == pytest.approx(4, rel=0.2)
    assert levels["game-days"][4] == pytest.approx(20, rel=0.2)
    assert found.baseline("Game1").idle_days == 5
    show_all(found)


def test_the_notebook_runs_from_the_command_line(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", "baselines", "--warehouse", f"duckdb:///{demo}", "--out", str(tmp_path)]
    assert main([*asked, "--quiet", "--as-of", "2026-01-13T12:00:00Z"]) == 0
    assert "findings.json" in capsys.readouterr().out
    (page,) = tmp_path.glob("baselines/*/index.html")
    text = page.read_text(encoding="utf-8")
    assert "hardest to predict" in text
    assert page.stat().st_size < 1_500_000
