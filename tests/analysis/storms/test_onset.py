"""A window of hours becomes the minutes that hold its storm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.storms.onset import refined
from nbkit.analysis.storms.windows import Span

START = datetime(2026, 1, 12, tzinfo=UTC)
HOURS = Span(start=START, end=START + timedelta(hours=3))
REACH = timedelta(hours=2)


def failures(*minutes: np.ndarray) -> pd.DataFrame:
    at = np.concatenate(minutes) if minutes else np.zeros(0)
    return pd.DataFrame({"ended_at": pd.Timestamp(START) + pd.to_timedelta(at, unit="min")})


def minute_of(moment: datetime) -> float:
    return (moment - START).total_seconds() / 60


def test_a_storm_within_its_hours_is_cut_to_the_minute() -> None:
    found = refined([HOURS], failures(np.arange(13, 101, 0.2)), usual_per_hour=2, reach=REACH)
    assert (minute_of(found[0].start), minute_of(found[0].end)) == (13, 101)


def test_a_storm_that_began_before_its_hours_is_followed_back() -> None:
    found = refined([HOURS], failures(np.arange(-40, 100, 0.2)), usual_per_hour=2, reach=REACH)
    assert minute_of(found[0].start) == pytest.approx(-40, abs=1)


def test_a_short_lull_is_part_of_the_storm_and_stray_failures_are_not() -> None:
    strays = np.array([-90.0, 170.0])
    storm = [np.arange(20, 60, 0.2), np.arange(65, 100, 0.2)]
    found = refined([HOURS], failures(strays, *storm), usual_per_hour=2, reach=REACH)
    assert (minute_of(found[0].start), minute_of(found[0].end)) == (20, 100)


def test_each_week_has_its_own_minutes() -> None:
    later = Span(start=HOURS.start + timedelta(days=7), end=HOURS.end + timedelta(days=7))
    week = 7 * 24 * 60
    both = failures(np.arange(10, 50, 0.2), np.arange(week + 30, week + 80, 0.2))
    first, second = refined([HOURS, later], both, usual_per_hour=2, reach=REACH)
    assert minute_of(first.start) == 10
    assert minute_of(second.start) - week == 30


def test_a_window_without_failures_stays_as_it_is() -> None:
    assert refined([HOURS], failures(), usual_per_hour=2, reach=REACH) == (HOURS,)
