"""Figures of promises: titles state what was seen, and what is not measured is not drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from nbkit import figures
from nbkit.analysis.measures import Measured, Unit
from nbkit.analysis.proportions import Standing

FIX = datetime(2026, 1, 14, tzinfo=UTC)


def window(values: list[int], first: date, standing: Standing = "met") -> Measured:
    units = tuple(
        Unit(day=first + timedelta(days=n), hits=value, total=1) for n, value in enumerate(values)
    )
    mean = sum(values) / len(values) if values else None
    return Measured(
        form="count",
        value=mean,
        low=None if mean is None else mean / 2,
        high=None if mean is None else mean * 2,
        count=len(units),
        unit="day",
        standing=standing,
        units=units,
    )


BEFORE = window([20, 24, 22], date(2026, 1, 11), "not met")


def drawn(after: Measured) -> figures.Figure:
    return figures.before_and_after(
        "Zeros a day", BEFORE, after, target=2, is_ceiling=True, changed_at=FIX
    )


def progress(now: float | None, standing: Standing) -> figures.Progress:
    return figures.Progress(
        title="Zeros", start=22, now=now, low=now, high=now, target=2, label="x", standing=standing
    )


def test_the_title_tells_both_means_and_the_alt_text_the_target() -> None:
    found = drawn(window([1, 0, 2], FIX.date()))
    assert found.title == "Zeros a day: 22 before the change, 1 since"
    assert "target below 2" in found.alt
    assert found.png() == drawn(window([1, 0, 2], FIX.date())).png()


def test_a_window_without_a_day_says_so() -> None:
    assert drawn(window([], FIX.date())).title.endswith("nothing observed since")


def test_the_way_to_a_target_runs_from_where_it_was() -> None:
    assert progress(22, "not met").way(22) == 0
    assert progress(22, "not met").way(12) == 0.5
    assert progress(None, "not enough runs").way(None) is None


def test_a_scorecard_counts_what_is_kept_missed_and_open() -> None:
    rows = [progress(1, "met"), progress(30, "not met"), progress(None, "not enough runs")]
    found = figures.scorecard_progress(rows)
    assert found.title == "1 of 3 promises kept, 1 missed, 1 too early to tell"
    assert any(text.get_text() == "  not measured" for text in found.canvas.axes[0].texts)
    assert "0 of 0" in figures.scorecard_progress([]).title


def test_a_label_of_two_lines_keeps_both_and_each_may_be_cut() -> None:
    label = "83.3 % (target at least 95 %)"
    long = replace(progress(1, "met"), title="A promise " * 9, label=label)
    found = figures.scorecard_progress([long])
    found.png()
    (shown,) = (text.get_text() for text in found.canvas.axes[0].get_yticklabels())
    first, second = shown.splitlines()
    assert first.endswith("…")
    assert second.startswith(label)
