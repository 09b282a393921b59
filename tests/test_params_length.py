"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.params.length import parse_length, written_length


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1.5h", 5400), ("30", 30), ("5 min", 300), ("7d", 604_800)],
)
def test_a_length_is_read(text: str, seconds: float) -> None:
    assert parse_length(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "0s", "-5m", "1w", "5m30s", "99999999d", "9" * 400])
def test_what_is_no_length_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="write 90s, 15m, 2h or 7d"):
        parse_length(text)


@given(st.integers(1, 10**6))
def test_a_length_reads_as_it_was_written(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_length(written_length(length)) == length
