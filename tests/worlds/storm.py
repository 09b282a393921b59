"""What every cause's builder gives, and the draws that several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from worlds.scene import Scene
from worlds.work import Work


@dataclass
class Storm:
    """A cause at work.

    Attributes:
        cause: the contract's word.
        others: causes that are really there too.
        works: what it starts, ordinary successes of the same work included.
        spans: where the causes have times of their own, those times by cause.
        settings: what was drawn, for whoever asks why a world came out as it did.
    """

    cause: str
    works: list[Work]
    others: tuple[str, ...] = ()
    spans: dict[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    settings: dict[str, float | str] = field(default_factory=dict)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def wanted(rng: np.random.Generator, most: float = 30_000) -> float:
    """How many failures the storm should have in all, roughly."""
    return log_uniform(rng, 260, most)


class Messages:
    """Message ids of one world, as Pub/Sub numbers them: long, and in no telling order."""

    def __init__(self, scene: Scene) -> None:
        self._rng = scene.rng(31)
        self._base = int(self._rng.integers(10**15, 9 * 10**15))
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return str(self._base + self._count * 7_919_317 % 10**15)


def cast(rng: np.random.Generator, scene: Scene, low: int, high: int) -> list[str]:
    """Who of the scene takes part."""
    count = min(int(log_uniform(rng, low, high + 1)), len(scene.processors))
    return [str(name) for name in rng.choice(scene.processors, size=count, replace=False)]


def runtime(rng: np.random.Generator, low: float = 8, high: float = 240) -> float:
    return log_uniform(rng, low, high)
