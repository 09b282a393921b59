"""A small history with an outage in its last two hours, for both engines and the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

ROOT, CHILD = "NbacGamebookProcessor", "PlayerGameSummaryProcessor"
END = datetime(2026, 1, 12, 6, tzinfo=UTC)


def small_history(*, with_outage: bool) -> pd.DataFrame:
    """31 days of two processors, every two hours, and an outage of the first in the last two."""
    rows: list[dict[str, Any]] = []

    def run(name: str, started: datetime, message: str | None = None) -> None:
        day = END.date() if started > END - timedelta(hours=2) else END.date() - timedelta(days=1)
        rows.append(
            {
                "processor_name": name,
                "run_id": f"{name}-{len(rows)}",
                "status": "failed" if message else "success",
                "data_date": min(day, started.date()),
                "started_at": started,
                "processed_at": started + timedelta(seconds=30),
                "duration_seconds": 30.0,
                "records_processed": None if message else 100,
                "errors": json.dumps([message]) if message else None,
                "cloud_run_service": "raw",
                "cloud_run_revision": "raw-1",
            }
        )

    start = END - timedelta(days=31)
    for hour in range(0, 31 * 24 - 2, 2):
        for name in (ROOT, CHILD):
            run(name, start + timedelta(hours=hour, minutes=7))
    if not with_outage:
        run(ROOT, END - timedelta(minutes=90))
        run(CHILD, END - timedelta(minutes=80))
    else:
        for minute in range(30):
            run(ROOT, END - timedelta(minutes=110 - 2 * minute), "503 Server Error: Unavailable")
        for minute in range(8):
            message = f"Upstream {ROOT} failed for 2026-01-11"
            run(CHILD, END - timedelta(minutes=80 - 5 * minute), message)
    frame = pd.DataFrame(rows)
    for column in ("started_at", "processed_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame
