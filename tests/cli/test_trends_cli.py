"""`nbkit trends` fits a terminal, and tells a machine everything."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from asked_once import asked_once

from nbkit.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = ["--as-of", "2026-01-13T12:00:00Z"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with asked_once(import_module("nbkit.questions.trends"), "trends"):
        yield f"duckdb:///{shared_demo(tmp_path_factory)}"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["trends", "show", *arguments])
    return code, capsys.readouterr().out.replace("\u00a0", " ")


def test_the_worse_ones_come_with_their_dates_and_what_is_ahead(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, text = shown(capsys, "--warehouse", url, *AS_OF)
    assert code == 0
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    flat = " ".join(text.split())
    assert "MLFeatureStoreProcessor takes 1.3 times as long since 2026-01-05" in flat
    assert "its timeout of 30 min is reached on" in flat
    assert "Odd days" in flat


def test_one_processor_is_shown_alone(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = shown(capsys, "MLFeatureStoreProcessor", "--warehouse", url, *AS_OF)
    assert "MLFeatureStoreProcessor" in text
    assert "PlayerDailyCacheProcessor" not in text
    _, text = shown(capsys, "NbacGamebookProcessor", "--warehouse", url, *AS_OF)
    assert "NbacGamebookProcessor is not getting worse." in text
    _, text = shown(capsys, "BdlInjuriesProcessor", "--warehouse", url, *AS_OF)
    assert "too little history" in text


def test_a_warning_can_be_asked_to_fail(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "--warehouse", url, *AS_OF, "--fail-on", "warning")[0] == 1
    assert shown(capsys, "--warehouse", url, *AS_OF, "--fail-on", "sometimes")[0] == 2
    # What others have does not fail the one that is asked about.
    asked = ("NbacGamebookProcessor", "--warehouse", url, *AS_OF, "--fail-on", "warning")
    assert shown(capsys, *asked)[0] == 0


def test_a_machine_gets_the_findings_and_who_was_not_judged(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = shown(capsys, "--warehouse", url, *AS_OF, "--json")
    document = json.loads(text)
    assert code == 0
    assert (document["schema"], document["notebook"]) == (1, "trends")
    assert {f["kind"] for f in document["findings"]} == {"duration_rise", "anomalous_day"}
    assert document["insufficient"]
    assert document["recovered"] == []  # nothing that was planted has recovered by then


def test_a_misspelt_name_is_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trends", "show", "MLFeatureStore", "--warehouse", url, *AS_OF]) == 2
    assert "MLFeatureStoreProcessor" in capsys.readouterr().err
    assert main(["trends", "show", "MlbScheduleProcessor", "--warehouse", url, *AS_OF]) == 2
    assert "MlbScheduleProcessor has no run" in capsys.readouterr().err
