"""What both SLA reports and `nbkit slas` read: the promises, and what was measured of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from nbkit.analysis.liveness import Freshness, freshness, stuck_runs
from nbkit.analysis.slas import Measured, measure
from nbkit.failures import classify_counts
from nbkit.registry import ProcessorRegistry
from nbkit.registry.sla_exceptions import SlaException, load_sla_exceptions
from nbkit.registry.slas import Slas
from nbkit.warehouse.protocol import Warehouse

MEASUREMENTS = "nba_orchestration.sla_measurements"
YEAR = timedelta(days=365)
# Dates before the window tell who usually runs; a work may have been opened long before it ends.
_BEFORE = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class SlaFacts:
    """Everything measured from `start` to `as_of`. `counts` are the classified hourly counts."""

    slas: Slas
    registry: ProcessorRegistry
    exceptions: tuple[SlaException, ...]
    start: datetime
    as_of: datetime
    freshness: Freshness
    measured: Mapping[str, Measured]
    counts: pd.DataFrame = field(repr=False)


def read_slas(
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    slas: Slas,
    exceptions: tuple[SlaException, ...] | None = None,
    *,
    start: datetime,
    as_of: datetime,
) -> SlaFacts:
    """Measure every target from `start` (a whole hour) to `as_of`.

    Args:
        exceptions: default: those beside the file of SLAs.

    Raises:
        RegistryError: one of the registry's files is wrong.
        WarehouseError: the history could not be read.
    """
    if exceptions is None:
        exceptions = load_sla_exceptions(slas, registry)
    fresh = freshness(
        warehouse.query("history_freshness", start=as_of - YEAR, end=as_of, as_of=as_of),
        as_of=as_of,
    )
    counts = classify_counts(warehouse.query("hourly_counts", start=start, end=as_of, as_of=as_of))
    works = warehouse.query(
        "work_states", first_date=(start - _BEFORE).date(), last_date=as_of.date(), as_of=as_of
    )
    open_rows = warehouse.query("open_runs", start=start, end=as_of, as_of=as_of)
    days = {"first_date": start.date(), "last_date": as_of.date()}
    sources = (
        warehouse.query("sla_measurements", **days) if warehouse.columns(MEASUREMENTS) else None
    )
    return SlaFacts(
        slas=slas,
        registry=registry,
        exceptions=exceptions,
        start=start,
        as_of=as_of,
        freshness=fresh,
        measured=measure(
            slas,
            registry,
            counts=counts,
            works=works,
            overdue=_overdue(open_rows, registry),
            sources=sources,
            start=start,
            as_of=as_of,
        ),
        counts=counts,
    )


def _overdue(open_rows: pd.DataFrame, registry: ProcessorRegistry) -> pd.DataFrame:
    """Runs that are open past their timeout, at the moment at which it passed."""
    passed = {
        run.run_id: run.started_at + run.timeout
        for run in stuck_runs(open_rows, registry)
        if run.past_timeout
    }
    own = open_rows[open_rows["run_id"].isin(passed)]
    at = pd.to_datetime(own["run_id"].map(passed), utc=True)
    return own[["processor_name", "phase"]].assign(at=at)
