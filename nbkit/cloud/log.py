"""One line of JSON a message, as Cloud Logging reads them: severity, message, fields of ours."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any, Literal

Level = Literal["INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]


def log(
    severity: Level, message: str, *, error: BaseException | None = None, **fields: Any
) -> None:
    """Write a line to stdout, which Cloud Run sends to Cloud Logging.

    Args:
        error: its traceback goes into `stack_trace`, where Error Reporting looks for it.
        fields: what a query of the log would filter by.
    """
    entry: dict[str, Any] = {"severity": severity, "message": message, **fields}
    if error is not None:
        entry["stack_trace"] = "".join(traceback.format_exception(error))
    text = json.dumps(entry, ensure_ascii=False, default=str)
    # One write, so that lines of several threads do not run into one another.
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
