"""From classified runs to the numbers of a replay: which window, which message, which delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from nbkit.analysis.storms.workload import (
    LEAD_S,
    TAIL_S,
    Bools,
    Floats,
    Ints,
    Workload,
    on_marks,
)
from nbkit.failures import FailureCategory

_WAITS = (FailureCategory.NO_DATA_AVAILABLE.value, FailureCategory.DEPENDENCY_MISSING.value)
_SAYS_NOTHING = ("unrecognised", "work_failed", "contradiction", "no_message")
_LONGEST_GAP_S = 3_700.0  # Pub/Sub waits 600 s at most, others an hour
_STUCK_S, _SAME_SWEEP_S, _SWEPT_TOGETHER = 3_600.0, 30.0, 3
_NOBODY = np.int64(-1)


def gather(
    runs: pd.DataFrame, windows: Sequence[tuple[datetime, datetime]], *, as_of: datetime
) -> Workload:
    """The workload of the windows and what lies around them.

    Args:
        runs: classified (`runs.classified`), of the windows and up to `LEAD_S` before and `TAIL_S`
            after each.
        windows: start and end of each, in the order of time.
        as_of: the end of the history.
    """
    ordered = runs.sort_values("started_at", kind="stable", ignore_index=True)
    start = _seconds(ordered["started_at"])
    end = _seconds(ordered["ended_at"])
    end[np.isnan(end)] = np.inf
    caller = (
        ordered["triggered_by"].astype("str").fillna("")
        + "/"
        + ordered["trigger_source"].astype("str").fillna("")
    )
    processor = pd.factorize(ordered["processor_name"].astype("str") + "|" + caller)[0]
    item = pd.factorize(
        ordered["processor_name"].astype("str") + "|" + ordered["data_date"].astype("str")
    )[0]
    failed = ordered["is_failure"].to_numpy(dtype=bool)
    category = ordered["category"].astype("str").to_numpy(dtype=object)
    rule = ordered["category_rule"].astype("str").to_numpy(dtype=object)
    swept = failed & ((rule == "swept") | _swept_together(end - start, end, failed))
    timed = (ordered["trigger_source"].astype("str") == "scheduler").to_numpy(dtype=bool)
    message, attempt = _deliveries(ordered, start, end, failed & ~swept, item, timed)
    says = (ordered["category_origin"] == "recorded").to_numpy() | ~np.isin(rule, _SAYS_NOTHING)
    values: dict[str, Any] = {
        "processor": processor.astype(np.int64),
        "item": item.astype(np.int64),
        "message": message,
        "attempt": attempt,
        "failed": failed,
        "waits": failed & np.isin(category, _WAITS),
        "named": failed & (category == FailureCategory.DEPENDENCY_MISSING.value),
        "told": failed & says,
        "swept": swept,
        "timed": timed,
    }
    edges = np.array([[a.timestamp(), b.timestamp()] for a, b in windows]).reshape(-1, 2)
    chosen, number = _around(start, end, edges)
    origins = np.floor(edges[:, 0] / 60) * 60
    origin = origins[number]
    return Workload(
        begin_s=edges[:, 0] - origins,
        end_of_s=edges[:, 1] - origins,
        known_s=np.minimum(edges[:, 1] + TAIL_S, as_of.timestamp()) - origins,
        window=number,
        start_s=start[chosen] - origin,
        end_s=end[chosen] - origin,
        **{name: column[chosen] for name, column in values.items()},
    )


def _around(start: Floats, end: Floats, edges: Floats) -> tuple[Ints, Ints]:
    """The runs of each window and its surroundings, as positions; and the number of the window."""
    rows, numbers = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for number, (begin, stop) in enumerate(edges):
        near = (start >= begin - LEAD_S) & (start < stop + TAIL_S)
        near |= (end >= begin) & (end < stop)
        own = np.flatnonzero(near)
        rows.append(own)
        numbers.append(np.full(own.size, number, dtype=np.int64))
    return np.concatenate(rows), np.concatenate(numbers)


def _swept_together(length: Floats, end: Floats, failed: Bools) -> Bools:
    """Failures that stood open for over an hour and ended together: a sweep closed them."""
    stuck = failed & (length > _STUCK_S) & np.isfinite(end)
    swept = np.zeros(end.size, dtype=bool)
    if stuck.any():
        place = np.floor(end[stuck] / _SAME_SWEEP_S).astype(np.int64)
        _, of, count = np.unique(place, return_inverse=True, return_counts=True)
        swept[np.flatnonzero(stuck)] = count[of] >= _SWEPT_TOGETHER
    return swept


def _deliveries(
    runs: pd.DataFrame, start: Floats, end: Floats, failed: Bools, item: Ints, timed: Bools
) -> tuple[Ints, Ints]:
    """Each run's message, and the number of its delivery (from 0)."""
    recorded = runs["trigger_message_id"].notna().to_numpy()
    message = np.full(len(runs), _NOBODY)
    message[recorded] = pd.factorize(runs["trigger_message_id"][recorded])[0]
    attempt = np.zeros(len(runs), dtype=np.int64)
    order = np.flatnonzero(recorded)
    if order.size:
        attempt[order] = pd.Series(message[order]).groupby(message[order]).cumcount().to_numpy()
    told = runs["retry_attempt"].astype("Int64")
    first = _first_number(told, message, recorded)
    known = told.notna().to_numpy()
    counted = np.where(known, told.fillna(0).to_numpy(dtype=np.int64) - first, 0)
    attempt = np.where(known & recorded, np.maximum(counted, attempt), attempt)
    unknown = np.flatnonzero(~recorded)
    if unknown.size:
        again = np.where(known, counted > 0, ~on_marks(start, item, np.ones(len(runs), bool)))
        again &= ~timed
        found, number = _chained(
            start[unknown], end[unknown], failed[unknown], item[unknown], again[unknown]
        )
        message[unknown] = found + (int(message.max()) + 1)
        attempt[unknown] = number
    return message, attempt


def _first_number(told: pd.Series, message: Ints, recorded: Bools) -> int:
    """Whether the first delivery is written as 0 or as 1."""
    known = told.dropna()
    return 0 if not len(known) or int(known.min()) == 0 else 1


def _chained(
    start: Floats, end: Floats, failed: Bools, item: Ints, again: Bools
) -> tuple[Ints, Ints]:
    """Deliveries without a message id: a run that may be one follows the latest failure of the
    same work that nothing has followed yet, if it is not too long ago."""
    message = np.arange(start.size)
    attempt = np.zeros(start.size, dtype=np.int64)
    waiting: dict[int, list[int]] = {}
    for run in range(start.size):
        line = waiting.setdefault(int(item[run]), [])
        if again[run]:
            for place in range(len(line) - 1, -1, -1):
                before = line[place]
                if end[before] <= start[run]:
                    if start[run] - end[before] <= _LONGEST_GAP_S:
                        message[run], attempt[run] = message[before], attempt[before] + 1
                        del line[place]
                    break
        if failed[run]:
            line.append(run)
    return message, attempt


def _seconds(moments: pd.Series) -> Floats:
    """Seconds since 1970; not a number where there is none."""
    whole = moments.astype("datetime64[us, UTC]")
    seconds = whole.astype("int64").to_numpy() / 1e6
    return np.where(whole.isna().to_numpy(), np.nan, seconds)
