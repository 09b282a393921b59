"""Both engines, filled with the same rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from emulator import load_history

from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

Fill = Callable[[pd.DataFrame], Warehouse]
_datasets = count(1)


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Fill:
    """Makes a DuckDB warehouse with the given runs in it."""

    def fill(runs: pd.DataFrame) -> Warehouse:
        path = tmp_path / "runs.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            if len(runs):
                connection.execute(f"INSERT INTO {RUN_HISTORY} BY NAME FROM runs")
        return open_warehouse(f"duckdb:///{path}")

    return fill


@pytest.fixture
def on_bigquery(emulator: str) -> Fill:
    """Makes a warehouse behind Google's real client, in a dataset of its own."""

    def fill(runs: pd.DataFrame) -> Warehouse:
        return open_warehouse(load_history(emulator, f"test_{next(_datasets)}", runs))

    return fill
