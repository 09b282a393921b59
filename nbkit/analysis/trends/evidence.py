"""How much likelier are the days since an onset if something has changed than if nothing has?

Likelihood ratios of a mixture of changes against none (Robbins 1970), with the noise that the days
before show, and each day seen beside the one before it as far as days resemble each other.
"""

from __future__ import annotations

import numpy as np

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.day_noise import FURTHEST, DayNoise
from nbkit.analysis.trends.onset_scan import Usual, Windows

_REACH = 3.0  # standard deviations of one day, at most, that the next one is expected to keep
# How the prior of an onset falls with its age: the older, the more a small error of the level
# before adds up to. Without it, clean histories reach a fifth more evidence (measured).
_PRICE = 1.0
_DRIFTS = 0.15  # how much rarer than steps drifts are, a priori


class Evidence:
    """Of one metric: rows of a table are onsets, columns the rows since each."""

    def __init__(
        self,
        normal: Usual,
        seen: Windows,
        noise: Floats,
        days: DayNoise,
        *,
        most: float,
        direction: int = 1,
    ) -> None:
        """
        Args:
            normal: what is usual before each onset.
            noise: standard deviation of each row, relative to that of the others.
            most: the largest step that is looked for; days further out count as if they were there.
            direction: 1 where more is worse, else -1.
        """
        size = seen.size[:, None]
        self._seen, self._days = seen, days
        # Level and scale before are estimates: Student's t is that much wider than the normal.
        wider = np.sqrt((size + 1) * (size - 1) / (size * (size - 3.0)))
        self._unit = wider * normal.scale[:, None] * noise[seen.since]
        furthest = np.minimum(most / self._unit, FURTHEST)
        self._off = np.clip(direction * normal.since / wider, -FURTHEST, furthest)
        self._last = np.clip(direction * normal.before[:, 0], -_REACH, _REACH)
        # Shrunk to nothing as far as chance explains it.
        memory = normal.memory[:, None]
        self._memory = memory**3 / (memory**2 + 1 / size)
        self._own = np.sqrt(1 - self._memory**2)
        self._null = self._log_density(self._off[None])[0]

    def of_steps(self, steps: Floats) -> Floats:
        """Of steps for the worse (differences of logarithms)."""
        moved = steps[:, None, None] / self._unit
        return self._moved(moved, np.full(steps.size, 1 / steps.size))

    def of_steps_and_drifts(self, steps: Floats, drifts: Floats, since: Floats) -> Floats:
        """Of steps (differences of logarithms) and drifts (the same a day) for the worse.

        Args:
            since: days since the onset, as a table; 1 is the first.
        """
        moved = np.concatenate(
            [steps[:, None, None] / self._unit, drifts[:, None, None] * (since / self._unit)]
        )
        weight = np.repeat(
            [(1 - _DRIFTS) / steps.size, _DRIFTS / drifts.size], [steps.size, drifts.size]
        )
        return self._moved(moved, weight)

    def _moved(self, by: Floats, weight: Floats) -> Floats:
        off = self._off - np.minimum(by, FURTHEST)
        return self._mixed(self._log_density(off), weight)

    def of_scatter(self, factors: Floats) -> Floats:
        """Of a standard deviation so many times larger."""
        off = self._off / factors[:, None, None]
        told = self._log_density(off) - np.log(factors)[:, None, None]
        return self._mixed(told, np.full(factors.size, 1 / factors.size))

    def _mixed(self, told: Floats, weight: Floats) -> Floats:
        told -= self._null
        told[:, ~self._seen.since_known] = 0.0
        rows = np.arange(1, told.shape[2] + 1)
        # What is usual is an estimate: so much of the information is left when two samples are
        # compared, one of them the days before.
        size = self._seen.size[:, None]
        ratios = np.cumsum(told, axis=2, out=told)
        ratios *= size / (size + rows)
        most = ratios.max(axis=0)
        price = _PRICE * np.log(np.maximum(rows, 2) / 2)
        return np.asarray(
            most - price + np.log(np.tensordot(weight, np.exp(ratios - most), axes=1))
        )

    def _log_density(self, off: Floats) -> Floats:
        """Of deviations by change, onset and row, but for a constant."""
        before = np.empty_like(off)
        before[:, :, 0] = self._last
        np.clip(off[:, :, :-1], -_REACH, _REACH, out=before[:, :, 1:])
        before *= self._memory
        np.subtract(off, before, out=before)
        before /= self._own
        return self._days.log_density(before)
