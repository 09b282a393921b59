"""Columns of nbkit's own in a run history that was made before them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkit.errors import WarehouseForeign
from nbkit.warehouse.schema import ADDED

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

# Column → the statement that adds it. Each may be run again and again.
MIGRATIONS = {column: f"add_{column}" for column in ADDED}


@dataclass(frozen=True)
class Step:
    """One column: whether the table has it, and the statement that adds it."""

    column: str
    present: bool
    statement: str
    sql: str


def plan(warehouse: Warehouse) -> tuple[Step, ...]:
    """What a migration would do; nothing is changed.

    Raises:
        WarehouseForeign: there is no run history.
    """
    present = {column.lower() for column in warehouse.columns(warehouse.history)}
    if not present:
        raise WarehouseForeign(
            f"{warehouse.url} has no table {warehouse.history}. Name the run history with "
            "?table=dataset.table in the URL."
        )
    return tuple(
        Step(
            column=column,
            present=column in present,
            statement=statement,
            sql=_without_comments(warehouse.sql(statement)),
        )
        for column, statement in MIGRATIONS.items()
    )


def apply(warehouse: Warehouse) -> tuple[Step, ...]:
    """Add the columns that are absent; returns the steps that were taken."""
    taken = tuple(step for step in plan(warehouse) if not step.present)
    for step in taken:
        warehouse.execute(step.statement)
    return taken


def _without_comments(sql: str) -> str:
    """The header is a line of dashes in the file, and may stand in /* */ in a translation."""
    return re.sub(r"/\*.*?\*/|^--.*?$", "", sql, flags=re.DOTALL | re.MULTILINE).strip()
