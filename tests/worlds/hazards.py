"""What a run can fail on. Each is asked at the start of an attempt and may decide its fate.

A hazard answers None (not my business) or `(fault, seconds)`: the family of the error message
(`worlds.said`; "" is success) and how long the run lasts. `dice` are three uniform numbers that
belong to this work and attempt, so that a world with a fix meets the same luck (common random
numbers).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from worlds.work import Work

Fate = tuple[str, float]
Dice = tuple[float, float, float]
PURGED = "purged"


class Hazard(Protocol):
    def reset(self) -> None: ...
    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None: ...


@dataclass
class Chance:
    """Bad luck that depends on nothing."""

    share: float
    faults: Sequence[str]
    quick_s: float = 5.0

    def reset(self) -> None:
        pass

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        if dice[0] >= self.share:
            return None
        return self.faults[int(dice[1] * len(self.faults))], self.quick_s * (0.3 + 1.4 * dice[2])


@dataclass
class Outage:
    """Something that everybody calls is away in some spans of time."""

    spans: Sequence[tuple[float, float]]
    fault: str
    lasts_s: tuple[float, float]
    share: float = 1.0

    def reset(self) -> None:
        pass

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        if dice[0] >= self.share or not any(begin <= now < end for begin, end in self.spans):
            return None
        low, high = self.lasts_s
        return self.fault, low + (high - low) * dice[1]


@dataclass
class Malformed:
    """The message can never succeed."""

    fault: str
    lasts_s: tuple[float, float]

    def reset(self) -> None:
        pass

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        low, high = self.lasts_s
        return self.fault, low + (high - low) * dice[1]


@dataclass
class Purge:
    """From this moment on deliveries are acknowledged unread: no run, and the message is gone."""

    at: float

    def reset(self) -> None:
        pass

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        return (PURGED, 0.0) if now >= self.at else None


@dataclass
class InputMissing:
    """A run that starts before its input exists finds nothing."""

    fault: str
    lasts_s: tuple[float, float]

    def reset(self) -> None:
        pass

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        if now >= work.ready_at:
            return None
        low, high = self.lasts_s
        return self.fault, low + (high - low) * dice[1]


@dataclass
class UpstreamDown:
    """The work's upstream failed, and it says so."""

    lasts_s: tuple[float, float]
    fault: str = "upstream"

    def reset(self) -> None:
        pass

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        if work.outage is None or not work.outage[0] <= now < work.outage[1]:
            return None
        low, high = self.lasts_s
        return self.fault, low + (high - low) * dice[1]


@dataclass
class Quota:
    """An outside service grants so many calls a period and refuses the rest.

    The periods are those of the clock (a fixed window), or the last so many seconds (sliding).
    """

    limit: int
    fault: str = "quota"
    period_s: float = 60.0
    sliding: bool = False
    quick_s: float = 2.0
    _granted: list[float] = field(default_factory=list)
    _period: int = -1

    def reset(self) -> None:
        self._granted = []
        self._period = -1

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        if self.sliding:
            while self._granted and self._granted[0] <= now - self.period_s:
                heapq.heappop(self._granted)
        elif int(now // self.period_s) != self._period:
            self._period = int(now // self.period_s)
            self._granted = []
        if len(self._granted) >= self.limit:
            return self.fault, self.quick_s * (0.3 + 1.4 * dice[1])
        heapq.heappush(self._granted, now)
        return None


@dataclass
class Shared:
    """A resource with a capacity: instances, connections, slots, a lock.

    Attributes:
        capacity: runs at one time that it serves well.
        rejects: True: who comes when it is full is turned away at once. False: everybody is let in,
            all are slow, and the more the load, the likelier a run fails, late.
        timeout_s: the longest that a starved run lasts.
        steep: how the chance to fail grows with the load: 1 - load ** -steep.
    """

    capacity: int
    rejects: bool
    timeout_s: float
    fault: str = "starved"
    steep: float = 1.0
    _ends: list[float] = field(default_factory=list)

    def reset(self) -> None:
        self._ends = []

    def meet(self, work: Work, now: float, dice: Dice) -> Fate | None:
        ends = self._ends
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        load = (len(ends) + 1) / self.capacity
        fate: Fate
        if load <= 1:
            fate = "", work.duration
        elif self.rejects:
            return self.fault, 0.5 + 6 * dice[1]
        elif dice[0] < 1 - load**-self.steep:
            fate = self.fault, self.timeout_s * (0.4 + 0.6 * dice[1])
        else:
            fate = "", min(work.duration * min(load, 4), self.timeout_s)
        heapq.heappush(ends, now + fate[1])
        return fate
