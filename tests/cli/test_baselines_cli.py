"""`nbkit baselines` shows what is normal, and makes its view only when told to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from nbkit.cli import main
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Thirty days of a steady processor, and three runs of a rare one."""
    made = tmp_path / "runs.duckdb"
    with duckdb.connect(str(made)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(duckdb_ddl())
        for name, step in (("Steady", 1), ("Rare", 10)):
            connection.execute(
                f"INSERT INTO {RUN_HISTORY} (processor_name, run_id, status, started_at, "
                "processed_at, data_date, duration_seconds, records_processed, failure_category) "
                f"SELECT '{name}', '{name}' || i, IF(i % 10 = 9, 'failed', 'success'), t, "
                "t + INTERVAL 20 SECOND, t::DATE, 20 + i % 5, 100, NULL FROM (SELECT i, "
                "TIMESTAMPTZ '2026-01-12 06:00:00Z' - INTERVAL (i * 12) HOUR AS t "
                f"FROM range(0, 58, {step * 2 - 1}) AS r(i))"
            )
    return made


def asked(path: Path, *words: str) -> list[str]:
    return [
        *("baselines", "show", *words),
        *("--warehouse", f"duckdb:///{path}", "--as-of", "2026-01-13T09:00:00Z"),
    ]


def test_all_processors_are_shown_in_eighty_columns(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(asked(path)) == 0
    shown = capsys.readouterr().out
    assert "Steady" in shown
    assert "1 processor with too little history" in shown
    assert "30 whole UTC days, 2025-12-14 to 2026-01-12" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_one_processor_has_every_figure_with_its_interval(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked(path, "Steady")) == 0
    shown = capsys.readouterr().out
    for name in ("duration P50", "records P95", "duration CoV", "really failed", "zero records"):
        assert name in shown
    assert "22\u00a0s" in shown
    assert main(asked(path, "Rare")) == 0
    assert "Not enough history: work on " in capsys.readouterr().out


def test_for_machines_there_is_null_where_nothing_is_known(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked(path, "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    found = {each["subject"]: each for each in told["processors"]}
    assert found["Steady"]["real_failures"]["of"] == found["Steady"]["runs"]
    assert found["Steady"]["duration_s"]["p50"]["value"] == pytest.approx(22, rel=0.05)
    assert found["Rare"]["duration_s"]["p95"] == {"value": None, "low": None, "high": None}
    assert found["Rare"]["not_enough_history"]
    assert told["phases"]
    assert main(asked(path, "Steady", "--json")) == 0
    assert len(json.loads(capsys.readouterr().out)["processors"]) == 1


def test_a_misspelt_name_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(path, "OddsApiPropProcessor")) == 2
    assert "OddsApiPropsProcessor" in capsys.readouterr().err


def test_a_processor_without_runs_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(path, "OddsApiPropsProcessor")) == 2
    assert "has no run" in capsys.readouterr().err


def test_install_shows_first_and_applies_when_told(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install = ["baselines", "install", "--warehouse", f"duckdb:///{path}"]
    assert main(install) == 0
    shown = capsys.readouterr().out
    assert "CREATE OR REPLACE VIEW" in shown
    assert "not there yet. Nothing was changed" in shown
    assert main([*install, "--apply"]) == 0
    assert "processor_baselines: created." in capsys.readouterr().out
    assert main([*install, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["there"], told["applied"]) == (True, False)
    assert main([*install, "--apply"]) == 0
    assert "replaced" in capsys.readouterr().out
    with duckdb.connect(str(path)) as connection:
        view = connection.execute("FROM nba_orchestration.processor_baselines").fetchall()
    is_recent = datetime.now(UTC) - timedelta(days=30) < datetime(2026, 1, 12, tzinfo=UTC)
    assert bool(view) == is_recent
