"""Options that take a length of time."""

from __future__ import annotations

from datetime import timedelta

from nbkit.errors import InputError


def length_of(option: str, text: str) -> timedelta:
    """The length that an option was given, such as `90s`, `15m` or `2h`.

    Raises:
        InputError: it is none; names the option.
    """
    from nbkit.params.length import parse_length

    try:
        return parse_length(text)
    except ValueError as error:
        raise InputError(f"{option} {error}") from None
