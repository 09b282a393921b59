"""Which days may say what is normal, and what is normal for a weekday."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from nbkit.analysis.robust import Floats, deviation, running_median
from nbkit.analysis.trends.onset_scan import MIN_BASELINE, Flags, Ints
from nbkit.analysis.trends.segmentation import change_points

CONFIRMED = 21  # rows: three weeks of a new level make it the normal one
_SHORTEST = 3  # rows of a span
_WITHIN = 1.5  # standard deviations: levels that are this near are one level
_DEPARTS = 7.0  # standard errors; days that resemble each other reach 6 by themselves


def weekday_effects(log_values: Floats, weekdays: Ints) -> Floats:
    """What each weekday (0 to 6) adds to the logarithm, shrunk to 0 as far as chance explains it
    (empirical Bayes: Efron & Morris 1975). Measured around the running level, so that a step is
    not taken for a weekday."""
    size = log_values.size
    if size < 2 * 7:
        return np.zeros(7)
    rest = log_values - running_median(log_values, 7, beyond="reflect")
    rest = rest - np.median(rest)
    limit = 3 * max(deviation(rest), 1e-3)
    rest = np.clip(rest, -limit, limit)
    counts = np.bincount(weekdays, minlength=7)[:7]
    sums = np.bincount(weekdays, weights=rest, minlength=7)[:7]
    means = sums / np.maximum(counts, 1)
    within = float(np.var(rest - means[weekdays])) * size / max(size - 7, 1)
    present = counts > 1
    if present.sum() < 2:
        return np.zeros(7)
    noise = within / np.maximum(counts, 1)
    between = max(0.0, float(np.var(means[present], ddof=1) - np.mean(noise[present])))
    return np.where(present, means * between / (between + noise + 1e-300), 0.0)


def normal_rows(values: Floats) -> Flags:
    """Rows at the level that is normal now: the latest that has stood for `CONFIRMED` rows.

    What lies elsewhere - an older level, an incident that has passed - says nothing of what is
    normal, and would hide the next change.
    """
    normal = np.ones(values.size, dtype=bool)
    past = values[:-MIN_BASELINE]
    if past.size < 2 * MIN_BASELINE:
        return normal
    running = running_median(past, 2)
    scale = max(deviation(past - running_median(past, 5)), 1e-3)
    if _departure(np.clip(past, running - 3 * scale, running + 3 * scale)) < _DEPARTS * scale:
        return normal
    bounds = [0, *change_points(past), values.size]
    parts = list(pairwise(bounds))
    levels = [float(np.median(values[start:end])) for start, end in parts]
    long = [i for i, (start, end) in enumerate(parts) if end - start >= CONFIRMED]
    now = long[-1] if long else int(np.argmax([end - start for start, end in parts]))
    for (start, end), level in zip(parts, levels, strict=True):
        normal[start:end] = abs(level - levels[now]) <= _WITHIN * scale
    return normal


def _departure(values: Floats) -> float:
    """How far the span that differs most from the rest does so: the difference of the means over
    its standard error, in units of the noise (circular binary segmentation: Olshen et al. 2004)."""
    total = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    start, end, error = _spans(values.size)
    return float(np.max(np.abs(total[end] - total[start]) / error))


@lru_cache(maxsize=64)  # most histories of a platform have one of a few lengths
def _spans(size: int) -> tuple[Ints, Ints, Floats]:
    """Where each span begins and ends, and the standard error of its difference from the rest."""
    start, end = np.triu_indices(size + 1, k=_SHORTEST)
    inside = end - start < size
    start, end = start[inside], end[inside]
    length = end - start
    return start, end, np.sqrt(length * (1 - length / size))
