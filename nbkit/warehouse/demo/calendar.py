"""Which dates have games: the season's shape, its off-days, and dates of runs."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt

EPOCH = date(1970, 1, 1)
SEASON_YEAR = 2025
OPENING_NIGHT = date(2025, 10, 21)
# No games: Thanksgiving, Christmas Eve, and the days around the cup's final.
OFF_DAYS = frozenset(
    {date(2025, 11, 27), date(2025, 12, 15), date(2025, 12, 17), date(2025, 12, 24)}
)
FEW_GAMES = {date(2025, 12, 13): 2, date(2025, 12, 16): 1, date(2025, 12, 25): 5}
# Games a night from Monday to Sunday, in an ordinary week.
_BY_WEEKDAY = (8, 5, 11, 4, 11, 7, 8)
_DST_ENDS_US = int(np.datetime64("2025-11-02T06:00:00", "us").astype(np.int64))
_HOUR_US = 3_600_000_000
# Before 10:00 in New York a run is about the night before.
_DAY_BREAK_US = 10 * _HOUR_US
DAY_US = 24 * _HOUR_US


def games_on(day: date) -> int:
    """How many games the (synthetic) calendar has on a New York date."""
    if day < OPENING_NIGHT or day in OFF_DAYS:
        return 0
    if day in FEW_GAMES:
        return FEW_GAMES[day]
    return _BY_WEEKDAY[day.weekday()] + (day.toordinal() * 7 % 3 - 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01, as Arrow stores dates."""
    return (day - EPOCH).days


def micros(day: date) -> int:
    """Microseconds since 1970-01-01 of midnight UTC."""
    return day_number(day) * DAY_US


@cache
def no_game_days(first: date, last: date) -> frozenset[int]:
    """Day numbers without games from `first` to `last`, both inclusive."""
    days = (first + timedelta(days=i) for i in range((last - first).days + 1))
    return frozenset(day_number(d) for d in days if games_on(d) == 0)


def new_york(started: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Microseconds of New York's wall clock for UTC microseconds, within the demo's history."""
    local: npt.NDArray[np.int64] = started - np.where(started < _DST_ENDS_US, 4, 5) * _HOUR_US
    return local


def game_date(started: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """The date whose games a run is about: the evening's date until ten the next morning."""
    return ((new_york(started) - _DAY_BREAK_US) // DAY_US).astype(np.int32)
