"""Figures of a storm state their finding, in the title and in words, and survive emptiness."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from nbkit import figures
from nbkit.analysis.storms.fixes import BACKOFF, JITTER, WINDOW
from nbkit.analysis.storms.what_if import Effect, WhatIf
from nbkit.analysis.storms.windows import Span
from nbkit.figures import Figure

START = datetime(2026, 1, 12, tzinfo=UTC)
SPAN = Span(start=START, end=START + timedelta(hours=4))


def is_drawn(figure: Figure) -> bool:
    return figure.alt.startswith(figure.title) and len(figure.png()) > 3_000


def failures(at_minutes: list[float], *, expected: bool = False) -> pd.DataFrame:
    ends = [START + timedelta(minutes=minute) for minute in at_minutes]
    return pd.DataFrame(
        {
            "ended_at": pd.to_datetime(pd.Series(ends, dtype=object), utc=True),
            "is_failure": np.ones(len(ends), dtype=bool),
            "is_expected": np.full(len(ends), expected),
        }
    )


def counts(per_hour: int) -> pd.DataFrame:
    """Four weeks of one failure an hour, and of `per_hour` on Mondays 00 to 03."""
    hours = pd.date_range(START - timedelta(weeks=4), START, freq="h", inclusive="left")
    storm = (hours.day_of_week == 0) & (hours.hour < 4)
    return pd.DataFrame(
        {"ended_hour": hours, "runs": np.where(storm, per_hour, 1), "is_failure": True}
    )


def test_the_week_names_the_window_and_how_far_it_stands_out() -> None:
    begin = START - timedelta(weeks=4)
    spans = [
        Span(start=SPAN.start - timedelta(weeks=n), end=SPAN.end - timedelta(weeks=n))
        for n in (1, 2, 3, 4)
    ]
    figure = figures.failure_week(
        counts(200), spans, name="Monday 00:00–03:59 UTC", start=begin, end=START
    )
    assert figure.title == (
        "Monday 00:00–03:59 UTC: 200 failures an hour, 200 times the other hours' mean"
    )
    assert "Monday 00:00 UTC with 200" in figure.alt
    assert is_drawn(figure)


def test_minutes_are_counted_within_the_span_and_expected_ones_told_apart() -> None:
    runs = pd.concat([failures([5, 6, 7, 300]), failures([100], expected=True)], ignore_index=True)
    figure = figures.failures_by_minute(runs, SPAN, usual_per_hour=2.0)
    assert figure.title.startswith("4 failures from 00:00 to 04:00 UTC on 12 Jan, 25")
    assert is_drawn(figure)


def test_a_span_of_days_is_drawn_in_coarser_bins() -> None:
    long = Span(start=START, end=START + timedelta(days=3))
    figure = figures.failures_by_minute(
        failures([60.0 * n for n in range(70)]), long, usual_per_hour=0.0
    )
    assert "in 30 minutes" in figure.alt
    assert is_drawn(figure)


@pytest.mark.parametrize("last", ["success", "error"])
def test_the_stairs_of_a_message_say_how_often_and_how_it_ended(last: str) -> None:
    starts = [START + timedelta(seconds=s) for s in (0, 15, 45, 105)]
    attempts = pd.DataFrame(
        {
            "started_at": pd.to_datetime(pd.Series(starts, dtype=object), utc=True),
            "attempt": [1, 2, 3, 4],
            "gap_s": [np.nan, 10.0, 20.0, 40.0],
            "category": ["error", "error", "error", last],
        }
    )
    figure = figures.attempt_stairs(attempts)
    fate = "and succeeded at last" if last == "success" else "and never succeeded"
    assert figure.title == f"One message was delivered 4 times in 105\u00a0s {fate}"
    assert "10\u00a0s to 40\u00a0s" in figure.alt
    assert is_drawn(figure)
    assert figures.attempt_stairs(attempts.iloc[:0]).title == "No message was delivered again"


@pytest.mark.parametrize(
    ("weeks", "says"),
    [
        ([7_000, 6_000], "The last week misses the target of 5,000 failures: 6,000"),
        ([7_000, 4_000], "The last week meets the target of 5,000 failures: 4,000"),
        ([3_000, 4_000], "Every week meets the target of 5,000 failures in this window"),
        ([], "No week to compare"),
    ],
)
def test_progress_is_held_against_the_target(weeks: list[int], says: str) -> None:
    by_week = {date(2026, 1, 5) + timedelta(weeks=n): count for n, count in enumerate(weeks)}
    figure = figures.weekly_progress(by_week, target=5_000)
    assert figure.title == says
    assert is_drawn(figure)


def what_if(*saves: float, fits: bool = True) -> WhatIf:
    return WhatIf(
        observed=1_000,
        replayed=1_030.0 if fits else 1_500.0,
        replayed_low=1_000.0,
        replayed_high=1_600.0,
        fits=fits,
        effects=tuple(
            Effect(
                fix=fix,
                failures=round(1_000 * (1 - each)),
                failures_low=round(950 * (1 - each)),
                failures_high=round(1_050 * (1 - each)),
                reduction=each,
                low=each - 0.05,
                high=each + 0.05,
            )
            for fix, each in zip((JITTER, BACKOFF, WINDOW), saves, strict=False)
        ),
        reasons=(),
        scheduled=0.5,
        sampled=1.0,
    )


def test_fixes_stand_beside_what_was_seen_and_the_replay() -> None:
    figure = figures.fix_bars(what_if(0.9, 0.3, 0.0))
    assert (
        figure.title
        == "Scheduled starts spread over 15 minutes would save 90\u00a0% of the failures"
    )
    assert "Seen 1,000; Replay without a fix 1,030 (+3%)" in figure.alt
    assert "no change" in figure.alt
    assert is_drawn(figure)


def test_without_a_sure_gain_or_a_fit_the_title_says_so() -> None:
    assert "No single fix surely saves a tenth" in figures.fix_bars(what_if(0.05, 0.02, 0)).title
    assert "nothing is predicted" in figures.fix_bars(what_if(fits=False)).title
