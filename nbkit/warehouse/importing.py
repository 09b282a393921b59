"""Anybody's run table becomes a warehouse; what cannot be read is set aside with its reason.

The work is done in DuckDB, so that millions of rows take seconds. Nothing is dropped silently: rows
read are rows imported plus rows rejected, and rejected rows are kept as JSON, with file, row number
and reasons, in the table `nbkit_import.rejected` of the new file. A value is never bent to fit:
12.5 is no whole number, and an unknown status is not guessed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbkit.errors import ImportFileError
from nbkit.warehouse.column_map import ColumnMap
from nbkit.warehouse.duckdb_file import connect
from nbkit.warehouse.import_files import BROKEN, STAGED, Staged, expand, stage
from nbkit.warehouse.import_values import faults as faults_of
from nbkit.warehouse.import_values import read_as, valued
from nbkit.warehouse.schema import (
    COLUMN_NAMES,
    COLUMNS,
    DUCKDB_TYPES,
    REQUIRED,
    RUN_HISTORY,
    RunColumn,
    duckdb_ddl,
)

if TYPE_CHECKING:
    import duckdb

Mode = Literal["create", "replace", "append"]
REJECTED = "nbkit_import.rejected"
_CONVERTED = "nbkit_converted"
_BETWEEN = "chr(31)"  # between the reasons of one row: no text has it


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why rows were rejected: the words, how many rows, and up to three of the values."""

    words: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What became of the rows: `read` = `imported` + `rejected`.

    Attributes:
        out: the warehouse, as an absolute path.
        reasons: of the rejected rows, the most frequent first. A row may have several.
        ignored: columns of the files that a run history does not have; they are left out.
        absent: columns of a run history that no file has; they read as null.
        naive_rows: imported rows with a moment without zone, which was taken as UTC.
    """

    out: Path
    read: int
    imported: int
    rejected: int
    reasons: tuple[Reason, ...]
    ignored: tuple[str, ...]
    absent: tuple[str, ...]
    naive_rows: int


def import_runs(
    files: Sequence[Path], out: Path, *, mode: Mode = "create", mapping: ColumnMap | None = None
) -> ImportReport:
    """Read run tables into a DuckDB warehouse.

    The file is made aside and renamed into place: a failure leaves what was there.

    Args:
        files: CSV, JSON lines (both also as .gz) and Parquet; paths or patterns.
        out: the DuckDB file to make.
        mode: what to do where `out` exists; "create" refuses.
        mapping: the files' names for columns and values.

    Raises:
        ImportFileError: a file is missing or unreadable, a required column has no source, `out`
            exists, or no row at all could be imported.
        WarehouseForeign, WarehouseLocked: `out` is to be replaced or added to, and is no DuckDB
            file, or is being written.
    """
    import duckdb

    mapping = mapping or ColumnMap()
    out = out.absolute()
    if not out.parent.is_dir():
        raise ImportFileError(f"{out.parent} does not exist. Make the folder first.")
    if out.exists() and mode == "create":
        raise ImportFileError(
            f"{out} exists. Add --replace to make it anew, or --append to add to it."
        )
    found = expand(files)
    log = out.with_name(f"{out.name}.wal")
    with ExitStack() as cleanup:
        folder = cleanup.enter_context(
            tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent)
        )
        aside = Path(folder) / "import.duckdb"
        if out.exists():
            # Open until the end: nobody else can write meanwhile. Also refuses to replace what is
            # no DuckDB file, such as runs.csv named last by mistake.
            cleanup.enter_context(connect(out, read_only=True))
            if mode == "append":
                shutil.copyfile(out, aside)
                if log.exists():
                    shutil.copyfile(log, aside.with_name(f"{aside.name}.wal"))
        with duckdb.connect(str(aside)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            try:
                report = _fill(connection, found, mapping, out)
            except duckdb.Error as error:
                words = str(error).strip().splitlines()[0].rstrip(".")
                raise ImportFileError(f"{out} was not written: {words}.") from error
        if not report.imported:
            raise ImportFileError(
                f"None of {report.read:,} rows could be imported"
                + "".join(f"; {shown(reason)} ({reason.rows:,})" for reason in report.reasons[:3])
                + ". Nothing was written."
            )
        aside.replace(out)
        log.unlink(missing_ok=True)  # of the file that was replaced; its content was copied
    return report


def shown(reason: Reason) -> str:
    """A reason with its examples, on one line."""
    return reason.words + (f": {', '.join(reason.examples)}" if reason.examples else "")


def _fill(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], mapping: ColumnMap, out: Path
) -> ImportReport:
    _make_tables(connection)
    connection.execute(
        "CREATE TEMP TABLE nbkit_reasons (reason VARCHAR); "
        "CREATE TEMP TABLE nbkit_naive (row_count BIGINT)"
    )
    before = _count(connection, RUN_HISTORY), _count(connection, REJECTED)
    read, ignored, absent = 0, set[str](), set(COLUMN_NAMES)
    for file in files:
        staged = stage(connection, file)
        read += _count(connection, STAGED) + _count(connection, BROKEN)
        if _count(connection, STAGED) or staged.columns:  # else all lines are broken
            sources = _sources(staged.columns, mapping, file)
            _convert(connection, staged, sources, mapping)
            _store(connection, file, staged)
            used = {*sources.values(), *_origins(staged.columns, mapping).values()}
            ignored |= {name for n, name in enumerate(staged.columns) if n not in used}
            absent -= {*sources, *mapping.derive}
        connection.execute(
            f"INSERT INTO {REJECTED} SELECT ?, row_number, reason, "
            f"to_json(content) FROM {BROKEN} ORDER BY row_number",
            [str(file)],
        )
        connection.execute(f"INSERT INTO nbkit_reasons SELECT reason FROM {BROKEN}")
    return ImportReport(
        out=out,
        read=read,
        imported=_count(connection, RUN_HISTORY) - before[0],
        rejected=_count(connection, REJECTED) - before[1],
        reasons=_reasons(connection),
        ignored=tuple(sorted(ignored)),
        absent=tuple(name for name in COLUMN_NAMES if name in absent),
        naive_rows=_one(connection, "SELECT coalesce(sum(row_count), 0) FROM nbkit_naive"),
    )


def _make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """The history and the rejected rows, where absent; a history's missing columns are added."""
    dataset, table = RUN_HISTORY.split(".")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset}")
    connection.execute("CREATE SCHEMA IF NOT EXISTS nbkit_import")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {REJECTED} "
        "(file VARCHAR, row_number BIGINT, reason VARCHAR, content JSON)"
    )
    present = {
        str(name).lower()
        for (name,) in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database()",
            [dataset, table],
        ).fetchall()
    }
    if not present:
        connection.execute(duckdb_ddl())
        return
    for column in COLUMNS:
        if column.name not in present:
            connection.execute(
                f'ALTER TABLE {RUN_HISTORY} ADD COLUMN "{column.name}" {DUCKDB_TYPES[column.type]}'
            )


def _sources(columns: Sequence[str], mapping: ColumnMap, file: Path) -> dict[str, int]:
    """Our column → the place of the file's column that it comes from."""
    found: dict[str, int] = {}
    problems = []
    for ours in COLUMN_NAMES:
        theirs = mapping.columns.get(ours, ours)
        place = _place(theirs, columns)
        if place is not None:
            found[ours] = place
        elif ours in mapping.columns:
            problems.append(
                f"the map takes {ours} from {theirs!r}, which the file does not have"
                f"{_nearest(theirs, columns)}"
            )
    origins = _origins(columns, mapping)
    for ours, theirs in mapping.derive.items():
        if ours not in origins:
            problems.append(f"the map derives {ours} from {theirs!r}, which is not there")
    for ours in REQUIRED:
        if ours not in found and ours not in mapping.derive and ours not in mapping.columns:
            problems.append(f"no column {ours}{_nearest(ours, columns)}")
    if problems:
        raise ImportFileError(
            f"{file}: {'; '.join(problems)}. It has {', '.join(columns) or 'no columns'}. "
            "Say what is what with --map columns.yml: `columns: {started_at: start_time}`; "
            "`derive: {data_date: started_at}` takes the date from the start."
        )
    return found


def _origins(columns: Sequence[str], mapping: ColumnMap) -> dict[str, int]:
    """Our derived column → the place of the column that it is taken from, by our or their name."""
    places = {
        ours: _place(mapping.columns.get(origin, origin), columns)
        for ours, origin in mapping.derive.items()
    }
    return {ours: place for ours, place in places.items() if place is not None}


def _convert(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    sources: Mapping[str, int],
    mapping: ColumnMap,
) -> None:
    """Make `_CONVERTED`: the rows in our types, with reasons against each and its naive moments."""
    names, texts, values, faults, naive = [], [], [], [], ["false"]
    origins = _origins(staged.columns, mapping)
    for column in COLUMNS:
        text, value = f'"{column.name} text"', f'"{column.name}"'
        if column.name in sources:
            given = f"nullif(trim(c{sources[column.name]}), '')"
            if column.type in ("INT64", "FLOAT64"):  # not a number: what pandas writes for null
                given = f"nullif({given}, 'nan')"
            texts.append(f"{valued(given, mapping.values.get(column.name, {}))} AS {text}")
            reading = read_as(column, text)
        elif column.name in origins:
            texts.append(f"CAST(NULL AS VARCHAR) AS {text}")
            reading = "CAST(NULL AS DATE)"
        else:
            continue
        if column.name in origins:
            origin = f'"{column.name} origin"'
            texts.append(f"nullif(trim(c{origins[column.name]}), '') AS {origin}")
            # A value that is there and wrong is rejected, not replaced.
            moment = read_as(RunColumn(origin, "TIMESTAMP", False, ""), origin)
            reading = f"CASE WHEN {text} IS NULL THEN CAST({moment} AS DATE) ELSE {reading} END"
            text = f"coalesce({text}, {origin})"
        names.append(value)
        values.append(f"{reading} AS {value}")
        faults += faults_of(column, text, value)
        if column.type == "TIMESTAMP":
            # Nothing but a date and a clock: no Z, no offset, no name of a zone.
            naive.append(rf"regexp_full_match({text}, '[0-9/-]+([T ]+[0-9:.]+)?')")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_CONVERTED} AS SELECT nbkit_row, {', '.join(names)}, "
        f"nullif(concat_ws({_BETWEEN}, {', '.join(faults)}), '') AS nbkit_reason, "
        f"{' OR '.join(f'coalesce({one}, false)' for one in naive)} AS nbkit_naive "
        f"FROM (SELECT *, {', '.join(values)} FROM "
        f"(SELECT rowid AS nbkit_row, {', '.join(texts)} FROM {STAGED}))"
    )


def _store(connection: duckdb.DuckDBPyConnection, file: Path, staged: Staged) -> None:
    """The rows of `_CONVERTED` into the history or among the rejected ones."""
    listed = [
        f'"{name}"'
        for (name, *_) in connection.execute(f"DESCRIBE {_CONVERTED}").fetchall()
        if name in COLUMN_NAMES
    ]
    connection.execute(
        f"INSERT INTO {REJECTED} SELECT ?, {staged.row_number}, "
        f"replace(nbkit_reason, {_BETWEEN}, '; '), {staged.content} "
        f"FROM {_CONVERTED} JOIN {STAGED} ON {STAGED}.rowid = nbkit_row "
        "WHERE nbkit_reason IS NOT NULL ORDER BY nbkit_row",
        [str(file)],
    )
    connection.execute(
        f"INSERT INTO nbkit_reasons SELECT unnest(string_split(nbkit_reason, {_BETWEEN})) "
        f"FROM {_CONVERTED} WHERE nbkit_reason IS NOT NULL"
    )
    connection.execute(
        f"INSERT INTO nbkit_naive SELECT count(*) FROM {_CONVERTED} "
        "WHERE nbkit_reason IS NULL AND nbkit_naive"
    )
    # In this order, a query on some days reads few blocks of the file.
    connection.execute(
        f"INSERT INTO {RUN_HISTORY} BY NAME SELECT {', '.join(listed)} FROM {_CONVERTED} "
        "WHERE nbkit_reason IS NULL ORDER BY data_date, processor_name, started_at"
    )


def _reasons(connection: duckdb.DuckDBPyConnection) -> tuple[Reason, ...]:
    found = connection.execute(
        "SELECT regexp_extract(reason, '^(.*?)(: |$)', 1, 's') AS words, count(*), "
        "list(DISTINCT regexp_extract(reason, '^.*?: (.*)$', 1, 's'))[:3] "
        "FROM nbkit_reasons GROUP BY words ORDER BY 2 DESC, words"
    ).fetchall()
    return tuple(
        Reason(
            words=str(words),
            rows=int(rows),
            examples=tuple(sorted(" ".join(str(one).split()) for one in examples if one)),
        )
        for words, rows, examples in found
    )


def _place(name: str, columns: Sequence[str]) -> int | None:
    """Where a column stands: by its exact name, else without regard to case."""
    if name in columns:
        return list(columns).index(name)
    return next((n for n, other in enumerate(columns) if other.lower() == name.lower()), None)


def _nearest(name: str, columns: Sequence[str]) -> str:
    near = get_close_matches(name, columns, n=2, cutoff=0.5)
    return f" (is it {' or '.join(near)}?)" if near else ""


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return _one(connection, f"SELECT count(*) FROM {table}")


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row: Any = connection.execute(sql).fetchone()
    return int(row[0])
