"""Frames as the queries of an incident give them, classified, for planting things in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from nbkit.analysis.incident.messages import with_templates
from nbkit.failures import classify_counts

START = datetime(2026, 1, 12, 4, tzinfo=UTC)
END = START + timedelta(hours=2)
DAY = date(2026, 1, 11)


def at(minutes: float) -> datetime:
    """That long after the window's start."""
    return START + timedelta(minutes=minutes)


def errors(message: str | None) -> str | None:
    return None if message is None else json.dumps([message])


@dataclass
class Planted:
    """The rows of a window and of the 30 days before it."""

    window: list[dict[str, Any]] = field(default_factory=list)
    baseline: list[dict[str, Any]] = field(default_factory=list)

    def ended(
        self,
        name: str,
        minutes: Iterable[float],
        *,
        status: str = "failed",
        message: str | None = "boom",
        missing: str | None = None,
        runs: int = 1,
        took: float = 0.5,
    ) -> None:
        """Runs that ended so many minutes after the start, in slots of a minute."""
        for minute in minutes:
            ended = at(minute)
            self.window.append(
                {
                    "processor_name": name,
                    "phase": None,
                    "slot": ended.replace(second=0, microsecond=0),
                    "status": status,
                    "failure_category": None,
                    "skip_reason": None,
                    "error_signature": errors(message) if status == "failed" else None,
                    "error_example": errors(message) if status == "failed" else None,
                    "missing_text": missing,
                    "example_run_id": f"{name}-{minute}",
                    "runs": runs,
                    "first_started_at": ended - timedelta(minutes=took),
                    "last_started_at": ended - timedelta(minutes=took),
                    "first_ended_at": ended,
                    "last_ended_at": ended,
                    "first_data_date": DAY,
                    "last_data_date": DAY,
                }
            )

    def before(
        self,
        name: str,
        *,
        hours: Iterable[float],
        runs: int = 1,
        status: str = "failed",
        message: str | None = "boom",
    ) -> None:
        """Runs that ended in the hour that began so many hours before the start."""
        for hour in hours:
            self.baseline.append(
                {
                    "processor_name": name,
                    "phase": None,
                    "hour": START - timedelta(hours=hour),
                    "status": status,
                    "failure_category": None,
                    "skip_reason": None,
                    "error_signature": errors(message) if status == "failed" else None,
                    "error_example": errors(message) if status == "failed" else None,
                    "runs": runs,
                }
            )

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Window and baseline, classified and with templates."""
        window = _frame(self.window, ["slot", "first_started_at", "last_started_at"])
        for column in ("first_ended_at", "last_ended_at"):
            window[column] = pd.to_datetime(window[column], utc=True)
        baseline = _frame(self.baseline, ["hour"])
        return with_templates(classify_counts(window), classify_counts(baseline))


def _frame(rows: list[dict[str, Any]], moments: list[str]) -> pd.DataFrame:
    columns = {
        *("processor_name", "phase", "status", "failure_category", "skip_reason", "runs"),
        *("error_signature", "error_example", "missing_text", "example_run_id", *moments),
        *("first_ended_at", "last_ended_at", "first_data_date", "last_data_date"),
    }
    frame = pd.DataFrame(rows, columns=sorted(columns))
    for column in moments:
        frame[column] = pd.to_datetime(frame[column], utc=True)
    for column in ("error_signature", "error_example", "missing_text", "processor_name", "status"):
        frame[column] = frame[column].astype("str")
    return frame.astype({"runs": "int64"})
