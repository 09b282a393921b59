"""Which runs have died without saying so.

The platform waited four hours whatever the run, and closed sixty-hour hangs only when somebody
looked. A heartbeat tells within minutes; where a run gives none, its timeout is the earliest moment
at which it is known to be dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from nbkit.registry import ProcessorRegistry

HEARTBEAT = timedelta(minutes=15)
# The general hard timeout: for a processor that nobody registered.
HARD_TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class StaleRun:
    """A run that is to be closed. `silent_for`: since its last sign of life, which is its start
    where it never gave one (`heartbeat_at` is None)."""

    processor: str
    run_id: str
    data_date: date
    started_at: datetime
    heartbeat_at: datetime | None
    silent_for: timedelta


def stale_runs(
    open_runs: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    now: datetime,
    heartbeat: timedelta = HEARTBEAT,
) -> tuple[StaleRun, ...]:
    """Open runs whose heartbeat stopped for longer than `heartbeat`; and those without any that are
    older than that and than the timeout of their processor. The longest silence first.

    Args:
        open_runs: processor_name, run_id, data_date, started_at, heartbeat_at.
    """
    found = []
    for row in open_runs.to_dict("records"):
        beat = None if pd.isna(row["heartbeat_at"]) else row["heartbeat_at"].to_pydatetime()
        started = row["started_at"].to_pydatetime()
        processor = registry.get_processor(str(row["processor_name"]))
        timeout = processor.timeout if processor else HARD_TIMEOUT
        silent = now - (beat or started)
        if silent > (heartbeat if beat else max(heartbeat, timeout)):
            found.append(
                StaleRun(
                    processor=str(row["processor_name"]),
                    run_id=str(row["run_id"]),
                    data_date=row["data_date"],
                    started_at=started,
                    heartbeat_at=beat,
                    silent_for=silent,
                )
            )
    return tuple(sorted(found, key=lambda run: (-run.silent_for, run.run_id)))
