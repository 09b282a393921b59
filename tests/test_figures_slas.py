"""Figures of the SLA reports state their finding, and say so when there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from nbkit.analysis.proportions import proportion
from nbkit.analysis.slas import Attainment, DateCompletion
from nbkit.analysis.slas.cost import Cost
from nbkit.figures import (
    Figure,
    budget_burn_down,
    cost_by_month,
    deadline_lateness,
    month_against_month,
)
from nbkit.registry import load_registry
from nbkit.registry.slas import load_slas

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SLAS = load_slas(load_registry())


def drawn(figure: Figure) -> Figure:
    assert len(figure.png()) > 3_000
    return figure


def left(*values: float) -> pd.Series:
    days = pd.date_range("2025-12-14", periods=len(values), freq="D", tz="UTC")
    return pd.Series(list(values), index=days, dtype="float64")


class TestBurnDown:
    def test_an_overspent_budget_is_told_with_the_day_it_ran_out(self) -> None:
        lines = {"Late": left(1, 0.5, -3), "Fine": left(1, 1, 0.62), "Nobody": left()}
        figure = drawn(budget_burn_down(lines, days=30))
        assert figure.title == "1 of 2 error budgets overspent within 30 days"
        assert "Late: out on 16 Dec, spent 4.0×" in figure.alt
        assert "Fine: 62\u00a0% left" in figure.alt
        assert "Nobody" not in figure.alt

    def test_with_something_left_and_with_nothing_measured(self) -> None:
        assert budget_burn_down({"Fine": left(1, 1)}, days=30).title == (
            "None of 1 error budget overspent within 30 days"
        )
        assert drawn(budget_burn_down({}, days=30)).title == "No error budget could be measured"


def completion(days_ago: int, late: timedelta | None) -> DateCompletion:
    day = date(2026, 1, 12) - days_ago * DAY
    due = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    return DateCompletion(
        phase="p",
        data_date=day,
        due=due,
        done_at=None if late is None else due + late,
        last=("A",),
    )


class TestDeadlines:
    def test_the_phase_that_is_late_most_often_is_named(self) -> None:
        dates = {
            "Early": [completion(2, -HOUR), completion(0, -3 * HOUR)],
            "Late": [completion(3, 50 * HOUR), completion(1, HOUR), completion(0, None)],
            "Absent": [],
        }
        figure = drawn(deadline_lateness(dates, as_of=AS_OF))
        assert figure.title == "Late was late for 3 of 3 dates"
        assert "at most 2\u00a0d 2\u00a0h" in figure.alt
        assert "Absent" not in figure.alt

    def test_in_time_and_without_dates(self) -> None:
        early = {"Early": [completion(0, -HOUR)]}
        assert drawn(deadline_lateness(early, as_of=AS_OF)).title == (
            "Every date was complete by its deadline"
        )
        assert drawn(deadline_lateness({}, as_of=AS_OF)).title == (
            "No date has a deadline that was measured"
        )


def attained(good: int, total: int) -> Attainment:
    return Attainment(
        target=SLAS.target("phase_5_success_rate"),
        start=AS_OF - 30 * DAY,
        end=AS_OF,
        share=proportion(good, total),
        trials=total,
    )


class TestMonths:
    def test_it_counts_what_was_kept(self) -> None:
        months = {
            "Kept": (attained(90, 100), attained(99, 100)),
            "Missed": (None, attained(27, 100)),
            "Unmeasured": (None, attained(0, 0)),
        }
        figure = drawn(month_against_month(months, now="December 2025", before="November 2025"))
        assert figure.title == "1 of 2 measured targets kept in December 2025"
        assert "Kept: 99\u00a0% of 95\u00a0% promised, before 90\u00a0%" in figure.alt
        assert "Unmeasured" not in figure.alt

    def test_without_a_measured_target_it_says_so(self) -> None:
        figure = drawn(month_against_month({}, now="December 2025", before="November 2025"))
        assert figure.title == "Nothing could be measured in December 2025"


def cost(useful: float, idle: float, wasted: float) -> Cost:
    return Cost(
        name="A", useful_h=useful, idle_h=idle, wasted_h=wasted, open_h=9_000, runs=1, untimed=0
    )


class TestCost:
    def test_the_share_that_failed_is_of_the_last_month_and_without_open_rows(self) -> None:
        months = {"November 2025": [cost(1, 1, 8)], "December 2025": [cost(60, 20, 15)] * 2}
        figure = drawn(cost_by_month(months))
        assert figure.title == (
            "15.8\u00a0% of the 190 compute hours of December 2025 went into runs that failed"
        )
        assert "November 2025: 1 h succeeded, 8 h failed, 1 h nothing to do" in figure.alt

    def test_without_durations_it_says_so(self) -> None:
        assert drawn(cost_by_month({"December 2025": []})).title == (
            "No run has a recorded duration"
        )
