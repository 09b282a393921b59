"""`nbkit incident`: a screen for 3 am, exit codes for scripts, and messages that help."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from nbkit.cli import main
from nbkit.project import PROJECT_VARIABLE, WAREHOUSE_VARIABLE
from nbkit.warehouse.protocol import Warehouse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "questions"))
from small_incident import small_history

Fill = Callable[[pd.DataFrame], Warehouse]
PROJECT = Path(__file__).resolve().parents[2]
OUTAGE = ["incident", "--start", "2026-01-12T04:00Z", "--end", "2026-01-12T06:00Z"]


@pytest.fixture(autouse=True)
def small(on_duckdb: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_duckdb(small_history(with_outage=True)) as filled:
        monkeypatch.setenv(WAREHOUSE_VARIABLE, filled.url)
    monkeypatch.setenv("COLUMNS", "100")


def test_the_screen_has_verdict_root_radius_messages_and_what_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(OUTAGE) == 1
    out = capsys.readouterr().out
    assert out.startswith(" RED   NbacGamebookProcessor failed 30 times from 04:10 UTC on")
    for words in (
        "→ `nbkit registry impact NbacGamebookProcessor`",
        "Root          NbacGamebookProcessor  named by 8 of 8 failures after it",
        "When          04:10 to 05:15 UTC; going on",
        "Then          PlayerGameSummaryProcessor (8)",
        "Blast radius  32 processors (1 critical, 8 high, 23 medium)",
        "Waiting       PlayerGameSummaryProcessor (due in",
        "What else changed",
        "first failure of NbacGamebookProcessor: none in the baseline → fails",
        "nbkit incident --start 2026-01-12T04:00:00Z --end 2026-01-12T06:00:00Z --report",
    ):
        assert words in out, words
    assert re.search(r"NEW +8 +0 +Upstream NbacGamebookProcessor failed", out)
    assert max(map(len, out.splitlines())) <= 100


def test_json_is_the_findings_document_and_slack_the_text_to_paste(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*OUTAGE, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["notebook"]) == (1, "incident")
    assert document["verdict"] == "RED"
    assert document["window"]["start"] == "2026-01-12T04:00:00Z"
    assert document["findings"][0]["kind"] == "incident_root"
    assert main([*OUTAGE, "--slack"]) == 1
    assert capsys.readouterr().out.startswith(":red_circle: *RED*")


def test_a_quiet_window_exits_zero(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["incident", "--since", "2h", "--as-of", "2026-01-10T16:00Z"]
    assert main(asked) == 0
    out = capsys.readouterr().out
    assert out.startswith(" GREEN   Nothing out of the ordinary")
    assert "Root" not in out


def test_the_delivered_message_goes_through_the_outbox_as_a_preview(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for name in ("notebooks", "registry"):
        (project / name).mkdir(parents=True)
    registry = (PROJECT / "registry" / "processor_registry.yaml").read_text(encoding="utf-8")
    (project / "registry" / "processor_registry.yaml").write_text(registry, encoding="utf-8")
    monkeypatch.setenv(PROJECT_VARIABLE, str(project))
    out = tmp_path / "told"
    assert main([*OUTAGE, "--json", "--to", f"dir:{out}"]) == 1
    shown = capsys.readouterr()
    json.loads(shown.out)  # where it was told goes to stderr: the document stays whole
    assert "preview.html" in shown.err
    (message,) = out.rglob("message.md")
    text = message.read_text(encoding="utf-8")
    assert "NbacGamebookProcessor failed" in text
    assert "--report makes it" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--start", "2026-01-12T06:00Z", "--end", "2026-01-12T04:00Z"], "Are they swapped?"),
        (["--since", "2 hours"], "not a length of time"),
        (["--start", "x"], "is not a moment"),
        (["--processor", "NbacGamebok", "--as-of", "2026-01-12T06:00Z"], "Did you mean"),
        (["--json", "--slack"], "exclude one another"),
        (["--fail-on", "red"], "not a severity"),
        (
            ["--since", "2h", "--start", "2026-01-12T04:00Z", "--end", "2026-01-12T06:00Z"],
            "leave one of the three out",
        ),
    ],
)
def test_misuse_is_told_in_one_message_and_exits_two(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["incident", *given]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_start_and_length_give_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    main(["incident", "--start", "2026-01-12T04:00Z", "--since", "2h", "--json"])
    window = json.loads(capsys.readouterr().out)["window"]
    assert window == {"start": "2026-01-12T04:00:00Z", "end": "2026-01-12T06:00:00Z"}


def test_report_runs_the_notebook_on_the_same_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, object] = {}

    def run(notebook: str, **given: object) -> None:
        asked.update(given, notebook=notebook)

    monkeypatch.setattr("nbkit.cli.run.run_command", run)
    assert main([*OUTAGE, "--report", "--to", "slack"]) == 0
    assert asked["notebook"] == "incident"
    assert asked["to"] == "slack"
    assert asked["as_of"] == "2026-01-12T06:00Z"
    assert asked["assignments"] == [
        "start=2026-01-12T04:00Z",
        "end=2026-01-12T06:00Z",
        "since=2h",
        "processor=",
    ]
