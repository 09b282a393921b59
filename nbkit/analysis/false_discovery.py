"""Of many tests at once, which to believe: the share of false ones among those believed is held.

With 55 processors and seven questions a day, one test in twenty at 5 % alone gives nineteen false
alarms each morning. Holding the *false discovery rate* keeps the wrong share of the list small,
however long the list of tests is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def benjamini_hochberg(
    p_values: Sequence[float] | Floats, *, weights: Sequence[float] | Floats | None = None
) -> Floats:
    """The q-value of each test: the least false discovery rate at which it is believed.

    Benjamini & Hochberg (1995). Valid for independent tests and for those that tend to be small
    together (Benjamini & Yekutieli 2001, theorem 1.2): two quantiles of one processor's durations.

    Args:
        p_values: 0 to 1, in any order; NaN is no test, and has NaN as its q-value.
        weights: how much more than others a test is believed beforehand (Genovese, Roeder &
            Wasserman 2006): positive; they are divided by their mean. None: all alike.

    Raises:
        ValueError: a p-value outside 0 to 1, or weights that are not positive or do not fit.
    """
    p, known = _checked(p_values)
    if weights is not None:
        w = np.asarray(weights, dtype=np.float64)
        if w.shape != p.shape or not (w[known] > 0).all():
            raise ValueError("each test needs one positive weight")
        p = p / (w / w[known].mean()) if known.any() else p
    return _stepped_up(p, known, penalty=1.0)


def benjamini_yekutieli(p_values: Sequence[float] | Floats) -> Floats:
    """As `benjamini_hochberg`, valid whatever the tests have to do with each other.

    The price is a factor of about ln(tests) + 0.58 (Benjamini & Yekutieli 2001, theorem 1.3).
    """
    p, known = _checked(p_values)
    return _stepped_up(p, known, penalty=float(np.sum(1 / np.arange(1, known.sum() + 1))))


def _checked(p_values: Sequence[float] | Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p-values come in one dimension, not in shape {p.shape}")
    known = ~np.isnan(p)
    if not ((p[known] >= 0) & (p[known] <= 1)).all():
        raise ValueError("a p-value lies between 0 and 1")
    return p, known


def _stepped_up(p: Floats, known: npt.NDArray[np.bool_], *, penalty: float) -> Floats:
    tests = int(known.sum())
    q = np.full(p.size, np.nan)
    if tests == 0:
        return q
    order = np.argsort(p[known], kind="stable")
    raised = p[known][order] * penalty * tests / np.arange(1, tests + 1)
    lowest = np.minimum.accumulate(raised[::-1])[::-1]
    within = np.empty(tests)
    within[order] = np.minimum(lowest, 1.0)
    q[known] = within
    return q
