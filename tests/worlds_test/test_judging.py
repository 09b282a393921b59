"""The judge is fair: it knows a perfect verdict, a wrong cause, a late window, a false alarm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from made import world
from worlds import FIXES, World, build_world
from worlds.judging import score


def verdict(made: World, **changes: Any) -> list[dict[str, Any]]:
    """What somebody says who knows the truth."""
    truth = made.truth
    evidence = {
        "cause": truth.cause,
        "causes": [{"cause": cause, "score": 1.0} for cause in (truth.cause, *truth.others)],
        "onset": truth.windows[-1].start.isoformat().replace("+00:00", "Z"),
        "end": truth.windows[-1].end.isoformat().replace("+00:00", "Z"),
        "what_if": {
            fix: {"reduction": {"value": made.what_if(fix).reduction, "low": -1.0, "high": 1.0}}
            for fix in FIXES
        },
    }
    return [{"kind": "failure_storm", "severity": "critical", "evidence": evidence | changes}]


def test_the_truth_itself_has_full_marks() -> None:
    made = world("collision_with_retries")
    found = score(made, verdict(made))
    assert found.right
    assert found.present
    assert found.ranked
    assert found.overlaps
    assert (found.onset_min, found.end_min) == (0, 0)
    assert found.points == dict.fromkeys(FIXES, 0.0)
    assert all(found.inside.values())


def test_another_cause_is_wrong_and_one_that_is_there_too_is_half_right() -> None:
    made = world("collision_with_retries")
    assert not score(made, verdict(made, cause="poison_message"), what_if=False).present
    half = score(made, verdict(made, cause=made.truth.others[0]), what_if=False)
    assert half.present
    assert not half.right


def test_a_late_window_is_so_many_minutes_off() -> None:
    made = world("rate_limit")
    start = made.truth.windows[-1].start
    late = verdict(made, onset=(start + timedelta(minutes=7)).isoformat())
    assert score(made, late, what_if=False).onset_min == pytest.approx(7)


def test_a_weekly_storm_may_tell_each_time_or_from_first_to_last() -> None:
    made = build_world("poison_message", 3, weekly=True)
    first, *_, last = made.truth.windows
    whole = verdict(made, onset=first.start.isoformat(), end=last.end.isoformat())
    times = [
        {"onset": window.start.isoformat(), "end": window.end.isoformat()}
        for window in made.truth.windows
    ]
    each = verdict(made, onset=None, end=None, occurrences=times)
    for said in (whole, each):
        found = score(made, said, what_if=False)
        assert (found.onset_min, found.end_min, found.overlaps) == (0, 0, True)


def test_a_prediction_is_off_by_points_and_its_bounds_are_held_to() -> None:
    made = world("poison_message")
    real = made.what_if("backoff").reduction
    said = {"backoff": {"reduction": real - 0.2, "reduction_low": 0.0, "reduction_high": real}}
    found = score(made, verdict(made, what_if=said))
    assert found.points == {"backoff": pytest.approx(-20)}
    assert found.inside == {"backoff": True}
    assert found.fits
    assert not score(made, verdict(made, what_if=None)).fits


def test_the_most_severe_storm_speaks_and_everything_above_info_is_an_alarm() -> None:
    made = world("poison_message")
    first = verdict(made, cause="organic_load")[0] | {"severity": "info"}
    found = score(made, [first, *verdict(made)], what_if=False)
    assert found.right
    assert found.alarms == ("failure_storm",)
    assert score(made, [first], what_if=False).alarms == ()


def test_silence_names_nothing() -> None:
    assert score(world("poison_message"), []).named == ""
    assert score(world("busy_sundays"), []).alarms == ()


def test_of_two_storms_either_may_lead_but_both_are_to_be_found() -> None:
    made = world("weekly_and_once")
    (cause, windows), *_ = made.truth.apart.items()
    last = windows[-1]
    other = verdict(
        made, cause=cause, onset=last.start.isoformat(), end=last.end.isoformat(), what_if={}
    )
    assert score(made, other).right
    assert score(made, other).apart is False
    assert score(made, [*other, *verdict(made, what_if={})]).apart is True
