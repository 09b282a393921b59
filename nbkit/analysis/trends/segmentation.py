"""Where a series changes for good: its level, its slope, or else its scatter.

The best models with up to six steps or kinks on a level, a line or a parabola
(`turning_points.py`) compete by penalised least squares, on the series without its lone outliers
and its season. A change costs the more the more noise there is and the more of it a point passes
on to the next: what wanders does not fall apart into steps. Every change must explain a visible
share of all variation, so that "none" is an answer, and a line or a curve that fits as well wins.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from nbkit.analysis.robust import Floats, autocorrelation, deviation, running_median
from nbkit.analysis.trends.seasons import without_season
from nbkit.analysis.trends.turning_points import (
    MIN_SEGMENT,
    Candidates,
    Model,
    candidates,
    models,
    residual,
    spacing,
)

MIN_POINTS = 8
LONGEST = 1_000
"""Longer series are looked at in so many blocks, and their steps then placed to the point."""

_COARSE_SHARE = 0.06  # of the total variation, that a term of the first fit must explain
_STEP_SHARE = 0.05  # of the total variation, that a step must explain
_TURN_SHARE = 0.04  # the same of a kink
_TURNS_OF_BASE = (0, 2, 3)  # that a level, a line, a parabola must explain
# Times log(n) times the noise's variance: the modified BIC of Zhang and Siegmund has this order.
_PENALTY = 3.0
_HOPE = 0.75  # of the penalty if the noise were white: what gains less is not worth going on
# The variance of a mean grows with autocorrelation by (1 + ρ) / (1 − ρ). Around any model of a real
# series that factor has both noise and lack of fit in it: it enters with this power.
_MEMORY_POWER = 0.6
_MOST_MEMORY = 0.95
_USUAL = 0.95
# Changes of scatter: where no level changes, and the noise has little memory.
_SCATTER_POINTS = 40
_SCATTER_RATIO = 2.0
_SCATTER_PENALTY = 4.0  # times log(n), of ranks scaled to variance 1
_SCATTER_MEMORY = 0.5
_ROUNDING = 1e-6  # of the series' deviation: less is no scatter


def change_points(values: npt.ArrayLike) -> list[int]:
    """Indices at which a new regime starts, in rising order; never 0.

    A regime is a level, a slope, or else an amount of scatter. A series of 90 points takes about
    3 ms; from `LONGEST` points on the time hardly grows with the length.

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
    largest = float(np.abs(raw[where]).max())
    if largest == 0:
        return []
    series = _without_lone_outliers(raw[where] / largest)
    if _is_constant(series):
        return []
    series, used = without_season(series, where)
    # A fitted season takes a part of the noise with it.
    louder = series.size / (series.size - used)
    block = -(-series.size // LONGEST)
    count = series.size // block
    means = series[: count * block].reshape(count, block).mean(axis=1)
    found = [at * block for at in _changes(means, louder)]
    reach = block * spacing(count)
    if reach > 1:
        bounds = [0, *found, series.size]
        found = [
            _placed(series, at, max(before, at - 4 * reach), min(after, at + 4 * reach), reach)
            for before, at, after in zip(bounds, found, bounds[2:], strict=False)
        ]
    return [int(where[at]) for at in found]


def _without_lone_outliers(series: Floats) -> Floats:
    """Single points far from both neighbourhoods are put back to the running median."""
    running = running_median(series, 2)
    rest = np.abs(series - running)
    scale = deviation(rest) * 1.3
    if scale == 0:
        scale = float(rest.mean()) or 1.0
    return np.where(rest > 5 * scale, running, series)


def _is_constant(series: Floats) -> bool:
    """Up to rounding, of values that are 1 at most."""
    return float(series.std()) <= 1e-12


def _changes(series: Floats, louder: float) -> list[int]:
    if _is_constant(series):
        return []
    series = (series - series.mean()) / series.std()
    size = series.size
    known = candidates(size)
    white = deviation(np.diff(series)) ** 2 / 2
    least = max(_TURN_SHARE * size, _HOPE * _PENALTY * np.log(size) * white)
    found = list(models(series, known, least=least))
    coarse = _COARSE_SHARE * size
    model = _cheapest(found, known, step=coarse, turn=coarse)
    rest = residual(series, model, known)
    for _ in range(2):
        # Where a part is restless, its own noise is what a change must stand out from.
        parts = np.split(rest, _scatter_changes(rest))
        noise = louder * _PENALTY * np.log(size) * max(map(_noise, parts))
        step, turn = max(noise, _STEP_SHARE * size), max(noise, _TURN_SHARE * size)
        model = _cheapest(found, known, step=step, turn=turn)
        rest = residual(series, model, known)
    if not model.changes:
        return _scatter_changes(rest)
    return sorted(int(known.position[column]) for column in model.changes)


def _cheapest(found: list[Model], known: Candidates, *, step: float, turn: float) -> Model:
    """The model of the least error plus what its steps and its turns (kinks, slope, curve) cost."""

    def cost(model: Model) -> float:
        steps = sum(bool(known.is_step[column]) for column in model.changes)
        turns = len(model.changes) - steps + _TURNS_OF_BASE[len(model.base) - 1]
        return model.error + steps * step + turns * turn

    return min(found, key=cost)


def _noise(rest: Floats) -> float:
    """Variance around the fit, times what autocorrelation adds to the variance of a mean."""
    # What lies beyond is an outlier if it is rare, and else the scatter of a part of the series.
    limit = max(3 * deviation(rest), float(np.quantile(np.abs(rest), _USUAL)), 1e-9)
    rest = np.clip(rest, -limit, limit)
    variance = float(rest @ rest) / rest.size
    if variance == 0:
        return 0.0
    rho = autocorrelation(rest, most=_MOST_MEMORY)
    return float(variance * ((1 + rho) / (1 - rho)) ** _MEMORY_POWER)


def _scatter_changes(rest: Floats) -> list[int]:
    """One change of the size of the residuals, on their ranks: outliers weigh no more than others.

    Rank tests of scale: Ansari & Bradley (1960); the scan pays for looking at every position.
    """
    size = rest.size
    least = max(12, size // 10)
    away = np.abs(rest - np.median(rest))
    if size < _SCATTER_POINTS or rest.std() < _ROUNDING:
        return []
    from scipy.stats import rankdata  # slow to import, and seldom needed

    scores = ndtri((rankdata(away) - 0.5) / size)
    if autocorrelation(rest, most=_MOST_MEMORY) > _SCATTER_MEMORY or scores.std() < _ROUNDING:
        return []
    at = np.arange(least, size - least + 1)
    before = np.cumsum(scores)[at - 1]
    gain = before**2 * size / (at * (size - at)) / scores.var()
    best = int(at[np.argmax(gain)])
    around = np.concatenate([part - part.mean() for part in np.split(scores, [best])])
    memory = autocorrelation(around, most=_MOST_MEMORY)
    first, second = np.median(away[:best]), np.median(away[best:])
    is_clear = max(first, second) >= _SCATTER_RATIO * min(first, second)
    needed = _SCATTER_PENALTY * np.log(size) * (1 + memory) / (1 - memory)
    return [best] if is_clear and gain.max() >= needed else []


def _placed(series: Floats, at: int, begin: int, end: int, reach: int) -> int:
    """The step of least squares in a stretch, at most `reach` from `at`."""
    part = series[begin:end]
    first, last = max(at - reach, begin + MIN_SEGMENT), min(at + reach, end - MIN_SEGMENT)
    if first > last:
        return at
    left = np.arange(first, last + 1) - begin
    sums = np.cumsum(part)
    gain = (sums[left - 1] - left * sums[-1] / part.size) ** 2 / (left * (part.size - left))
    return int(first + np.argmax(gain))
