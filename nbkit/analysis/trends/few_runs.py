"""What the number of runs does to a day's P95: of few runs it is less sure, and lower.

A P95 is read off as the lower order statistic: that of ten runs is the ninth. How much of either
shows in a history is learned from it, and shrunk to nothing as far as chance explains it: where
days differ from each other by more than their runs do, the number of runs tells nothing.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from nbkit.analysis.robust import Floats, deviation, running_median
from nbkit.analysis.trends.onset_scan import Ints

_QUANTILE = 0.95
_MIN_ROWS = 20
# Of the logarithm of a normal deviate's absolute value.
_LOG_DEVIATION = 1.11
# How strongly noise goes with the number of runs, before a history is seen: between not at all and
# in full (0.5 of the logarithm of the variance).
_USUAL_SLOPE = 0.25


def expected_height(runs: Ints) -> Floats:
    """Where the P95 of so many normal values lies, in standard deviations (Blom 1958)."""
    order = np.floor(_QUANTILE * (runs - 1)) + 1
    return np.asarray(ndtri((order - 0.375) / (runs + 0.25)))


def evened_out(logs: Floats, runs: Ints, learned: int) -> Floats:
    """The logarithms of P95 as of days with equally many runs.

    Args:
        learned: how many of the first rows the relation is learned from.
    """
    height = expected_height(runs)
    if learned < _MIN_ROWS or np.ptp(height[:learned]) == 0:
        return logs
    x = height[:learned] - running_median(height[:learned], 7, beyond="reflect")
    y = logs[:learned] - running_median(logs[:learned], 7, beyond="reflect")
    # Not by the median deviation: where few days are of few runs, these lie outside of it.
    limit = 3 * float(y.std())
    y = np.clip(y, -limit, limit)
    total = float(x @ x)
    if total <= 0:
        return logs
    slope = float(x @ y) / total
    error = float(np.mean((y - slope * x) ** 2)) / total
    if slope <= 0 or slope**2 <= error:
        return logs
    slope *= 1 - error / slope**2
    return np.asarray(logs - slope * (height - np.median(height[:learned])))


def relative_noise(values: Floats, runs: Ints, learned: int) -> Floats:
    """Standard deviation of each row, relative to the usual one."""
    variance = np.log(1 / (1 + runs / 4.5))
    spread = variance - variance[:learned].mean() if learned else variance
    total = float(spread[:learned] @ spread[:learned])
    if learned < _MIN_ROWS or total < 1:
        return np.ones(values.size)
    rest = np.abs(values[:learned] - running_median(values[:learned], 7, beyond="reflect"))
    rest = rest / max(deviation(rest), 1e-3)
    size = np.log(np.clip(rest, 0.1, 4.0))
    slope = float(spread[:learned] @ (size - size.mean())) / total
    error = _LOG_DEVIATION**2 / total
    slope *= _USUAL_SLOPE**2 / (_USUAL_SLOPE**2 + error)
    return np.asarray(np.exp(np.clip(slope, 0.0, 0.5) * spread))
