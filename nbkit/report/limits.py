"""How long a run of a notebook may take, and its kernel's end when it takes longer."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from nbkit.runs.watch import Limit, Watch


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long one cell and the whole run may take, and how long an interrupted cell may clean up
    before its kernel is killed."""

    cell: timedelta = timedelta(minutes=15)
    run: timedelta = timedelta(hours=1)
    grace: timedelta = timedelta(seconds=3)

    def watch(self, *, send: Callable[[int], None]) -> Watch:
        """Watches one run, with the limits "cell", which counts from each `restart("cell")`, and
        "run"; "stop" may be asked for.

        SIGINT comes first: the cell's traceback then shows where it hung. Code that does not answer
        within the grace is killed. A cell that ended just as its time was up is let go.
        """
        cell = Limit(name="cell", length=self.cell, counting=False, forgiving=True)
        return Watch(
            [cell, Limit(name="run", length=self.run)],
            grace=self.grace,
            interrupt=lambda _: send(signal.SIGINT),
            kill=lambda _: send(signal.SIGKILL),
        )
