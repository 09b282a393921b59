"""A score for every point of a metric, from the points before it: is this unlike its own past?

Several views of the series (`views.py`) are each turned into the rate at which this series reaches
such a height (`tails.py`), combined, and the combination is judged once more against its own past.
A view that alarms often on this series is thereby silenced on it, and the views need no correction
for being many or alike: what is left is one rate of events per point.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.anomalies.tails import PeakHistory
from nbkit.analysis.anomalies.views import usual_step, views_of

Floats = npt.NDArray[np.float64]

THRESHOLD = 0.5
"""At or above it a score is an alarm: an event that this series is expected to show by chance at
most once in `EVENT_EVERY` points. Alarms are rarer than such events, as they must also keep their
distance and their budget: measured, 0.5 false ones in 1,000 points (docs/decisions/0011)."""

EVENT_EVERY = 400
BLOCK = 24
WARM_UP_BLOCKS = 8
WARM_UP = BLOCK * WARM_UP_BLOCKS
"""The first points, whose score is 0."""

_RARE = 10**-2.5
_FADED_UNITS = 0.5
_FADED_LOGS = 0.05
_CAP = 2.0
_PRIOR_PEAKS = 30
_LOG_E = 0.434


@dataclass(frozen=True, kw_only=True)
class AlarmPolicy:
    """When a strange point is an alarm, and not more of the last one.

    After an alarm the next `quiet` points are part of it, unless one is `stronger` (powers of ten)
    than all of its first `settling` points. An alarm costs one coin; coins come one in `coin_every`
    points, up to `purse`. Without a coin a point must be rarer, by a factor of ten for each coin
    that is owed, `debt` at most: a series that is always strange is reported rarely. A new series
    begins with `first_coins`, in debt: what is usual for it is not well known.
    """

    quiet: int = 100
    settling: int = 12
    stronger: float = 2.0
    coin_every: float = 700.0
    purse: float = 3.0
    debt: float = 1.0
    first_coins: float = -0.5


_POLICY = AlarmPolicy()


def score(values: Sequence[float] | Floats, timestamps: Any) -> Floats:
    """How strange each point is beside the points before it: 0 (usual) to 1.

    A score uses only what was known at its point: scoring a prefix gives the prefix of the scores.
    A long anomaly is one alarm: its later points stay below `THRESHOLD` until it is over, worse by
    orders of magnitude, or usual. About 20 µs a point.

    Args:
        values: one-dimensional; NaN and ±inf count as missing and score 0.
        timestamps: as many times (anything `pandas.to_datetime` reads; naive is UTC). They need
            not be regular, unique or sorted: a time before the last one counts as the last one,
            and a missing one too. They are used for daily and weekly rhythms only.

    Raises:
        ValueError: not one-dimensional, or of different lengths.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"values must be one-dimensional, not of shape {array.shape}")
    seconds = _seconds(timestamps)
    if seconds.size != array.size:
        raise ValueError(f"{array.size} values, but {seconds.size} timestamps")
    scores = np.zeros(array.size)
    known = np.isfinite(array)
    if known.sum() > WARM_UP:
        scores[known] = _alarms(*_surprise(array[known], seconds[known]))
    return scores


def _seconds(timestamps: Any) -> Floats:
    """Seconds since the epoch that never fall; a missing time is the one before it."""
    times = pd.DatetimeIndex(pd.to_datetime(timestamps, utc=True)).as_unit("ns")
    whole = np.where(times.isna(), 0, times.asi8 // 10**9)
    return np.asarray(np.maximum.accumulate(whole), dtype=np.float64)


def _surprise(values: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Of each point: its strangeness in powers of ten, and the expected rate of such blocks."""
    views = views_of(values, seconds)
    columns = np.column_stack([view.strangeness for view in views])
    has_units = np.array([view.has_units for view in views])
    unit = usual_step(values)
    past, combined = PeakHistory(len(views)), _CombinedHistory()
    strength, rate = np.zeros(values.size), np.ones(values.size)
    for start in range(0, values.size, BLOCK):
        block = slice(start, min(start + BLOCK, values.size))
        own = columns[block]
        is_rare = np.zeros(len(views), dtype=np.bool_)
        if start >= WARM_UP:
            least = np.where(has_units, _FADED_UNITS * unit[start - 1], _FADED_LOGS)
            rates = past.rates(own, least_scale=least, least_blocks=WARM_UP_BLOCKS)
            is_rare = rates.min(axis=0) < _RARE
            # The power mean of order 1/2 of 1/p: between the largest one alone and all together
            # (Vovk & Wang 2020 on averaging p-values that depend on each other in any way).
            active = max(past.active, 1)
            strength[block] = 2 * np.log10(np.einsum("pv->p", rates**-0.5) / active)
            rate[block] = combined.rates(strength[block])
            combined.remember(float(strength[block].max()))
        if own.shape[0] == BLOCK:
            past.remember(np.fmax.reduce(own, axis=0), is_rare=is_rare)
    return strength, rate


class _CombinedHistory:
    """Block peaks of the combined strength, whose tail is near exponential by construction."""

    def __init__(self) -> None:
        # Capped: a great incident must not raise the bar for all that follow.
        self._peaks: deque[float] = deque(maxlen=1_000)

    def remember(self, peak: float) -> None:
        self._peaks.append(min(peak, _CAP))

    def rates(self, strength: Floats) -> Floats:
        if len(self._peaks) < 4:
            return np.asarray(np.minimum(1.0, 10.0**-strength))
        peaks = np.sort(np.fromiter(self._peaks, dtype=np.float64))[::-1]
        size = max(peaks.size // 4, 2)
        start = peaks[size]
        # The mean excess from its median, which the largest peaks do not move.
        seen = (peaks[(size - 1) // 2] - start) / np.log(2)
        mean = (size * seen + _PRIOR_PEAKS * _LOG_E) / (size + _PRIOR_PEAKS)
        tail = (size + 1) / (peaks.size + 4) * np.exp(-(strength - start) / mean)
        return np.where(strength > start, tail, 1.0)


def _alarms(strength: Floats, rate: Floats) -> Floats:
    """Scores of which those at or above `THRESHOLD` are alarms by the policy."""
    bar = BLOCK / EVENT_EVERY
    scores = np.where(rate < 1, 1 / (1 + rate / bar), 0.0)
    coins, counted, began, reference = _POLICY.first_coins, 0, -_POLICY.quiet, 0.0
    for at in np.flatnonzero(scores >= THRESHOLD):
        coins = min(coins + (at - counted) / _POLICY.coin_every, _POLICY.purse)
        counted = int(at)
        settling = at < began + _POLICY.settling
        same = at < began + _POLICY.quiet and strength[at] < reference + _POLICY.stronger
        owed = max(1 - coins, 0.0)
        if settling or same or rate[at] > bar * 10**-owed:
            scores[at] = np.nextafter(THRESHOLD, 0)
            if settling:
                reference = max(reference, strength[at])
        else:
            coins = max(coins - 1, -_POLICY.debt)
            began, reference = int(at), float(strength[at])
    return np.asarray(scores)
