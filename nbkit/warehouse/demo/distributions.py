"""Values of exact size whose published summary comes out right: solved, not sampled and hoped for.

Both functions return sorted values; whoever uses them decides which run gets which.
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def durations(
    n: int, *, mean: float, sd: float, p95: float, maximum: float, minimum: float | None
) -> Floats:
    """`n` sorted durations in seconds: a lognormal body up to P95 and a power-law tail above it.

    The order statistics on both sides of the 95 % rank are P95 itself, so that every definition of
    a quantile finds it; the last is the maximum; the body's location solves for the mean and the
    tail's exponent for the standard deviation (as near as the maximum allows).
    """
    low = minimum if minimum is not None else p95 / 40
    if n < 4:
        return np.sort(np.clip(np.linspace(mean / 2, mean * 1.5, n), low, maximum))
    rank = 0.95 * (n - 1)
    first, last = floor(rank), min(ceil(rank), n - 2)
    above = n - 1 - last
    best, best_error = np.full(n, mean), np.inf
    for exponent in np.geomspace(0.5, 40, 60):
        tail = p95 * (maximum / p95) ** (((np.arange(above) + 1) / above) ** exponent)
        body_sum = n * mean - tail.sum() - p95 * (last - first + 1)
        body = _lognormal_body(first, body_sum / first if first else 0.0, low=low, high=p95)
        values = np.concatenate([body, np.full(last - first + 1, p95), tail])
        error = abs(values.std() / sd - 1) + 4 * abs(values.mean() / mean - 1)
        if error < best_error:
            best, best_error = values, error
    return best


def _lognormal_body(n: int, mean: float, *, low: float, high: float) -> Floats:
    """`n` sorted lognormal quantiles cut to [low, high], with this mean where that is possible."""
    if n == 0:
        return np.empty(0)
    normal = ndtri((np.arange(n) + 0.5) / n)
    wanted = min(max(mean, low), high)
    left, right = np.log(low) - 3, np.log(high) + 3
    for _ in range(60):
        middle = (left + right) / 2
        if np.clip(np.exp(middle + 0.25 * normal), low, high).mean() < wanted:
            left = middle
        else:
            right = middle
    body: Floats = np.clip(np.exp(left + 0.25 * normal), low, high)
    body[0] = low
    return body


def records(n: int, *, zeros: int, mean: float, median: float, sd: float) -> Ints:
    """`n` sorted record counts of which `zeros` are 0; mean and median are over all of them.

    The values between the zeros and the median are spread evenly below it, those above grow with a
    power; both are chosen so that the mean holds and the deviation comes nearest.
    """
    middle = n // 2
    below, above = middle - zeros + 1, n - middle - 1
    if below < 1 or above < 1:
        raise ValueError(f"{zeros} zeros of {n} leave no median of {median}")
    total = n * mean
    rising = np.linspace(0, 1, below)
    steps = (np.arange(above) + 1) / above
    best, best_error = np.zeros(n), np.inf
    for lowest in np.concatenate([np.linspace(0.02, 1, 50), [1.0]]):
        lower = np.maximum(median * (lowest + (1 - lowest) * rising), 1)
        missing = total - lower.sum() - above * median
        if missing < -0.5:
            continue
        for exponent in np.geomspace(0.3, 400, 40):
            power = steps**exponent
            upper = median + missing / power.sum() * power
            square = (lower**2).sum() + (upper**2).sum()
            error = abs(np.sqrt(max(square / n - mean**2, 0)) / sd - 1)
            if error < best_error:
                best_error = error
                best = np.concatenate([np.zeros(zeros), lower, upper])
    rounded = np.rint(best).astype(np.int64)
    rounded[-1] += round(total) - int(rounded.sum())
    return np.sort(rounded)


def stuck(n: int, *, total: float, longest: float, rng: np.random.Generator) -> Floats:
    """`n` durations of runs closed by one sweep, adding up to `total` and none over `longest`."""
    if n == 0:
        return np.empty(0)
    wanted = min(max(total / n / longest, 0.02), 0.98)
    uniform = (np.arange(n) + rng.random(n)) / n
    left, right = 0.001, 1000.0
    for _ in range(60):
        middle = (left * right) ** 0.5
        if (uniform**middle).mean() > wanted:
            left = middle
        else:
            right = middle
    return rng.permutation(uniform**left * longest)


def spread(total: int, weights: Floats) -> Ints:
    """Whole numbers that add up to `total`, in proportion to `weights` (largest remainder)."""
    if total <= 0 or weights.sum() <= 0:
        return np.zeros(weights.size, dtype=np.int64)
    exact = weights / weights.sum() * total
    whole: Ints = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole
