"""A table from a file: CSV, Parquet or JSON lines, with the types that DuckDB finds in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbkit.errors import InputError
from nbkit.warehouse.duckdb_file import first_line
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.import_files import SUFFIXES

if TYPE_CHECKING:
    import pandas as pd

_READERS = {"csv": "read_csv", "parquet": "read_parquet", "json": "read_json"}


def is_table_file(name: str) -> bool:
    """Whether the name ends as files of tables do (`.csv`, `.parquet`, `.jsonl`, also `.gz`)."""
    return _suffix(Path(name)) in SUFFIXES


def read_table_file(path: Path) -> pd.DataFrame:
    """All rows of a file, with the same dtypes as a query's.

    Raises:
        InputError: no such file, or not what its suffix says.
    """
    import duckdb

    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    kind = SUFFIXES.get(_suffix(path))
    if kind is None:
        raise InputError(f"{path}: a table's file ends in {', '.join(sorted(SUFFIXES))}.")
    try:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            found = connection.execute(f"SELECT * FROM {_READERS[kind]}(?)", [str(path)])
            return frame_of(found.to_arrow_table())
    except duckdb.Error as error:
        raise InputError(f"{path}: cannot be read: {first_line(error)}.") from error


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
