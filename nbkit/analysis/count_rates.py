"""How often something happens, before and after: rates of counts with intervals that are honest.

Counts of a day (or week) are Poisson where events come independently, and more scattered where
they come in clumps: then the variance is m + α·m² (negative binomial; Cameron & Trivedi 2013, ch.
3). Every interval here is the exact Poisson one, for as many events as the counted ones are worth:
events over their variance-to-mean ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
import numpy.typing as npt

from nbkit.analysis.proportions import Standing

Counts = npt.NDArray[np.int64]
_CLUMPED = 0.05  # p below which counts are taken for more scattered than Poisson


@dataclass(frozen=True, kw_only=True)
class CountRate:
    """`events` in `units` (days or weeks that were observed), and the interval of the true rate.

    `scatter` is the variance of a unit's count over its mean: 1 for Poisson, above it where the
    events come in clumps. Without units `rate` is None and the interval is all there is.
    """

    events: int
    units: int
    low: float
    high: float
    confidence: float
    scatter: float = 1.0

    @property
    def rate(self) -> float | None:
        return self.events / self.units if self.units else None

    def below(self, ceiling: float) -> Standing:
        """Whether the rate is below a ceiling: only said where the interval does not hold both."""
        if self.units and self.high < ceiling:
            return "met"
        if self.units and self.low >= ceiling:
            return "not met"
        return "not enough runs"


@dataclass(frozen=True, kw_only=True)
class RateRatio:
    """The later rate over the earlier one, with its interval.

    `value` is None where there were no events before; `high` is infinite where none bounds it.
    `p_value` is two-sided, of both rates being the same.
    """

    value: float | None
    low: float
    high: float
    confidence: float
    p_value: float

    @property
    def is_clear(self) -> bool:
        """The interval does not hold 1."""
        return self.high < 1 or self.low > 1


def count_rate(
    counts: Sequence[int] | Counts, *, overdispersion: float | None = None, confidence: float = 0.95
) -> CountRate:
    """Events a unit, with Garwood's (1936) exact interval for the events' worth.

    Args:
        counts: one number a unit; a unit that was not observed is absent, not zero.
        overdispersion: α of the negative binomial; None to estimate it from these counts.

    Raises:
        ValueError: a negative count, or a confidence that is not between 0 and 1.
    """
    own = _checked(counts, confidence)
    events, units = int(own.sum()), int(own.size)
    if not units:
        return CountRate(events=0, units=0, low=0.0, high=inf, confidence=confidence)
    alpha = shared_overdispersion(own) if overdispersion is None else overdispersion
    scatter = 1 + alpha * events / units
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    worth = events / scatter
    low = float(gammaincinv(worth, tail)) if events else 0.0
    high = float(gammaincinv(worth + 1, 1 - tail))
    return CountRate(
        events=events,
        units=units,
        low=low * scatter / units,
        high=high * scatter / units,
        confidence=confidence,
        scatter=scatter,
    )


def rate_ratio(
    before: Sequence[int] | Counts, after: Sequence[int] | Counts, *, confidence: float = 0.95
) -> RateRatio | None:
    """The rate after over the rate before, by the exact conditional test.

    Given both sums, the later one is binomial (Przyborowski & Wilenski 1940); the interval is
    Clopper & Pearson's, of the events' worth under a scatter that both windows share.

    Args:
        before, after: counts, one a unit; the units of both are of the same length.

    Returns:
        None where a window has no unit, or neither has an event.

    Raises:
        ValueError: as `count_rate`.
    """
    first, later = _checked(before, confidence), _checked(after, confidence)
    if not first.size or not later.size or not (first.sum() or later.sum()):
        return None
    alpha = shared_overdispersion(first, later)
    scatters = [1 + alpha * float(each.mean()) for each in (first, later)]
    was, now = (
        each.sum() / scatter for each, scatter in zip((first, later), scatters, strict=True)
    )
    exposed = (first.size / scatters[0]) / (later.size / scatters[1])
    from scipy.special import betainc, betaincinv

    tail = (1 - confidence) / 2
    share_low = float(betaincinv(now, was + 1, tail)) if now else 0.0
    share_high = float(betaincinv(now + 1, was, 1 - tail)) if was else 1.0
    equal = 1 / (1 + exposed)
    at_least = float(betainc(now, was + 1, equal)) if now else 1.0
    at_most = float(1 - betainc(now + 1, was, equal)) if was else 1.0
    return RateRatio(
        value=float(later.mean() / first.mean()) if first.sum() else None,
        low=_odds(share_low) * exposed,
        high=_odds(share_high) * exposed,
        confidence=confidence,
        p_value=min(1.0, 2 * min(at_least, at_most)),
    )


def shared_overdispersion(*windows: Sequence[int] | Counts) -> float:
    """α of the variance m + α·m², from how counts scatter around the mean of their own window.

    0 (Poisson) unless the scatter is beyond chance: the index of dispersion (Fisher 1950), summed
    over the windows, against chi squared. Moments, pooled: windows of one unit say nothing.
    """
    square = spare = excess = weight = 0.0
    for window in windows:
        counts = np.asarray(window, dtype=np.float64)
        mean = float(counts.mean()) if counts.size else 0.0
        if counts.size < 2 or mean == 0:
            continue
        squares = float(((counts - mean) ** 2).sum())
        square += squares / mean
        spare += counts.size - 1
        excess += squares - mean * (counts.size - 1)
        weight += mean * mean * (counts.size - 1)
    if not spare:
        return 0.0
    from scipy.special import chdtrc

    return max(excess / weight, 0.0) if float(chdtrc(spare, square)) < _CLUMPED else 0.0


def units_until_sure(rate: CountRate, ceiling: float, *, most: int = 365) -> int | None:
    """How many more units, at the rate seen, until the interval lies on one side of the ceiling.

    0 where it does already; None where it takes more than `most`, or nothing was observed.
    """
    if rate.rate is None:
        return None
    alpha = (rate.scatter - 1) / rate.rate if rate.rate else 0.0
    for more in range(most + 1):
        units = rate.units + more
        events = ceil(rate.rate * units - 1e-9)
        counts = np.zeros(units, dtype=np.int64)
        counts[0] = events
        later = count_rate(counts, overdispersion=alpha, confidence=rate.confidence)
        if later.below(ceiling) != "not enough runs":
            return more
    return None


def _checked(counts: Sequence[int] | Counts, confidence: float) -> Counts:
    own = np.asarray(counts, dtype=np.int64)
    if not 0 < confidence < 1 or (own < 0).any():
        raise ValueError(f"no rate of counts down to {own.min(initial=0)} at {confidence}")
    return own


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else inf
