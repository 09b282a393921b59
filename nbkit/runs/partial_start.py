"""Start the predictions of a date although phase 4 is late: decided from the history, done once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nbkit.analysis.partial_start import (
    PartialStart,
    Progress,
    StartAction,
    State,
    decide_partial_start,
)
from nbkit.errors import PublishFailed
from nbkit.failures import EXPECTED
from nbkit.registry import ProcessorRegistry
from nbkit.runs.claims import claim
from nbkit.runs.healing import REQUESTED_BY, Publish
from nbkit.runs.work import Work, works

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

COORDINATOR = "PredictionCoordinator"
PHASE = "phase_4_precompute"
TOPIC = "nba-predictions-trigger"
AUDIT = "nba_orchestration.partial_start_audit"
_GAME_ZONE = ZoneInfo("America/New_York")
_LOOKBACK = timedelta(days=2)


def game_date(registry: ProcessorRegistry, *, now: datetime) -> date:
    """The latest date for which phase 4 should be done: its deadlines have passed."""
    today = now.astimezone(_GAME_ZONE).date()
    for days in range(_LOOKBACK.days + 1):
        day = today - timedelta(days=days)
        dues = [registry.processor(name).deadline(day) for name in _inputs(registry)]
        if all(due is not None and due <= now for due in dues):
            return day
    return today - _LOOKBACK


def look(
    warehouse: Warehouse, registry: ProcessorRegistry, *, data_date: date, now: datetime
) -> PartialStart:
    """Whether to start the predictions of a date; one query, nothing is done.

    What the coordinator needs directly is what it cannot do without; the rest of phase 4 above it
    makes predictions better.
    """
    found = works(warehouse, first_date=data_date, last_date=data_date, as_of=now)

    def progress(name: str) -> Progress:
        return _progress(name, registry, found.get((name, data_date)), data_date)

    return decide_partial_start(
        data_date,
        [progress(name) for name in _inputs(registry)],
        progress(COORDINATOR),
        required=registry.get_dependencies(COORDINATOR),
        now=now,
    )


def act(
    found: PartialStart, warehouse: Warehouse, *, now: datetime, publish: Publish
) -> tuple[bool, str]:
    """Start the predictions where that was decided, once for a date however often it is asked.

    Returns:
        Whether this call published the request; else why not ("" where nothing was to be done).

    Raises:
        WarehouseError: it is not known whether it was started before; nothing was.
        PublishFailed: nobody got the request. It is not tried again for this date: look first.
    """
    if found.action is not StartAction.START:
        return False, ""
    if not claim(warehouse, f"partial start {found.data_date}", now=now):
        return False, "it was requested before"
    payload: Mapping[str, Any] = {
        "game_date": str(found.data_date),
        "data_date": str(found.data_date),
        "requested_by": REQUESTED_BY,
        "partial": found.is_partial,
        "missing": list(found.missing),
        "reason": found.reasons[0],
    }
    try:
        published = publish(
            TOPIC,
            dict(payload),
            attributes={"requested_by": REQUESTED_BY, "data_date": str(found.data_date)},
        )
    except PublishFailed:
        _audit(warehouse, found, now=now, published_id="")
        raise
    _audit(warehouse, found, now=now, published_id=published)
    return True, ""


def _audit(warehouse: Warehouse, found: PartialStart, *, now: datetime, published_id: str) -> None:
    import pandas as pd

    row = {
        "decided_at": pd.Timestamp(now),
        "data_date": found.data_date,
        "action": found.action.value,
        "reasons": json.dumps(found.reasons),
        "done": json.dumps(found.done),
        "missing": json.dumps(found.missing),
        "published_id": published_id,
    }
    warehouse.append(AUDIT, pd.DataFrame([row]), key=f"partial start audit {found.data_date}")


def _inputs(registry: ProcessorRegistry) -> list[str]:
    """Phase 4 as far as the predictions need it, directly or not."""
    return [
        name for name in registry.upstream(COORDINATOR) if registry.processor(name).phase == PHASE
    ]


def _progress(
    name: str, registry: ProcessorRegistry, work: Work | None, data_date: date
) -> Progress:
    processor = registry.processor(name)
    state, since = State.NOT_STARTED, None
    if work is not None:
        if work.succeeded_at is not None:
            state, since = State.DONE, work.succeeded_at
        elif work.running_since is not None:
            state, since = State.RUNNING, work.running_since
        elif work.category in EXPECTED:
            state, since = State.NOTHING_TO_DO, work.ended_at
        elif work.ended_at is not None:
            state, since = State.FAILED, work.ended_at
    return Progress(
        processor=name,
        state=state,
        since=since,
        due=processor.deadline(data_date),
        timeout=processor.timeout,
        affected=tuple(registry.downstream(name)),
    )
