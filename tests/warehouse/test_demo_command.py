"""`nbkit demo` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from demo_fixture import demo_path as demo_path

from nbkit.cli import main
from nbkit.warehouse.demo import load_truth
from nbkit.warehouse.schema import RUN_HISTORY


def build(path: Path, *more: str) -> int:
    return main(["demo", "build", "--runs", "20000", str(path), *more])


def test_build_prints_the_path_and_the_moment_to_read_it_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "demo.duckdb"
    assert build(path, "--as-of", "2026-03-01") == 0
    assert capsys.readouterr().out == f"{path}  (meant to be read at 2026-02-24T12:00:00Z)\n"
    assert load_truth(path).runs == 20_000


def test_what_exists_is_replaced_only_on_demand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "demo.duckdb"
    assert build(path, "--seed", "1") == 0
    assert build(path, "--seed", "2") == 2
    assert "--force" in capsys.readouterr().err
    assert build(path, "--seed", "2", "--if-missing") == 0
    assert load_truth(path).seed == 1
    assert build(path, "--seed", "2", "--force") == 0
    assert load_truth(path).seed == 2


def test_if_missing_does_not_take_another_file_for_a_demo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are not the runs that you are looking for")
    assert build(path, "--if-missing") == 3
    assert "not a demo warehouse" in capsys.readouterr().err
    assert "looking for" in path.read_text()


def test_the_moment_must_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(tmp_path / "x", "--as-of", "yesterday") == 2
    assert "2026-01-13T12:00:00Z" in capsys.readouterr().err


def test_compare_lays_the_figures_side_by_side(
    demo_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["demo", "compare", str(demo_path)]) == 0
    shown = capsys.readouterr().out
    assert "144,126" in shown
    assert "figures are within their tolerance" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_compare_says_no_with_exit_code_1(
    demo_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(demo_path.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute(
            f"UPDATE {RUN_HISTORY} SET records_processed = 1 "
            "WHERE processor_name = 'UpcomingTeamGameContextProcessor' AND status = 'success'"
        )
    assert main(["demo", "compare", str(changed), "--json"]) == 1
    wrong = [one["figure"] for one in json.loads(capsys.readouterr().out) if not one["ok"]]
    assert "UpcomingTeamGameContextProcessor with zero records" in wrong


def test_compare_without_a_demo_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "compare", str(tmp_path / "absent.duckdb")]) == 3
    assert "nbkit demo build" in capsys.readouterr().err
