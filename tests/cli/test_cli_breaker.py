"""`nbkit breaker` says what is held back, until when and why, and closes one by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from nbkit.cli import main
from nbkit.project import RUNS_VARIABLE
from nbkit.warehouse import open_history
from nbkit.warehouse.schema import RUN_HISTORY

AS_OF = ["--as-of", "2026-01-12T12:04:00Z"]
BROKEN, SOUND, PROBED = (
    "NbacGamebookProcessor",
    "BdlBoxscoresProcessor",
    "OddsApiPropsProcessor",
)


def run(name: str, start: datetime, message: str | None) -> dict[str, object]:
    return {
        "processor_name": name,
        "run_id": f"{name} {start:%H:%M}",
        "status": "failed" if message else "success",
        "data_date": start.date(),
        "started_at": pd.Timestamp(start),
        "processed_at": pd.Timestamp(start),
        "errors": json.dumps([message]) if message else None,
    }


def write(path: Path, rows: list[dict[str, object]]) -> str:
    url = f"duckdb:///{path}"
    with open_history(url) as warehouse:
        warehouse.append(RUN_HISTORY, pd.DataFrame(rows))
    return url


def history(path: Path, noon: datetime) -> str:
    """At 12:04 one is open, one half open, one closed."""
    minutes = range(3)
    rows = [run(BROKEN, noon + timedelta(minutes=m), "Quota exceeded: boom") for m in minutes]
    rows += [run(PROBED, noon - timedelta(minutes=60 - m), "KeyError: 'x'") for m in minutes]
    return write(path, [*rows, run(SOUND, noon, None)])


@pytest.fixture
def url(tmp_path: Path) -> str:
    return history(tmp_path / "runs.duckdb", datetime(2026, 1, 12, 12, tzinfo=UTC))


def test_it_shows_what_is_held_back_and_counts_the_rest(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["breaker", "status", "--warehouse", url, *AS_OF]) == 0
    shown = capsys.readouterr().out
    held, probe = shown.index(BROKEN), shown.index(PROBED)
    assert held < probe
    assert "until 2026-01-12 12:17 UTC" in shown[held:probe]
    assert "Quota exceeded: boom" in shown[held:probe]
    assert "one run may start, as a probe" in shown[probe:]
    assert "1 other breaker is closed at 2026-01-12 12:04 UTC." in shown
    assert SOUND not in shown


def test_one_by_name_answers_with_its_exit_code_and_every_failure(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--warehouse", url, *AS_OF]
    assert main(["breaker", "status", BROKEN, *asked]) == 1
    shown = capsys.readouterr().out
    assert shown.count("Quota exceeded: boom") == 3
    assert f"nbkit breaker reset {BROKEN} --reason" in shown
    assert main(["breaker", "status", PROBED, *asked]) == 0
    assert main(["breaker", "status", SOUND, *asked]) == 0
    assert "no real failure since its last success" in capsys.readouterr().out
    assert main(["breaker", "status", "NbacScheduleProcessor", *asked]) == 0  # never ran
    assert main(["breaker", "status", "NbacGamebook", *asked]) == 2
    assert f"Did you mean {BROKEN}" in capsys.readouterr().err


def test_machines_get_all_of_it(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["breaker", "status", "--warehouse", url, *AS_OF, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {BROKEN, PROBED, SOUND}
    assert told[BROKEN]["state"] == "open"
    assert told[BROKEN]["may_start"] is False
    assert told[BROKEN]["until"] == "2026-01-12T12:17:00Z"
    newest = told[BROKEN]["failures"][0]
    assert newest["ended_at"] == "2026-01-12T12:02:00Z"
    assert newest["message"] == "Quota exceeded: boom"


def test_a_history_without_runs_is_not_called_healthy(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["breaker", "status", "--warehouse", url, "--as-of", "2025-01-01T00:00:00Z"]) == 0
    assert "No run in the 7 days before 2025-01-01 00:00 UTC" in capsys.readouterr().out


def test_a_reset_is_seen_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = history(tmp_path / "now.duckdb", datetime.now(UTC) - timedelta(minutes=4))
    assert main(["breaker", "status", BROKEN, "--warehouse", url]) == 1
    reset = ["breaker", "reset", BROKEN, "--reason", "quota raised", "--warehouse", url]
    assert main(reset) == 0
    assert "is closed. It was open: 3 real failures in a row" in capsys.readouterr().out
    assert main(["breaker", "status", BROKEN, "--warehouse", url]) == 0
    assert "quota raised" in capsys.readouterr().out
    assert main(reset) == 0
    assert "was closed already" in capsys.readouterr().out


def test_a_name_that_is_misspelt_is_not_reset(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["breaker", "reset", "NbacGamebok", "--reason", "fixed", "--warehouse", url]
    assert main(wrong) == 2
    assert "No processor 'NbacGamebok'" in capsys.readouterr().err


def test_a_notebook_is_looked_up_among_the_runs_of_nbkit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, name = datetime.now(UTC), "notebook:daily_health"
    rows = [run(name, now - timedelta(minutes=m), "KeyError: 'x'") for m in (3, 4, 5)]
    monkeypatch.setenv(RUNS_VARIABLE, write(tmp_path / "own.duckdb", rows))
    assert main(["breaker", "status", name]) == 1
    assert f"nbkit breaker reset {name} --reason" in capsys.readouterr().out
    assert main(["breaker", "reset", name, "--reason", "fixed"]) == 0
    assert main(["breaker", "status", name]) == 0
