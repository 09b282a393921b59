"""One processor's days with runs, checked, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.onset_scan import Ints

COLUMNS = ("date", "runs", "failures", "p95_duration", "records_p50")
Days = npt.NDArray[np.datetime64]
MOST_ROWS = 200  # older days say nothing of what is normal now
Span = tuple[date | None, date | None]


@dataclass(frozen=True, kw_only=True)
class DailyHistory:
    """A row per day with runs, oldest first: the last `MOST_ROWS` of `count`. Durations in seconds;
    NaN is not known."""

    days: Days
    runs: Ints
    failures: Ints
    p95_duration: Floats
    records_p50: Floats
    count: int


def weekdays(days: Days) -> Ints:
    """0 for Monday to 6 for Sunday."""
    # The epoch, 1970-01-01, was a Thursday.
    return np.asarray((days.astype("datetime64[D]").astype(np.int64) + 3) % 7)


def daily_history(frame: pd.DataFrame, *, marked: Iterable[Span] = ()) -> DailyHistory:
    """Check and sort a history, and leave out what a person has marked.

    Args:
        frame: one row per day in any order, with `COLUMNS`.
        marked: first and last days of spans; None is without end on that side.

    Raises:
        ValueError: a column is missing, a day comes twice, or a marked span ends before it starts.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise ValueError(f"a history needs the columns {list(COLUMNS)}; {missing} are missing")
    dates = frame["date"]
    if dates.dtype.kind != "M":
        dates = pd.to_datetime(dates)
    days = dates.to_numpy().astype("datetime64[D]")
    order = np.argsort(days, kind="stable")
    days = days[order]
    twice = days[1:][days[1:] == days[:-1]]
    if twice.size:
        raise ValueError(f"a history has one row per day; {twice[0]} comes twice")
    runs, failures, durations, records = (_floats(frame[name])[order] for name in COLUMNS[1:])
    kept = runs > 0
    for first, last in marked:
        if first is not None and last is not None and last < first:
            raise ValueError(f"the marked span {first} to {last} ends before it starts")
        inside = np.ones(days.size, dtype=bool)
        if first is not None:
            inside &= days >= np.datetime64(first, "D")
        if last is not None:
            inside &= days <= np.datetime64(last, "D")
        kept &= ~inside
    rows = np.flatnonzero(kept)
    latest = rows[-MOST_ROWS:]
    return DailyHistory(
        days=days[latest],
        runs=runs[latest].astype(np.int64),
        failures=np.nan_to_num(failures[latest]).astype(np.int64),
        p95_duration=durations[latest],
        records_p50=records[latest],
        count=rows.size,
    )


def _floats(column: pd.Series) -> Floats:
    if column.dtype.kind in "fiu" and isinstance(column.dtype, np.dtype):
        # Ten times as fast, and this is called four times for each of thousands of histories.
        return np.asarray(column.to_numpy(), dtype=np.float64)
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
