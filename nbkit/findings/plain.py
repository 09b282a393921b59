"""Evidence as machines read it: JSON of base units, whatever library a number came from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import Enum
from typing import Any


def plain(value: Any) -> Any:
    """The same as JSON has it: None, booleans, numbers, texts, lists and mappings with texts as
    keys.

    NaN and infinities become None (JSON has no word for them, and readers stumble), numpy's numbers
    Python's, a length of time its seconds, a moment or a date its ISO text, any other object its
    text.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value)
        case str() | int():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case timedelta():
            return value.total_seconds()
        case date():  # a datetime is one, and pandas' NaT calls itself one
            return value.isoformat() if value == value else None
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case Iterable():
            return [plain(item) for item in value]
    item = getattr(value, "item", None)  # numpy's and pandas' scalars
    return plain(item()) if callable(item) else None if _is_missing(value) else str(value)


def _is_missing(value: object) -> bool:
    """pandas' NA is neither true nor false, and equal to nothing."""
    try:
        return bool(value != value)
    except TypeError:
        return True
