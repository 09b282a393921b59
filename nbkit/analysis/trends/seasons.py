"""What repeats itself in a plain series of numbers: quarters, weekdays, months, hours, weeks.

For tables of processors and days see `nbkit.analysis.seasonality`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nbkit.analysis.robust import Floats

PERIODS = (4, 7, 12, 24, 52)
_CYCLES = 4
_LEAST_RATIO = 4.0  # of variances (F), far beyond what chance gives for any period


def without_season(series: Floats, where: npt.NDArray[np.int64]) -> tuple[Floats, int]:
    """The series less its season, if one of `PERIODS` is evident, and how many numbers the season
    was fitted with; else as it is, and 0.

    Each phase of a period has a level and a slope of its own around the running mean (seasons grow
    with what they are part of). A period must be seen `_CYCLES` times and win by the Bayesian
    information criterion.

    Args:
        where: the time of each value.
    """
    size = series.size
    best, used, lowest = series, 0, -2 * np.log(size)
    for period in PERIODS:
        if size < _CYCLES * period:
            continue
        around = series - _running_mean(series, period)
        season = _by_phase(around, where, period)
        total, rest = float(around @ around), float((around - season) @ (around - season))
        free = 2 * period
        if total <= 0 or size <= free:
            continue
        rest = max(rest, 1e-12 * total)
        ratio = (total - rest) / free / (rest / (size - free))
        score = size * np.log(rest / total) + free * np.log(size)
        if ratio > _LEAST_RATIO and score < lowest:
            best, used, lowest = series - season, free, score
    return best, used


def _running_mean(series: Floats, period: int) -> Floats:
    """Over one period; an even one has half weights at its ends."""
    weights = np.ones(period)
    if period % 2 == 0:
        weights = np.concatenate([[0.5], np.ones(period - 1), [0.5]])
    padded = np.pad(series, weights.size // 2, mode="reflect", reflect_type="odd")
    return np.asarray(np.convolve(padded, weights / period, "valid"))


def _by_phase(around: Floats, where: npt.NDArray[np.int64], period: int) -> Floats:
    """A straight line through the values of each phase."""
    phase = where % period
    time = (where - where.mean()) / max(float(np.ptp(where)), 1.0)
    count = np.maximum(np.bincount(phase, minlength=period), 1)
    level = np.bincount(phase, around, period) / count
    middle = np.bincount(phase, time, period) / count
    away = time - middle[phase]
    spread = np.bincount(phase, away**2, period)
    slope = np.bincount(phase, away * around, period) / np.where(spread > 0, spread, 1.0)
    return np.asarray(level[phase] + slope[phase] * away)
