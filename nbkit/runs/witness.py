"""Waits for a process to go away without a word, and then leaves its run's end in the spool.

Run as a script by `record`, with the standard library alone: it starts in milliseconds and needs
nothing that could be broken. Lines come on stdin: the row to leave behind, as JSON, each replacing
the one before; `done` ends the watch. A stdin that ends without it, or a parent that is gone,
means that nobody else will write the end.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

_LOOK_EVERY_S = 0.5  # a child of the process may hold the pipe open after it is gone
_READ = 1 << 16


def main(target: str, command: list[str]) -> None:
    """Watch the parent process; `target` is the file for the row, `command` what flushes it."""
    parent = os.getppid()
    last = _last_row(parent)
    if last is None:
        return
    row = json.loads(last)
    now = datetime.now(UTC)
    started = datetime.fromisoformat(row["started_at"])
    row["processed_at"] = max(now, started).isoformat()
    row["duration_seconds"] = round(max((now - started).total_seconds(), 0.0), 3)
    aside = f"{target}.{os.getpid()}"
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    with open(aside, "w", encoding="utf-8") as file:  # noqa: PTH123  # before pathlib is warm
        file.write(json.dumps(row))
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, target)  # noqa: PTH104
    if command:
        os.execv(command[0], command)


def _last_row(parent: int) -> str | None:
    """The last row that was said, once the parent is gone; None when it said that it is done."""
    said = b""
    while True:
        ready, _, _ = select.select([0], [], [], _LOOK_EVERY_S)
        chunk = os.read(0, _READ) if ready else b""
        said += chunk
        whole = said.split(b"\n")[:-1]
        if b"done" in whole:
            return None
        if (ready and not chunk) or (not ready and os.getppid() != parent):
            # What it had said is in the pipe until it is read.
            time.sleep(0)
            return whole[-1].decode() if whole else None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
