"""Figures: the title states the finding, the alt text the facts, the same facts the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from nbkit import figures
from nbkit.analysis.causes import Cause
from nbkit.analysis.durations import DurationShift
from nbkit.analysis.rates import Outcomes, PhaseRates

END = datetime(2026, 1, 13, 12, tzinfo=UTC)


def phase(title: str, successes: int, real: int, daily: float | None) -> PhaseRates:
    week = Outcomes(successes, 0, real)
    return PhaseRates(title, title, week, week, (daily,) * 7, None, None)


def counts(real: int, expected: int) -> pd.DataFrame:
    hour = pd.Timestamp("2026-01-13T03:00Z")
    return pd.DataFrame(
        {
            "hour": [hour, hour],
            "category": ["error", "no_data_available"],
            "runs": [real, expected],
        }
    )


def shift(name: str, ratio: float | None) -> DurationShift:
    base = None if ratio is None else 20.0
    return DurationShift(name, 9, 99, 10, 20 * (ratio or 1), 50, base, base, ratio, 3)


def cause(rule: str, failures: int, *, expected: bool = False) -> Cause:
    return Cause("error", rule, expected, failures, ("A",), "x", "A", "r", END, False)


def test_the_week_of_the_phases_says_which_is_worst() -> None:
    drawn = figures.phase_week([phase("P2", 10, 90, 0.1), phase("P4", 99, 1, 0.99)], end=END)
    assert drawn.title.replace("\u00a0", " ") == (
        "1 of 2 phases is below 95 % this week; P2 is worst at 10 %"
    )
    assert "P4 99" in drawn.alt


def test_a_good_week_and_an_empty_one_say_so() -> None:
    good = figures.phase_week([phase("P4", 99, 1, None)], end=END)
    assert good.title.startswith("Every phase succeeded")
    assert figures.phase_week([], end=END).title == "No phase had anything to do this week"


def test_failures_by_hour_say_how_many_were_expected() -> None:
    start = END - pd.Timedelta(days=2)
    drawn = figures.failures_by_hour(counts(10, 90), start=start, end=END)
    assert drawn.title.replace("\u00a0", " ") == (
        "90 % of 100 failures in these 48 hours were expected"
    )
    assert "10 real" in drawn.alt
    assert "Tue 03:00" in drawn.alt
    none = figures.failures_by_hour(counts(0, 0), start=start, end=END)
    assert none.title == "No failures in these 48 hours"


def test_slower_processors_are_named_in_the_title() -> None:
    drawn = figures.duration_shift([shift("Slow", 3.0), shift("Steady", 1.0), shift("New", None)])
    assert drawn.title == "Slow takes more than twice the usual time"
    steady = figures.duration_shift([shift("Steady", 1.0)])
    assert steady.title == "No processor takes more than twice its usual time"
    assert figures.duration_shift([]).png()


def test_the_largest_real_cause_is_the_title_though_expected_ones_are_larger() -> None:
    drawn = figures.cause_bars([cause("service_fault", 12), cause("no_data", 900, expected=True)])
    assert drawn.title == "The largest real cause is service fault: 12 failures"
    assert figures.cause_bars([]).title == "No real failures"


@pytest.mark.parametrize("most", [1, 30])
def test_the_same_facts_give_the_same_picture_with_its_words(most: int) -> None:
    facts = [shift(f"Processor{i}", 1 + i / 10) for i in range(12)]
    one, two = (figures.duration_shift(facts, most=most) for _ in range(2))
    assert one.png() == two.png()
    assert one.png().startswith(b"\x89PNG")
    data, metadata = one._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == one.alt


def test_a_name_of_any_length_and_with_any_sign_is_a_label() -> None:
    long = phase("w" * 300, 10, 90, 0.1)
    formula = phase("costs $\\frac{ and $ more", 10, 90, 0.1)
    drawn = figures.phase_week([long, formula], end=END)
    assert drawn.png().startswith(b"\x89PNG")  # warnings are errors here
    assert [len(label.get_text()) for label in drawn.canvas.axes[0].get_yticklabels()] == [48, 24]
