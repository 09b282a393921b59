"""A timeout is four times the P95 of the successes, within bounds, or not suggested at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nbkit.analysis.profiles import Profile
from nbkit.analysis.timeouts import TimeoutRules, suggest_timeouts
from nbkit.registry import load_registry


def suggestion(seconds: list[float]):
    found = suggest_timeouts({"X": Profile.of_values(seconds)}, load_registry())
    (one,) = [s for s in found if s.processor == "X"]
    return one


def test_it_is_four_times_the_p95() -> None:
    one = suggestion([100.0] * 99 + [1000.0])
    assert one.suggested is not None
    assert one.suggested.total_seconds() == pytest.approx(400, rel=0.01)
    assert (one.successes, one.over) == (100, 1)


@pytest.mark.parametrize(("seconds", "minutes"), [(1.0, 1), (3600.0, 30)])
def test_it_has_a_floor_and_a_ceiling(seconds: float, minutes: int) -> None:
    assert suggestion([seconds] * 50).suggested == timedelta(minutes=minutes)


def test_without_enough_successes_there_is_none() -> None:
    one = suggestion([100.0] * (TimeoutRules().enough - 1))
    assert one.suggested is None
    assert one.over == 0


def test_every_registered_processor_is_listed_with_what_is_set() -> None:
    found = suggest_timeouts({}, load_registry())
    assert len(found) == len(load_registry().processors)
    assert all(one.current is not None and one.suggested is None for one in found)
