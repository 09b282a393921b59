"""How unlikely is the extreme of a day, when the tail is not known: its own past, then all of them.

Runs of one day are alike, so that counting runs beyond a mark counts one slow day many times. The
unit here is therefore the day: its largest value among those of earlier days. Two steps keep the
stated rate honest whatever the tail:

1. *Own surprise*: the excess over a high order statistic, held against the mean of the earlier
   excesses. If these fall off exponentially (values are logs, so: if the tail is a power law or
   lighter), −surprise is exactly the log of a p-value, parameters not known and all.
2. *Calibration*: the surprise of every earlier day of every processor, each against the others of
   its processor. If more of them are large than p-values would be, for tails are heavier or days
   are not alike, the rate is that of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.robust import Floats

LEAST_DAYS = 10
_TAIL_SHARE = 4  # a quarter of the days is the tail
_MARKS = (0.90, 0.97, 0.99, 0.995)  # where the slope of the pool is looked at
_DEEP = 0.97
_PRIOR_DAYS, _PRIOR_STRETCH = 200, 1.3
_MOST = 300.0  # a surprise beyond this is as good as any


def surprise(past: Floats, seen: float, *, least_scale: float) -> float:
    """−log of the chance that a new value is as large as `seen`, from the earlier ones.

    Args:
        past: one value a day, on a log scale; at least `LEAST_DAYS`.
        least_scale: the least mean excess, for values that come in steps.
    """
    top = np.sort(past)[::-1]
    size = top.size
    k = max(size // _TAIL_SHARE, 3)
    if seen <= top[0]:
        return -float(np.log((1 + np.count_nonzero(past >= seen)) / (size + 1)))
    excess = max(float((top[:k] - top[k]).sum()), k * least_scale)
    tail = np.log((k + 1) / (size + 1)) - k * np.log1p((seen - float(top[k])) / excess)
    return float(min(max(-tail, np.log(size + 1)), _MOST))


def past_surprises(past: Floats, *, least_scale: float) -> Floats:
    """The surprise of every earlier day, in order, each against all the others."""
    order = np.argsort(-past, kind="stable")
    top = past[order]
    size = top.size - 1
    k = max(size // _TAIL_SHARE, 3)
    # Without the first the tail begins one later; no other is beyond all the rest.
    rank = np.searchsorted(-top, -top, side="right")
    own = -np.log(np.minimum(rank, size + 1) / (size + 1))
    excess = max(float((top[1 : k + 1] - top[k + 1]).sum()), k * least_scale)
    if top[0] > top[1]:
        tail = np.log((k + 1) / (size + 1)) - k * np.log1p(float(top[0] - top[k + 1]) / excess)
        own[0] = min(max(-tail, np.log(size + 1)), _MOST)
    found = np.empty(past.size)
    found[order] = own
    return found


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What surprises are worth: `rate` is the share of usual days with one as large.

    `pool` is sorted. Beyond its 97 % the rate falls off exponentially, at the flattest slope of
    its last tenth: the topmost five in a thousand may be true incidents and have no say.
    """

    pool: Floats
    start: float
    stretch: float

    @classmethod
    def of(cls, pool: Floats) -> Calibration:
        """From the surprises of earlier days, of all processors; it may be empty."""
        ordered = np.sort(pool)
        if ordered.size == 0:
            return cls(pool=ordered, start=-float(np.log(1 - _DEEP)), stretch=_PRIOR_STRETCH)
        marks = np.quantile(ordered, _MARKS)
        slopes = np.diff(marks) / -np.diff(np.log1p(-np.array(_MARKS)))
        seen = max(1.0, float(slopes.max()))
        weight = ordered.size / (ordered.size + _PRIOR_DAYS)
        stretch = weight * seen + (1 - weight) * max(seen, _PRIOR_STRETCH)
        return cls(pool=ordered, start=float(marks[_MARKS.index(_DEEP)]), stretch=stretch)

    def rates(self, values: Floats) -> Floats:
        """The chance that a usual day is as surprising as each value; never below exp(−value)."""
        as_large = self.pool.size - np.searchsorted(self.pool, values, side="left")
        within = (as_large + 1) / (self.pool.size + 1)
        beyond = (1 - _DEEP) * np.exp(-(values - self.start) / self.stretch)
        pooled = np.where(values > self.start, beyond, within)
        return np.clip(pooled, np.exp(-values), 1.0)
