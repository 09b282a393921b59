"""Rows of a DataFrame as BigQuery's load jobs read them: newline-delimited JSON and a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from nbkit.errors import QueryFailed
from nbkit.warehouse.schema import migration_hint

if TYPE_CHECKING:
    import pandas as pd
    from google.cloud import bigquery


def column_types(rows: pd.DataFrame) -> dict[str, str]:
    """The GoogleSQL type of each column after its dtype: what a new table gets."""
    return {str(name): _type_of(rows[name]) for name in rows.columns}


def check_fit(table: str, schema: Sequence[bigquery.SchemaField], rows: pd.DataFrame) -> None:
    """Whether every column has a place in the table and every required field a value.

    BigQuery would say so too, after the upload and less plainly.

    Raises:
        QueryFailed: names the columns.
    """
    known = [field.name for field in schema]
    problems = [
        f"there is no column {name}{_nearest(str(name), known)}"
        for name in rows.columns
        if name not in known
    ]
    for field in schema:
        if field.mode == "REQUIRED" and len(rows):
            empty = len(rows) if field.name not in rows else int(rows[field.name].isna().sum())
            if empty:
                problems.append(f"{field.name} is required and {empty} of {len(rows)} have none")
    if problems:
        raise QueryFailed(
            f"Appending {len(rows)} rows to {table}: {'; '.join(problems)}. Nothing was written."
            f"{migration_hint('; '.join(problems))}"
        )


def json_rows(rows: pd.DataFrame, types: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """One dict a row; nulls are left out.

    Args:
        rows: any frame with unique column names.
        types: column name → GoogleSQL type. A JSON column may hold text (parsed here, so that it
            is loaded as a document and not as a string) or lists and dicts.
    """
    columns = {
        str(name): _plain_values(rows[name], is_json=types.get(str(name)) == "JSON")
        for name in rows.columns
        if rows[name].notna().any()
    }
    for position in range(len(rows)):
        yield {
            name: values[position]
            for name, values in columns.items()
            if values[position] is not None
        }


def _nearest(name: str, known: list[str]) -> str:
    match = get_close_matches(name, known, n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def _type_of(column: pd.Series[Any]) -> str:
    import pandas as pd

    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind):
        return "BOOL"
    if pd.api.types.is_integer_dtype(kind):
        return "INT64"
    if pd.api.types.is_float_dtype(kind):
        return "FLOAT64"
    if pd.api.types.is_datetime64_any_dtype(kind):
        return "TIMESTAMP"
    if str(kind) == "dbdate":
        return "DATE"
    values = column.dropna()
    if len(values) and all(isinstance(value, (list, dict)) for value in values):
        return "JSON"
    if len(values) and all(type(value) is date for value in values):
        return "DATE"
    return "STRING"


def _plain_values(column: pd.Series[Any], *, is_json: bool) -> list[Any]:
    present = column.notna()
    return [
        _plain(value, is_json=is_json) if here else None
        for value, here in zip(column.tolist(), present.tolist(), strict=True)
    ]


def _plain(value: Any, *, is_json: bool) -> Any:
    if is_json and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value  # a truncated document is kept as the string that it is
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
