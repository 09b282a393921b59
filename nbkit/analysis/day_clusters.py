"""How sure a figure is whose runs come in days.

Runs of one day share their fate: a slow source slows all of them, a storm fails all of them. A
thousand such runs are worth fewer independent ones, and an interval that forgets it is too narrow.
The *design effect* says how many times the variance is that of independent runs (Kish 1965, §8.2);
it is estimated from the days themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from nbkit.analysis.profiles import Profile
from nbkit.analysis.proportions import Proportion, proportion

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its interval. `low` or `high` is None where the runs are too few to bound it
    on that side; `value` is None where they are too few to say anything."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Estimate(value=None, low=None, high=None)


def effective_size(hits: Ints, totals: Ints, *, confidence: float = 0.95) -> float:
    """How many independent runs those of these days are worth, for the share of `hits`.

    Runs over the design effect of the ratio estimator, with Student's t in place of the normal, as
    the design effect is itself known from few days only (Korn & Graubard 1998). Never more than the
    runs there are, nor fewer than (Σn)² / Σn², which is what they are worth when all runs of a day
    end alike: with one run a day, that is all of them. With fewer than two days, or where all or
    none are hits, the days say nothing about it and the runs count as they are.

    Args:
        hits, totals: by day; a day without runs does not count.
    """
    used = totals > 0
    hits, totals = hits[used], totals[used]
    runs, days = int(totals.sum()), int(totals.size)
    if days < 2 or not 0 < hits.sum() < runs:
        return float(runs)
    from scipy.special import stdtrit

    share = float(hits.sum() / runs)
    between = float(((hits - share * totals) ** 2).sum()) * days / (days - 1) / runs**2
    effect = between / (share * (1 - share) / runs)
    if effect <= 1:
        return float(runs)
    tail = 0.5 + confidence / 2
    wider = float(stdtrit(days - 1, tail)) / NormalDist().inv_cdf(tail)
    least = runs**2 / float((totals.astype(np.float64) ** 2).sum())
    return max(runs / (effect * wider * wider), least)


def share_of(hits: Ints, totals: Ints, *, confidence: float = 0.95) -> Proportion:
    """The share of hits with Wilson's interval for as many runs as these days are worth."""
    found = proportion(int(hits.sum()), int(totals.sum()), confidence=confidence)
    size = effective_size(hits, totals, confidence=confidence)
    if found.rate is None or size >= found.total:
        return found
    # Wilson's interval knows z and the size by z²/n alone.
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2 / size
    middle = (found.rate + z2 / 2) / (1 + z2)
    half = sqrt(z2 * (found.rate * (1 - found.rate) + z2 / 4)) / (1 + z2)
    return replace(found, low=max(0.0, middle - half), high=min(1.0, middle + half))


def quantile_of(days: Sequence[Profile], q: float, *, confidence: float = 0.95) -> Estimate:
    """A quantile of all values of these days, with an interval that assumes no distribution.

    The interval lies between two order statistics, whose ranks are binomial (Conover 1999, §3.2;
    David & Nagaraja 2003, §7.1), for as many runs as the days are worth: that is Woodruff's (1952)
    interval. A bound is within the 1 % of the profiles.
    """
    merged = Profile.merged(days)
    value = merged.quantile(q)
    if value is None:
        return NOTHING
    totals = np.array([day.count for day in days], dtype=np.int64)
    below = totals - np.array([day.count_above(value) for day in days], dtype=np.int64)
    size = effective_size(below, totals, confidence=confidence)
    lower, upper = _ranks(floor(size), q, confidence)
    runs, scale = merged.count, merged.count / floor(size)
    low, high = floor(lower * scale), ceil(upper * scale)
    return Estimate(
        value=value,
        low=_at_rank(merged, low) if lower >= 1 else None,
        high=_at_rank(merged, high) if upper <= floor(size) and high <= runs else None,
    )


def bootstrap_days(
    days: Sequence[Profile], *, rounds: int = 400, seed: int = 0
) -> tuple[Ints, Ints, Ints]:
    """Days drawn again with replacement, whole: the spread of any figure of their profile.

    Field & Welsh (2007) on resampling clusters. The same days give the same draws.

    Returns:
        The buckets of positive values in rising order, counts of rounds × buckets, and of each
        round how many values lie at or below zero.
    """
    merged = Profile.merged(days)
    table = np.zeros((len(days), merged.buckets.size), dtype=np.int64)
    for row, day in enumerate(days):
        table[row, np.searchsorted(merged.buckets, day.buckets)] = day.counts
    draws = np.random.default_rng(seed).multinomial(
        len(days), np.full(len(days), 1 / len(days)), size=rounds
    )
    zeros = np.array([day.zeros for day in days], dtype=np.int64)
    return merged.buckets, draws @ table, draws @ zeros


def _at_rank(profile: Profile, rank: int) -> float | None:
    """The value at a rank counted from 1."""
    return profile.quantile((rank - 1) / (profile.count - 1)) if profile.count > 1 else None


def _ranks(size: int, q: float, confidence: float) -> tuple[int, int]:
    """The ranks (from 1) between which the quantile lies; 0, or one more than there are, where no
    value bounds it."""
    from scipy.special import bdtr

    spread = 12 * sqrt(size * q * (1 - q)) + 5
    ks = np.arange(max(0, floor(size * q - spread)), min(size, ceil(size * q + spread)) + 1)
    below = bdtr(ks.astype(np.float64), size, q)  # the chance of k values or fewer below it
    tail = (1 - confidence) / 2
    lower = int(ks[0] + np.searchsorted(below, tail, side="right"))
    upper = int(ks[0] + np.searchsorted(below, 1 - tail, side="left")) + 1
    return lower, upper
