"""The run history's columns: the platform's own, the same on both engines."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from nbkit.warehouse.schema import (
    CLUSTER_COLUMNS,
    COLUMN_NAMES,
    COLUMNS,
    DUCKDB_TYPES,
    PARTITION_COLUMN,
    REQUIRED,
    RUN_HISTORY,
    bigquery_ddl,
    duckdb_ddl,
)


def parsed_bigquery_ddl(table: str = RUN_HISTORY) -> exp.Create:
    tree = sqlglot.parse_one(bigquery_ddl(table), read="bigquery")
    assert isinstance(tree, exp.Create)
    return tree


def test_the_table_has_each_column_of_the_platform_once() -> None:
    assert len(COLUMNS) == len(set(COLUMN_NAMES)) == 61
    assert REQUIRED == ("processor_name", "run_id", "status", "data_date", "started_at")
    assert all(column.meaning for column in COLUMNS)


def test_partition_and_clusters_are_columns_of_the_table() -> None:
    assert {PARTITION_COLUMN, *CLUSTER_COLUMNS} <= set(COLUMN_NAMES)
    assert {column.name: column.type for column in COLUMNS}[PARTITION_COLUMN] == "DATE"


def test_duckdb_makes_the_table_with_these_types_and_refuses_a_run_without_a_name() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(duckdb_ddl())
        described = connection.execute(f"DESCRIBE {RUN_HISTORY}").fetchall()
        assert [(name, kind) for name, kind, *_ in described] == [
            (column.name, DUCKDB_TYPES[column.type]) for column in COLUMNS
        ]
        with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
            connection.execute(f"INSERT INTO {RUN_HISTORY} (run_id) VALUES ('r')")


def test_bigquery_gets_the_same_columns_partitioned_by_data_date_and_clustered() -> None:
    tree = parsed_bigquery_ddl()
    columns = [(c.name, c.args["kind"].sql("bigquery")) for c in tree.find_all(exp.ColumnDef)]
    assert columns == [(c.name, {"BOOLEAN": "BOOL"}.get(c.type, c.type)) for c in COLUMNS]
    partition = tree.find(exp.PartitionedByProperty)
    assert partition is not None
    assert partition.this.name == PARTITION_COLUMN
    assert bigquery_ddl().endswith(f"CLUSTER BY {', '.join(CLUSTER_COLUMNS)}")


def test_the_table_can_have_another_name_on_both_engines() -> None:
    table = parsed_bigquery_ddl("ops.runs").find(exp.Table)
    assert table is not None
    assert (table.db, table.name) == ("ops", "runs")
    assert duckdb_ddl("ops.runs").startswith('CREATE TABLE "ops"."runs"')
