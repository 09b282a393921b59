"""Files of runs as text in DuckDB: each value of a row as text, each row with its number.

Text is the one form that CSV, Parquet and JSON lines share: what a text means is then decided in
one place (`import_values`), and a rejected row can be shown as it came.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nbkit.errors import ImportFileError

if TYPE_CHECKING:
    import duckdb

STAGED = "nbkit_staged"  # c0, c1, …: the file's columns as VARCHAR, in the file's order
BROKEN = "nbkit_broken"  # row_number, reason, content: what is no row at all
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
_NULLS = ("", "NULL", "null", "None", "NaN", "nan", "NaT", "<NA>", "\\N")
_LONGEST_LINE = 16 * 2**20
_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"


@dataclass(frozen=True, kw_only=True)
class Staged:
    """One file in the table `STAGED`.

    Attributes:
        columns: the file's own names; the n-th is column `c<n>`.
        row_number: SQL for the number of a row: its line in a text file, else its place from 1.
        content: SQL for the row as it came, as JSON.
    """

    columns: tuple[str, ...]
    row_number: str
    content: str


def expand(given: Sequence[Path]) -> tuple[Path, ...]:
    """The files that paths and patterns (`runs/*.csv.gz`) name, each checked.

    Raises:
        ImportFileError: no such file, not of a known kind, empty, or named twice.
    """
    found: list[Path] = []
    for path in given:
        is_pattern = any(mark in str(path) for mark in "*?[") and not path.exists()
        matches = sorted(Path(path.anchor).glob(_below(path))) if is_pattern else [path]
        if not matches:
            raise ImportFileError(f"{path}: no file matches.")
        for file in matches:
            _kind(file)
            if file.resolve() in {other.resolve() for other in found}:
                raise ImportFileError(f"{file}: is given twice; its runs would count double.")
            found.append(file)
    return tuple(found)


def _below(path: Path) -> str:
    return str(path.relative_to(path.anchor)) if path.anchor else str(path)


def stage(connection: duckdb.DuckDBPyConnection, file: Path) -> Staged:
    """Fill the temporary tables `STAGED` and `BROKEN` from one file.

    Raises:
        ImportFileError: the file cannot be read as what its suffix says.
    """
    import duckdb

    connection.execute(f"DROP TABLE IF EXISTS {STAGED}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {BROKEN} "
        "(row_number BIGINT, reason VARCHAR, content VARCHAR)"
    )
    read = {"csv": _csv, "parquet": _parquet, "json": _json_lines}[_kind(file)]
    try:
        return read(connection, file)
    except (duckdb.Error, OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        words = str(error).strip().splitlines()[0].rstrip(".")
        raise ImportFileError(f"{file}: cannot be read: {words}.") from error


def _csv(connection: duckdb.DuckDBPyConnection, file: Path) -> Staged:
    columns, delimiter = _header(file)
    # Nothing is left to a sniffer: a broken line must not change how the others are read.
    _read_lines(
        connection,
        file,
        STAGED,
        columns={f"c{n}": "VARCHAR" for n in range(len(columns))},
        header=True,
        delim=delimiter,
        quote='"',
        escape='"',
        nullstr=list(_NULLS),
    )
    # The line of a row: the header's, the good rows before it, and the broken ones before it.
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE nbkit_gaps AS SELECT "
        f"row_number - 1 - row_number() OVER (ORDER BY row_number) AS good_before FROM {BROKEN}"
    )
    return Staged(
        columns=columns,
        row_number=f"{STAGED}.rowid + 2 + "
        f"(SELECT count(*) FROM nbkit_gaps WHERE good_before <= {STAGED}.rowid)",
        content=_json_object(columns),
    )


def _json_lines(connection: duckdb.DuckDBPyConnection, file: Path) -> Staged:
    with _opened(file) as text:
        if text.read(1) == "[":
            raise ImportFileError(
                f"{file}: is one JSON array. Write one object a line: "
                f"jq -c '.[]' {file.name} > {file.stem}.jsonl"
            )
    _read_lines(
        connection,
        file,
        "nbkit_lines",
        columns={"line": "VARCHAR"},
        header=False,
        delim="\x01",  # no JSON text has it
        quote="",
        escape="",
    )
    is_blank = "line IS NULL OR trim(line) = ''"
    connection.execute(
        f"INSERT INTO {BROKEN} SELECT rowid + 1, 'not a JSON object: ' || line[:80], line "
        f"FROM nbkit_lines WHERE NOT ({is_blank}) AND NOT ({_OBJECT})"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE nbkit_objects AS SELECT rowid + 1 AS number, line "
        f"FROM nbkit_lines WHERE NOT ({is_blank}) AND {_OBJECT}"
    )
    connection.execute("DROP TABLE nbkit_lines")
    columns = tuple(
        str(key)
        for (key,) in connection.execute(
            "SELECT DISTINCT unnest(json_keys(line)) AS key FROM nbkit_objects ORDER BY key"
        ).fetchall()
    )
    # All values of a line in one pass over it; nested ones stay JSON text.
    pointers = ["/" + key.replace("~", "~0").replace("/", "~1") for key in columns]
    listed = ", ".join(_text(pointer) for pointer in pointers)
    values = "".join(f", v[{n + 1}] AS c{n}" for n in range(len(columns)))
    connection.execute(
        f"CREATE TEMP TABLE {STAGED} AS SELECT number, line{values} FROM (SELECT *, "
        f"{f'json_extract_string(line, [{listed}])' if columns else 'NULL'} AS v "
        "FROM nbkit_objects)"
    )
    connection.execute("DROP TABLE nbkit_objects")
    return Staged(columns=columns, row_number=f"{STAGED}.number", content="CAST(line AS JSON)")


def _parquet(connection: duckdb.DuckDBPyConnection, file: Path) -> Staged:
    source = f"read_parquet({_text(str(file))}, binary_as_string = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    columns = tuple(str(row[0]) for row in described)
    nested = ("STRUCT", "MAP", "UNION")
    values = ", ".join(
        (
            f"CAST(to_json({_quoted(str(name))}) AS VARCHAR)"
            if str(kind).startswith(nested) or str(kind).endswith("]")
            else f"CAST({_quoted(str(name))} AS VARCHAR)"
        )
        + f" AS c{n}"
        for n, (name, kind, *_) in enumerate(described)
    )
    connection.execute(f"CREATE TEMP TABLE {STAGED} AS SELECT {values} FROM {source}")
    return Staged(columns=columns, row_number=f"{STAGED}.rowid + 1", content=_json_object(columns))


def _read_lines(
    connection: duckdb.DuckDBPyConnection, file: Path, table: str, **options: Any
) -> None:
    """A text file's good lines into `table`, the others into `BROKEN`."""
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    given = ", ".join(f"{name} = {_literal(value)}" for name, value in options.items())
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS FROM read_csv({_text(str(file))}, {given}, "
        f"auto_detect = false, store_rejects = true, max_line_size = {_LONGEST_LINE})"
    )
    connection.execute(
        f"INSERT INTO {BROKEN} SELECT line, "
        "'not a line of this table: ' || min(error_message), "
        "ltrim(min(csv_line), chr(10) || chr(13)) FROM reject_errors GROUP BY line"
    )


def _header(file: Path) -> tuple[tuple[str, ...], str]:
    """The column names of a CSV file and its delimiter: the one that its header has most of."""
    with _opened(file) as text:
        line = text.readline()
    delimiter = "\t" if ".tsv" in file.suffixes else max(",;\t|", key=line.count)
    with _opened(file) as text:
        columns = next(csv.reader(text, delimiter=delimiter), [])
    names = tuple(name.strip() for name in columns)
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ImportFileError(f"{file}: the column {min(twice)!r} stands twice in the header.")
    return names, delimiter


def _opened(file: Path) -> IO[str]:
    opened = gzip.open if file.suffix.lower() == ".gz" else open
    # Broken bytes are DuckDB's to reject, row by row.
    return opened(file, "rt", encoding="utf-8-sig", errors="replace", newline="")


def _kind(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    is_packed = bool(suffixes) and suffixes[-1] == ".gz"
    if is_packed:
        suffixes.pop()
    kind = SUFFIXES.get(suffixes[-1]) if suffixes else None
    if kind is None or (is_packed and kind == "parquet"):
        raise ImportFileError(
            f"{file}: not a kind of file that can be imported; give {', '.join(SUFFIXES)}, "
            "text also as .gz."
        )
    if not file.is_file():
        raise ImportFileError(f"{file}: there is no such file.")
    if not file.stat().st_size:
        raise ImportFileError(f"{file}: is empty.")
    return kind


def _json_object(columns: Sequence[str]) -> str:
    pairs = ", ".join(f"{_text(name)}, c{n}" for n, name in enumerate(columns))
    return f"json_object({pairs})"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(k)}: {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    return _text(str(value))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
