"""Ends the process when no Python code can run in it any more.

A native loop that holds the interpreter's lock (a regular expression that backtracks for hours,
`sum(range(10**11))`, a careless extension) stops every Python thread, those that watch time limits
too. faulthandler's timer is a C thread that needs no lock: it writes the stack of every thread to
stderr and ends the process. Each watching thread sets it again before it sleeps, so it goes off
only when a watching thread did not wake in time.

There is one such timer in a process: code that calls `faulthandler.dump_traceback_later` itself
takes it away.
"""

from __future__ import annotations

import faulthandler
import threading
import time

# How late a thread may wake on a busy machine before something is taken to hold the lock.
SLACK_S = 5.0
_STDERR = 2
_due: dict[object, float] = {}
_lock = threading.Lock()


def arm(owner: object, seconds: float) -> None:
    """End the process in `seconds` and some slack, unless `owner` arms again or disarms before."""
    with _lock:
        _due[owner] = time.monotonic() + seconds + SLACK_S
        _set()


def disarm(owner: object) -> None:
    """The owner no longer asks for it."""
    with _lock:
        if _due.pop(owner, None) is not None:
            _set()


def _set() -> None:
    if _due:
        left = max(min(_due.values()) - time.monotonic(), 0.001)
        faulthandler.dump_traceback_later(left, exit=True, file=_STDERR)
    else:
        faulthandler.cancel_dump_traceback_later()
