"""Poorer histories, and worlds as warehouse files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from made import world
from worlds import VARIANTS, replicate, write_warehouse
from worlds.variants import REQUIRED

from nbkit.warehouse import open_warehouse


@pytest.mark.parametrize("variant", ["full", "null_category", "pairs", "required"])
def test_a_variant_is_a_warehouse_that_nbkit_reads(variant: str, tmp_path: Path) -> None:
    made = world("poison_message", 1)
    history = VARIANTS[variant](made.history)
    url = write_warehouse(history, tmp_path / "world.duckdb", naive=variant == "null_category")
    with open_warehouse(url) as warehouse:
        counts = warehouse.query(
            "hourly_counts",
            start=made.history["started_at"].min().to_pydatetime(),
            end=made.as_of,
            as_of=made.as_of,
        )
    ended = (made.history["status"] != "running").sum()
    assert counts["runs"].sum() >= ended


def test_the_poorest_has_the_required_columns_only() -> None:
    history = VARIANTS["required"](world("poison_message", 1).history)
    assert tuple(history.columns) == REQUIRED


def test_old_rows_come_in_pairs_of_one_run_id() -> None:
    history = world("poison_message", 1).history
    pairs = VARIANTS["pairs"](history)
    ended = history["status"] != "running"
    assert len(pairs) == len(history) + ended.sum()
    assert pairs["run_id"].nunique() == len(history)


def test_the_second_vocabulary_has_no_word_of_the_first_that_it_lacks() -> None:
    words = set(VARIANTS["second_vocabulary"](world("upstream_outage").history)["failure_category"])
    assert "upstream_failure" in words
    assert not words & {"dependency_missing", "validation_failed", "error"}


def test_copies_make_a_big_history_with_the_same_attempts_per_message(tmp_path: Path) -> None:
    made = world("retry_amplification")
    path = tmp_path / "big.duckdb"
    write_warehouse(made.history, path)
    wanted = 3 * len(made.history) - 5
    assert replicate(path, wanted) == 3 * len(made.history)
    with duckdb.connect(str(path), read_only=True) as connection:
        rows, runs, messages = connection.execute(
            "SELECT count(*), count(DISTINCT run_id), count(DISTINCT trigger_message_id)"
            " FROM nba_reference.processor_run_history"
        ).fetchone() or (0, 0, 0)
    assert rows == runs
    assert messages == 3 * made.history["trigger_message_id"].nunique()
