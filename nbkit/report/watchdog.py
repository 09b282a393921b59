"""Time limits that hold: a cell or a run over its limit is interrupted, then killed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

# Which limit was met; "stop" when somebody asked for the end.
Expired = Literal["", "cell", "run", "stop"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long one cell and the whole run may take, and how long an interrupted cell may clean up
    before its kernel is killed."""

    cell: timedelta = timedelta(minutes=15)
    run: timedelta = timedelta(hours=1)
    grace: timedelta = timedelta(seconds=3)


class Watchdog:
    """Watches one run from a thread of its own.

    A limit is met with SIGINT first: the cell's traceback then shows where it hung. Code that
    does not answer within the grace is killed. `expired` says which limit was met.
    """

    def __init__(self, limits: Limits, *, send: Callable[[int], None]) -> None:
        self.expired: Expired = ""
        self._limits = limits
        self._send = send
        self._change = threading.Condition()
        self._stopped = False
        self._stop_asked = False
        self._cells = 0
        self._cell_since: float | None = None
        self._run_until = time.monotonic() + limits.run.total_seconds()
        self._thread = threading.Thread(target=self._watch, name="nbkit-watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._thread.join()

    def cell_started(self) -> None:
        """The limit of a cell counts from here."""
        with self._change:
            self._cells += 1
            self._cell_since = time.monotonic()
            self._change.notify_all()

    def stop_now(self) -> None:
        """End the run as if its time were up. Safe to call from a signal handler."""
        with self._change:
            self._stop_asked = True
            self._run_until = time.monotonic()
            self._change.notify_all()

    def _watch(self) -> None:
        with self._change:
            while not self._stopped:
                kind, deadline = self._next_deadline()
                left = deadline - time.monotonic()
                if left > 0:
                    self._change.wait(left)
                elif not self._end(kind):
                    return

    def _next_deadline(self) -> tuple[Expired, float]:
        if self._cell_since is not None:
            cell_until = self._cell_since + self._limits.cell.total_seconds()
            if cell_until < self._run_until:
                return "cell", cell_until
        return "stop" if self._stop_asked else "run", self._run_until

    def _end(self, kind: Expired) -> bool:
        """True when the watch goes on: the cell ended by itself just as its time was up."""
        self.expired = kind
        cell = self._cells
        self._send(signal.SIGINT)

        def cell_ended() -> bool:
            return kind == "cell" and self._cells != cell

        settled = self._change.wait_for(
            lambda: self._stopped or cell_ended(), self._limits.grace.total_seconds()
        )
        if not settled:
            self._send(signal.SIGKILL)
            return False
        if not cell_ended():
            return False
        self.expired = ""
        return True
