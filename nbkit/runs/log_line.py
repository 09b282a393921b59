"""The line that a finished run leaves in the log, for metrics and alerts made from logs."""

from __future__ import annotations

import json
import logging
from typing import Any

from nbkit.failures import EXPECTED
from nbkit.runs.rows import Row

# For a program that sends its log somewhere. Without a handler of its own, Python would print the
# line of a failed run on stderr.
_finished = logging.getLogger("nbkit.runs.finished")
_finished.addHandler(logging.NullHandler())
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
_GOOD = frozenset({"success", *(category.value for category in EXPECTED)})


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
        **{name: row[name] for name in _COLUMNS if row.get(name) is not None},
    }


def log_finished(row: Row) -> None:
    """Leave the line, as JSON, in the log `nbkit.runs.finished`."""
    line = finished_run_line(row)
    level = logging.ERROR if line["is_real_failure"] else logging.INFO
    _finished.log(level, json.dumps(line, default=str))
