"""How sure a share of successes is: few runs say little, and a report should say how little."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Literal

Standing = Literal["met", "not met", "not enough runs"]


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """`successes` of `total`, and the interval in which the true share lies at `confidence`.

    Without runs (`total` 0) the interval is the whole of 0 to 1, and `rate` is None.
    """

    successes: int
    total: int
    low: float
    high: float
    confidence: float

    @property
    def rate(self) -> float | None:
        return self.successes / self.total if self.total else None

    def against(self, target: float) -> Standing:
        """Whether the share reaches `target`: only said where the interval does not hold both."""
        if self.total and self.low >= target:
            return "met"
        if self.total and self.high < target:
            return "not met"
        return "not enough runs"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Later share minus earlier share, with its interval; `is_clear`: it does not hold zero."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        return self.low > 0 or self.high < 0


def proportion(successes: int, total: int, *, confidence: float = 0.95) -> Proportion:
    """A share with its score interval (Wilson 1927), which Brown, Cai & DasGupta (2001) recommend
    for small numbers: it stays within 0 and 1, and none or all of a few runs is not certainty.

    Raises:
        ValueError: not 0 ≤ successes ≤ total, or not 0 < confidence < 1.
    """
    if not 0 <= successes <= total or not 0 < confidence < 1:
        raise ValueError(f"no share: {successes} of {total} at confidence {confidence}")
    if total == 0:
        return Proportion(successes=0, total=0, low=0.0, high=1.0, confidence=confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate, shrink = successes / total, 1 + z * z / total
    middle = (rate + z * z / (2 * total)) / shrink
    half = z / shrink * sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    return Proportion(
        successes=successes,
        total=total,
        # Exact at the ends, where rounding would leave 1e-17 or 0.9999….
        low=0.0 if successes == 0 else max(0.0, middle - half),
        high=1.0 if successes == total else min(1.0, middle + half),
        confidence=confidence,
    )


def difference(before: Proportion, after: Proportion) -> Difference | None:
    """How much the share changed, by the score intervals of both (Newcombe 1998, method 10).

    None where one side has no runs.
    """
    if before.rate is None or after.rate is None:
        return None
    value = after.rate - before.rate
    below = sqrt((after.rate - after.low) ** 2 + (before.high - before.rate) ** 2)
    above = sqrt((after.high - after.rate) ** 2 + (before.rate - before.low) ** 2)
    return Difference(value=value, low=value - below, high=value + above)
