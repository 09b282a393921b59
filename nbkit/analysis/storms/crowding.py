"""Do runs start in crowds, and does it harm them?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.storms.attempts import seconds_of

Floats = npt.NDArray[np.float64]

BIN_S = 60.0
MARK_MINUTES = (60, 30, 20, 15, 10, 5, 3, 2)
_FEWEST = 20
_PAUSE_MIN, _SHORTEST_MIN = 120, 15


@dataclass(frozen=True, kw_only=True)
class Crowding:
    """How first attempts start.

    Attributes:
        crowded: share of them in minutes that hold at least twice as many as an average minute of
            the storm (or of a quarter of an hour, where it is shorter), and five.
        dose: chance that a failed run started with more runs in flight than one that succeeded
            (area under the curve; 0.5: no connection). None where either kind is rare: where nearly
            all fail, no connection can show.
        interval_min: the widest grid of minutes past the hour on which nearly all crowds lie; None
            where they lie on none.
        processors: how many processors start together in the most mixed tenth of the crowds.
    """

    crowded: float
    dose: float | None
    interval_min: int | None
    processors: float


def crowding(runs: pd.DataFrame, around: pd.DataFrame) -> Crowding:
    """Of the storm's runs with messages.

    Args:
        runs: the storm's.
        around: all runs that may have been in flight with them (the storm's too).
    """
    first = runs[runs["attempt"] == 1]
    if len(first) < _FEWEST:
        return Crowding(crowded=0.0, dose=None, interval_min=None, processors=0.0)
    started = seconds_of(first["started_at"])
    minute = np.floor(started / BIN_S).astype(np.int64)
    minutes, where, counts = np.unique(minute, return_inverse=True, return_counts=True)
    average = len(first) / _active_minutes(minutes)
    is_crowd = counts >= max(5.0, 2 * average)
    crowds = minutes[is_crowd]
    in_crowd = is_crowd[where]
    names = first["processor_name"].to_numpy()[in_crowd]
    together = pd.Series(names).groupby(minute[in_crowd]).nunique()
    # Within the crowds, where there are any: that ordinary runs outside of them succeed says
    # nothing about what a crowd does.
    dose = _dose(first[in_crowd], around) if in_crowd.mean() >= 0.5 else None
    return Crowding(
        crowded=float(counts[is_crowd].sum() / len(first)),
        dose=_dose(runs, around) if dose is None else dose,
        interval_min=_grid(crowds, counts[is_crowd]),
        processors=float(together.quantile(0.9)) if len(together) else 0.0,
    )


def _active_minutes(minutes: npt.NDArray[np.int64]) -> int:
    """How many minutes the storm lasted: pauses of more than two hours are none of it. Each time it
    counts for a quarter of an hour at least, or a single burst would be its own average."""
    times = np.split(minutes, np.flatnonzero(np.diff(minutes) > _PAUSE_MIN) + 1)
    return int(sum(max(each[-1] - each[0] + 1, _SHORTEST_MIN) for each in times))


def _grid(crowds: npt.NDArray[np.int64], weights: npt.NDArray[np.int64]) -> int | None:
    if crowds.size < 3:
        return None
    for every in MARK_MINUTES:
        # A start may slip into the next minute.
        phase = np.bincount(crowds % every, weights=weights, minlength=every)
        best = float((phase + np.roll(phase, -1)).max() if every > 3 else phase.max())
        if best >= 0.9 * weights.sum():
            return every
    return None


def in_flight(started: Floats, around: pd.DataFrame) -> Floats:
    """How many runs of `around` were going on at each of these moments (seconds since 1970). Where
    the history does not say when runs end, each is taken to last a minute."""
    began = seconds_of(around["started_at"])
    ended = seconds_of(around["ended_at"].fillna(around["started_at"].max()))
    if not (ended > began).any():
        ended = began + BIN_S
    begins, ends = np.sort(began), np.sort(ended)
    return np.asarray(
        np.searchsorted(begins, started, side="left")
        - np.searchsorted(ends, started, side="right"),
        dtype=np.float64,
    )


def _dose(runs: pd.DataFrame, around: pd.DataFrame) -> float | None:
    ended = runs[runs["category"].notna()]
    failed = ended["is_failure"].to_numpy(dtype=bool)
    bad, good = int(failed.sum()), int((~failed).sum())
    if min(bad, good) < max(_FEWEST // 2, 0.08 * len(ended)):
        return None
    load = in_flight(seconds_of(ended["started_at"]), around)
    ranks = pd.Series(load).rank().to_numpy()
    return float((ranks[failed].sum() - bad * (bad + 1) / 2) / (bad * good))
