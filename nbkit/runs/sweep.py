"""Close the runs that died without an end: one statement a sweep, and a row of the audit."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nbkit.analysis.stale import HEARTBEAT, StaleRun, stale_runs
from nbkit.registry import ProcessorRegistry
from nbkit.runs.claims import claim
from nbkit.warehouse.protocol import Warehouse

AUDIT = "nba_orchestration.sweep_audit"
# Runs that started earlier are history; the partitions that are read follow from it.
LOOKBACK = timedelta(days=35)
# The ids are one parameter of the statement, and BigQuery takes 10 MB in a request.
MOST = 20_000


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep found and did. `left`: stale runs beyond what one statement takes."""

    at: datetime
    found: tuple[StaleRun, ...]
    closed: int
    left: int
    is_dry: bool
    by_another: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "dry_run": self.is_dry,
            "found": len(self.found),
            "closed": self.closed,
            "left": self.left,
            "swept_by_another": self.by_another,
            "processors": dict(Counter(run.processor for run in self.found).most_common()),
            "runs": [
                {
                    "processor": run.processor,
                    "run_id": run.run_id,
                    "data_date": str(run.data_date),
                    "heartbeat_at": run.heartbeat_at.isoformat() if run.heartbeat_at else None,
                    "silent_s": run.silent_for.total_seconds(),
                }
                for run in self.found[:100]
            ],
        }


def sweep(
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    *,
    now: datetime,
    dry_run: bool = False,
    heartbeat: timedelta = HEARTBEAT,
    most: int = MOST,
) -> Sweep:
    """Give every stale run the end that it did not give itself: failed, as timeout.

    Ends are appended; nothing is updated. What a run recorded (its errors, its last heartbeat)
    stands in its end as well. A second sweep finds the ends and does nothing; of two at once one
    has the work.

    Args:
        dry_run: only look.
        most: runs to close at once; the longest silence comes first, the rest next time.

    Raises:
        WarehouseError: nothing was closed.
    """
    frame = warehouse.query("open_runs", start=now - LOOKBACK, end=now, as_of=now)
    stale = stale_runs(frame, registry, now=now, heartbeat=heartbeat)
    found, left = stale[:most], max(0, len(stale) - most)
    if dry_run or not found:
        return Sweep(at=now, found=found, closed=0, left=left, is_dry=dry_run)
    if not claim(warehouse, _key(found, now), now=now):
        return Sweep(at=now, found=found, closed=0, left=left, is_dry=False, by_another=True)
    closed = warehouse.execute(
        "sweep_stale_runs",
        run_ids="\n".join(run.run_id for run in found),
        first_date=min(run.data_date for run in found),
        last_date=max(run.data_date for run in found),
        now=now,
    )
    done = Sweep(at=now, found=found, closed=closed, left=left, is_dry=False)
    warehouse.append(AUDIT, _audit_row(done))
    return done


def _key(found: tuple[StaleRun, ...], now: datetime) -> str:
    """The same for sweeps of the same runs at the same time. A quarter of an hour later it is
    another one: should this sweep die between claim and statement, the next one does its work."""
    ids = hashlib.sha256("\n".join(sorted(run.run_id for run in found)).encode()).hexdigest()
    return f"sweep {now:%Y-%m-%dT%H}:{now.minute // 15 * 15:02} {ids}"


def _audit_row(done: Sweep) -> Any:
    import pandas as pd

    told = done.to_json()
    return pd.DataFrame(
        {
            "swept_at": [pd.Timestamp(done.at)],
            "found": [len(done.found)],
            "closed": [done.closed],
            "left_for_later": [done.left],
            "first_data_date": [min(run.data_date for run in done.found)],
            "last_data_date": [max(run.data_date for run in done.found)],
            "oldest_started_at": [pd.Timestamp(min(run.started_at for run in done.found))],
            "processors": [json.dumps(told["processors"])],
            "run_ids": [json.dumps([run.run_id for run in done.found])],
        }
    )
