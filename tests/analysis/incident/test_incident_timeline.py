"""Few bars, however many runs: the timeline adds up what stands side by side."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from planted_window import END, START, Planted, at

from nbkit.analysis.incident.timeline import Outcome, lanes, slot_length


def test_ten_thousand_runs_are_one_bar_with_their_number() -> None:
    planted = Planted()
    planted.ended("A", range(1, 101), runs=100)
    window, _ = planted.frames()
    (lane,) = lanes(window, ["A"], slot_s=60, end=END)
    (bar,) = lane.bars
    assert (bar.runs, bar.start, bar.end) == (10_000, at(0.5), at(100))
    assert lane.runs == {Outcome.FAILED: 10_000}


def test_a_single_run_keeps_its_own_start_and_end() -> None:
    planted = Planted()
    planted.ended("A", [50], took=40)
    window, _ = planted.frames()
    (bar,) = lanes(window, ["A"], slot_s=60, end=END)[0].bars
    assert (bar.start, bar.end) == (at(10), at(50))


def test_a_pause_parts_bars_and_outcomes_are_apart() -> None:
    planted = Planted()
    planted.ended("A", [1, 2, 30])
    planted.ended("A", [2], status="success")
    planted.ended("A", [3], message="No games found for 2026-01-11")
    window, _ = planted.frames()
    (lane,) = lanes(window, ["A"], slot_s=60, end=END)
    counted = [(bar.outcome, bar.runs) for bar in lane.bars]
    assert sorted(counted) == [
        (Outcome.FAILED, 1),
        (Outcome.FAILED, 2),
        (Outcome.EXPECTED, 1),
        (Outcome.SUCCEEDED, 1),
    ]


def test_an_open_run_reaches_to_the_end() -> None:
    planted = Planted()
    planted.ended("A", [50], status="running")
    window, _ = planted.frames()
    window["first_ended_at"] = window["last_ended_at"] = pd.NaT
    window["last_ended_at"] = pd.to_datetime(window["last_ended_at"], utc=True)
    (bar,) = lanes(window, ["A"], slot_s=60, end=END)[0].bars
    assert (bar.outcome, bar.end) == (Outcome.RUNNING, END)


def test_lanes_come_in_the_order_asked_and_only_where_something_ran() -> None:
    planted = Planted()
    planted.ended("A", [1])
    planted.ended("B", [1])
    window, _ = planted.frames()
    found = lanes(window, ["B", "Nobody", "A"], slot_s=60, end=END)
    assert [lane.processor for lane in found] == ["B", "A"]


@pytest.mark.parametrize(
    ("hours", "seconds"), [(0.5, 60), (3, 60), (6, 120), (24, 480), (24 * 7, 3_360)]
)
def test_slots_are_whole_minutes_and_few(hours: float, seconds: int) -> None:
    end = START + timedelta(hours=hours)
    assert slot_length(START, end) == seconds
    assert (end - START).total_seconds() / seconds <= 180
