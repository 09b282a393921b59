"""When a storm began and ended, to the minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from nbkit.analysis.storms.attempts import seconds_of
from nbkit.analysis.storms.windows import Span

MINUTE_S = 60.0
_BRIDGED = (
    0.15  # a lull counts as part of the storm while it costs less than this share of its rate
)


def refined(
    spans: Sequence[Span], failures: pd.DataFrame, *, usual_per_hour: float, reach: timedelta
) -> tuple[Span, ...]:
    """Each span of hours as the minutes that hold its storm.

    The stretch with the largest sum of failures over a rate between the usual and the storm's own
    (a maximum-sum segment: Bentley 1984); it ends with the minute after its last failure. A span
    without failures stays as it is.

    Args:
        failures: the storm's, with `ended_at`.
        usual_per_hour: how many of them there are in an ordinary hour.
        reach: how far before and after the hours to look.
    """
    ends = np.sort(seconds_of(failures["ended_at"]))
    return tuple(_refined(span, ends, usual_per_hour / 60, reach) for span in spans)


def _refined(span: Span, ends: np.ndarray, usual: float, reach: timedelta) -> Span:
    first = (span.start - reach).timestamp()
    last = (span.end + reach).timestamp()
    own = ends[np.searchsorted(ends, first) : np.searchsorted(ends, last)]
    core = own[(own >= span.start.timestamp()) & (own < span.end.timestamp())]
    if core.size == 0:
        return span
    minutes = int((last - first) // MINUTE_S) + 1
    counts = np.bincount(((own - first) // MINUTE_S).astype(np.int64), minlength=minutes)
    rate = core.size / (span.length.total_seconds() / MINUTE_S)
    score = counts - (usual + _BRIDGED * max(rate - usual, 0.0))
    # Largest sum of neighbours.
    running = np.concatenate([[0.0], np.cumsum(score)])
    lowest = np.minimum.accumulate(running)
    end = int(np.argmax(running - lowest))
    begin = int(np.argmin(running[: end + 1]))
    inside = np.flatnonzero(counts[begin:end])
    if inside.size == 0:
        return span
    begin, end = begin + int(inside[0]), begin + int(inside[-1]) + 1
    return Span(start=_moment(first + begin * MINUTE_S), end=_moment(first + end * MINUTE_S))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
