"""Intervals are read at a glance: one unit, one line, and no bound that is not known."""

from __future__ import annotations

import pytest

from nbkit.analysis.baselines import BusyHours
from nbkit.analysis.day_clusters import NOTHING, Estimate
from nbkit.analysis.proportions import proportion
from nbkit.findings.intervals import between, busy, joined, plainly, share_between


def shown(text: str | None) -> str:
    return plainly(text).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (12.0, 15.0, "12–15 s"),
        (82.0, 200.0, "82 s–3 min"),
        (3_720.0, 7_380.0, "1 h 2 min–2 h 3 min"),
        (12.0, 12.1, "12 s ± 1 %"),
        (12.0, None, "at least 12 s"),
        (None, 12.0, "at most 12 s"),
        (None, None, "not known"),
    ],
)
def test_an_interval_of_seconds(low: float | None, high: float | None, told: str) -> None:
    assert shown(between(Estimate(value=12.0, low=low, high=high))) == told


def test_nothing_known_is_no_interval() -> None:
    assert between(NOTHING) is None
    assert share_between(proportion(0, 0)) is None


def test_a_share_and_a_signed_interval() -> None:
    assert shown(share_between(proportion(5, 10))) == "23.7–76.3 %"
    assert shown(joined("−55\u00a0%", "−36\u00a0%")) == "−55 to −36 %"


def test_an_interval_stays_on_one_line() -> None:
    assert " " not in str(between(Estimate(value=100.0, low=82.0, high=200.0)))


def test_busy_hours_over_midnight() -> None:
    night = BusyHours(first=22, length=6, share=0.834, by_hour=(0,) * 24)
    assert shown(busy(night)) == "22 to 04 h (83 %)"
    assert busy(BusyHours(first=0, length=20, share=0.81, by_hour=(0,) * 24)) == "all day"
    assert busy(None) is None
