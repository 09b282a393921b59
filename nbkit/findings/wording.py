"""Numbers in words that a tired person reads at a glance. One place, so that all reports agree.

A number and its unit are joined by a no-break space: "82.3" on one line and "%" on the next is
read wrongly at 3 am.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_SINGULAR = {"are": "is", "were": "was", "have": "has", "do": "does"}


def percent(fraction: float | None) -> str:
    """`0.2727` → `27.3 %`; never rounds to 0 % or 100 % what is not."""
    if fraction is None:
        return "–"
    value = fraction * 100
    text = f"{value:.1f}"
    if text == "100.0" and fraction < 1:
        return "99.9\u00a0%"
    if text == "0.0" and fraction > 0:
        return "<\u00a00.1\u00a0%"
    return f"{text.removesuffix('.0')}\u00a0%"


def span(length: timedelta | None) -> str:
    """`123 h`, `2 d 4 h`, `17 min`, `4 s`: two units at most."""
    if length is None:
        return "–"
    total = round(length.total_seconds())
    if total < 60:
        return f"{total}\u00a0s"
    minutes = total // 60
    if minutes < 60:
        return f"{minutes}\u00a0min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}\u00a0h {minutes}\u00a0min" if minutes else f"{hours}\u00a0h"
    days, hours = divmod(hours, 24)
    return f"{days}\u00a0d {hours}\u00a0h" if hours else f"{days}\u00a0d"


def seconds(value: float | None) -> str:
    """`4.2 s`, `77 s`, then `12 min`, `5 h 3 min`."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f}\u00a0s"
    if value < 120:
        return f"{value:.0f}\u00a0s"
    return span(timedelta(seconds=value))


def count_of(number: int, noun: str) -> str:
    """`1 run`, `2,346 runs`, `2 queries`."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def part_of(part: int, whole: int, noun: str) -> str:
    """`2 of 3 runs`, and where it is all of them `all 3 runs` or `the only run`."""
    if part == whole and whole:
        return f"the only {noun}" if whole == 1 else f"all {count_of(whole, noun)}"
    return f"{part:,} of {count_of(whole, noun)}"


def verb(number: int, plural: str) -> str:
    """The verb of so many: of one `are` becomes `is`, `need` becomes `needs`."""
    return _SINGULAR.get(plural, f"{plural}s") if number == 1 else plural


def capital(text: str) -> str:
    """As the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def moment(value: datetime | None) -> str:
    """`2026-01-13 12:00 UTC`."""
    return "–" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def short(message: str, limit: int = 120) -> str:
    """One line of at most `limit` characters, the rest as "…"."""
    line = " ".join(message.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def some(names: Sequence[str], most: int = 2) -> str:
    """`A and B`; `A, B and 3 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{noun}s"
