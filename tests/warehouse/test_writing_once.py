"""Rows of one key are written once, and statements change what they say, on both engines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from emulator import PROJECT, emulator_client

from nbkit.errors import QueryFailed, UnknownQuery, WarehouseLocked
from nbkit.warehouse import catalog, open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import COLUMN_NAMES, RUN_HISTORY

Fill = Callable[[pd.DataFrame], Warehouse]

WINDOW = {
    "start": datetime(2026, 1, 12, tzinfo=UTC),
    "end": datetime(2026, 1, 13, tzinfo=UTC),
    "as_of": datetime(2026, 1, 13, tzinfo=UTC),
}


def a_run(run_id: str = "r1") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "processor_name": ["A"],
            "run_id": [run_id],
            "status": ["failed"],
            "data_date": [date(2026, 1, 12)],
            "started_at": [pd.Timestamp("2026-01-12T10:00Z")],
            "processed_at": [pd.Timestamp("2026-01-12T10:01Z")],
            "killed_by_timeout": [True],
        }
    )


@pytest.fixture(params=["on_duckdb", "on_bigquery"])
def fill(request: pytest.FixtureRequest) -> Fill:
    return request.getfixturevalue(request.param)


def history_of(url: str) -> str:
    return f"{url.split('?')[0].rsplit('/', 1)[1]}.processor_run_history"


def table_in(warehouse: object) -> str:
    url = warehouse.url  # type: ignore[attr-defined]
    return RUN_HISTORY if url.startswith("duckdb") else history_of(url)


def test_rows_of_one_key_are_written_once(fill: Fill) -> None:
    with fill(a_run("r0")) as warehouse:
        table = table_in(warehouse)
        assert warehouse.append(table, a_run("r1"), key="r1:end") == 1
        assert warehouse.append(table, a_run("r1"), key="r1:end") == 0
        assert warehouse.append(table, a_run("r2"), key="r2:end") == 1
        found = warehouse.query("failed_runs", **WINDOW)
    assert sorted(found["run_id"]) == ["r0", "r1", "r2"]


def test_a_key_whose_rows_were_refused_can_be_used_again(fill: Fill) -> None:
    with fill(a_run("r0")) as warehouse:
        table = table_in(warehouse)
        wrong = a_run("r1").assign(started_at=["not a moment"])
        with pytest.raises(QueryFailed):
            warehouse.append(table, wrong, key="r1:end")
        assert warehouse.append(table, a_run("r1"), key="r1:end") == 1
        assert len(warehouse.query("failed_runs", **WINDOW)) == 2


@pytest.mark.parametrize("name", [n for n in catalog.statement_names() if n.startswith("add_")])
def test_adding_a_column_that_is_there_changes_nothing(fill: Fill, name: str) -> None:
    with fill(a_run()) as warehouse:
        assert warehouse.execute(name) == 0
        assert warehouse.queries[-1].name == name
        assert len(warehouse.query("failed_runs", **WINDOW)) == 1


def test_a_statement_of_no_such_name_is_told(fill: Fill) -> None:
    with fill(a_run()) as warehouse, pytest.raises(UnknownQuery, match="add_heartbeat_at"):
        warehouse.execute("add_hartbeat_at")


def test_an_older_duckdb_table_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(
            f"CREATE TABLE {RUN_HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR, "
            "data_date DATE, started_at TIMESTAMPTZ, processed_at TIMESTAMPTZ)"
        )
    with open_warehouse(f"duckdb:///{path}") as warehouse:
        with pytest.raises(QueryFailed, match="nbkit history migrate"):
            warehouse.append(RUN_HISTORY, a_run())
        for name in ("add_failure_category", "add_heartbeat_at", "add_killed_by_timeout"):
            warehouse.execute(name)
        assert warehouse.append(RUN_HISTORY, a_run()) == 1
    with duckdb.connect(str(path)) as connection:
        columns = [row[0] for row in connection.execute(f"DESCRIBE {RUN_HISTORY}").fetchall()]
    assert {"failure_category", "heartbeat_at", "killed_by_timeout"} <= set(columns)
    assert set(columns) <= set(COLUMN_NAMES)


WRITER = """
import sys, pandas as pd
from nbkit.warehouse import open_warehouse
print("ready", flush=True)
sys.stdin.readline()
with open_warehouse(sys.argv[1]) as warehouse:
    rows = pd.DataFrame({"who": [sys.argv[2]]})
    print(warehouse.append("ops.claims", rows, key="only one"), flush=True)
"""


def test_of_two_processes_with_one_key_one_writes(on_duckdb: Fill) -> None:
    with on_duckdb(a_run()) as warehouse:
        url = warehouse.url
    both = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in "ab"
    ]
    written = []
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        out, _ = process.communicate(timeout=60)
        written.append(out.strip())
    assert sorted(written) == ["0", "1"]


def test_of_several_threads_with_one_key_one_writes_to_bigquery(on_bigquery: Fill) -> None:
    with on_bigquery(a_run("r0")) as warehouse:
        url, table = warehouse.url, table_in(warehouse)

    def write(_: int) -> int:
        with open_warehouse(url) as mine:
            return mine.append(table, a_run("r1"), key="r1:end")

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(write, range(4))) == [0, 0, 0, 1]
    with open_warehouse(url) as warehouse:
        assert len(warehouse.query("failed_runs", **WINDOW)) == 2


def test_a_key_is_of_one_table(fill: Fill) -> None:
    with fill(a_run("r0")) as warehouse:
        dataset = table_in(warehouse).split(".")[0]
        row = pd.DataFrame({"n": [1]})
        assert warehouse.append(f"{dataset}.first", row, key="k") == 1
        assert warehouse.append(f"{dataset}.second", row, key="k") == 1
        assert warehouse.append(f"{dataset}.second", row, key="k") == 0


def test_a_column_that_only_newer_tables_have_names_the_command(emulator: str) -> None:
    with emulator_client(emulator) as client:
        client.create_dataset("older")
    url = f"bigquery://{PROJECT}/older?api_endpoint={emulator}"
    with open_warehouse(url) as warehouse:
        old = a_run().drop(columns=["killed_by_timeout"])
        warehouse.append("older.runs", old)  # another table than the history: made after the frame
        with pytest.raises(
            QueryFailed, match=r"no column killed_by_timeout.*nbkit history migrate"
        ):
            warehouse.append("older.runs", a_run())


def test_a_warehouse_that_only_wrote_keeps_nobody_out(on_duckdb: Fill) -> None:
    with on_duckdb(a_run("r0")) as first, open_warehouse(first.url) as second:
        with pytest.raises(WarehouseLocked, match="open in this process already, for reading"):
            first.append("ops.claims", pd.DataFrame({"n": [1]}))
        second.close()
        assert first.append("ops.claims", pd.DataFrame({"n": [1]})) == 1
        with open_warehouse(first.url) as third:
            assert third.append("ops.claims", pd.DataFrame({"n": [2]})) == 1
        assert len(first.query("failed_runs", **WINDOW)) == 1
