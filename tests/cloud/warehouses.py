"""Run histories with few rows, on both engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from emulator import emulator_client, load_history

from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

# Makes a history of some rows, and gives its URL.
Fill = Callable[[list[dict[str, Any]]], str]
_numbers = count(1)


def a_run(processor: str, run_id: str, status: str = "running", **facts: Any) -> dict[str, Any]:
    """A row; moments as text in UTC, JSON columns as values."""
    row = {"processor_name": processor, "run_id": run_id, "status": status, **facts}
    row.setdefault("data_date", "2026-01-12")
    row["data_date"] = date.fromisoformat(row["data_date"])
    for name in ("started_at", "processed_at", "heartbeat_at"):
        if name in row:
            row[name] = pd.Timestamp(datetime.fromisoformat(row[name]).replace(tzinfo=UTC))
    for name in ("errors", "summary"):
        if name in row:
            row[name] = json.dumps(row[name])
    return row


def write_duckdb(path: Path, rows: list[dict[str, Any]]) -> str:
    """Make a warehouse anew."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(duckdb_ddl())
        frame = pd.DataFrame(rows)
        if rows:
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {RUN_HISTORY} BY NAME FROM frame")
    return f"duckdb:///{path}"


def write_bigquery(emulator: str, rows: list[dict[str, Any]]) -> str:
    """Make a dataset with the rows, and one for the audit tables."""
    with emulator_client(emulator) as client:
        client.create_dataset("nba_orchestration", exists_ok=True)
    return load_history(emulator, f"cloud_{next(_numbers)}", pd.DataFrame(rows))


def read_table(url: str, table: str, *, order: str = "") -> list[dict[str, Any]]:
    """All rows of a table, moments as text in UTC without zone."""
    text = f"SELECT * FROM {table}" + (f" ORDER BY {order}" if order else "")
    if url.startswith("duckdb"):
        with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            frame = connection.execute(text).to_arrow_table().to_pylist()
    else:
        project, _, rest = url.removeprefix("bigquery://").partition("/")
        dataset, _, options = rest.partition("?")
        with emulator_client(options.removeprefix("api_endpoint=")) as client:
            text = text.replace("nba_reference", dataset)
            frame = [dict(row) for row in client.query_and_wait(text, project=project)]
    return [{name: _plain(value) for name, value in row.items()} for row in frame]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value) if isinstance(value, date) else value
