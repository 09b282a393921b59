"""Arrow in, DataFrame out: one rule for the dtypes of every engine.

INT64 becomes Int64, BOOL boolean, STRING and JSON the string dtype, FLOAT64 float64, TIMESTAMP
datetime64[us, UTC], DATE db-dtypes' dbdate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The DataFrame of an Arrow table, with nullable dtypes and UTC timestamps."""
    import db_dtypes
    import pyarrow as pa

    columns = {}
    for field, chunks in zip(table.schema, table.columns, strict=True):
        kind = field.type
        if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
            column = chunks.cast(pa.int64()).to_pandas(
                types_mapper={pa.int64(): pd.Int64Dtype()}.get
            )
        elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            column = chunks.cast(pa.float64()).to_pandas()
        elif pa.types.is_boolean(kind):
            column = chunks.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
        elif pa.types.is_timestamp(kind):
            column = chunks.cast(pa.timestamp("us", tz="UTC")).to_pandas()
            column = column.astype("datetime64[us, UTC]")
        elif pa.types.is_date(kind):
            # Not through Python dates: that takes a hundred times as long.
            days = chunks.cast(pa.timestamp("ns")).to_numpy()
            column = pd.Series(db_dtypes.DateArray(days))
        elif pa.types.is_null(kind):
            column = pd.Series([pd.NA] * len(chunks), dtype="str")
        else:
            column = pd.Series(chunks.cast(pa.string()).to_pandas(), dtype="str")
        columns[field.name] = column
    return pd.DataFrame(columns)
