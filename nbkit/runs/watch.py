"""Time limits that hold: a thread of its own ends what is over one of its limits.

It does not wait for the next event of the work to look at the clock: work that hangs has none.
Deadlines count on the monotonic clock, so a wall clock that is set forwards or backwards moves
none. On Linux that clock stands still while the machine is suspended (CLOCK_MONOTONIC, not
CLOCK_BOOTTIME): work that slept with its machine has not had its time, and is not ended for it as
the machine wakes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from nbkit.runs import backstop

# The longest time that `interrupt` and `kill` may take to write down what they saw.
CALL_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How long something may go on.

    Attributes:
        counting: it counts from the start of the watch; else from its first `restart`.
        forgiving: a restart after the first call to end lets the work go on: what was too long
            ended by itself at that moment.
    """

    name: str
    length: timedelta
    counting: bool = True
    forgiving: bool = False


class Watch:
    """Watches limits. When the first is met: `interrupt(name)`, then after `grace` `kill(name)`.

    Both are called in the watch's thread. `expired` is the name of the limit that was met.

    Args:
        sure: end the whole process when even the thread of the watch cannot run, because native
            code holds the interpreter's lock (see `backstop`).
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        grace: timedelta,
        interrupt: Callable[[str], None],
        kill: Callable[[str], None],
        name: str = "nbkit-watch",
        sure: bool = False,
    ) -> None:
        self.expired = ""
        self._limits = {limit.name: limit for limit in limits}
        self._grace = grace.total_seconds()
        self._interrupt, self._kill = interrupt, kill
        self._sure = sure
        self._change = threading.Condition()
        self._stopped = False
        self._restarts = dict.fromkeys(self._limits, 0)
        now = time.monotonic()
        self._until = {
            limit.name: now + limit.length.total_seconds() for limit in limits if limit.counting
        }
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The work has ended; no more calls from here on (one that is under way is waited for)."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def restart(self, name: str) -> None:
        """The limit counts from here. Cheap: the thread looks when the old deadline comes."""
        with self._change:
            self._restarts[name] += 1
            new = name not in self._until
            self._until[name] = time.monotonic() + self._limits[name].length.total_seconds()
            if new or self.expired:
                self._change.notify_all()

    def end_now(self, name: str) -> None:
        """End the work as if a limit of that name had been met. Safe in a signal handler, which
        may come while this thread itself holds the lock: the condition's lock is re-entrant."""
        with self._change:
            self._until = {name: time.monotonic()}
            self._change.notify_all()

    def _watch(self) -> None:
        try:
            with self._change:
                while not self._stopped:
                    name, until = min(
                        self._until.items(), key=lambda item: item[1], default=("", None)
                    )
                    left = None if until is None else until - time.monotonic()
                    if left is None or left > 0:
                        self._arm(left)
                        self._change.wait(left)
                    elif not self._end(name):
                        return
        finally:
            backstop.disarm(self)

    def _arm(self, left: float | None) -> None:
        if self._sure and left is not None:
            backstop.arm(self, left + self._grace)

    def _end(self, name: str) -> bool:
        """True when the watch goes on: what was too long ended just as its time was up."""
        self.expired = name
        restarts = self._restarts.get(name)
        limit = self._limits.get(name)
        self._arm(CALL_S)
        self._unlocked(self._interrupt, name)

        def let_go() -> bool:
            forgiving = limit is not None and limit.forgiving
            return forgiving and self._restarts.get(name) != restarts

        self._arm(self._grace)
        if not self._change.wait_for(lambda: self._stopped or let_go(), self._grace):
            self._arm(CALL_S)
            self._unlocked(self._kill, name)
            return False
        if not let_go():
            return False
        self.expired = ""
        return True

    def _unlocked(self, call: Callable[[str], None], name: str) -> None:
        """Call without the lock: the work may restart a limit or stop the watch meanwhile."""
        self._change.release()
        try:
            call(name)
        finally:
            self._change.acquire()
