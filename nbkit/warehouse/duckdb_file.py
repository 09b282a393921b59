"""DuckDB files: opening one, or making one, and saying why that cannot be."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nbkit.errors import WarehouseForeign, WarehouseLocked, WarehouseMissing
from nbkit.warehouse import schema

if TYPE_CHECKING:
    import duckdb

_PATIENCE_S = 2.0


def connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, in UTC.

    Raises:
        WarehouseMissing, WarehouseLocked, WarehouseForeign: says what to do.
    """
    import duckdb

    if not path.exists():
        raise WarehouseMissing(
            f"There is no warehouse at {path}. `nbkit demo build` makes the demo history, "
            "`nbkit import FILE OUT.duckdb` one from your own runs."
        )
    if path.is_dir():
        raise WarehouseForeign(f"{path} is a folder, not a DuckDB file.")
    if not _looks_like_duckdb(path):
        raise WarehouseForeign(
            f"{path} is not a DuckDB file. "
            "`nbkit import` makes one from CSV, Parquet or JSON lines."
        )
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise _opening_error(path, error, read_only=read_only) from error
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def connect_patiently(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open a file that another process may be writing: that is usually over in a moment.

    Raises:
        WarehouseLocked: it was not, in two seconds.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return connect(path, read_only=read_only)
        except WarehouseLocked:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def create_history(path: Path, *, table: str = schema.RUN_HISTORY) -> None:
    """Make the file and its run history where they are absent.

    Raises:
        WarehouseMissing: its folder cannot be made.
        WarehouseForeign: the file is there and is no DuckDB file.
        WarehouseLocked: another process holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseMissing(
            f"The folder of {path} cannot be made ({error.strerror}). Name a file elsewhere."
        ) from error
    if not path.exists():
        import duckdb

        # Of several processes that make it at once, one does; the others find it.
        with suppress(duckdb.IOException):
            duckdb.connect(str(path)).close()
    writer = connect_patiently(path, read_only=False)
    try:
        dataset, name = table.split(".")
        writer.execute(f'CREATE SCHEMA IF NOT EXISTS "{dataset}"')
        if not has_table(writer, dataset, name):
            writer.execute(schema.duckdb_ddl(table))
    finally:
        writer.close()


def has_table(connection: duckdb.DuckDBPyConnection, dataset: str, name: str) -> bool:
    """Whether the file has that table."""
    return bool(
        connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
            [dataset, name],
        ).fetchall()
    )


def first_line(error: Exception) -> str:
    """DuckDB's own words, without the text of the query that it adds."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no details"


def _looks_like_duckdb(path: Path) -> bool:
    """Whether the file has DuckDB's mark. DuckDB itself would take an SQLite file as a reason to
    download an extension."""
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == b"DUCK"
    except OSError as error:
        raise WarehouseForeign(f"{path} cannot be read ({error.strerror}).") from None


def _opening_error(
    path: Path, error: Exception, *, read_only: bool
) -> WarehouseLocked | WarehouseForeign:
    words = str(error)
    if "different configuration" in words:  # DuckDB has no readers beside a writer
        return WarehouseLocked(
            f"{path} is open in this process already, for "
            f"{'reading, so that it cannot be written' if not read_only else 'writing'}. Close the "
            "other warehouse first."
        )
    if "lock" in words.lower():
        holder = re.search(r"PID (\d+)", words)
        who = f" (process {holder[1]})" if holder else ""
        if not read_only:  # one reader is enough to keep a writer out
            return WarehouseLocked(
                f"{path} is in use by another process{who}, so that it cannot be written now. "
                "Wait for it to end, or end it."
            )
        return WarehouseLocked(
            f"{path} is being written by another process{who}. Wait for it to end, or read a copy."
        )
    if re.search(r"version (?:number|of duckdb)|storage version", words, re.IGNORECASE):
        return WarehouseForeign(
            f"{path} was written by another version of DuckDB: {first_line(error)}. "
            "Install the newer duckdb package, or export and import the file."
        )
    return WarehouseForeign(
        f"{path} is not a DuckDB file ({first_line(error)}). "
        "`nbkit import` makes one from CSV, Parquet or JSON lines."
    )
