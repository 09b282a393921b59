"""Where a series changes its level for good.

Exact penalised least squares (PELT: Killick, Fearnhead & Eckley 2012) on the series without its
lone outliers. The penalty grows with the noise and with its autocorrelation, measured around a
coarse first fit: what wanders does not fall apart into steps. A straight line that fits as well
wins, and every change must explain a visible share of all variation: "none" is an answer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nbkit.analysis.robust import Floats, autocorrelation, deviation, running_median

MIN_SEGMENT = 3
MIN_POINTS = 8
_COARSE_SHARE = 0.06  # of the total variation, that a change of the first fit must explain
_VISIBLE_SHARE = 0.05  # of the total variation, that any change must explain
_PENALTY = 3.0  # times log(n) times the noise's variance


def change_points(values: npt.ArrayLike) -> list[int]:
    """Indices at which a new regime starts, in rising order; never 0.

    Args:
        values: one-dimensional, equally spaced; NaN and infinite values are missing. Fewer than
            `MIN_POINTS` known values, or a constant, have no change.

    Raises:
        ValueError: not one-dimensional.
    """
    raw = np.asarray(values, dtype=np.float64)
    if raw.ndim != 1:
        raise ValueError(f"a series has one dimension, not {raw.ndim}")
    where = np.flatnonzero(np.isfinite(raw))
    if where.size < MIN_POINTS:
        return []
    series = _without_lone_outliers(raw[where])
    deviation = float(series.std())
    if deviation <= 1e-12 * max(1.0, float(np.abs(series).max())):
        return []
    series = (series - series.mean()) / deviation
    size = series.size
    found = _partition(series, _COARSE_SHARE * size)
    for _ in range(2):
        noise = _noise(series, found)
        penalty = max(_PENALTY * np.log(size) * noise, _VISIBLE_SHARE * size)
        found = _partition(series, penalty)
    if found and _line_is_enough(series, found):
        return []
    return [int(where[at]) for at in found]


def _without_lone_outliers(series: Floats) -> Floats:
    """Single points far from both neighbourhoods are put back to the running median."""
    running = running_median(series, 2)
    rest = np.abs(series - running)
    scale = deviation(rest) * 1.3
    if scale == 0:
        scale = float(rest.mean()) or 1.0
    return np.where(rest > 5 * scale, running, series)


def _partition(series: Floats, penalty: float) -> list[int]:
    """The exact optimum of squared error + penalty per change, with pruning."""
    size = series.size
    total = np.concatenate([[0.0], np.cumsum(series)])
    squares = np.concatenate([[0.0], np.cumsum(series**2)])
    best = np.full(size + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(size + 1, dtype=np.int64)
    starts = np.array([0], dtype=np.int64)
    for end in range(MIN_SEGMENT, size + 1):
        if end >= 2 * MIN_SEGMENT:
            starts = np.append(starts, end - MIN_SEGMENT)
        summed = total[end] - total[starts]
        cost = squares[end] - squares[starts] - summed * summed / (end - starts)
        value = best[starts] + cost + penalty
        chosen = int(np.argmin(value))
        best[end], previous[end] = value[chosen], starts[chosen]
        starts = starts[best[starts] + cost <= best[end]]
    changes: list[int] = []
    at = int(previous[size])
    while at > 0:
        changes.append(at)
        at = int(previous[at])
    return changes[::-1]


def _noise(series: Floats, changes: list[int]) -> float:
    """Variance around the fit, times what autocorrelation adds to the variance of a mean."""
    rest = np.concatenate([part - part.mean() for part in np.split(series, changes)])
    limit = 3 * max(deviation(rest), 1e-9)
    rest = np.clip(rest, -limit, limit)
    variance = float(rest @ rest) / rest.size
    if variance == 0:
        return 0.0
    rho = autocorrelation(rest, most=0.95)
    return float(variance * (1 + rho) / (1 - rho))


def _line_is_enough(series: Floats, changes: list[int]) -> bool:
    """Whether one straight line fits as well as the steps do (Bayesian information criterion)."""
    size = series.size
    time = np.arange(size) - (size - 1) / 2
    line = series - time * float(time @ series) / float(time @ time)
    steps = sum(float(((part - part.mean()) ** 2).sum()) for part in np.split(series, changes))
    extra = 2 * len(changes) - 1  # parameters: an onset and a level for each change, one slope
    score_line = size * np.log(max(float(line @ line), 1e-12) / size)
    score_steps = size * np.log(max(steps, 1e-12) / size) + extra * np.log(size)
    return bool(score_line <= score_steps)
