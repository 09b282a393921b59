"""`nbkit monitor` runs the platform's queries, and prints them for the console."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest
import sqlglot

from nbkit.cli import main
from nbkit.warehouse.schema import RUN_HISTORY

NAMES = ["phase_success", "failure_categories", "failures_by_hour", "phase_rates", "real_failures"]


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    path = tmp_path / "runs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(
            f"CREATE TABLE {RUN_HISTORY} AS SELECT 'A' AS processor_name, 'r' || i AS run_id, "
            "'phase_2_raw' AS phase, IF(i = 0, 'success', 'failed') AS status, "
            "DATE '2026-01-12' AS data_date, TIMESTAMPTZ '2026-01-12 10:00:00Z' AS started_at, "
            "TIMESTAMPTZ '2026-01-12 10:01:00Z' AS processed_at, "
            "IF(i > 1, 'no_data_available', NULL) AS failure_category FROM range(4) AS t(i)"
        )
    return ["--warehouse", f"duckdb:///{path}", "--as-of", "2026-01-13T00:00:00Z"]


def test_without_a_name_it_lists_the_queries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_query_is_shown(
    name: str, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", name, *asked]) == 0
    assert "UTC" in capsys.readouterr().out
    assert main(["monitor", name, *asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_a_failure_without_a_category_is_real_and_an_expected_one_is_not(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", "phase_rates", *asked, "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["successes"], row["expected"], row["real_failures"]) == ("1", "2", "1")
    assert (row["raw_rate"], row["effective_rate"]) == ("0.25", "0.5")


@pytest.mark.parametrize("name", NAMES)
def test_a_table_fits_80_columns_and_cuts_no_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(
            f"CREATE TABLE {RUN_HISTORY} AS SELECT 'UpcomingPlayerGameContextProcessor' AS "
            "processor_name, 'r' || i AS run_id, 'phase_5_predictions' AS phase, "
            "IF(i = 0, 'success', 'failed') AS status, DATE '2026-01-12' AS data_date, "
            "TIMESTAMPTZ '2026-01-12 10:00:00Z' AS started_at, "
            "TIMESTAMPTZ '2026-01-12 10:01:00Z' AS processed_at, 'm' || i AS trigger_message_id, "
            "IF(i < 12000, 'timeout', NULL) AS failure_category FROM range(15000) AS t(i)"
        )
    monkeypatch.setenv("COLUMNS", "80")
    asked = ["--warehouse", f"duckdb:///{path}", "--as-of", "2026-01-13T00:00:00Z"]
    assert main(["monitor", name, *asked]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert len(shown) <= 2 + 2 + 3  # at most two rows, each on one line
    if name in ("failures_by_hour", "real_failures"):
        assert "UpcomingPlayerGameContextProcessor" in shown[1]
    if name == "failures_by_hour":
        assert "Mon" in shown[1]
    assert any(line.startswith("3,000 of these failures have no recorded") for line in shown)


@pytest.mark.parametrize("name", NAMES)
def test_for_the_console_its_parameters_are_declared(
    name: str, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", name, *asked, "--sql"]) == 0
    script = capsys.readouterr().out
    assert "DECLARE p_start TIMESTAMP DEFAULT TIMESTAMP '20" in script
    assert "LIMIT p_" not in script
    body = "\n".join(line for line in script.splitlines() if not line.startswith("DECLARE"))
    assert "@" not in body
    assert sqlglot.parse_one(body, read="bigquery").find(sqlglot.exp.Select)


@pytest.mark.parametrize(
    "wrong",
    [
        ["nothing"],
        ["phase_rates", "--phase", "phase_2_raw"],
        ["phase_rates", "--since", "2026-02-01T00:00:00Z"],
    ],
)
def test_what_makes_no_sense_is_told(
    wrong: list[str], asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", *wrong, *asked]) == 2
    assert capsys.readouterr().err.startswith("nbkit: ")


def test_what_the_queries_take_for_a_skip_is_what_the_rules_do() -> None:
    from nbkit.failures.classify import SKIPS
    from nbkit.warehouse import catalog

    tree = sqlglot.parse_one(catalog.query("monitor_phase_rates").text, read="bigquery")
    (words,) = (
        {word.name for word in found.expressions}
        for found in tree.find_all(sqlglot.exp.In)
        if "skip_reason" in found.this.sql()
    )
    assert words == SKIPS
