"""`nbkit history` shows first, and changes only when told to."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from nbkit.cli import main
from nbkit.warehouse.schema import RUN_HISTORY


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(
            f"CREATE TABLE {RUN_HISTORY} AS SELECT 'A' AS processor_name, 'r' || i AS run_id, "
            "'failed' AS status, DATE '2026-01-12' AS data_date, "
            "TIMESTAMPTZ '2026-01-12 10:00:00Z' AS started_at, "
            "'[\"No games scheduled\"]'::JSON AS errors FROM range(3) AS t(i)"
        )
    return f"duckdb:///{path}"


def test_an_old_history_is_migrated_and_classified(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "migrate", "--warehouse", url]) == 0
    shown = capsys.readouterr().out
    assert "ADD COLUMN IF NOT EXISTS heartbeat_at TIMESTAMPTZ;" in shown
    assert "Nothing was changed" in shown
    assert main(["history", "migrate", "--warehouse", url, "--apply"]) == 0
    assert "Added to nba_reference.processor_run_history" in capsys.readouterr().out
    assert main(["history", "migrate", "--warehouse", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["absent"] == {}
    assert main(["history", "migrate", "--warehouse", url]) == 0
    assert "has all columns" in capsys.readouterr().out

    fill = ["history", "classify", "--warehouse", url, "--since", "2026-01-01"]
    fill += ["--until", "2026-01-31"]
    assert main(fill) == 0
    assert "3 rows would be filled" in capsys.readouterr().out
    assert main([*fill, "--apply", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["before"] == {"none": 3}
    assert told["after"] == {"no_data_available": 3}
    assert told["filled"] == 3
    assert main([*fill, "--apply"]) == 0
    assert "has a" in capsys.readouterr().out


def test_before_the_migration_classify_shows_and_apply_says_what_to_do(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill = ["history", "classify", "--warehouse", url, "--since", "2026-01-01"]
    assert main(fill) == 0
    assert "3 rows would be filled" in capsys.readouterr().out
    assert main([*fill, "--apply"]) == 3
    assert "nbkit history migrate" in capsys.readouterr().err


def test_a_date_that_is_none_is_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "classify", "--warehouse", url, "--since", "yesterday"]) == 2
    assert "write it like 2025-12-14" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "1000"])
def test_batches_of_no_day_or_of_years_are_refused(
    days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["history", "classify", "--since", "2026-01-01", "--batch-days", days]
    assert main(asked) == 2
    assert "--batch-days" in capsys.readouterr().err
