"""The lines that runs leave in the log, for metrics and alerts made from logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any, TextIO

from nbkit.failures import EXPECTED
from nbkit.runs.rows import Row

# For a program that sends its log somewhere. Without a handler of its own, Python would print the
# line of a failed run on stderr.
_finished = logging.getLogger("nbkit.runs.finished")
_held_back = logging.getLogger("nbkit.runs.held_back")
for _logger in (_finished, _held_back):
    _logger.addHandler(logging.NullHandler())
_COLUMNS = (
    "processor_name",
    "run_id",
    "phase",
    "status",
    "failure_category",
    "data_date",
    "duration_seconds",
    "records_processed",
    "killed_by_timeout",
    "retry_attempt",
    "trigger_message_id",
)
_EXPECTED = frozenset(category.value for category in EXPECTED)
_GOOD = _EXPECTED | {"success"}


def finished_run_line(row: Row) -> dict[str, Any]:
    """A finished run as Cloud Logging reads it: `severity` ERROR for a real failure alone, so that
    no alert made from it can fire on a run that had nothing to do."""
    category = row.get("failure_category")
    real = row.get("status") != "success" and category not in _GOOD
    told = f"{row['processor_name']} {row['status']}"
    return {
        "severity": "ERROR" if real else "INFO",
        "message": told if category in (None, "success") else f"{told}: {category}",
        "event": "run_finished",
        "is_real_failure": real,
        "is_expected": category in _EXPECTED,
        **{name: row[name] for name in _COLUMNS if row.get(name) is not None},
    }


def log_finished(row: Row) -> None:
    """Leave the line, as JSON, in the log `nbkit.runs.finished`."""
    line = finished_run_line(row)
    level = logging.ERROR if line["is_real_failure"] else logging.INFO
    _finished.log(level, json.dumps(line, default=str))


def held_back_line(processor: str, *, until: datetime | None, reason: str) -> dict[str, Any]:
    """A run that may not start, because the breaker of its processor is open."""
    return {
        "severity": "WARNING",
        "message": f"{processor} is held back: {reason}",
        "event": "breaker_open",
        "processor_name": processor,
        "until": until,
        "reason": reason,
    }


def log_held_back(processor: str, *, until: datetime | None, reason: str) -> None:
    """Leave the line, as JSON, in the log `nbkit.runs.held_back`."""
    line = held_back_line(processor, until=until, reason=reason)
    _held_back.warning(json.dumps(line, default=str))


def write_lines_to(stream: TextIO) -> None:
    """Write the lines to `stream` from now on: on Cloud Run `sys.stdout`, which Cloud Logging reads
    as `jsonPayload`. Call it once, at the start of the program."""
    for logger in (_finished, _held_back):
        logger.handlers[:] = [logging.StreamHandler(stream)]
        logger.setLevel(logging.INFO)
        # A handler of the whole program would write them again, behind a date and a level.
        logger.propagate = False
