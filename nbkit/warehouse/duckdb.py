"""The embedded engine: a DuckDB file with a run history in it.

The file is opened read-only, so that several readers share it; it is opened for writing only while
rows are appended. The history may have any subset of the columns (see `schema`): a temporary view
gives the queries the whole of it, with absent columns as NULL, without rows of nobody, and without
numbers that are none (NaN, infinity).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Self

from nbkit.errors import QueryFailed, WarehouseForeign
from nbkit.warehouse import catalog, schema
from nbkit.warehouse.duckdb_file import connect_patiently, first_line, has_table
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.protocol import Estimate, QueryRecord

if TYPE_CHECKING:
    from types import TracebackType

    import duckdb
    import pandas as pd
    import pyarrow as pa

    from nbkit.warehouse.protocol import Parameter

_VIEW = "nbkit_run_history"
# What a query may hold in memory before it writes aside: five million runs need two thirds of it.
MEMORY_BYTES = 1_000_000_000


class DuckDBWarehouse:
    """A run history in a DuckDB file. Use it as a context manager, or close it."""

    def __init__(self, path: Path, *, table: str = schema.RUN_HISTORY) -> None:
        """Open the file read-only.

        Raises:
            WarehouseMissing, WarehouseLocked, WarehouseForeign: says what to do.
        """
        self._path = path
        self._table = table
        self._records: list[QueryRecord] = []
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._reader()

    @property
    def url(self) -> str:
        return f"duckdb:///{self._path}"

    @property
    def queries(self) -> tuple[QueryRecord, ...]:
        return tuple(self._records)

    @property
    def history(self) -> str:
        return self._table

    def columns(self, table: str) -> tuple[str, ...]:
        return tuple(_column_types(self._reader(), *table.split(".")))

    def query(self, name: str, /, **parameters: Parameter) -> pd.DataFrame:
        import duckdb

        values = catalog.query(name).bind(parameters)
        reader, text = self._reader(), self.sql(name)
        started = time.perf_counter()
        try:
            with _interruptible(reader):
                found = self._found(reader, text, values)
        except duckdb.Error as error:
            raise QueryFailed(
                f"Query {name} failed on {self.url}: {first_line(error)}. Check the table with "
                "`nbkit import --help` if it is your own."
            ) from error
        frame = frame_of(found)
        self._records.append(
            QueryRecord(
                name=name,
                parameters={key: catalog.shown(value) for key, value in values.items()},
                rows=len(frame),
                seconds=round(time.perf_counter() - started, 3),
                bytes_billed=None,
                bytes_estimated=None,
            )
        )
        return frame

    def _found(
        self, reader: duckdb.DuckDBPyConnection, text: str, values: dict[str, Parameter]
    ) -> pa.Table:
        """The rows of a query. One that holds more than it may, and cannot write it aside, is asked
        again with all the memory that DuckDB takes by itself, and so are those after it."""
        import duckdb

        try:
            return reader.execute(text, values).to_arrow_table()
        except duckdb.OutOfMemoryException:
            _allow(reader, self._own_limit)  # RESET does not reach what has overflowed
            return reader.execute(text, values).to_arrow_table()

    def estimate(self, name: str, /, **parameters: Parameter) -> Estimate:
        catalog.query(name).bind(parameters)
        return Estimate(name, bytes=None, maximum_bytes_billed=None)

    def append(self, table: str, rows: pd.DataFrame, *, key: str | None = None) -> int:
        """Append rows to `dataset.table`, which is made if absent (the run history as its schema
        says, any other table after the frame's own types). All rows or none; with a `key`, once.

        Raises:
            QueryFailed: the name is no `dataset.table`, a column that the table does not have, or
                a value that does not fit.
            WarehouseLocked: another process holds the file.
        """
        dataset, _, name = table.partition(".")
        if not dataset or not name or '"' in table:
            raise QueryFailed(f"Rows cannot be appended to {table!r}: write dataset.table.")
        with self._writing(f"Rows were not appended to {table}") as writer:
            if key is not None and not _claim(writer, f"{table} {key}"):
                return 0
            # DuckDB does not know db-dtypes' dates, which every query here returns.
            dates = {c: "object" for c in rows if str(rows[c].dtype) == "dbdate"}
            writer.register("new_rows", rows.astype(dates))
            writer.execute(f'CREATE SCHEMA IF NOT EXISTS "{dataset}"')
            if table == self._table and not has_table(writer, dataset, name):
                writer.execute(schema.duckdb_ddl(table))
            elif not has_table(writer, dataset, name):
                writer.execute(f'CREATE TABLE "{dataset}"."{name}" AS FROM new_rows LIMIT 0')
            writer.execute(f'INSERT INTO "{dataset}"."{name}" BY NAME FROM new_rows')
        return len(rows)

    def sql(self, name: str, /) -> str:
        reader = self._reader()
        if name not in catalog.statement_names():
            return catalog.duckdb_sql(name, relation=self._relation, dataset=self._dataset)
        present = _column_types(reader, *self._table.split("."))
        return catalog.duckdb_sql(
            name,
            relation=self._table,
            dataset=self._dataset,
            absent=frozenset(schema.COLUMN_NAMES) - frozenset(present),
        )

    def execute(self, name: str, /, **parameters: Parameter) -> int:
        values = catalog.query(name).bind(parameters)
        text = self.sql(name)
        started = time.perf_counter()
        with self._writing(f"Statement {name} failed") as writer:
            answer = writer.execute(text, values)
            # A change of data answers with one row, the count; a change of a table with none.
            first = answer.fetchone() if answer.description else None
        changed = int(first[0]) if first and isinstance(first[0], int) else 0
        self._records.append(
            QueryRecord(
                name=name,
                parameters={key: catalog.shown(value) for key, value in values.items()},
                rows=changed,
                seconds=round(time.perf_counter() - started, 3),
                bytes_billed=None,
                bytes_estimated=None,
            )
        )
        return changed

    @property
    def _dataset(self) -> str:
        return self._table.split(".")[0]

    @contextmanager
    def _writing(self, failed: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file opened for writing, in one transaction: all of it or nothing.

        Reading is over with it, and begins again with the next query: rows that are written must
        not be reported as refused because another writer came in between.
        """
        import duckdb

        self.close()
        writer = connect_patiently(self._path, read_only=False)
        try:
            with _interruptible(writer):
                writer.begin()
                yield writer
                writer.commit()
        except duckdb.Error as error:
            raise QueryFailed(
                f"{failed} in {self._path}: {first_line(error)}. Nothing was written; check "
                f"the columns and their types.{schema.migration_hint(str(error))}"
            ) from error
        finally:
            writer.close()

    def _reader(self) -> duckdb.DuckDBPyConnection:
        """The connection to read by. It keeps writers of other processes out until it is closed."""
        if self._connection is None:
            connection = connect_patiently(self._path, read_only=True)
            try:
                self._own_limit = _bound(connection)
                self._relation = self._canonical_relation(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _canonical_relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The name to read the history by: a view of the schema's columns in their types."""
        dataset, name = self._table.split(".")
        found = _column_types(connection, dataset, name)
        if not found:
            raise WarehouseForeign(
                f"{self._path} has no table {self._table}{_tables_in(connection)}. "
                "Make a warehouse with `nbkit import FILE OUT.duckdb`, or name the table with "
                "?table=dataset.table in the URL."
            )
        present = {column.lower(): (column, kind) for column, kind in found.items()}
        missing = [column for column in schema.REQUIRED if column not in present]
        if missing:
            raise WarehouseForeign(
                f"{self._table} in {self._path} lacks the column{'s' * (len(missing) > 1)} "
                f"{', '.join(missing)}, without which no run can be read. "
                "`nbkit import --map` gives columns their names."
            )
        expressions = [
            _expression(column, *present.get(column.name, (None, ""))) for column in schema.COLUMNS
        ]
        # Who ran, and which run it was: without them a row tells of nothing.
        named = " AND ".join(f'"{column}" IS NOT NULL' for column in ("processor_name", "run_id"))
        listed = ", ".join(
            f'{expression} AS "{column.name}"'
            for expression, column in zip(expressions, schema.COLUMNS, strict=True)
        )
        connection.execute(
            f'CREATE OR REPLACE TEMP VIEW {_VIEW} AS SELECT {listed} FROM "{dataset}"."{name}" '
            f"WHERE {named}"
        )
        return _VIEW


def _column_types(connection: duckdb.DuckDBPyConnection, dataset: str, name: str) -> dict[str, str]:
    """Column → type, in order; empty where there is no such table."""
    return dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?) "
            "AND database_name = current_database() ORDER BY column_index",
            [dataset, name],
        ).fetchall()
    )


def _bound(connection: duckdb.DuckDBPyConnection) -> int:
    """Let queries hold no more than `MEMORY_BYTES` (or what DuckDB itself takes as its limit, where
    that is less), and write aside where every process may write. Returns DuckDB's own limit."""
    connection.execute(
        "SET temp_directory = $1", [str(Path(gettempdir()) / f"nbkit-duckdb-{os.getpid()}")]
    )
    own = connection.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))")
    (limit,) = own.fetchone() or (0,)
    if limit > MEMORY_BYTES:
        _allow(connection, MEMORY_BYTES)
    return int(limit)


def _allow(connection: duckdb.DuckDBPyConnection, memory_bytes: int) -> None:
    connection.execute("SET memory_limit = $1", [f"{memory_bytes}B"])


@contextmanager
def _interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Ctrl-C stops a statement by itself, but DuckDB then speaks of an error of its own.

    It also forgets the interrupt before all its threads have seen it: the next query would wait
    until they have read the whole table. Saying it again keeps it said until then.
    """
    import duckdb

    try:
        yield
    except (RuntimeError, duckdb.InterruptException) as error:
        if "interrupted" not in str(error).lower():
            raise
        connection.interrupt()
        raise KeyboardInterrupt from None


def _expression(column: schema.RunColumn, name: str | None, kind: str) -> str:
    """SQL that reads a column of whatever type as the schema's."""
    wanted = schema.DUCKDB_TYPES[column.type]
    if name is None:
        return f"CAST(NULL AS {wanted})"
    if column.type == "FLOAT64":
        # What a spreadsheet or a data frame has for "unknown" would spoil every sum.
        number = f'CAST("{name}" AS {wanted})'
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if kind == wanted and name == column.name:
        return f'"{name}"'
    if column.type == "TIMESTAMP" and kind.startswith("TIMESTAMP") and "ZONE" not in kind:
        return f"(CAST(\"{name}\" AS TIMESTAMP) AT TIME ZONE 'UTC')"  # naive means UTC
    if column.type == "JSON" and kind != "JSON":
        # Truncated JSON is what the platform wrote: it is kept, as a JSON string.
        text = f'CAST("{name}" AS VARCHAR)'
        if kind != "VARCHAR":
            return f'to_json("{name}")'
        return f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
    return f'CAST("{name}" AS {wanted})'


def _claim(writer: duckdb.DuckDBPyConnection, key: str) -> bool:
    """Whether the key is new; it is taken with the transaction."""
    writer.execute(
        "CREATE SCHEMA IF NOT EXISTS nbkit; "
        "CREATE TABLE IF NOT EXISTS nbkit.append_keys (key VARCHAR PRIMARY KEY)"
    )
    taken = writer.execute(
        "INSERT INTO nbkit.append_keys VALUES (?) ON CONFLICT DO NOTHING RETURNING key", [key]
    ).fetchall()
    return bool(taken)


def _tables_in(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1 LIMIT 6"
    ).fetchall()
    return f" (it has {', '.join(row[0] for row in rows)})" if rows else " (it is empty)"
