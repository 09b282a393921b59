"""A window that somebody asks for, in words."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from nbkit.analysis.storms.storm import WEEKDAYS
from nbkit.analysis.storms.windows import FoundWindow, Span
from nbkit.errors import ParameterError
from nbkit.params import parse_moment

_WEEKLY = re.compile(r"\s*([A-Za-z]{3,9})\s+(\d{1,2})\s*(?:-|–|to)\s*(\d{1,2})\s*")


def asked_window(text: str, *, start: datetime, end: datetime) -> FoundWindow:
    """`Monday 00-03` (whole hours UTC, both included) in every week of [start, end), or two moments
    with a slash between them.

    Raises:
        ParameterError: it reads like neither, or lies outside.
    """
    weekly = _WEEKLY.fullmatch(text)
    if weekly:
        spans = _weekly(weekly[1], int(weekly[2]), int(weekly[3]), text, start, end)
    else:
        spans = [_between(text)]
    spans = [
        Span(start=max(span.start, start), end=min(span.end, end))
        for span in spans
        if span.start < end and span.end > start
    ]
    if not spans:
        raise ParameterError(
            f"window: {text!r} lies outside {start:%Y-%m-%d} to {end:%Y-%m-%d}; set days or as_of."
        )
    return FoundWindow(
        spans=tuple(spans),
        processors=(),
        is_of_all=True,
        measures=frozenset({"failures"}),
        seen=0.0,
        usual=0.0,
        q=float("nan"),
        weekly=bool(weekly),
    )


def _weekly(
    day: str, first: int, last: int, text: str, start: datetime, end: datetime
) -> list[Span]:
    numbers = [n for n, name in enumerate(WEEKDAYS) if name.lower().startswith(day.lower())]
    if len(numbers) != 1 or first > 23 or last > 23:
        raise _unreadable(text)
    hours = (last - first) % 24 + 1
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + timedelta(days=(numbers[0] - midnight.weekday()) % 7 - 7, hours=first)
    spans = []
    while begin < end:
        spans.append(Span(start=begin, end=begin + timedelta(hours=hours)))
        begin += timedelta(days=7)
    return spans


def _between(text: str) -> Span:
    parts = text.split("/")
    try:
        first, last = (parse_moment(part.strip()) for part in parts)
    except (ValueError, ParameterError) as problem:
        raise _unreadable(text) from problem
    if first >= last:
        raise _unreadable(text)
    return Span(start=first, end=last)


def _unreadable(text: str) -> ParameterError:
    return ParameterError(
        f"window: {text!r} is not a window. Write `Monday 00-03` (hours UTC, both included) or "
        "`2026-01-12T00:00:00Z/2026-01-12T04:00:00Z`."
    )
