"""Arguments for any query of the catalog, for tests that ask all of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from nbkit.warehouse import catalog

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Parameter

# They read no run of a pipeline: other tables, and nbkit's own runs.
NOT_ON_THE_HISTORY = ("breaker_resets", "schedule_runs", "sla_measurements", "upcoming_rows")
ON_THE_HISTORY = [name for name in catalog.query_names() if name not in NOT_ON_THE_HISTORY]


def arguments(
    name: str, *, start: datetime, end: datetime, as_of: datetime
) -> dict[str, Parameter]:
    """What the query must be given, for a window."""
    known: dict[str, Parameter] = {
        "start": start,
        "end": end,
        "since": start,
        "as_of": as_of,
        "before": as_of,
        "first_date": start.date(),
        "last_date": end.date(),
        "phases": "phase_5_predictions",
        "processor_names": "",
    }
    return {p.name: known[p.name] for p in catalog.query(name).parameters if p.required}
