"""The view `processor_baselines` beside the run history: planned first, then made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nbkit.errors import QueryFailed, WarehouseForeign

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

VIEW = "nba_orchestration.processor_baselines"
_WINDOW = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be run. `bytes_of_a_read` is what the view scans each time that it is asked; None
    where the engine cannot tell."""

    statements: tuple[str, ...]
    sql: tuple[str, ...]
    is_there: bool
    bytes_of_a_read: int | None


def plan(warehouse: Warehouse, *, now: datetime) -> Plan:
    """What an installation would do; nothing is changed.

    Raises:
        WarehouseForeign: there is no run history.
    """
    if not warehouse.columns(warehouse.history):
        raise WarehouseForeign(
            f"{warehouse.url} has no table {warehouse.history}. Name the run history with "
            "?table=dataset.table in the URL."
        )
    # In BigQuery the dataset is there, and whoever may make views may not make datasets.
    own = warehouse.url.startswith("duckdb:")
    statements = (*(["create_orchestration"] if own else []), "create_processor_baselines")
    cost = warehouse.estimate("processor_baselines", start=now - _WINDOW, end=now, as_of=now)
    return Plan(
        statements=statements,
        sql=tuple(warehouse.sql(name).strip() for name in statements),
        is_there=bool(warehouse.columns(VIEW)),
        bytes_of_a_read=cost.bytes,
    )


def apply(warehouse: Warehouse, planned: Plan) -> None:
    """Create the view or replace it.

    Raises:
        QueryFailed: says what to do, where the history lacks columns that the view reads.
    """
    try:
        for statement in planned.statements:
            warehouse.execute(statement)
    except QueryFailed as error:
        raise QueryFailed(
            f"{error} The view reads {warehouse.history} as it is: a history without some of its "
            "columns gets them by `nbkit history migrate --apply`, or anew by `nbkit import`. "
            "`nbkit baselines show` needs no view."
        ) from error
