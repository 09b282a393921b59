"""The view of baselines is its query with the clock in it, and is made on both engines."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlglot
from emulator import PROJECT, emulator_client
from sqlglot import exp

from nbkit.errors import QueryFailed, WarehouseForeign
from nbkit.runs.baselines_view import VIEW, apply, plan
from nbkit.warehouse import catalog, open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY

Fill = Callable[[pd.DataFrame], Warehouse]
# A view looks at the clock, so its rows are of these days.
NOW = datetime.now(UTC).replace(microsecond=0)


def history() -> pd.DataFrame:
    ended = [NOW - timedelta(hours=h) for h in (2, 26, 50, 30, 28)]
    return pd.DataFrame(
        {
            "processor_name": "A",
            "run_id": [f"r{n}" for n in range(5)],
            "status": ["success", "success", "success", "failed", "failed"],
            "started_at": [end - timedelta(seconds=60) for end in ended],
            "processed_at": ended,
            "data_date": [end.date() for end in ended],
            "duration_seconds": [10.0, 20.0, 30.0, 99.0, 99.0],
            "records_processed": [5, 0, 7, None, None],
            "failure_category": [None, None, None, None, "no_data_available"],
        }
    ).astype({"records_processed": "Int64"})


def parsed(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, read="bigquery")


def test_the_view_is_the_query_with_the_clock_for_its_parameters() -> None:
    query = catalog.query("processor_baselines").text
    now = "CURRENT_TIMESTAMP()"
    for name, value in {
        "@slack_days_before": "35",
        "@slack_days_after": "8",
        "@start": f"TIMESTAMP_SUB({now}, INTERVAL 30 DAY)",
        "@end": now,
        "@as_of": now,
    }.items():
        query = re.sub(rf"{name}\b", value, query)
    wanted = parsed(query)
    wanted.set("order", None)
    view = parsed(catalog.googlesql("create_processor_baselines"))
    assert isinstance(view, exp.Create)
    assert view.expression.sql(comments=False) == wanted.sql(comments=False)


def test_the_view_reads_the_partitions_of_its_window_only() -> None:
    view = parsed(catalog.googlesql("create_processor_baselines"))
    read = next(t for t in view.find_all(exp.Table) if t.name == RUN_HISTORY.split(".")[1])
    reader = read.find_ancestor(exp.Select)
    assert reader is not None
    bound = reader.args["where"].find(exp.Between)
    assert bound is not None
    assert bound.this.name == "data_date"
    # Known before the query runs: nothing but the clock.
    for side in (bound.args["low"], bound.args["high"]):
        assert not list(side.find_all(exp.Column, exp.Select))


def columns_of_the_seed() -> list[str]:
    return [
        "processor_name",
        *("p50_records", "p95_records", "p50_duration", "p95_duration", "success_rate"),
    ]


def check(row: dict[str, object]) -> None:
    assert list(row)[:6] == columns_of_the_seed()
    assert (row["p50_records"], row["p95_records"]) == (5, 5)
    assert (row["p50_duration"], row["p95_duration"]) == (20.0, 20.0)
    # The failure without a category counts, the expected one does not.
    assert row["success_rate"] == pytest.approx(0.75)
    assert (row["unclassified"], row["expected"]) == (1, 1)


def test_it_is_made_in_duckdb_and_made_again(on_duckdb: Fill, tmp_path: Path) -> None:
    with on_duckdb(history()) as warehouse:
        first = plan(warehouse, now=NOW)
        assert not first.is_there
        assert first.bytes_of_a_read is None
        assert warehouse.columns(VIEW) == ()  # a plan changes nothing
        apply(warehouse, first)
        again = plan(warehouse, now=NOW)
        assert again.is_there
        apply(warehouse, again)
    with duckdb.connect(str(tmp_path / "runs.duckdb")) as connection:
        (row,) = connection.execute(f"FROM {VIEW}").to_arrow_table().to_pylist()
    check(row)


def test_it_is_made_in_bigquery(on_bigquery: Fill, emulator: str) -> None:
    with emulator_client(emulator) as client:
        client.create_dataset(VIEW.split(".")[0], exists_ok=True)
        with on_bigquery(history()) as warehouse:
            planned = plan(warehouse, now=NOW)
            assert planned.statements == ("create_processor_baselines",)
            apply(warehouse, planned)
            assert warehouse.columns(VIEW)[:6] == tuple(columns_of_the_seed())
        (row,) = client.query(f"SELECT * FROM `{PROJECT}.{VIEW}`").result()
        check(dict(row.items()))


def test_a_history_without_its_columns_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(
            f"CREATE TABLE {RUN_HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR, "
            "started_at TIMESTAMPTZ, data_date DATE)"
        )
    with open_warehouse(f"duckdb:///{path}") as warehouse:
        with pytest.raises(QueryFailed, match="nbkit history migrate"):
            apply(warehouse, plan(warehouse, now=NOW))
        assert warehouse.columns(VIEW) == ()


def test_without_a_history_there_is_nothing_to_plan(on_bigquery: Fill, emulator: str) -> None:
    with (
        on_bigquery(history()) as warehouse,
        open_warehouse(f"{warehouse.url}&table=elsewhere.runs") as other,
        pytest.raises(WarehouseForeign, match=r"no table elsewhere\.runs"),
    ):
        plan(other, now=NOW)
