"""Has the share of failures risen, and since when? Counts stay counts.

A likelihood scan over the onset (`failure_evidence`): failures since then against those before.
Whether the rate is as usual again is told by binomials, divided by the over-dispersion that the
baseline shows (quasi-likelihood: McCullagh & Nelder 1989, ch. 4.5), each day bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from scipy.special import xlogy

from nbkit.analysis.proportions import difference, proportion
from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.failure_evidence import rate_evidence
from nbkit.analysis.trends.onset_scan import FEWEST, Ints, Onsets, Windows, best_by_day
from nbkit.analysis.trends.spells import RETURNED, Spell

MIN_FAILURES = 4  # fewer are no rate, whatever they are a share of
MIN_RUNS = 20
MIN_BASELINE_RUNS = 50
_DAY = 3.5  # of log-likelihood: what one day can say at most of a return


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Failure share since the onset (a row) and before it; `low` and `high` bound the difference
    at 95 %."""

    onset: int
    rate: float
    usual: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RateScan:
    """Rises of the failure share, by onset, as of each of the last days.

    `usual` are failures and runs before each onset. Effects are differences of shares.
    """

    runs: Ints
    failures: Ints
    seen: Windows
    usual: Ints
    dispersion: Floats
    least_ratio: float
    least_rise: float
    onsets: Onsets

    def effect(self, index: int, day: int) -> float | None:
        failures, runs = self.since(index, day)
        usual = self.usual[index, 0] / self.usual[index, 1]
        rate = failures.sum() / runs.sum()
        lately = failures[-5:].sum() / runs[-5:].sum()
        # Still about as bad on the last days, and never one day's doing.
        persists = lately > usual + 0.3 * (rate - usual) and (failures > 0).sum() >= 2
        is_much = (
            failures.sum() >= MIN_FAILURES
            and rate >= self.least_ratio * usual
            and rate - usual >= self.least_rise
        )
        return float(rate - usual) if persists and is_much else None

    def is_over(self, spell: Spell, day: int) -> bool:
        """The last two days or more are by far more likely at the old rate than at the new."""
        failures, runs = self.since(spell.index, day)
        before, before_runs = self.usual[spell.index]
        usual = (before + 0.5) / (before_runs + 1.0)
        rate = min(usual + spell.effect, float(failures.sum() / runs.sum()), 0.99)
        if rate <= usual:
            return True
        passed = runs - failures
        for_old = failures * log(usual / rate) + passed * log((1 - usual) / (1 - rate))
        for_old = np.clip(for_old / float(self.dispersion[spell.index]), -_DAY, _DAY)[::-1]
        return bool((np.cumsum(for_old)[1:] > RETURNED).any())

    def until(self, spell: Spell) -> int:
        """The last row with failures clearly above the usual."""
        rows = np.arange(spell.onset, spell.last + 1)
        usual = float(self.usual[spell.index, 0] / self.usual[spell.index, 1])
        high = self.failures[rows] > self.runs[rows] * (usual + spell.effect / 2)
        return int(rows[high][-1]) if high.any() else spell.last

    def moved(self, spell: Spell, until: int) -> Moved:
        """The onset by likelihood, and the shares on both sides of it."""
        low = max(spell.onset - 5, int(self.seen.onsets[0]))
        onset, best = spell.onset, -np.inf
        k0, n0 = (float(x) for x in self.usual[spell.index])
        for row in range(low, until):
            k1, n1 = self.failures[row : until + 1].sum(), self.runs[row : until + 1].sum()
            between = slice(min(row, spell.onset), max(row, spell.onset))
            sign = 1 if row > spell.onset else -1
            k = k0 + sign * self.failures[between].sum()
            n = n0 + sign * self.runs[between].sum()
            score = float(_signed_root(k1, n1, k + 0.5, n + 1.0))
            if n1 >= MIN_RUNS and score > best:
                onset, best = row, score
        k1, n1 = (
            int(self.failures[onset : until + 1].sum()),
            int(self.runs[onset : until + 1].sum()),
        )
        now, before = proportion(k1, n1), proportion(int(k0), int(n0))
        bounds = difference(before, now)
        return Moved(
            onset=onset,
            rate=k1 / n1,
            usual=k0 / n0,
            low=bounds.low if bounds else -1.0,
            high=bounds.high if bounds else 1.0,
        )

    def since(self, index: int, day: int) -> tuple[Ints, Ints]:
        """Failures and runs of each day since an onset, to `day`."""
        rows = slice(int(self.seen.onsets[index]), day + 1)
        return self.failures[rows], self.runs[rows]


def rate_scan(
    runs: Ints, failures: Ints, seen: Windows, *, least_ratio: float, least_rise: float
) -> RateScan | None:
    """Scan for the most convincing rise of the failure share that goes on to each day.

    Args:
        runs, failures: one entry per day with runs, oldest first.

    Returns:
        None where no onset has `MIN_BASELINE_RUNS` runs before it and `MIN_RUNS` since it.
    """
    n0 = np.where(seen.before_known, runs[seen.before], 0)
    k0 = np.where(seen.before_known, failures[seen.before], 0)
    before_runs, before = n0.sum(axis=1), k0.sum(axis=1)
    since_runs = np.cumsum(np.where(seen.since_known, runs[seen.since], 0), axis=1)
    since = np.cumsum(np.where(seen.since_known, failures[seen.since], 0), axis=1)
    rows = np.arange(1, since.shape[1] + 1)
    enough = (before_runs >= MIN_BASELINE_RUNS)[:, None] & (since_runs >= MIN_RUNS)
    enough &= seen.since_known & (rows >= FEWEST)
    if not enough.any():
        return None
    rate = ((before + 0.5) / (before_runs + 1.0))[:, None]
    asked = enough & (since >= MIN_FAILURES) & (since > rate * since_runs)
    return RateScan(
        runs=runs,
        failures=failures,
        seen=seen,
        usual=np.column_stack([before, before_runs]),
        dispersion=_dispersion(n0, k0, rate, seen.size),
        least_ratio=least_ratio,
        least_rise=least_rise,
        onsets=best_by_day(rate_evidence(runs, failures, seen, asked), seen, runs.size),
    )


def _dispersion(runs: Ints, failures: Ints, rate: Floats, size: Ints) -> Floats:
    """Variance of daily counts over the binomial one (Pearson), at least 1, before each onset."""
    expected = runs * rate
    squares = (failures - expected) ** 2 / np.maximum(expected * (1 - rate), 1e-12)
    squares = np.where(runs > 0, np.minimum(squares, 25.0), 0.0)
    return np.asarray(np.maximum(1.0, squares.sum(axis=1) / np.maximum(size - 1, 1)))


def _signed_root(k1: Floats, n1: Floats, k0: Floats, n0: Floats) -> Floats:
    """Signed square root of the likelihood ratio of two binomials against one."""

    def fit(k: Floats, n: Floats) -> Floats:
        return np.asarray(xlogy(k, k / n) + xlogy(n - k, 1 - k / n))

    ratio = 2 * (fit(k1, n1) + fit(k0, n0) - fit(k0 + k1, n0 + n1))
    return np.asarray(np.sign(k1 / n1 - k0 / n0) * np.sqrt(np.maximum(ratio, 0.0)))
