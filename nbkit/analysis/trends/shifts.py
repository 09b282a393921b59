"""Has a daily figure moved to another level, or become less steady, and since when?

A scan over the onset. For each candidate the days since then are compared with those before it,
and never with themselves. Figures are taken as logarithms, weekdays are evened out, noise is
counted as larger where one day resembles the next, and a single day has bounded influence, so a
lone outlier moves nothing (winsorised mean: Huber 1964). The p value is that of Student's t, with
the search for the onset paid for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from nbkit.analysis.robust import Floats, autocorrelation, deviation, running_median

_Series = TypeVar("_Series", bound=npt.NDArray[Any])

LOOKBACK = 28  # rows: a change older than this is the new normal
BASELINE = 70  # rows before the onset that say what is normal
MIN_BASELINE = 10
_CLIP = 3.5  # robust standard deviations: what one day can say at most
_STEADY_FROM = 6  # rows: fewer do not show how much a figure varies
# Independent searches that the scan over onsets is worth (simulated: benchmarks/degradations.py).
SEARCHES = 5.0
_HEAVY_TAILS = 4.0  # scatter is less sure than its t value says where tails are heavy (simulated)
_WORTH_DATING = 0.05  # a p value above this is never told, so its onset is not sought


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The best candidate of a scan.

    `rows` is how many of the last rows lie after the onset. `effect` is the difference of the
    logarithms (level), or the logarithm of the ratio of standard deviations (spread), between
    `low` and `high` at 95 %. `p` is one-sided, corrected for the scan. `persists`: most of the
    last days are still off.
    """

    rows: int
    effect: float
    low: float
    high: float
    p: float
    persists: bool
    baseline: float
    baseline_rows: int
    is_drift: bool = False


def weekday_effects(log_values: Floats, weekdays: npt.NDArray[np.int64]) -> Floats:
    """What each weekday (0 to 6) adds to the logarithm, shrunk to 0 as far as chance explains it
    (empirical Bayes: Efron & Morris 1975). Measured around the running level, so that a step is
    not taken for a weekday."""
    size = log_values.size
    if size < 2 * 7:
        return np.zeros(7)
    rest = log_values - running_median(log_values, 7, beyond="reflect")
    rest = rest - np.median(rest)
    limit = 3 * _spread(rest)
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


def level_shift(values: Floats, *, direction: int) -> Shift | None:
    """The most convincing rise (`direction` 1) or fall (-1) of a series that goes on to its end.

    Args:
        values: logarithms, one per day with runs, weekdays evened out, oldest first; no NaN.

    Returns:
        None where fewer than `MIN_BASELINE` rows lie before every candidate.
    """
    signed = values * direction
    best: Shift | None = None
    for rows in _candidates(signed.size):
        before, after = split(signed, rows)
        level, scale = _location_and_scale(before)
        rho = autocorrelation(np.clip((before - level) / scale, -3, 3), most=0.85)
        offs = np.clip((after - level) / scale, -_CLIP, _CLIP)
        error = np.sqrt(_inflation(rho, rows) / rows + _inflation(rho, before.size) / before.size)
        statistic = float(offs.mean() / error)
        p = float(stdtr(before.size - 1, -statistic)) if statistic > 0 else 1.0
        if best is None or p < best.p:
            half = 1.96 * scale * float(error)
            effect = float(np.median(after)) - level
            best = Shift(
                rows=rows,
                effect=direction * effect,
                low=direction * effect - half,
                high=direction * effect + half,
                p=p,
                persists=_persists(after - level, effect),
                baseline=direction * level,
                baseline_rows=before.size,
            )
    if best is None:
        return None
    best = replace(best, p=min(1.0, best.p * SEARCHES))
    return _dated(signed, best) if best.p < _WORTH_DATING else best


def spread_shift(values: Floats) -> Shift | None:
    """The most convincing growth of the scatter of a series that goes on to its end.

    The square root of the absolute deviation is nearly normal for normal noise (Cressie &
    Hawkins 1980), so its mean is compared as a level is; deviations are bounded.
    """
    best: Shift | None = None
    for rows in _candidates(values.size, first=_STEADY_FROM):
        before, after = split(values, rows)
        level, scale = _location_and_scale(before)
        usual = np.sqrt(np.minimum(np.abs(before - level) / scale, 6.0))
        off = np.abs(after - np.median(after)) / scale
        now = np.sqrt(np.minimum(off, 6.0))
        deviation = float(usual.std(ddof=1))
        error = deviation * np.sqrt(1.3 / rows + 1.0 / before.size)
        statistic = float((now.mean() - usual.mean()) / error) if error > 0 else 0.0
        p = float(stdtr(before.size - 1, -statistic)) if statistic > 0 else 1.0
        if best is None or p < best.p:
            ratio = float(np.log(max(now.mean(), 1e-9) / max(usual.mean(), 1e-9)) * 2)
            half = 2 * 1.96 * float(error) / max(float(now.mean()), 1e-9)
            recent = off[-7:]
            best = Shift(
                rows=rows,
                effect=ratio,
                low=ratio - half,
                high=ratio + half,
                p=min(1.0, p * SEARCHES * _HEAVY_TAILS),
                persists=bool(np.sum(recent > 1.5) >= max(3, 0.4 * recent.size)),
                baseline=level,
                baseline_rows=before.size,
            )
    return best


def _candidates(size: int, *, first: int = 2) -> list[int]:
    grid = [2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 21, 24, LOOKBACK]
    return [rows for rows in grid if rows >= first and size - rows >= max(MIN_BASELINE, rows)]


def split(values: _Series, rows: int) -> tuple[_Series, _Series]:
    """The days before an onset that say what was normal, and the last `rows`, since it."""
    return cast(_Series, values[-rows - BASELINE : -rows]), cast(_Series, values[-rows:])


def _spread(values: Floats) -> float:
    return max(deviation(values - np.median(values)), 1e-3)


def _location_and_scale(values: Floats) -> tuple[float, float]:
    """Winsorised mean and standard deviation: as sure as the median, but for the outliers."""
    middle = float(np.median(values))
    scale = max(_spread(values), 0.01)
    for _ in range(2):
        cut = np.clip(values, middle - 3 * scale, middle + 3 * scale)
        middle = float(cut.mean())
        scale = max(float(cut.std(ddof=1)), 0.01)
    return middle, scale


def _inflation(rho: float, size: int) -> float:
    """How much larger than of independent days the variance of a mean of `size` AR(1) days is."""
    ratio = (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**size) / (size * (1 - rho) ** 2)
    return float(max(ratio, 1.0))


def _persists(off: Floats, effect: float) -> bool:
    """Most of the last days are off by more than half of the effect: it has not gone away."""
    last = off[-5:] > effect / 2
    return bool(effect > 0 and last.mean() > 0.5 and last[-2:].any())


def _dated(signed: Floats, best: Shift) -> Shift:
    """The onset by likelihood (bounded squares), and whether a ramp fits clearly better."""
    sizes = [r for r in range(2, LOOKBACK + 1) if signed.size - r >= max(MIN_BASELINE, r)]
    window = signed[-BASELINE - LOOKBACK :]
    scale = _spread(np.diff(window)) / np.sqrt(2)
    bound = (4 * max(scale, 0.01)) ** 2

    def cost(rest: Floats) -> float:
        return float(np.minimum(rest**2, bound).sum())

    steps, ramps = {}, {}
    for rows in sizes:
        before, after = window[:-rows], window[-rows:]
        level = np.median(before)
        steps[rows] = cost(before - level) + cost(after - np.median(after))
        if rows >= 5:
            climb = np.arange(1.0, rows + 1)
            slope = float(np.median((after - level) / climb))
            ramps[rows] = cost(before - level) + cost(after - level - slope * climb)
    onset = min(steps, key=lambda rows: steps[rows])
    if ramps:
        ramp = min(ramps, key=lambda rows: ramps[rows])
        gain = (steps[onset] - ramps[ramp]) / max(scale, 0.01) ** 2
        if gain > 4.0:
            return replace(best, rows=ramp, is_drift=True)
    return replace(best, rows=onset)
