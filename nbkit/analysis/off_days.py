"""On which days the platform had nothing to do, read off its runs: no calendar of games is needed.

A processor's own *off-day* is one on which it ran, and all its runs were expected to have nothing
to do. An off-day of the platform is a UTC day on which more processors had theirs than chance
explains, and at least half of those that sometimes have one. Processors that never have one (they
poll and find something each day) or nearly always do say nothing about games.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
_FEWEST = 3  # processors off together; two may be a pair with one source


def off_days(
    daily: pd.DataFrame, *, level: float = 0.01, least_share: float = 0.5
) -> tuple[date, ...]:
    """Days on which the platform had nothing to do, in order.

    The number of idle processors of a day is held against its distribution if each were idle by
    itself, as often as it is (Poisson-binomial); the level is divided by the number of days.

    Args:
        daily: processor_name, date, runs, expected.
    """
    idle = (daily["runs"] == 0) & (daily["expected"] > 0)
    ran = daily[(daily["runs"] > 0) | idle].assign(idle=idle)
    share = ran.groupby("processor_name")["idle"].mean()
    now_and_then = share[(share > 0) & (share <= least_share)]
    own = ran[ran["processor_name"].isin(now_and_then.index)]
    dates = own["date"].nunique()
    found = []
    for day, rows in own.groupby("date", sort=True):
        count = int(rows["idle"].sum())
        if count < _FEWEST or count < least_share * len(rows):
            continue
        chances = now_and_then[rows["processor_name"]].to_numpy(dtype=np.float64)
        if _chance_of(count, chances) <= level / dates:
            found.append(pd.Timestamp(str(day)).date())
    return tuple(found)


def _chance_of(count: int, chances: Floats) -> float:
    """The chance of `count` or more, of events that each have a chance of their own."""
    exactly = np.ones(1)
    for chance in chances:
        exactly = np.convolve(exactly, [1 - chance, chance])
    return float(exactly[count:].sum())
