"""Deadlines mean the same moment to everybody, in summer and in winter."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.registry import parse_deadline

WINTER = date(2026, 1, 12)


@pytest.mark.parametrize(
    ("text", "at", "zone", "days"),
    [
        ("03:00 AM ET", time(3), "America/New_York", 1),
        ("3:00 am et", time(3), "America/New_York", 1),
        ("12:00 AM ET (next day)", time(0), "America/New_York", 1),
        ("12:30 PM PT", time(12, 30), "America/Los_Angeles", 0),
        ("11:00 PM ET same day", time(23), "America/New_York", 0),
        ("17:00 America/New_York", time(17), "America/New_York", 0),
        ("06:00 UTC same day", time(6), "UTC", 0),
        ("05:00 PM ET next day", time(17), "America/New_York", 1),
        ("10:00 Etc/GMT+5", time(10), "Etc/GMT+5", 1),
    ],
)
def test_a_deadline_is_read_as_people_write_it(text: str, at: time, zone: str, days: int) -> None:
    deadline = parse_deadline(f"  {text} ")
    assert (deadline.time, deadline.zone, deadline.days_after) == (at, zone, days)
    assert deadline.text == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a time with a zone"),
        ("03:00", "not a time with a zone"),
        ("3 AM ET", "not a time with a zone"),
        ("03:00 AM ET tomorrow", "not a time with a zone"),
        ("24:00 ET", "not a time of day"),
        ("03:60 ET", "not a time of day"),
        ("13:00 PM ET", "write 13:00 without PM"),
        ("00:15 AM ET", "write 00:15 without AM"),
        ("03:00 EDT", "write ET"),
        ("03:00 Mars/Phobos", "not a time zone"),
        ("03:00 ../etc/passwd", "not a time with a zone"),
    ],
)
def test_what_is_no_deadline_is_refused_with_the_fix(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_deadline(text)


def test_the_moment_follows_daylight_saving() -> None:
    due = parse_deadline("03:00 AM ET")
    assert due.at(WINTER) == datetime(2026, 1, 13, 8, tzinfo=UTC)
    assert due.at(date(2026, 7, 12)) == datetime(2026, 7, 13, 7, tzinfo=UTC)


def test_a_time_that_the_clock_change_skips_or_repeats_is_one_moment() -> None:
    # 2026-03-08 02:00-02:59 does not exist in New York; 2026-11-01 01:00-01:59 comes twice.
    assert parse_deadline("02:00 AM ET").at(date(2026, 3, 7)) == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert parse_deadline("01:30 AM ET").at(date(2026, 10, 31)) == datetime(
        2026, 11, 1, 5, 30, tzinfo=UTC
    )


def test_the_next_deadline_counts_its_own_moment() -> None:
    due = parse_deadline("03:00 AM ET")
    exactly = datetime(2026, 1, 13, 8, tzinfo=UTC)
    assert due.next_after(exactly) == (WINTER, exactly)
    assert due.next_after(exactly + timedelta(seconds=1)) == (
        date(2026, 1, 13),
        exactly + timedelta(days=1),
    )


@given(
    moment=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    hour=st.integers(0, 23),
    zone=st.sampled_from(["ET", "PT", "UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
    day=st.sampled_from(["same day", "next day"]),
)
def test_the_next_deadline_is_ahead_and_no_other_lies_between(
    moment: datetime, hour: int, zone: str, day: str
) -> None:
    deadline = parse_deadline(f"{hour:02}:00 {zone} {day}")
    data_date, due = deadline.next_after(moment)
    assert due >= moment
    assert due == deadline.at(data_date)
    assert deadline.at(data_date - timedelta(days=1)) < moment
