"""Both engines, filled with the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY, bigquery_ddl, duckdb_ddl
from emulator import running_emulator

PROJECT = "nba-props-platform"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a BigQuery emulator; one per xdist worker that asks."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Callable[[pd.DataFrame], Warehouse]:
    """A DuckDB warehouse with the given runs in it."""

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
def on_bigquery(
    emulator: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[pd.DataFrame], Warehouse]]:
    """A warehouse behind Google's real client, in a dataset of this test's own."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    client = bigquery.Client(
        PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator},
    )
    dataset = f"d{abs(hash(request.node.nodeid)) % 10**10}"

    def fill(runs: pd.DataFrame) -> Warehouse:
        client.create_dataset(dataset, exists_ok=True)
        table = f"{dataset}.processor_run_history"
        client.query(bigquery_ddl(table)).result()
        url = f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}"
        warehouse = open_warehouse(url)
        if len(runs):
            warehouse.append(table, runs)
        return warehouse

    yield fill
    client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)
    client.close()
