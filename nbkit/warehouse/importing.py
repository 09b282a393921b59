"""Anybody's run table becomes a warehouse; what cannot be read is set aside with its reason.

The work is done in DuckDB, so that millions of rows take seconds. Nothing is dropped silently: rows
read are rows imported plus rows rejected, and rejected rows are kept as JSON, with file, row number
and reason, in the table `nbkit_import.rejected` of the new file.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbkit.errors import ImportFileError
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
STATUSES = ("running", "success", "failed", "partial", "skipped")
REJECTED = "nbkit_import.rejected"
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_SUFFIXES |= {".jsonl": "json", ".ndjson": "json", ".json": "json"}


@dataclass(frozen=True, kw_only=True)
class ColumnMap:
    """How a foreign table's words become ours.

    Attributes:
        columns: our column → theirs.
        values: our column → their value → ours, compared without case.
        derive: our column → the column it is taken from; only data_date from a moment.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    derive: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What became of the rows: `read` = `imported` + `rejected`."""

    out: Path
    read: int
    imported: int
    rejected: int
    reasons: tuple[tuple[str, int], ...]
    ignored: tuple[str, ...]
    absent: tuple[str, ...]


def import_runs(
    files: Sequence[Path], out: Path, *, mode: Mode = "create", mapping: ColumnMap | None = None
) -> ImportReport:
    """Read run tables (CSV, Parquet, JSON lines; .gz where text) into a DuckDB warehouse.

    Moments without a zone are UTC. The file is made aside and renamed into place, so that a
    failure leaves what was there.

    Raises:
        ImportFileError: a file is missing or unreadable, a required column has no source, `out`
            exists, or no row at all could be imported.
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
    for file in files:
        _kind(file)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        aside = Path(folder) / "import.duckdb"
        if mode == "append" and out.exists():
            shutil.copyfile(out, aside)
        with duckdb.connect(str(aside)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET preserve_insertion_order = true")
            report = _fill(connection, files, mapping, out)
        if not report.imported:
            raise ImportFileError(
                f"None of {report.read:,} rows could be imported: "
                + ("; ".join(f"{reason} ({n:,})" for reason, n in report.reasons[:3]) or "no rows")
                + ". Nothing was written."
            )
        aside.replace(out)
    return report


def _fill(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], mapping: ColumnMap, out: Path
) -> ImportReport:
    import duckdb

    dataset, table = RUN_HISTORY.split(".")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset}")
    connection.execute("CREATE SCHEMA IF NOT EXISTS nbkit_import")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {REJECTED} "
        "(file VARCHAR, row_number BIGINT, reason VARCHAR, content JSON)"
    )
    have = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [dataset, table]
    ).fetchall()
    if not have:
        connection.execute(duckdb_ddl())
    before = _count(connection, RUN_HISTORY), _count(connection, REJECTED)
    read, ignored, absent = 0, set[str](), set(COLUMN_NAMES)
    for file in files:
        try:
            columns = _load(connection, file)
            sources = _sources(columns, mapping, file)
            read += _count(connection, "raw")
            _convert(connection, file, columns, sources, mapping)
        except duckdb.Error as error:
            words = str(error).strip().splitlines()[0]
            raise ImportFileError(f"{file}: cannot be read: {words}") from error
        used = {source.lower() for source in (*sources.values(), *mapping.derive.values())}
        ignored |= {name for name in columns if name.lower() not in used}
        absent -= {*sources, *mapping.derive}
    imported = _count(connection, RUN_HISTORY) - before[0]
    rejected = _count(connection, REJECTED) - before[1]
    reasons = connection.execute(
        f"SELECT regexp_replace(reason, ': .*', ''), count(*) FROM {REJECTED} "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return ImportReport(
        out=out,
        read=read,
        imported=imported,
        rejected=rejected,
        reasons=tuple((str(reason), int(n)) for reason, n in reasons),
        ignored=tuple(sorted(ignored)),
        absent=tuple(name for name in COLUMN_NAMES if name in absent),
    )


def _load(connection: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    """Make the table `raw` (nbkit_row, nbkit_fault, then the file's columns); returns these."""
    kind = _kind(file)
    connection.execute("DROP TABLE IF EXISTS raw")
    if kind == "parquet":
        connection.execute(
            "CREATE TEMP TABLE raw AS SELECT file_row_number + 1 AS nbkit_row, "
            "CAST(NULL AS VARCHAR) AS nbkit_fault, * EXCLUDE (file_row_number) "
            "FROM read_parquet(?, file_row_number = true)",
            [str(file)],
        )
    elif kind == "csv":
        _load_csv(connection, file)
    else:
        _load_json_lines(connection, file)
    described = connection.execute("DESCRIBE raw").fetchall()
    return [str(row[0]) for row in described if not str(row[0]).startswith("nbkit_")]


def _load_csv(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    connection.execute(
        "CREATE TEMP TABLE raw AS SELECT row_number() OVER () + 1 AS nbkit_row, "
        "CAST(NULL AS VARCHAR) AS nbkit_fault, * "
        "FROM read_csv(?, all_varchar = true, header = true, store_rejects = true)",
        [str(file)],
    )
    # Lines that are no rows at all keep their text, so that the sums come out right.
    columns = connection.execute("DESCRIBE raw").fetchall()
    first = columns[2][0] if len(columns) > 2 else None
    if first:
        connection.execute(
            f'INSERT INTO raw (nbkit_row, nbkit_fault, "{first}") '
            "SELECT min(line), 'not a line of this table: ' || min(error_message), min(csv_line) "
            "FROM reject_errors GROUP BY line"
        )


def _load_json_lines(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    connection.execute("DROP TABLE IF EXISTS lines")
    connection.execute(
        "CREATE TEMP TABLE lines AS SELECT row_number() OVER () AS nbkit_row, line "
        "FROM read_csv(?, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, "
        "delim = '\\x01', quote = '', escape = '', max_line_size = 16777216)",
        [str(file)],
    )
    connection.execute("DELETE FROM lines WHERE line IS NULL OR trim(line) = ''")
    valid = "json_valid(line) AND json_type(line) = 'OBJECT'"
    keys = [
        str(row[0])
        for row in connection.execute(
            f"SELECT DISTINCT unnest(json_keys(line)) AS key FROM lines WHERE {valid} ORDER BY key"
        ).fetchall()
    ]
    texts = ", ".join(f"{_value_of(key)} AS {_quoted(key)}" for key in keys)
    connection.execute(
        "CREATE TEMP TABLE raw AS SELECT nbkit_row, "
        f"CASE WHEN {valid} THEN NULL ELSE 'not a JSON object: ' || line[:200] END AS nbkit_fault"
        + (f", {texts}" if texts else "")
        + f" FROM (SELECT nbkit_row, line, CASE WHEN {valid} THEN line END AS object FROM lines)"
    )


def _value_of(key: str) -> str:
    path = '$."' + key.replace('"', '\\"').replace("'", "''") + '"'
    # Nested values stay JSON text; scalars lose their quotes.
    return f"json_extract_string(object, '{path}')"


def _sources(columns: Sequence[str], mapping: ColumnMap, file: Path) -> dict[str, str]:
    """Our column → the file's own name of it."""
    present = {name.lower(): name for name in columns}
    found: dict[str, str] = {}
    problems = []
    for ours in COLUMN_NAMES:
        theirs = mapping.columns.get(ours, ours)
        if theirs.lower() in present:
            found[ours] = present[theirs.lower()]
        elif ours in mapping.columns:
            problems.append(f"the map takes {ours} from {theirs!r}, which the file does not have")
    for ours, theirs in mapping.derive.items():
        if theirs not in found and theirs.lower() not in present:
            problems.append(f"the map derives {ours} from {theirs!r}, which is not there")
    for ours in REQUIRED:
        if ours not in found and ours not in mapping.derive:
            near = get_close_matches(ours, columns, n=2, cutoff=0.5)
            hint = f" (is it {' or '.join(near)}?)" if near else ""
            problems.append(f"no column {ours}{hint}")
    if problems:
        raise ImportFileError(
            f"{file}: {'; '.join(problems)}. It has {', '.join(columns) or 'no columns'}. "
            "Say what is what with --map columns.yml: `columns: {started_at: start_time}`; "
            "`derive: {data_date: started_at}` takes the date from the start."
        )
    return found


def _convert(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    columns: Sequence[str],
    sources: Mapping[str, str],
    mapping: ColumnMap,
) -> None:
    """Coerce `raw` into the history; rows that cannot be go to the rejected ones."""
    kinds = {str(r[0]): str(r[1]) for r in connection.execute("DESCRIBE raw").fetchall()}
    values, faults = [], ["nbkit_fault"]
    for column in COLUMNS:
        source = sources.get(column.name)
        if source is None and column.name in mapping.derive:
            origin = mapping.derive[column.name]
            moment = _coerced(
                RunColumn(origin, "TIMESTAMP", False, ""),
                sources.get(origin, origin),
                kinds[sources.get(origin, origin)],
                {},
            )
            values.append(f"CAST({moment} AS DATE) AS {_quoted(column.name)}")
            continue
        if source is None:
            values.append(f"CAST(NULL AS {DUCKDB_TYPES[column.type]}) AS {_quoted(column.name)}")
            continue
        given = _given(source, kinds[source])
        value = _coerced(column, source, kinds[source], mapping.values.get(column.name, {}))
        values.append(f"{value} AS {_quoted(column.name)}")
        if column.type not in ("STRING", "JSON"):
            faults.append(
                f"CASE WHEN {given} IS NOT NULL AND {value} IS NULL THEN "
                f"'{column.name} is no {column.type}: ' || CAST({given} AS VARCHAR) END"
            )
        if column.required:
            faults.append(f"CASE WHEN {given} IS NULL THEN '{column.name} is empty' END")
        if column.name == "status":
            known = ", ".join(f"'{status}'" for status in STATUSES)
            faults.append(
                f"CASE WHEN {value} NOT IN ({known}) THEN 'status is none of "
                f"{', '.join(STATUSES)} (map it with values): ' || {value} END"
            )
    row = ", ".join(f"{_quoted(name)} := {_quoted(name)}" for name in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE converted AS SELECT nbkit_row, "
        f"nullif(concat_ws('; ', {', '.join(faults)}), '') AS nbkit_reason, "
        f"to_json(struct_pack({row})) AS nbkit_content, {', '.join(values)} FROM raw"
    )
    connection.execute(
        f"INSERT INTO {REJECTED} SELECT ?, nbkit_row, nbkit_reason, nbkit_content "
        "FROM converted WHERE nbkit_reason IS NOT NULL ORDER BY nbkit_row",
        [file.name],
    )
    connection.execute(
        f"INSERT INTO {RUN_HISTORY} BY NAME "
        "SELECT * EXCLUDE (nbkit_row, nbkit_reason, nbkit_content) FROM converted "
        "WHERE nbkit_reason IS NULL ORDER BY data_date, processor_name, started_at"
    )


def _given(source: str, kind: str) -> str:
    name = _quoted(source)
    return f"nullif(trim({name}), '')" if kind == "VARCHAR" else name


def _coerced(column: RunColumn, source: str, kind: str, values: Mapping[str, str]) -> str:
    """SQL that gives the column's value, or null where it cannot be read as its type."""
    given = _given(source, kind)
    if values:
        cases = " ".join(
            f"WHEN {_text(str(theirs).lower())} THEN {_text(str(ours))}"
            for theirs, ours in values.items()
        )
        given = f"CASE lower(CAST({given} AS VARCHAR)) {cases} ELSE CAST({given} AS VARCHAR) END"
        kind = "VARCHAR"
    wanted = DUCKDB_TYPES[column.type]
    if column.type == "JSON":
        if kind != "VARCHAR":
            return f"CASE WHEN {given} IS NOT NULL THEN to_json({given}) END"
        return f"CASE WHEN json_valid({given}) THEN CAST({given} AS JSON) ELSE to_json({given}) END"
    if column.type == "TIMESTAMP":
        if kind.startswith("TIMESTAMP") and "ZONE" not in kind:
            return f"(CAST({given} AS TIMESTAMP) AT TIME ZONE 'UTC')"
        if kind != "VARCHAR" and not kind.startswith(("TIMESTAMP", "DATE")):
            given, kind = f"CAST({given} AS VARCHAR)", "VARCHAR"
        if kind == "VARCHAR":  # also seconds and milliseconds since 1970
            return (
                f"CASE WHEN regexp_full_match({given}, '[0-9]{{9,10}}([.][0-9]+)?') "
                f"THEN to_timestamp(TRY_CAST({given} AS DOUBLE)) "
                f"WHEN regexp_full_match({given}, '[0-9]{{12,13}}') "
                f"THEN to_timestamp(TRY_CAST({given} AS DOUBLE) / 1000) "
                f"ELSE TRY_CAST({given} AS {wanted}) END"
            )
    if column.type == "DATE" and kind == "VARCHAR":
        return f"TRY_CAST(TRY_CAST({given} AS TIMESTAMP) AS DATE)"
    return f"TRY_CAST({given} AS {wanted})"


def _kind(file: Path) -> str:
    suffixes = [s.lower() for s in file.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    kind = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise ImportFileError(
            f"{file}: not a kind of file that can be imported; give {', '.join(_SUFFIXES)}, "
            "text also as .gz."
        )
    if not file.is_file():
        raise ImportFileError(f"{file}: there is no such file.")
    if not file.stat().st_size:
        raise ImportFileError(f"{file}: is empty.")
    return kind


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row: Any = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
