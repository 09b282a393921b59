"""What was asked of the platform around a window, and what came of it: runs as arrays of numbers.

Everything that a replay needs and nothing else. Times are seconds since the start of the window
that a run lies around, so that several weeks can be laid over one another; to be exact, since the
full minute before it, for quotas go by the minutes of the clock.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# How far around a window runs are looked at: a redelivery may come an hour late, and the input of
# a run that started too early is seen to arrive only after it.
LEAD_S, TAIL_S = 3 * 3_600.0, 2 * 3_600.0
_ALIGNED = 0.45  # length of the mean vector of the seconds within a minute (Rayleigh's R)
_NEAR_MARK_S = 20.0
_EDGE_S, _APART_S = 60.0, 900.0  # a storm does not begin and end on the second


@dataclass(frozen=True, kw_only=True, eq=False)
class Workload:
    """Runs around the windows, one entry a run, by window and start.

    Attributes:
        begin_s, end_of_s: by window, from when to when it lasts; it begins within the first minute.
        window, processor, item, message, attempt: whole numbers from 0. A processor's work for
            different callers counts as that of different processors. An item is a processor and a
            date; `message` is unique over all windows; `attempt` counts deliveries of it.
        start_s, end_s: since the start of the window; negative before it. An end that is not known
            is infinite.
        failed: what the report counts as a failure.
        waits: a failure that says that its input was not there.
        told: a failure that says anything about its kind.
        quota: a failure that names a quota or a rate limit.
        swept: the row was closed by a clean-up job; its end is the sweep's.
        named: its message is known, by an id or by a counted attempt.
        timed: a scheduler started it, as the run says; False where it does not say.
        known_s: by window, when the history ends.
        lead_s, tail_s: how far before and after a window runs are looked at.
    """

    begin_s: Floats
    end_of_s: Floats
    window: Ints
    processor: Ints
    item: Ints
    message: Ints
    attempt: Ints
    start_s: Floats
    end_s: Floats
    failed: Bools
    waits: Bools
    told: Bools
    quota: Bools
    swept: Bools
    named: Bools
    timed: Bools
    known_s: Floats
    lead_s: float = LEAD_S
    tail_s: float = TAIL_S

    @property
    def runs(self) -> int:
        return int(self.window.size)

    @property
    def processors(self) -> int:
        return int(self.processor.max()) + 1 if self.runs else 0

    @property
    def windows(self) -> int:
        return int(self.end_of_s.size)

    def inside(self, moment_s: Floats, window: Ints) -> Bools:
        """Which moments lie in their window."""
        return (moment_s >= self.begin_s[window]) & (moment_s < self.end_of_s[window])

    @property
    def within(self) -> Bools:
        """Runs that ended in their window."""
        return self.inside(self.end_s, self.window)

    @property
    def during(self) -> Bools:
        """Runs that started in their window, or hardly before it."""
        return self.inside(self.start_s + _EDGE_S, self.window) | self.inside(
            self.start_s, self.window
        )

    @property
    def around(self) -> Bools:
        """Runs that started well before or well after their window."""
        after = self.start_s - self.end_of_s[self.window]
        return (self.start_s < -_APART_S) | (after > _APART_S)

    def failures_by_window(self) -> Ints:
        return np.bincount(self.window[self.failed & self.within], minlength=self.windows)

    def chosen(self, keep: Bools) -> Workload:
        """The same with some of the runs."""
        per_run = (each.name for each in fields(self) if each.name not in _PER_WINDOW)
        return replace(self, **{name: getattr(self, name)[keep] for name in per_run})


_PER_WINDOW = ("begin_s", "end_of_s", "known_s", "lead_s", "tail_s")


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What the world asked for: one entry a message and window, whatever came of it.

    Attributes:
        start_s: its first start around the window; `attempt` the number of that delivery.
        scheduled: it began on a mark of a schedule.
        deliveries: how many were seen.
        last_s: the start of the last one.
        succeeded: any delivery did.
        first: the run with which it began, as a position in the workload.
    """

    window: Ints
    processor: Ints
    item: Ints
    attempt: Ints
    start_s: Floats
    scheduled: Bools
    deliveries: Ints
    last_s: Floats
    succeeded: Bools
    first: Ints


def messages_of(workload: Workload) -> tuple[Asked, Ints]:
    """The messages behind the runs that no sweep closed, and for each run its message (-1)."""
    alive = np.flatnonzero(~workload.swept)
    keys = workload.message[alive] * workload.windows + workload.window[alive]
    _, first, of = np.unique(keys, return_index=True, return_inverse=True)
    size = first.size
    first = alive[first]  # runs are in the order of their start, so the first row is the first run
    last = np.full(size, -np.inf)
    np.maximum.at(last, of, workload.start_s[alive])
    good = np.bincount(of, weights=~workload.failed[alive], minlength=size) > 0
    message_of = np.full(workload.runs, -1, dtype=np.int64)
    message_of[alive] = of
    attempt = workload.attempt[first]
    scheduled = _on_marks(workload.start_s[first], workload.processor[first], attempt == 0)
    asked = Asked(
        window=workload.window[first],
        processor=workload.processor[first],
        item=workload.item[first],
        attempt=attempt,
        start_s=workload.start_s[first],
        scheduled=(scheduled | workload.timed[first]) & (attempt == 0),
        deliveries=np.bincount(of, minlength=size),
        last_s=last,
        succeeded=good,
        first=first,
    )
    return asked, message_of


def _on_marks(start_s: Floats, processor: Ints, is_first: Bools) -> Bools:
    """Which starts lie on a mark of a schedule: just after a full minute, as those of their
    processor (or of all) mostly do. Starts at random fill the minute evenly (Rayleigh's test)."""
    angle = 2 * np.pi * np.mod(start_s, 60.0) / 60.0
    turn = np.where(is_first, np.exp(1j * angle), 0)
    count = max(int(is_first.sum()), 1)
    n = np.bincount(processor, weights=is_first)
    by_processor = np.bincount(processor, weights=turn.real) + 1j * np.bincount(
        processor, weights=turn.imag
    )
    # A processor with few starts is judged by what all of them do.
    pulled = (by_processor + 10 * turn.sum() / count) / (n + 10)
    aligned = np.abs(pulled) >= _ALIGNED
    mark_s = np.angle(pulled) / (2 * np.pi) * 60.0
    away = np.abs(np.mod(start_s - mark_s[processor] + 30.0, 60.0) - 30.0)
    return np.asarray(aligned[processor] & (away <= _NEAR_MARK_S))
