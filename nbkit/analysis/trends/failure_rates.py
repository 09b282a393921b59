"""Has the share of failures risen, and since when? Counts stay counts.

A likelihood scan over the onset: failures since then against those before, as two binomials, the
likelihood ratio divided by the over-dispersion that the baseline shows (quasi-likelihood: McCullagh
& Nelder 1989, ch. 4.5). One bad day is bounded, so a burst is not a new rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, xlogy

from nbkit.analysis.proportions import difference, proportion
from nbkit.analysis.trends.shifts import LOOKBACK, MIN_BASELINE, SEARCHES, split

Ints = npt.NDArray[np.int64]

MIN_FAILURES = 4  # fewer are no rate, whatever they are a share of
MIN_RUNS = 20
MIN_BASELINE_RUNS = 50


@dataclass(frozen=True, kw_only=True)
class RateShift:
    """Failure share since the onset and before it; `low` and `high` bound the difference at 95 %.

    `p` is one-sided and corrected for the scan.
    """

    rows: int
    rate: float
    baseline: float
    low: float
    high: float
    p: float
    persists: bool
    failures: int
    runs: int


def rate_shift(runs: Ints, failures: Ints) -> RateShift | None:
    """The most convincing rise of the failure share that goes on to the end.

    Args:
        runs, failures: one entry per day with runs, oldest first.

    Returns:
        None where no candidate has `MIN_BASELINE_RUNS` runs before it and `MIN_RUNS` after it.
    """
    found: tuple[int, float] | None = None
    for rows in range(2, LOOKBACK + 1):
        if runs.size - rows < max(MIN_BASELINE, rows):
            break
        (n0, n1), (k0, k1) = split(runs, rows), split(failures, rows)
        if n0.sum() < MIN_BASELINE_RUNS or n1.sum() < MIN_RUNS:
            continue
        rate0 = (k0.sum() + 0.5) / (n0.sum() + 1.0)
        dispersion = _dispersion(n0, k0, rate0)
        # What one day can say at most: about what a day three deviations off has.
        usual = rate0 * n1 + 3.5 * np.sqrt(dispersion * n1 * rate0 * (1 - rate0)) + 1
        bounded = np.minimum(k1, usual)
        root = _signed_root(bounded.sum(), n1.sum(), k0.sum() + 0.5, n0.sum() + 1.0)
        root /= np.sqrt(dispersion)
        if found is None or root > found[1]:
            found = (rows, float(root))
    return None if found is None else _described(runs, failures, *found)


def _described(runs: Ints, failures: Ints, rows: int, root: float) -> RateShift:
    (n0, n1), (k0, k1) = split(runs, rows), split(failures, rows)
    now = proportion(int(k1.sum()), int(n1.sum()))
    before = proportion(int(k0.sum()), int(n0.sum()))
    moved = difference(before, now)
    rate, usual = float(k1.sum() / n1.sum()), float(k0.sum() / n0.sum())
    lately = float(k1[-5:].sum() / n1[-5:].sum())
    return RateShift(
        rows=rows,
        rate=rate,
        baseline=usual,
        low=moved.low if moved else -1.0,
        high=moved.high if moved else 1.0,
        p=float(min(1.0, ndtr(-root) * SEARCHES)),
        # Still about as bad on the last days, and never one day's doing.
        persists=bool(lately > usual + 0.3 * (rate - usual) and (k1 > 0).sum() >= 2),
        failures=int(k1.sum()),
        runs=int(n1.sum()),
    )


def _dispersion(runs: Ints, failures: Ints, rate: float) -> float:
    """Variance of daily counts over the binomial one (Pearson), at least 1."""
    expected = runs * rate
    squares = (failures - expected) ** 2 / np.maximum(expected * (1 - rate), 1e-12)
    return float(max(1.0, np.minimum(squares, 25.0).sum() / max(runs.size - 1, 1)))


def _signed_root(k1: float, n1: float, k0: float, n0: float) -> float:
    """Signed square root of the likelihood ratio of two binomials against one."""

    def fit(k: float, n: float) -> float:
        return float(xlogy(k, k / n) + xlogy(n - k, 1 - k / n))

    ratio = 2 * (fit(k1, n1) + fit(k0, n0) - fit(k0 + k1, n0 + n1))
    return float(np.sign(k1 / n1 - k0 / n0) * np.sqrt(max(ratio, 0.0)))
