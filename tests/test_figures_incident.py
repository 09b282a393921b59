"""The figures of the incident analysis say what they show, also to those who do not see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nbkit.analysis.incident.timeline import Bar, Lane, Outcome
from nbkit.analysis.incident.usual import Count, SameHours, Slowness, predicted
from nbkit.figures import incident_timeline, same_hours

START = datetime(2026, 1, 8, 4, tzinfo=UTC)
UNTIMED = Slowness(p95_s=None, usual_p95_s=None, timed=0, over=0)


def lane(name: str, *runs: tuple[Outcome, float, float, int]) -> Lane:
    bars = tuple(
        Bar(
            outcome=outcome,
            start=START + timedelta(minutes=first),
            end=START + timedelta(minutes=last),
            runs=count,
        )
        for outcome, first, last, count in runs
    )
    totals: dict[Outcome, int] = {}
    for bar in bars:
        totals[bar.outcome] = totals.get(bar.outcome, 0) + bar.runs
    return Lane(processor=name, bars=bars, runs=totals)


def row(name: str, now: int, *before: int) -> SameHours:
    found = predicted(now, before)
    real = Count(**{**vars(found), "q": found.p})
    none = Count(now=0, before=())
    return SameHours(processor=name, runs=none, real=real, expected=none, durations=UNTIMED)


@pytest.mark.parametrize("hours", [0.25, 2, 6, 24, 24 * 7])
def test_a_timeline_tells_its_lanes_in_words_and_its_clock_in_both_zones(hours: float) -> None:
    minutes = 60 * hours
    found = incident_timeline(
        [
            lane("A", (Outcome.FAILED, 1, 9, 240), (Outcome.SUCCEEDED, 2, 2, 1)),
            lane("B", (Outcome.EXPECTED, 0, minutes, 60)),
            lane("C", (Outcome.RUNNING, 5, minutes, 1)),
        ],
        start=START,
        end=START + timedelta(hours=hours),
        title="A was first",
        onset=START + timedelta(minutes=1),
        roots=("A",),
    )
    assert found.alt == "A was first. A 240 failed · 1 ok; B 60 idle; C 1 open."
    assert found.png().startswith(b"\x89PNG")
    axes = found.canvas.axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert 2 <= len(labels) <= 10
    assert ("EST" in labels[0]) is (hours <= 24)
    assert axes.get_yticklabels()[0].get_fontweight() == "bold"


def test_an_empty_timeline_is_a_picture_too() -> None:
    found = incident_timeline(
        [], start=START, end=START + timedelta(hours=1), title="Nothing ran", onset=None
    )
    assert found.alt == "Nothing ran. No run."
    assert found.png()


def test_the_comparison_names_how_many_failed_more_than_usual() -> None:
    rows = [row("", 260, 20, 20, 20, 20), row("A", 252, 9, 6, 6, 0), row("B", 8, 9, 6, 6, 0)]
    found = same_hours(rows, weeks=4)
    assert found.title == (
        "1 processor failed more often than in the same hours of the last 4 weeks"
    )
    assert "A 252 (usual 0 to" in found.alt
    assert found.png().startswith(b"\x89PNG")


def test_a_quiet_comparison_and_one_without_weeks_say_so() -> None:
    assert same_hours([row("", 1, 1, 1), row("B", 8, 9, 6, 6, 0)], weeks=4).title.startswith("No")
    short = same_hours([row("", 1), row("B", 8)], weeks=0)
    assert short.title == "The history is too short to say what these hours usually bring"
    assert short.png()
