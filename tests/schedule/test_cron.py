"""When jobs happen: in ordinary weeks, and in the nights when the clocks change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbkit.schedule.cron import Cron

NEW_YORK = "America/New_York"
# Whole-hour, half-hour and quarter-hour zones; changes at midnight (Havana, Beirut, Asuncion), of
# half an hour (Lord Howe), of a whole day (Apia, 2011), backwards (Casablanca), and none (UTC).
ZONES = (
    *("UTC", NEW_YORK, "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "America/Asuncion"),
    *("America/Sao_Paulo", "Africa/Cairo", "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin"),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def happens(expression: str, start: str, end: str, zone: str = NEW_YORK) -> list[str]:
    cron = Cron(expression, zone)
    return [f"{cron.local(m):%m-%d %H:%M %Z}" for m in cron.between(at(start), at(end))]


SPRING = ("2026-03-07T12:00-05:00", "2026-03-09T12:00-04:00")
AUTUMN = ("2026-10-31T12:00-04:00", "2026-11-02T12:00-05:00")


def test_a_time_that_the_spring_night_jumps_over_happens_once_right_after_the_jump() -> None:
    assert happens("30 2 * * *", *SPRING) == ["03-08 03:00 EDT", "03-09 02:30 EDT"]


def test_two_times_within_the_jump_are_one_run() -> None:
    assert happens("0,30 2 * * *", *SPRING) == [
        *("03-08 03:00 EDT", "03-09 02:00 EDT", "03-09 02:30 EDT"),
    ]


def test_a_time_that_the_autumn_night_shows_twice_happens_the_first_time() -> None:
    assert happens("30 1 * * *", *AUTUMN) == ["11-01 01:30 EDT", "11-02 01:30 EST"]


def test_asked_within_the_repeated_hour_the_next_run_lies_ahead() -> None:
    second_pass = at("2026-11-01T01:15-05:00")
    assert Cron("30 1 * * *", NEW_YORK).after(second_pass) == at("2026-11-02T01:30-05:00")


def test_every_half_hour_is_every_half_hour_in_both_nights() -> None:
    cron = Cron("*/30 * * * *", NEW_YORK)
    for start, end in (SPRING, AUTUMN):
        moments = list(cron.between(at(start), at(end)))
        assert {b - a for a, b in pairwise(moments)} == {timedelta(minutes=30)}
        assert len(moments) == (at(end) - at(start)) / timedelta(minutes=30)


def test_seven_in_new_york_is_eleven_or_twelve_utc() -> None:
    cron = Cron("0 7 * * *", NEW_YORK)
    year = list(cron.between(at("2026-01-01T00:00Z"), at("2026-12-31T23:59Z")))
    assert len(year) == 365
    assert {m.hour for m in year} == {11, 12}
    assert {cron.local(m).hour for m in year} == {7}


def test_the_first_monday_of_every_month() -> None:
    assert happens("0 8 * * MON#1", "2026-01-01T00:00Z", "2026-06-30T00:00Z") == [
        *("01-05 08:00 EST", "02-02 08:00 EST", "03-02 08:00 EST"),
        *("04-06 08:00 EDT", "05-04 08:00 EDT", "06-01 08:00 EDT"),
    ]


@pytest.mark.parametrize(
    ("expression", "zone", "said"),
    [
        ("0 7 * *", NEW_YORK, "five fields"),
        ("0 0 7 * * *", NEW_YORK, "five fields"),
        ("0 25 * * *", NEW_YORK, "Bad hour"),
        ("0 8 1-7 * 1", NEW_YORK, "MON#1"),
        ("0 8 L * *", NEW_YORK, "L (last)"),
        ("0 8 31 2 *", NEW_YORK, "Bad day-of-month"),
        ("0 8 * 2 MON#6", NEW_YORK, "Bad day-of-week"),
        ("0 7 * * *", "America/New York", "time zone"),
        ("0 7 * * *", "../etc/passwd", "time zone"),
        ("0 7 * * *", "", "time zone"),
    ],
)
def test_what_cannot_be_is_said(expression: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - looked at below
        Cron(expression, zone)
    assert said in str(raised.value)


def test_july_is_not_taken_for_an_l() -> None:
    assert Cron("0 8 * JUL *", NEW_YORK).after(at("2026-01-01T00:00Z")).month == 7


def spelled(values: Iterable[int]) -> str:
    return ",".join(map(str, sorted(values)))


minutes = st.sets(st.integers(0, 59), min_size=1, max_size=4)
hours = st.sets(st.integers(0, 23), min_size=1, max_size=6)
zones = st.sampled_from(ZONES)
starts = st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1)).map(  # noqa: DTZ001 - UTC below
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)


def near_a_change(zone: str, start: datetime) -> datetime:
    """A day before the next change of the zone's clock, where there is one within a year."""
    change = next(Cron("0 0 * * *", zone).changes(start, start + timedelta(days=366)), start)
    return change.replace(second=0) - timedelta(days=1)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


@settings(max_examples=60)
@given(zone=zones, start=starts, minutes=minutes, hours=hours)
def test_named_times_happen_once_for_each_wall_time(
    zone: str, start: datetime, minutes: set[int], hours: set[int]
) -> None:
    """Oracle: walk all minutes in UTC; a named time is due when the clock first shows it, or has
    come to stand after it by a jump."""
    start = near_a_change(zone, start)
    clock = ZoneInfo(zone)
    expected = []
    reached = wall(start, clock)
    for step in range(1, 3 * 24 * 60):
        moment = start + timedelta(minutes=step)
        now = wall(moment, clock)
        passed = [
            reached + timedelta(minutes=i + 1)
            for i in range(int((now - reached).total_seconds() // 60))
        ]
        if any(p.minute in minutes and p.hour in hours for p in passed):
            expected.append(moment)
        reached = max(reached, now)
    cron = Cron(f"{spelled(minutes)} {spelled(hours)} * * *", zone)
    assert list(cron.between(start, start + timedelta(minutes=step))) == expected


@settings(max_examples=60)
@given(
    zone=zones,
    start=starts,
    every=st.sampled_from([1, 5, 15, 30]),
    hours=st.one_of(st.none(), hours),
    weekdays=st.one_of(st.none(), st.sets(st.integers(0, 6), min_size=1, max_size=6)),
)
def test_starred_times_happen_whenever_the_clock_shows_them(
    zone: str, start: datetime, every: int, hours: set[int] | None, weekdays: set[int] | None
) -> None:
    start = near_a_change(zone, start)
    clock = ZoneInfo(zone)
    end = start + timedelta(days=3)
    every_minute = (start + timedelta(minutes=i + 1) for i in range(3 * 24 * 60))
    expected = [
        moment
        for moment in every_minute
        if (now := wall(moment, clock)).minute % every == 0
        and (hours is None or now.hour in hours)
        and (weekdays is None or (now.weekday() + 1) % 7 in weekdays)
    ]
    days = "*" if weekdays is None else spelled(weekdays)
    cron = Cron(f"*/{every} {'*' if hours is None else spelled(hours)} * * {days}", zone)
    assert list(cron.between(start, end)) == expected


@given(
    expression=st.sampled_from(["30 0,1,2,3 * * *", "*/20 0-4 * * *"]),
    zone=zones,
    start=starts,
    seconds=st.floats(0, 200_000),
)
def test_the_next_moment_is_the_same_from_wherever_one_asks(
    expression: str, zone: str, start: datetime, seconds: float
) -> None:
    cron = Cron(expression, zone)
    start = near_a_change(zone, start)
    asked = start + timedelta(seconds=seconds)
    ahead = next(m for m in cron.between(start, asked + timedelta(days=9)) if m > asked)
    assert cron.after(asked) == ahead
