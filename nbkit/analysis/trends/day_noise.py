"""How likely is a day so many standard deviations away? Learned from the days before.

Student's t of several degrees and scales are averaged by how well each explains the baseline (Bayes
model averaging: Hoeting et al. 1999), so tails are as heavy as seventy days can tell, and a few
days in a thousand may be lone outliers for the worse whether or not the baseline has any. So no day
says more than its rarity: what one can say is bounded without a limit to choose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.onset_scan import Usual, Windows

_DEGREES = np.array([2.5, 4.0, 8.0, 40.0])
_SCALES = np.array([0.6, 0.75, 0.9, 1.0, 1.15, 1.35])  # of the winsorised standard deviation
_OUTLIERS = 0.01  # of the days; a third or three times as many change little (measured)
_OUTLIER = np.log(np.geomspace(1.8, 6.0, 6))  # how far out, as logarithms of ratios
_ENOUGH = 40  # rows of a baseline, from which tails are learned
_LOW, _HIGH, _STEP = -15.0, 60.0, 0.1  # standard deviations: the table's ends and its step
_GRID = np.linspace(_LOW, _HIGH, round((_HIGH - _LOW) / _STEP) + 1)

FURTHEST = 45.0
"""Standard deviations: days and changes further out count as if they were so far out."""


def _students() -> Floats:
    """Densities of every degree and scale (first axis) over the table's places."""
    degrees, scales = (a.ravel()[:, None] for a in np.meshgrid(_DEGREES, _SCALES, indexing="ij"))
    constant = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - np.log(degrees * np.pi) / 2
    tail = np.log1p((_GRID / scales) ** 2 / degrees) * (degrees + 1) / 2
    return np.asarray(np.exp(constant - tail) / scales)


_DENSITIES = _students()
_LOG_DENSITIES = np.log(_DENSITIES)


@dataclass(frozen=True, kw_only=True)
class DayNoise:
    """The logarithm of the density of a deviation, as a table."""

    table: Floats
    slope: Floats

    def log_density(self, off: Floats) -> Floats:
        """Of deviations in standard deviations; positive ones are for the worse."""
        place = (np.clip(off, _LOW, _HIGH) - _LOW) * (1 / _STEP)
        index = place.astype(np.intp)
        place -= index
        place *= self.slope[index]
        place += self.table[index]
        return np.asarray(place)


def day_noise(normal: Usual, seen: Windows, *, direction: int = 1) -> DayNoise:
    """What the days before say of how far out days are.

    Args:
        normal: what is usual before each onset. Tails are learned before the first onset with
            `_ENOUGH` rows before it, so that they hardly change from one day to the next.
        direction: 1 where more is worse, else -1.
    """
    index = min(int(np.searchsorted(seen.size, _ENOUGH)), seen.size.size - 1)
    off = direction * normal.before[index][seen.before_known[index]]
    place = np.clip((off - _LOW) / _STEP, 0, _GRID.size - 1).round().astype(np.intp)
    weight = _LOG_DENSITIES[:, place].sum(axis=1)
    weight = np.exp(weight - weight.max())
    usual = (weight / weight.sum()) @ _DENSITIES
    far = np.zeros(_GRID.size)
    for ratio in _OUTLIER / float(normal.scale[index]):
        rows = min(round(ratio / _STEP), round(FURTHEST / _STEP))
        far[rows:] += usual[: usual.size - rows] / _OUTLIER.size
    table = np.log((1 - _OUTLIERS) * usual + _OUTLIERS * far)
    return DayNoise(table=table, slope=np.append(np.diff(table), 0.0))
