"""What a text of a foreign file means in a column of ours, as SQL; and what speaks against it.

A value is never bent to fit: a cast alone would make 13 of 12.5, and a date of infinity.
"""

from __future__ import annotations

from collections.abc import Mapping

from nbkit.warehouse.schema import DUCKDB_TYPES, RunColumn

STATUSES = ("running", "success", "failed", "partial", "skipped")
_SHOWN = 80  # characters of a value that a reason shows


def read_as(column: RunColumn, text: str) -> str:
    """SQL for the value that a text has in the column's type; null where it has none."""
    match column.type:
        case "STRING":
            return text
        case "JSON":  # truncated JSON is what the platform wrote: it is kept, as a JSON string
            return (
                f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
            )
        case "INT64":  # a cast alone would round
            return (
                f"CASE WHEN TRY_CAST({text} AS DOUBLE) % 1 = 0 THEN TRY_CAST({text} AS BIGINT) END"
            )
        case "FLOAT64":
            number = f"TRY_CAST({text} AS DOUBLE)"
            return f"CASE WHEN isfinite({number}) THEN {number} END"
        case "DATE":  # of a moment, the date in UTC
            return (
                f"CASE WHEN length({text}) <= 10 THEN TRY_CAST({text} AS DATE) "
                f"ELSE CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS DATE) END"
            )
        case "TIMESTAMP":  # also seconds, milliseconds and microseconds since 1970
            scales = (
                ("[0-9]{9,10}([.][0-9]+)?", 1_000_000),
                ("[0-9]{12,13}", 1_000),
                ("[0-9]{15,16}", 1),
            )
            number = f"TRY_CAST({text} AS DECIMAL(28, 6))"
            cases = " ".join(
                f"WHEN regexp_full_match({text}, '{digits}') "
                f"THEN make_timestamptz(CAST({number} * {scale} AS BIGINT))"
                for digits, scale in scales
            )
            cast = f"TRY_CAST({text} AS TIMESTAMPTZ)"
            return f"CASE {cases} WHEN isfinite({cast}) THEN {cast} END"
        case _:
            return f"TRY_CAST({text} AS {DUCKDB_TYPES[column.type]})"


def valued(given: str, values: Mapping[str, str | None]) -> str:
    """SQL that puts our words for theirs, compared without case; other words stay."""
    if not values:
        return given
    cases = " ".join(
        f"WHEN {_text(theirs.lower())} THEN {'NULL' if ours is None else _text(ours)}"
        for theirs, ours in values.items()
    )
    return f"CASE lower({given}) {cases} ELSE {given} END"


def faults(column: RunColumn, text: str, value: str) -> list[str]:
    """SQL expressions, each a reason (`words: value`) against the row, or null."""
    found = []
    shown_text = f"': ' || {text}[:{_SHOWN}]"
    if column.type not in ("STRING", "JSON"):
        found.append(
            f"CASE WHEN {text} IS NOT NULL AND {value} IS NULL "
            f"THEN '{column.name} is no {column.type}' || {shown_text} END"
        )
    if column.required:
        found.append(
            f"CASE WHEN {text} IS NULL AND {value} IS NULL THEN '{column.name} is empty' END"
        )
    if column.name == "status":
        known = ", ".join(f"'{status}'" for status in STATUSES)
        found.append(
            f"CASE WHEN {value} NOT IN ({known}) THEN 'status is none of {', '.join(STATUSES)} "
            f"(map it in values of --map)' || {shown_text} END"
        )
    return found


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
