"""Old rows get the category that reading them would give, in batches that can be interrupted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from emulator import PROJECT, emulator_client
from google.cloud.bigquery import SchemaField, Table

from nbkit.errors import ParameterError, QueryFailed, WarehouseForeign
from nbkit.runs import categories, migration
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import COLUMNS, RUN_HISTORY

Fill = Callable[[pd.DataFrame], Warehouse]

NOW = datetime(2026, 1, 20, tzinfo=UTC)
SPAN = categories.Span(date(2026, 1, 10), date(2026, 1, 13), before=NOW)


def run(run_id: str, day: int, status: str, error: str | None = None, **more: object) -> dict:
    return {
        "processor_name": "A",
        "run_id": run_id,
        "status": status,
        "data_date": date(2026, 1, day),
        "started_at": pd.Timestamp(2026, 1, day, 10, tz="UTC"),
        "errors": f'["{error}"]' if error else None,
        "failure_category": None,
        **more,
    }


RUNS = [
    run("r1", 10, "running"),
    run("r1", 10, "failed", "No games scheduled"),
    run("r2", 11, "success"),
    run("r3", 11, "failed", "AttributeError: 'NoneType' object has no attribute 'get'"),
    run("r4", 12, "failed", "Connection timed out after 300 s"),
    run("r5", 12, "failed", "No games scheduled", failure_category="error"),
    run("r6", 13, "failed"),
    run("r7", 14, "failed"),
    # One run, one status, two messages: each row has the category of its own.
    run("r8", 12, "failed", "Connection timed out after 300 s"),
    run("r8", 12, "failed", "No games scheduled"),
    # Too fresh: BigQuery may still hold it in its streaming buffer.
    run("r9", 12, "failed", "No games scheduled", processed_at=pd.Timestamp(NOW)),
]
FILLED = {"no_data_available": 2, "success": 1, "error": 3, "timeout": 2}


@pytest.fixture(params=["on_duckdb", "on_bigquery"])
def history(request: pytest.FixtureRequest) -> Warehouse:
    fill: Fill = request.getfixturevalue(request.param)
    return fill(pd.DataFrame(RUNS))


def test_rows_without_a_category_get_theirs_and_others_keep_theirs(history: Warehouse) -> None:
    with history:
        before = categories.count(history, SPAN)
        assert before.categories == {None: 7, "error": 1}
        batches = categories.fill(history, SPAN, apply=True, now=NOW)
        assert sum(batch.filled for batch in batches) == 7
        assert categories.count(history, SPAN).categories == FILLED
        outside = categories.count(
            history, replace(SPAN, since=date(2026, 1, 14), until=date(2026, 1, 14))
        )
        assert outside.categories == {None: 1}


def test_without_apply_it_says_what_would_come_and_changes_nothing(history: Warehouse) -> None:
    with history:
        (batch,) = categories.fill(history, SPAN, batch_days=4, apply=False, now=NOW)
        assert batch.categories == {"error": 2, "no_data_available": 2, "success": 1, "timeout": 2}
        assert batch.filled == 0
        assert categories.count(history, SPAN).missing == 7


class Interrupted(Exception):
    pass


def test_an_interrupted_fill_goes_on_where_it_stopped(history: Warehouse) -> None:
    def stop_after_the_second(batch: categories.Batch) -> None:
        if batch.span.until == date(2026, 1, 11):
            raise Interrupted

    with history:
        with pytest.raises(Interrupted):
            categories.fill(
                history, SPAN, batch_days=1, apply=True, now=NOW, on_batch=stop_after_the_second
            )
        assert categories.count(history, SPAN).missing == 4
        rest = categories.fill(history, SPAN, batch_days=1, apply=True, now=NOW)
        assert [batch.filled for batch in rest] == [0, 0, 3, 1]
        assert categories.count(history, SPAN).categories == FILLED


def test_a_batch_that_was_staged_but_not_merged_is_staged_once(history: Warehouse) -> None:
    class StopsBeforeTheMerge:
        """The history, on a line that drops before the first statement."""

        def __getattr__(self, name: str) -> object:
            if name == "execute":
                raise Interrupted
            return getattr(history, name)

    with history:
        with pytest.raises(Interrupted):
            categories.fill(StopsBeforeTheMerge(), SPAN, batch_days=4, apply=True, now=NOW)
        (batch,) = categories.fill(history, SPAN, batch_days=4, apply=True, now=NOW)
        assert batch.filled == 7
        assert categories.count(history, SPAN).categories == FILLED


def test_dates_the_wrong_way_round_are_told() -> None:
    with pytest.raises(ParameterError, match="not after the last"):
        categories.fill(
            None,  # type: ignore[arg-type]  # nothing is asked
            categories.Span(date(2026, 1, 2), date(2026, 1, 1), before=NOW),
            apply=False,
            now=NOW,
        )


def test_a_migration_adds_what_is_absent_and_then_nothing(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(
            f"CREATE TABLE {RUN_HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR, "
            "data_date DATE, started_at TIMESTAMPTZ, failure_category VARCHAR)"
        )
    with open_warehouse(f"duckdb:///{path}") as warehouse:
        absent = [step.column for step in migration.plan(warehouse) if not step.present]
        assert absent == ["heartbeat_at", "killed_by_timeout"]
        assert [step.column for step in migration.apply(warehouse)] == absent
        assert migration.apply(warehouse) == ()
        assert {"heartbeat_at", "killed_by_timeout"} <= set(warehouse.columns(RUN_HISTORY))


def test_a_migration_of_no_history_is_told(history: Warehouse) -> None:
    with history:
        assert history.columns("nba_reference.no_such_table") == ()

    class WithoutHistory:
        url = "bigquery://p/d"
        history = "d.runs"

        def columns(self, table: str) -> tuple[str, ...]:
            return ()

    with pytest.raises(WarehouseForeign, match=r"no table d\.runs"):
        migration.plan(WithoutHistory())  # type: ignore[arg-type]


FILLING = """
import sys
from datetime import UTC, date, datetime
from nbkit.runs import categories
from nbkit.warehouse import open_warehouse

def told(batch):
    print(batch.filled, flush=True)
    sys.stdin.readline()

now = datetime(2026, 1, 20, tzinfo=UTC)
span = categories.Span(date(2026, 1, 10), date(2026, 1, 13), before=now)
with open_warehouse(sys.argv[1]) as warehouse:
    categories.fill(warehouse, span, batch_days=1, apply=True, now=now, on_batch=told)
"""


def test_a_killed_fill_leaves_whole_batches_and_goes_on(on_duckdb: Fill) -> None:
    with on_duckdb(pd.DataFrame(RUNS)) as warehouse:
        url = warehouse.url
    with subprocess.Popen(
        [sys.executable, "-c", FILLING, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "2\n"
        process.kill()
    with open_warehouse(url) as warehouse:
        assert categories.count(warehouse, SPAN).missing == 4
        rest = categories.fill(warehouse, SPAN, batch_days=1, apply=True, now=NOW)
        assert [batch.filled for batch in rest] == [0, 0, 3, 1]
        assert categories.count(warehouse, SPAN).categories == FILLED
        again = categories.fill(warehouse, SPAN, apply=True, now=NOW)
        assert [batch.rows for batch in again] == [0]


def test_a_bigquery_table_gets_the_columns_that_it_lacks(emulator: str) -> None:
    with emulator_client(emulator) as client:
        client.create_dataset("old_history")
    url = f"bigquery://{PROJECT}/old_history?api_endpoint={emulator}&table=old_history.runs"
    lacking = ("failure_category", "heartbeat_at", "killed_by_timeout")
    fields = [
        SchemaField(column.name, column.type, "REQUIRED" if column.required else "NULLABLE")
        for column in COLUMNS
        if column.name not in lacking
    ]
    with emulator_client(emulator) as client:
        client.create_table(Table(f"{PROJECT}.old_history.runs", schema=fields))
    rows = pd.DataFrame(RUNS).drop(columns=["failure_category"])
    with open_warehouse(url) as warehouse:
        warehouse.append(warehouse.history, rows)
        steps = migration.plan(warehouse)
        assert [step.column for step in steps if not step.present] == list(lacking)
        assert steps[1].sql == (
            "ALTER TABLE old_history.runs\nADD COLUMN IF NOT EXISTS heartbeat_at TIMESTAMP"
        )
        with pytest.raises(QueryFailed, match="nbkit history migrate"):
            warehouse.append(warehouse.history, rows.assign(killed_by_timeout=True))
        assert len(migration.apply(warehouse)) == 3
        migration.apply(warehouse)  # again: harmless
        # The emulator changes the table, and goes on describing it as it was: it is asked by query.
        categories.fill(warehouse, SPAN, apply=True, now=NOW)
        assert categories.count(warehouse, SPAN).missing == 0
    with emulator_client(emulator) as client:
        found = client.query(f"SELECT {', '.join(lacking)} FROM old_history.runs LIMIT 1").result()
    assert [(field.name, field.field_type) for field in found.schema] == [
        ("failure_category", "STRING"),
        ("heartbeat_at", "TIMESTAMP"),
        ("killed_by_timeout", "BOOLEAN"),
    ]
