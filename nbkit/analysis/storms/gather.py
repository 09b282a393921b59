"""From classified runs to the numbers of a replay: which window, which message, which delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from nbkit.analysis.storms.attempts import seconds_of, with_messages
from nbkit.analysis.storms.evidence.apart import WAITING
from nbkit.analysis.storms.evidence.words import QUOTA, about
from nbkit.analysis.storms.workload import (
    LEAD_S,
    TAIL_S,
    Bools,
    Floats,
    Ints,
    Workload,
)

_SAYS_NOTHING = ("unrecognised", "work_failed", "contradiction", "no_message")
_STUCK_S, _SAME_SWEEP_S, _SWEPT_TOGETHER = 3_600.0, 30.0, 3


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
    ordered = runs.sort_values(["started_at", "run_id"], kind="stable", ignore_index=True)
    ordered = ordered if "message" in ordered else with_messages(ordered)
    start = seconds_of(ordered["started_at"])
    end = seconds_of(ordered["ended_at"])
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
    # A schedule may start a run itself, or through a message.
    timed = (ordered[["trigger_source", "triggered_by"]].astype("str") == "scheduler").any(axis=1)
    says = (ordered["category_origin"] == "recorded").to_numpy() | ~np.isin(rule, _SAYS_NOTHING)
    values: dict[str, Any] = {
        "processor": processor.astype(np.int64),
        "item": item.astype(np.int64),
        "message": ordered["message"].to_numpy(dtype=np.int64),
        "attempt": ordered["attempt"].to_numpy(dtype=np.int64) - 1,
        "failed": failed,
        "waits": failed & np.isin(category, WAITING),
        "told": failed & says,
        "quota": failed & about(ordered["errors_text"], QUOTA),
        "swept": swept,
        "named": ordered[["trigger_message_id", "retry_attempt"]].notna().any(axis=1).to_numpy(),
        "timed": timed.to_numpy(dtype=bool),
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
