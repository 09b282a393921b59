"""Ask before a run whether its input is there: one query for the whole graph."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

from nbkit.analysis.readiness import LOOKBACK, Readiness, readiness, upstreams
from nbkit.errors import DependenciesNotReady
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.tables import Column, Table

if TYPE_CHECKING:
    import pandas as pd

    from nbkit.warehouse.protocol import Warehouse


def check_dependencies(
    processor: str,
    data_date: date,
    *,
    warehouse: Warehouse,
    as_of: datetime,
    registry: ProcessorRegistry | None = None,
    whole: bool = False,
) -> Readiness:
    """Whether the input of a processor for a date is there, and what is missing.

    Before a run::

        found = check_dependencies("PlayerGameSummaryProcessor", day, warehouse=w, as_of=now)
        if not found.is_ready:
            run.missing(found.missing)
            return

    Args:
        whole: look at all ancestors, not only at what it needs directly.

    Raises:
        UnknownProcessor, WarehouseError.
    """
    return readiness(
        processor,
        data_date,
        registry=registry or load_registry(),
        works=_works(warehouse, data_date, as_of),
        as_of=as_of,
        whole=whole,
    )


def require_ready(
    processor: str,
    data_date: date,
    *,
    warehouse: Warehouse,
    as_of: datetime,
    registry: ProcessorRegistry | None = None,
) -> Readiness:
    """`check_dependencies`, as an error where the input is not there.

    Raises:
        DependenciesNotReady: names what is missing, and when to expect it.
    """
    found = check_dependencies(
        processor, data_date, warehouse=warehouse, as_of=as_of, registry=registry
    )
    if found.is_ready:
        return found
    raise DependenciesNotReady(
        f"{processor} has not got its input for {data_date}: {found.reason}. "
        f"{found.outlook.capitalize()}. Look again: nbkit ready {processor} --date {data_date}."
    )


def ready_in(
    warehouse: Warehouse, *, as_of: datetime, registry: ProcessorRegistry | None = None
) -> Callable[[str, date], bool]:
    """Says of a processor and date whether it is done; for
    `ProcessorRegistry.check_dependencies_ready`. One query a date."""
    known = registry or load_registry()
    works: dict[date, pd.DataFrame] = {}

    def is_ready(name: str, data_date: date) -> bool:
        if data_date not in works:
            works[data_date] = _works(warehouse, data_date, as_of)
        (found,) = upstreams(
            (known.processor(name).name,),
            data_date,
            registry=known,
            works=works[data_date],
            as_of=as_of,
        )
        return found.is_ready

    return is_ready


def readiness_table(found: Readiness) -> Table:
    """One upstream a row, what is missing first; for a notebook or a report."""
    return Table.of(
        [
            Column("Upstream"),
            Column("State"),
            Column("Since (UTC)", "moment"),
            Column("Records", "count"),
            Column("Usually by (UTC)", "moment"),
            Column("Why"),
        ],
        [
            (
                u.name,
                str(u.state).replace("_", " "),
                u.since,
                u.records,
                u.usual.median if u.usual else None,
                u.reason,
            )
            for u in sorted(found.upstreams, key=lambda u: u.is_ready)
        ],
        empty=f"{found.processor} needs nothing.",
    )


def _works(warehouse: Warehouse, data_date: date, as_of: datetime) -> pd.DataFrame:
    return warehouse.query(
        "work_states",
        first_date=data_date - LOOKBACK,
        last_date=data_date,
        as_of=as_of,
        processor_name=None,
    )
