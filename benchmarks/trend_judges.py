"""Who says of a history that it has become worse: nbkit, the rules of the customer's plan, bands of
3 sigma and of the MAD, Apache Otava and ruptures' PELT.

Each has a knob that makes it stricter, so that they can be compared at equal false alarms. Otava
and ruptures are taken where they are installed (`pip install --no-deps apache-otava ruptures`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec

import numpy as np
import pandas as pd

from nbkit.analysis.trends import AssessmentRules, assess

RECENT = 14  # rows: a change point that is older is no news


@dataclass(frozen=True, kw_only=True)
class Judge:
    """`says(frame, knob)`: is it worse as of the last row? `default` is the setting that its
    documentation gives, `stricter` are others, in order."""

    name: str
    says: Callable[[pd.DataFrame, float], bool]
    default: float
    stricter: tuple[float, ...]


def _nbkit(frame: pd.DataFrame, alpha: float) -> bool:
    return assess(frame, rules=AssessmentRules(alpha=alpha)).alert


def _seed_rules(frame: pd.DataFrame, factor: float) -> bool:
    """P95 of the last seven days over `factor` times the P95 before; failure rate over 1.5 x (as
    much more as the factor is above 2) and 5 %."""
    last = frame["date"].iloc[-1]
    recent = frame[frame["date"] > last - timedelta(days=7)]
    before = frame[frame["date"] <= last - timedelta(days=7)].tail(30)
    slow = recent["p95_duration"].quantile(0.95) > factor * before["p95_duration"].quantile(0.95)
    now = recent["failures"].sum() / max(recent["runs"].sum(), 1)
    usual = before["failures"].sum() / max(before["runs"].sum(), 1)
    return bool(slow or (now > 0.75 * factor * usual and now > 0.05))


def _metrics(frame: pd.DataFrame) -> list[np.ndarray]:
    """What every judge but nbkit and the rules is given: durations, and failure rates."""
    own = frame[frame["runs"] > 0]
    durations = own["p95_duration"].dropna().to_numpy(dtype=np.float64)
    return [durations, (own["failures"] / own["runs"]).to_numpy(dtype=np.float64)]


def _sigma(frame: pd.DataFrame, width: float) -> bool:
    """The last day lies over so many standard deviations above the days before it."""
    return any(
        values.size > 10 and values[-1] > values[:-1].mean() + width * values[:-1].std()
        for values in _metrics(frame)
    )


def _mad(frame: pd.DataFrame, width: float) -> bool:
    for values in _metrics(frame):
        if values.size <= 10:
            continue
        middle = np.median(values[:-1])
        if values[-1] > middle + width * 1.4826 * np.median(np.abs(values[:-1] - middle)):
            return True
    return False


def _otava(frame: pd.DataFrame, max_p: float) -> bool:
    """A change point for the worse within the last rows (window 50, as its default)."""
    from otava.analysis import compute_change_points

    for values in _metrics(frame):
        found, _ = compute_change_points(values.tolist(), max_pvalue=max_p)
        if found and found[-1].index >= values.size - RECENT:
            stats = found[-1].stats
            if stats.mean_2 > stats.mean_1:
                return True
    return False


def _pelt(frame: pd.DataFrame, penalty: float) -> bool:
    """PELT on the squared error of the logarithms (of the rates as they are), scaled by the noise;
    the penalty in units of log(n): the Bayesian information criterion is 2 a change."""
    import ruptures

    durations, rates = _metrics(frame)
    for values in (np.log(durations), rates):
        if values.size <= 10:
            continue
        noise = 1.4826 * np.median(np.abs(np.diff(values))) / np.sqrt(2) or values.std() or 1.0
        scaled = values / noise
        # The linear kernel is the squared error, and its PELT is written in C.
        search = ruptures.KernelCPD(kernel="linear", min_size=2)
        bounds = search.fit_predict(scaled[:, None], pen=penalty * np.log(values.size))
        start = bounds[-2] if len(bounds) > 1 else 0
        if start and start >= values.size - RECENT:
            before = bounds[-3] if len(bounds) > 2 else 0
            if values[start:].mean() > values[before:start].mean():
                return True
    return False


def judges() -> tuple[Judge, ...]:
    """All that are installed."""
    alpha = AssessmentRules().alpha
    found = [
        Judge(name="nbkit", says=_nbkit, default=alpha, stricter=(alpha / 2, alpha / 4)),
        Judge(name="seed's rules", says=_seed_rules, default=2.0, stricter=(2.5, 3.0, 4.0, 6.0)),
        Judge(name="3 sigma", says=_sigma, default=3.0, stricter=(4.0, 5.0, 6.0, 7.0, 9.0)),
        Judge(name="MAD", says=_mad, default=3.0, stricter=(5.0, 8.0, 12.0, 20.0, 40.0)),
    ]
    if find_spec("otava"):
        stricter = (1e-4, 1e-5, 1e-6, 1e-8)
        found.append(Judge(name="Apache Otava", says=_otava, default=1e-3, stricter=stricter))
    if find_spec("ruptures"):
        stricter = (4.0, 6.0, 10.0, 15.0, 25.0, 40.0)
        found.append(Judge(name="PELT", says=_pelt, default=2.0, stricter=stricter))
    return tuple(found)
