"""The report on Phase 5 finds the planted hangs, agrees with what was published, and says what it
does not know. Its numbers are computed a second time, in SQL."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nbkit.analysis.hangs import Ending, SweptBy
from nbkit.cli import main
from nbkit.errors import ParameterError
from nbkit.findings import Verdict
from nbkit.questions.phase5 import PhaseReport, phase5
from nbkit.warehouse.demo import DemoTruth, load_truth
from nbkit.warehouse.schema import duckdb_ddl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
# The published figures are about 30 whole days.
PERIOD_END = datetime(2026, 1, 14, tzinfo=UTC)
Make = Callable[[str, list[dict[str, Any]]], str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def truth(demo: Path) -> DemoTruth:
    return load_truth(demo)


@pytest.fixture(scope="module")
def report(demo: Path) -> PhaseReport:
    return phase5(f"duckdb:///{demo}", as_of=AS_OF)


@pytest.fixture
def history(tmp_path: Path) -> Make:
    """Makes a warehouse with the columns of a `CREATE TABLE` (after its name) and some rows."""

    def make(columns: str, rows: list[dict[str, Any]]) -> str:
        path = tmp_path / "history.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(columns)
            for row in rows:
                marks = ", ".join("?" for _ in row)
                connection.execute(
                    f"INSERT INTO nba_reference.processor_run_history ({', '.join(row)}) "
                    f"VALUES ({marks})",
                    list(row.values()),
                )
        return f"duckdb:///{path}"

    return make


def ask(path: Path, sql: str) -> tuple[Any, ...]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def ended(report: PhaseReport, ending: Ending) -> set[str]:
    return {run.run_id for run in report.runs if run.ending is ending}


def test_over_the_published_period_the_published_figures_come_out(demo: Path) -> None:
    # What happens after the demo's moment lies in the period, as in the platform's own analysis.
    whole = phase5(f"duckdb:///{demo}", as_of=PERIOD_END, days=31)
    assert len(whole.runs) == 132
    assert len(ended(whole, Ending.SUCCEEDED)) == 36
    assert len(ended(whole, Ending.SWEPT)) == 34
    assert 36 / len(whole.runs) == pytest.approx(0.2727, abs=1e-4)
    assert whole.mean_s == pytest.approx(446_153, rel=1e-3)
    assert whole.mean_s / 3_600 == pytest.approx(123.9, abs=0.1)
    done = next(share for share in whole.shares if share.ending is Ending.SUCCEEDED)
    assert done.total_s / done.timed == pytest.approx(43.56, rel=0.01)
    assert done.longest_s == pytest.approx(607.98, abs=0.01)


def test_the_mean_and_the_hours_saved_are_what_sql_says(demo: Path, report: PhaseReport) -> None:
    mean, swept, open_s, saved_s, late = ask(
        demo,
        """
        WITH runs AS (
          SELECT *, errors::VARCHAR LIKE '%stale_running_cleanup%' AS is_swept
          FROM nba_reference.processor_run_history
          WHERE phase = 'phase_5_predictions'
            AND started_at >= TIMESTAMPTZ '2025-12-14 00:00:00+00'
            AND started_at < TIMESTAMPTZ '2026-01-13 12:00:00+00'
            AND processed_at <= TIMESTAMPTZ '2026-01-13 12:00:00+00'
        )
        SELECT
          AVG(duration_seconds),
          COUNT(*) FILTER (is_swept),
          SUM(EPOCH(processed_at) - EPOCH(started_at)) FILTER (is_swept),
          SUM(EPOCH(processed_at) - EPOCH(started_at) - 1800) FILTER (is_swept),
          COUNT(*) FILTER (status = 'success' AND duration_seconds > 1800)
        FROM runs
        """,
    )
    assert report.mean_s == pytest.approx(mean)
    hung = next(finding for finding in report.findings if finding.kind == "hung_runs")
    assert hung.evidence["runs"] == swept
    assert hung.evidence["open_s"] == pytest.approx(open_s)
    assert hung.evidence["saved_s"] == pytest.approx(saved_s)
    assert len(report.replayed.wrong_kills) == late == 0
    still_open = sum(
        max((AS_OF - run.started_at).total_seconds() - 1_800, 0)
        for run in report.runs
        if run.ending is Ending.OPEN
    )
    assert report.replayed.saved.total_seconds() == pytest.approx(saved_s + still_open)


def test_the_planted_hanging_runs_are_the_open_ones(report: PhaseReport, truth: DemoTruth) -> None:
    planted = {
        run_id
        for incident in truth.of_kind("stuck_runs")
        if "PredictionCoordinator" in incident.processors
        for run_id in incident.run_ids
    }
    assert planted
    assert ended(report, Ending.OPEN) == planted


def test_the_shares_add_up_and_the_hangs_are_nearly_all_of_it(report: PhaseReport) -> None:
    assert report.mean_s is not None
    assert sum(share.adds_s for share in report.shares) == pytest.approx(report.mean_s)
    swept = next(share for share in report.shares if share.ending is Ending.SWEPT)
    assert swept.adds_s / report.mean_s > 0.999


def test_sweeps_are_found_without_their_messages_too(demo: Path, history: Make) -> None:
    names = ("processor_name", "run_id", "status", "started_at", "data_date", "processed_at")
    names = (*names, "phase")
    with duckdb.connect(str(demo), read_only=True) as connection:
        rows = connection.execute(
            f"SELECT {', '.join(names)} FROM nba_reference.processor_run_history "
            "WHERE phase = 'phase_5_predictions'"
        ).fetchall()
    url = history(
        "CREATE TABLE nba_reference.processor_run_history (processor_name VARCHAR, run_id VARCHAR, "
        "status VARCHAR, started_at TIMESTAMPTZ, data_date DATE, processed_at TIMESTAMPTZ, "
        "phase VARCHAR)",
        [dict(zip(names, row, strict=True)) for row in rows],
    )
    bare = phase5(url, as_of=AS_OF)
    told = phase5(f"duckdb:///{demo}", as_of=AS_OF)
    assert ended(bare, Ending.SWEPT) == ended(told, Ending.SWEPT)
    by = {run.swept_by for run in bare.runs if run.ending is Ending.SWEPT}
    assert by == {SweptBy.SHARED_END, SweptBy.SWEEP_TIME}
    assert bare.replayed.saved == told.replayed.saved


def test_with_only_the_required_columns_it_says_what_is_unknown(history: Make) -> None:
    rows = [
        {
            "processor_name": "PredictionCoordinator",
            "run_id": f"r{n}",
            "status": "success" if n % 2 else "failed",
            "started_at": AS_OF - timedelta(hours=n + 1),
            "data_date": AS_OF.date(),
        }
        for n in range(8)
    ]
    url = history(
        "CREATE TABLE nba_reference.processor_run_history (processor_name VARCHAR, run_id VARCHAR, "
        "status VARCHAR, started_at TIMESTAMPTZ, data_date DATE)",
        rows,
    )
    found = phase5(url, as_of=AS_OF)
    assert found.before.successes == 4
    assert found.mean_s is None
    assert "unknown" in found.replay_note().text
    assert found.share_figure().title == "No run has a recorded duration"
    assert found.verdict is Verdict.YELLOW  # four of eight: below the target, not below half


def test_an_empty_history_is_unknown_and_every_part_can_be_shown(history: Make) -> None:
    nothing = phase5(history(duckdb_ddl(), []), as_of=AS_OF)
    assert nothing.verdict is Verdict.UNKNOWN
    assert [finding.kind for finding in nothing.findings] == ["stale_history"]
    show_all(nothing)


def test_a_phase_that_has_not_run_in_a_fresh_history_is_unknown(demo: Path) -> None:
    absent = phase5(f"duckdb:///{demo}", as_of=AS_OF, phase="grading")
    assert absent.verdict is Verdict.UNKNOWN
    assert [finding.kind for finding in absent.findings] == ["phase_without_runs"]
    show_all(absent)


def test_another_phase_can_be_asked_about_by_an_old_label(demo: Path) -> None:
    other = phase5(f"duckdb:///{demo}", as_of=AS_OF, phase="phase_4_precompute", days=7)
    assert other.runs
    assert other.subject.title.startswith("Phase 4")
    assert {run.processor for run in other.runs}.isdisjoint({"PredictionCoordinator"})
    show_all(other)


def show_all(report: PhaseReport) -> None:
    for table in (
        report.target_table(),
        report.ending_table(),
        report.day_table(),
        report.share_table(),
        report.hang_table(),
        report.replay_table(),
        report.sensitivity_table(),
    ):
        assert "nb-" in table._repr_html_()
    for note in (
        report.summary_note(),
        report.change_note(),
        report.stage_note(),
        report.replay_note(),
    ):
        assert note.text
    for figure in (report.day_figure(), report.share_figure(), report.hang_figure()):
        assert figure.alt
        assert len(figure.png()) > 3_000


def test_every_part_can_be_shown(report: PhaseReport) -> None:
    assert report.verdict is Verdict.RED
    assert report.findings[0].title == report.headline
    show_all(report)


def test_only_what_comes_after_the_change_is_held_to_the_target(demo: Path) -> None:
    mended = phase5(f"duckdb:///{demo}", as_of=AS_OF, changed_at="2026-01-09T00:00:00Z")
    whole = phase5(f"duckdb:///{demo}", as_of=AS_OF)
    assert mended.after is not None
    assert mended.before.total + mended.after.total == whole.before.total
    assert mended.judged == mended.after
    assert "points" in mended.change_note().text
    first = next(f for f in mended.findings if f.kind == "phase_below_target")
    assert "since the change" in first.title


def test_a_change_in_the_future_has_nothing_to_judge_yet(demo: Path) -> None:
    planned = phase5(f"duckdb:///{demo}", as_of=AS_OF, changed_at="2026-02-01T00:00:00Z")
    first = next(f for f in planned.findings if f.kind == "phase_below_target")
    assert first.severity.value == "info"
    assert planned.judged.total == 0


def test_longer_timeouts_save_less(report: PhaseReport) -> None:
    saved = [tried.saved for tried in report.tried]
    assert saved == sorted(saved, reverse=True)
    assert [len(tried.wrong_kills) for tried in report.tried] == [1, 1, 0, 0, 0]  # one took 608 s


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"phase": "phase_5_prediction"}, "did you mean phase_5_predictions"),
        ({"target": 95}, "above 0 and below 1"),
        ({"days": 0}, "at least 1"),
        ({"timeout_minutes": 0}, "timeout_minutes is a number, above 0"),
        ({"breaker_failures": 0}, "at least one failure"),
        ({"changed_at": "yesterday"}, "yesterday"),
    ],
)
def test_a_parameter_without_sense_is_refused(demo: Path, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        phase5(f"duckdb:///{demo}", as_of=AS_OF, **wrong)


def test_the_notebook_runs_from_the_command_line(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", "phase5", "--warehouse", f"duckdb:///{demo}", "--out", str(tmp_path), "--quiet"]
    assert main([*asked, "--as-of", "2026-01-13T12:00:00Z"]) == 1
    assert "findings.json" in capsys.readouterr().out
    (page,) = tmp_path.glob("phase5/*/index.html")
    text = page.read_text(encoding="utf-8")
    assert "hung until swept" in text
    assert page.stat().st_size < 1_000_000
