"""How far the work of a processor for a date is, from the run history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nbkit.failures import FailureCategory, classify_history
from nbkit.warehouse.protocol import Warehouse


@dataclass(frozen=True, kw_only=True)
class Work:
    """One processor and one data_date. What never happened is None.

    Attributes:
        succeeded_at: the end of its last success.
        running_since: the start of its newest run without an end; `open_run_id` names one of them.
        ended_at, run_id, status, category, errors: of the run that ended last.
    """

    processor: str
    data_date: date
    succeeded_at: datetime | None = None
    running_since: datetime | None = None
    open_runs: int = 0
    open_run_id: str | None = None
    ended_at: datetime | None = None
    run_id: str | None = None
    status: str | None = None
    skip_reason: str | None = None
    category: FailureCategory | None = None
    errors: str | None = None


def works(
    warehouse: Warehouse,
    *,
    first_date: date,
    last_date: date,
    as_of: datetime,
    processor: str | None = None,
) -> dict[tuple[str, date], Work]:
    """All works of the dates (both included) that had a run by then; by one query."""
    frame = warehouse.query(
        "work_states",
        first_date=first_date,
        last_date=last_date,
        as_of=as_of,
        processor_name=processor,
    )
    if frame.empty:
        return {}
    found = {}
    for row in classify_history(frame).to_dict("records"):
        work = _work({str(key): None if _is_null(value) else value for key, value in row.items()})
        found[work.processor, work.data_date] = work
    return found


def _work(row: dict[str, Any]) -> Work:
    return Work(
        processor=row["processor_name"],
        data_date=row["data_date"],
        succeeded_at=_moment(row["succeeded_at"]),
        running_since=_moment(row["running_since"]),
        open_runs=int(row["open_runs"]),
        open_run_id=row["open_run_id"],
        ended_at=_moment(row["last_ended_at"]),
        run_id=row["last_run_id"],
        status=row["status"],
        skip_reason=row["skip_reason"],
        # Of a work that has only begun, no run has a category yet.
        category=FailureCategory(row["category"]) if row["status"] and row["category"] else None,
        errors=row["errors_text"],
    )


def _is_null(value: Any) -> bool:
    return value is None or bool(value != value) or str(value) in ("NaT", "<NA>")


def _moment(value: Any) -> datetime | None:
    return value.to_pydatetime() if value is not None else None
