"""`nbkit guard` runs a command, ends one that hangs, and says where it hung."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import pytest

from nbkit.cli import main

HANG = "def load():\n import os\n os.read(os.pipe()[0], 1)\nload()"


def python(code: str) -> list[str]:
    return ["--", sys.executable, "-c", code]


def test_a_command_keeps_its_output_and_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", *python("print('rows: 7')")]) == 0
    assert main(["guard", *python("raise SystemExit(7)")]) == 7
    assert capfd.readouterr() == ("rows: 7\n", "")


def test_options_after_the_command_are_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", "--timeout", "2h", "echo", "--timeout", "x"]) == 0
    assert capfd.readouterr().out == "--timeout x\n"


def test_a_command_that_hangs_is_ended_and_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "how.json"
    options = ["--timeout", "1s", "--name", "nightly load", "--report", str(report)]
    assert main(["guard", *options, *python(HANG)]) == 124
    said = capfd.readouterr().err
    assert "nbkit: nightly load was not done within 1.0" in said
    assert "in load" in said
    told = json.loads(report.read_text())
    assert told["limit"] == "timeout"
    assert told["error"].startswith("nightly load was not done")


def test_a_silent_command_is_ended(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", "--heartbeat", "0.5s", "sleep", "300"]) == 124
    said = capfd.readouterr().err
    assert "sleep gave no heartbeat" in said
    assert "sleep 300" in said


def test_a_command_may_need_no_signs_of_life() -> None:
    code = "import threading; threading.Event().wait(1)"
    assert main(["guard", "--heartbeat", "none", *python(code)]) == 0
    assert main(["guard", "--heartbeat", "0.4s", *python(code)]) == 124


def test_a_killed_command_is_told_by_its_signal(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", *python("import os; os.kill(os.getpid(), 9)")]) == 137
    assert "was killed by SIGKILL" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-program"], "no-such-program: No such file"),
        (["--timeout", "soon", "true"], "--timeout soon: not a length of time"),
        (["--report", "no/such/folder/x.json", "true"], "there is no folder"),
    ],
)
def test_misuse_is_exit_2(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["guard", *arguments]) == 2
    assert said in capfd.readouterr().err


def test_a_guarded_command_can_be_recorded_as_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "runs.duckdb"
    asked = ["guard", "--timeout", "1s", "--record", "Nightly", "--date", "2026-01-12"]
    asked += ["--warehouse", f"duckdb:///{history}", "--"]
    assert main([*asked, "true"]) == 0
    assert main([*asked, "sleep", "60"]) == 124
    with duckdb.connect(str(history), read_only=True) as connection:
        found = connection.execute(
            "SELECT status, failure_category, killed_by_timeout, data_date::VARCHAR "
            "FROM nba_reference.processor_run_history WHERE status <> 'running' ORDER BY started_at"
        ).fetchall()
    assert found == [
        ("success", "success", None, "2026-01-12"),
        ("failed", "timeout", True, "2026-01-12"),
    ]
    assert main(["guard", "--date", "2026-01-12", "--", "true"]) == 2
    assert "add --record" in capsys.readouterr().err
