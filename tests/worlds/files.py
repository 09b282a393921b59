"""A world as a DuckDB warehouse file, by the contract; and big ones made of copies."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from nbkit.warehouse.schema import COLUMNS, DUCKDB_TYPES, RUN_HISTORY

_TYPES = {column.name: DUCKDB_TYPES[column.type] for column in COLUMNS}
_ORDER = [column.name for column in COLUMNS]


def write_warehouse(history: pd.DataFrame, path: Path, *, naive: bool = False) -> str:
    """Write a history to a new file; returns its URL.

    `naive`: timestamps without a zone (UTC is meant) and JSON as plain text, as others write it.
    """
    names = [name for name in _ORDER if name in history.columns]
    types = dict(_TYPES)
    if naive:
        types = {
            name: {"JSON": "VARCHAR", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP"}.get(kind, kind)
            for name, kind in types.items()
        }
    columns = ", ".join(f"{name} {types[name]}" for name in names)
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE SCHEMA {RUN_HISTORY.split('.')[0]}")
        connection.execute(f"CREATE TABLE {RUN_HISTORY} ({columns})")
        connection.register("history", history[names])
        casts = ", ".join(f"CAST({name} AS {types[name]})" for name in names)
        connection.execute(f"INSERT INTO {RUN_HISTORY} SELECT {casts} FROM history")
    return f"duckdb:///{path.resolve()}"


def replicate(path: Path, rows: int) -> int:
    """Copy a warehouse's runs until there are at least `rows`; returns how many there are.

    Each copy has run and message ids of its own and starts up to a minute later, so the storm
    keeps its window, its attempts per message and its gaps, and grows in messages.
    """
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT count(*) FROM {RUN_HISTORY}").fetchone()
        assert found is not None
        have = {row[0] for row in connection.execute(f"DESCRIBE {RUN_HISTORY}").fetchall()}
        copies = -(-rows // int(found[0]))
        later = "to_milliseconds(hash(copy) % 60000)"
        changes = {
            "run_id": "run_id || '-' || copy",
            "trigger_message_id": "trigger_message_id || copy",
            "started_at": f"started_at + {later}",
            "processed_at": f"processed_at + {later}",
        }
        replaced = ", ".join(f"{text} AS {name}" for name, text in changes.items() if name in have)
        connection.execute(
            f"INSERT INTO {RUN_HISTORY} SELECT * EXCLUDE (copy) REPLACE ({replaced}) "
            f"FROM {RUN_HISTORY}, range(1, {copies}) AS copies(copy)"
        )
        found = connection.execute(f"SELECT count(*) FROM {RUN_HISTORY}").fetchone()
        assert found is not None
        return int(found[0])
