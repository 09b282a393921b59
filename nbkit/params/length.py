"""Lengths of time as people write them: `90s`, `15m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_MOST_S = 3_650 * 86_400  # ten years: what is longer is a slip of the keys


def parse_length(text: str) -> timedelta:
    """The length that a text such as `90s`, `1.5h` or `30` (seconds) means.

    Raises:
        ValueError: not a length of time, or none at all; says how to write one.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?", text.strip())
    if not match or float(match[1]) <= 0:
        raise ValueError(f"{text}: not a length of time; write 90s, 15m, 2h or 7d.")
    seconds = float(match[1]) * _UNITS[match[2] or "s"]
    if seconds > _MOST_S:
        raise ValueError(f"{text}: longer than ten years; write 90s, 15m, 2h or 7d.")
    return timedelta(seconds=seconds)


def written_length(length: timedelta) -> str:
    """The shortest such text for a length of whole seconds: `90s`, `15m`, `2h`."""
    seconds = round(length.total_seconds())
    for unit in ("h", "m"):
        if seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
