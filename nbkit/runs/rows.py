"""One row of the run history as plain values, and as the frame that a warehouse appends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from nbkit.warehouse.schema import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
_TYPES = {column.name: column.type for column in COLUMNS}
_SEASON_STARTS = 10  # October; a season is named after the year in which it begins


def season_of(data_date: date) -> int:
    """First year of the season that a date lies in."""
    return data_date.year if data_date.month >= _SEASON_STARTS else data_date.year - 1


def frame_of_rows(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a frame with the columns that any of them fills; JSON values become text."""
    import pandas as pd

    listed = list(rows)
    names = [name for name in _TYPES if any(row.get(name) is not None for row in listed)]
    columns = {
        name: _column([_value(row.get(name), _TYPES[name]) for row in listed], _TYPES[name])
        for name in names
    }
    return pd.DataFrame(columns)


def to_text(row: Row) -> str:
    """A row as one line of JSON."""
    return json.dumps(
        {name: value for name, value in row.items() if value is not None},
        default=_plain,
        ensure_ascii=False,
    )


def from_text(text: str) -> dict[str, Any]:
    """The row that `to_text` wrote.

    Raises:
        ValueError: it is not one.
    """
    found = json.loads(text)
    if not isinstance(found, dict) or "run_id" not in found:
        raise ValueError("not a row of the run history")
    for name, value in found.items():
        if value is None:
            continue
        if _TYPES.get(name) == "TIMESTAMP":
            found[name] = datetime.fromisoformat(value)
        elif _TYPES.get(name) == "DATE":
            found[name] = date.fromisoformat(value)
    return found


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, (datetime, date)) else str(value)


def _value(value: Any, kind: str) -> Any:
    if value is None or kind != "JSON":
        return value
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _column(values: list[Any], kind: str) -> pd.Series[Any]:
    import pandas as pd

    if kind == "TIMESTAMP":
        moments = pd.Series(pd.to_datetime(pd.Series(values, dtype="object"), utc=True))
        return moments.dt.as_unit("us")
    dtypes = {"INT64": "Int64", "FLOAT64": "Float64", "BOOLEAN": "boolean", "STRING": "string"}
    return pd.Series(values, dtype=dtypes.get(kind, "object"))
