"""What is known of a world, because it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Window:
    """From the first failure of the storm to its last (but for a hundredth, the tail); UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class WhatIf:
    """Failures in the windows with a fix deployed, and the share of today's that it saves."""

    failures: int
    reduction: float


@dataclass(frozen=True)
class Truth:
    """Counts are of rows that ended in the windows.

    Attributes:
        cause: the contract's word; "" in a world where nothing is wrong.
        others: further causes that are really there.
        shares: the part of the storm's failures that each cause is to blame for.
        windows: one for each time the storm blew, oldest first; none in a benign world.
        apart: windows of a further storm that has its own times, by its cause; `windows` and all
            counts are then those of `cause` alone.
        failures: failed runs in the windows, ordinary ones included.
        storm_failures: of these, the storm's.
        processors: the storm's failures by processor.
        attempts, messages: the storm's runs in the windows, and the distinct pieces of work.
    """

    cause: str
    others: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)
    weekly: bool = False
    windows: tuple[Window, ...] = ()
    apart: dict[str, tuple[Window, ...]] = field(default_factory=dict)
    failures: int = 0
    storm_failures: int = 0
    processors: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    messages: int = 0
    settings: dict[str, float | str] = field(default_factory=dict)

    @property
    def benign(self) -> bool:
        return not self.cause
