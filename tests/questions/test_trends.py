"""The trends report finds what was planted in the demo, with its dates, and knows what it does not
know."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from emulator import load_history

from nbkit.cli import main
from nbkit.errors import ParameterError
from nbkit.findings import Severity, Verdict
from nbkit.questions.trend_report import TrendReport
from nbkit.questions.trends import trends
from nbkit.registry import MarkedSpans
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.demo import DemoTruth, load_truth
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.schema import COLUMNS, RUN_HISTORY, duckdb_ddl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
Make = Callable[[list[dict[str, Any]]], str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def truth(demo: Path) -> DemoTruth:
    return load_truth(demo)


@pytest.fixture(scope="module")
def report(demo: Path) -> TrendReport:
    return trends(f"duckdb:///{demo}", as_of=AS_OF)


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


def day_of_runs(days_ago: int, *, seconds: float = 60.0, runs: int = 8) -> list[dict[str, Any]]:
    draws = np.random.default_rng(days_ago)
    end = datetime(2026, 1, 13, 10, tzinfo=UTC) - timedelta(days=days_ago)
    return [
        {
            "processor_name": "MLFeatureStoreProcessor",
            "run_id": f"r{days_ago}-{n}",
            "status": "success",
            "started_at": end - timedelta(minutes=n),
            "processed_at": end,
            "data_date": end.date(),
            "duration_seconds": float(seconds * np.exp(draws.normal(0, 0.05))),
            "records_processed": 50,
        }
        for n in range(runs)
    ]


def show_all(report: TrendReport) -> None:
    for table in (
        report.warning_table(),
        report.timeout_table(),
        report.deadline_table(),
        report.recovered_table(),
        report.rule_table(),
        report.anomaly_table(),
        report.run_table(),
        report.unjudged_table(),
        report.marked_table(),
    ):
        assert "nb-" in table._repr_html_()
        assert repr(table)
    for note in (report.summary_note(), report.anomaly_note(), report.run_note()):
        assert note.text
    assert report.trend_figure().alt
    assert len(report.trend_figure().png()) > 2_000
    assert report._repr_html_().startswith(f"<p><strong>{report.verdict}")


def test_the_planted_step_and_drift_are_found_with_their_dates(
    report: TrendReport, truth: DemoTruth
) -> None:
    kinds = {w.processor: (c.kind, c.since) for w, c in report.found.worse}
    (step,) = truth.of_kind("step_change")
    (drift,) = truth.of_kind("duration_drift")
    assert kinds[step.processors[0]] == ("step", step.start.date())
    kind, since = kinds[drift.processors[0]]
    assert kind == "drift"
    assert timedelta(0) <= since - drift.start.date() <= timedelta(days=3)


def test_nothing_else_is_getting_worse(report: TrendReport, truth: DemoTruth) -> None:
    incidents = (*truth.of_kind("step_change"), *truth.of_kind("duration_drift"))
    planted = {name for incident in incidents for name in incident.processors}
    assert {w.processor for w, _ in report.found.worse} == planted
    assert report.verdict is Verdict.YELLOW
    alerts = [f for f in report.findings if f.severity is not Severity.INFO]
    assert {f.subject for f in alerts} == planted


def test_the_drift_is_told_with_the_day_of_its_timeout(report: TrendReport) -> None:
    finding = next(f for f in report.findings if f.subject == "PlayerDailyCacheProcessor")
    on = date.fromisoformat(finding.evidence["timeout_on"])
    assert finding.evidence["timeout_earliest"] <= on.isoformat()
    assert on.isoformat() <= finding.evidence["timeout_latest"]
    assert f"timeout of 30\u00a0min is reached on {on}" in finding.title
    (row,) = (r for r in report.timeout_table().rows if r[0] == "PlayerDailyCacheProcessor")
    assert row[4] == on
    (row,) = (r for r in report.deadline_table().rows if r[0] == "PlayerDailyCacheProcessor")
    assert str(row[3]).startswith("0 of ")


def test_the_slow_morning_is_an_odd_day_and_no_trend(report: TrendReport, truth: DemoTruth) -> None:
    (slow,) = truth.of_kind("slow_processor")
    (odd,) = (f for f in report.findings if f.subject == slow.processors[0])
    assert (odd.kind, odd.severity) == ("anomalous_day", Severity.INFO)
    assert odd.evidence["seen"] > 3 * odd.evidence["expected"]
    assert "false alarms" in report.anomaly_note().text


def test_the_days_of_a_trend_are_marked_as_such_and_told_once(report: TrendReport) -> None:
    (row,) = (r for r in report.anomaly_table().rows if r[0] == "MLFeatureStoreProcessor")
    assert row[1] == "slow (trend above)"
    assert row[3] >= 3
    kinds = [f.kind for f in report.findings if f.subject == "MLFeatureStoreProcessor"]
    assert kinds == ["duration_rise"]


def test_odd_runs_of_the_last_day_are_shown(report: TrendReport, truth: DemoTruth) -> None:
    rows = {(row[0], row[1]) for row in report.run_table().rows}
    (incomplete,) = truth.of_kind("incomplete_data")
    (silent,) = truth.of_kind("silent_processor")
    assert (incomplete.processors[0], "few records") in rows
    assert (silent.processors[0], "silence") in rows
    assert len(rows) <= 3
    assert "false alarms" in report.run_note().text


def test_the_platforms_rules_stand_beside_under_their_names(report: TrendReport) -> None:
    rows = {(row[0], row[1]): row for row in report.rule_table().rows}
    for name in ("NbacGamebookProcessor", "PredictionCoordinator", "MLFeatureStoreProcessor"):
        for rule in ("detect_performance_degradation", "detect_failure_spike"):
            assert (name, rule) in rows
    # A step of 1.3 × stays below their 2 ×.
    step = rows["MLFeatureStoreProcessor", "detect_performance_degradation"]
    assert step[5] == "no alert"
    assert any("not enough history" in str(row[5]) for row in rows.values())


def test_the_step_to_the_published_period_is_marked_and_not_told(
    demo: Path, report: TrendReport
) -> None:
    soon_after = datetime(2025, 12, 29, 12, tzinfo=UTC)
    marked = trends(f"duckdb:///{demo}", as_of=soon_after)
    assert marked.found.worse == ()
    assert marked.start == datetime(2025, 12, 14, tzinfo=UTC)
    assert "all" in repr(marked.marked_table())
    plain = trends(f"duckdb:///{demo}", as_of=soon_after, marked=MarkedSpans())
    shared = plain.found.onset_shared()
    assert shared is not None
    assert shared[0] == date(2025, 12, 14)
    assert "look for one cause before many" in plain.summary_note().text


def test_those_without_enough_history_are_listed_as_such(report: TrendReport) -> None:
    thin = report.found.warnings.insufficient
    assert thin
    (row,) = report.unjudged_table().rows[:1]
    assert row[0] == len(thin)
    assert str(row[1]).startswith("insufficient")
    assert "that is not fine" in report.summary_note().text
    assert "not fine" in report.nothing_worse(thin[0])


def test_every_part_can_be_shown(report: TrendReport) -> None:
    show_all(report)


def test_a_stale_history_is_not_judged(demo: Path) -> None:
    late = trends(f"duckdb:///{demo}", as_of="2026-02-20T12:00:00Z")
    assert late.verdict is Verdict.UNKNOWN
    assert late.findings[0].kind == "stale_history"
    show_all(late)


def test_an_empty_history_is_unknown_and_every_part_can_be_shown(history: Make) -> None:
    nothing = trends(history([]), as_of=AS_OF)
    assert nothing.verdict is Verdict.UNKNOWN
    assert [f.kind for f in nothing.findings] == ["stale_history"]
    show_all(nothing)


def test_too_short_a_history_is_unknown(history: Make) -> None:
    rows = [row for day in range(6) for row in day_of_runs(day)]
    few = trends(history(rows), as_of=AS_OF)
    assert few.verdict is Verdict.UNKNOWN
    assert few.findings[0].kind == "not_enough_history"
    show_all(few)


def test_a_clean_history_is_green_and_a_slower_one_yellow(history: Make, tmp_path: Path) -> None:
    clean = [row for day in range(45) for row in day_of_runs(day)]
    green = trends(history(clean), as_of=AS_OF, marked=MarkedSpans())
    assert green.verdict is Verdict.GREEN
    assert "is getting worse" in green.headline
    (tmp_path / "history.duckdb").unlink()
    slower = [row for day in range(45) for row in day_of_runs(day, seconds=60 if day > 7 else 110)]
    yellow = trends(history(slower), as_of=AS_OF, marked=MarkedSpans())
    assert yellow.verdict is Verdict.YELLOW
    ((_, change),) = yellow.found.worse
    assert change.since == date(2026, 1, 6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"days": 7}, "days is a whole number, at least 14"),
        ({"anomaly_days": 0}, "anomaly_days is a whole number, at least 1"),
        ({"as_of": "noon"}, "noon"),
    ],
)
def test_a_parameter_without_sense_is_refused(demo: Path, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        trends(f"duckdb:///{demo}", **({"as_of": AS_OF} | wrong))


def test_both_engines_tell_the_same(demo: Path, emulator: str) -> None:
    with duckdb.connect(str(demo), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = frame_of(
            connection.execute(
                f"SELECT * FROM {RUN_HISTORY} WHERE data_date >= '2025-12-01' AND processor_name "
                "IN ('MLFeatureStoreProcessor', 'PlayerDailyCacheProcessor', "
                "'PlayerShotZoneAnalysisProcessor', 'OddsGameLinesProcessor')"
            ).to_arrow_table()
        )
    used = [column.name for column in COLUMNS if rows[column.name].notna().any()]
    with open_warehouse(load_history(emulator, "trends", rows[used])) as there:
        second = trends(there, as_of=AS_OF)
    assert {w.processor for w, _ in second.found.worse} == {
        "MLFeatureStoreProcessor",
        "PlayerDailyCacheProcessor",
    }
    first = trends(f"duckdb:///{demo}", as_of=AS_OF)
    told = {f.fingerprint: f.title for f in first.findings if f.kind == "duration_rise"}
    assert {f.fingerprint: f.title for f in second.findings if f.kind == "duration_rise"} == told


def test_the_notebook_runs_from_the_command_line(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", "trends", "--warehouse", f"duckdb:///{demo}", "--out", str(tmp_path)]
    assert main([*asked, "--quiet", "--as-of", "2026-01-13T12:00:00Z"]) == 0
    capsys.readouterr()
    (page,) = tmp_path.glob("trends/*/index.html")
    text = page.read_text(encoding="utf-8")
    assert "PlayerDailyCacheProcessor has grown slower since" in text
    assert page.stat().st_size < 1_000_000
    (findings,) = tmp_path.glob("trends/*/findings.json")
    document = json.loads(findings.read_text(encoding="utf-8"))
    assert document["verdict"] == "YELLOW"
