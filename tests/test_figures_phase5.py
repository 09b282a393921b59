"""Figures of the report on hanging runs: their titles state what the facts say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nbkit import figures
from nbkit.analysis.guard_replay import GuardRules, replay
from nbkit.analysis.hangs import Ending, PhaseRun, by_day, decompose, mean_duration_s
from nbkit.failures import FailureCategory

T0 = datetime(2026, 1, 5, 15, tzinfo=UTC)
AS_OF = T0 + timedelta(days=5)


def run(n: int, ending: Ending, hours: float) -> PhaseRun:
    good = ending is Ending.SUCCEEDED
    return PhaseRun(
        run_id=f"r{n}",
        processor="A",
        started_at=T0 + timedelta(minutes=n),
        ended_at=T0 + timedelta(minutes=n, hours=hours),
        category=FailureCategory.SUCCESS if good else FailureCategory.TIMEOUT,
        ending=ending,
        duration_s=hours * 3_600,
    )


GOOD = [run(n, Ending.SUCCEEDED, 0.01) for n in range(4)]
HUNG = [run(n, Ending.SWEPT, 40) for n in range(10, 80)]


def shares(runs: list[PhaseRun]) -> figures.Figure:
    return figures.duration_shares(decompose(runs), runs, mean_s=mean_duration_s(runs))


def hangs(runs: list[PhaseRun]) -> figures.Figure:
    return figures.hang_lines(replay(runs, rules=GuardRules(), as_of=AS_OF), as_of=AS_OF)


def days(runs: list[PhaseRun]) -> figures.Figure:
    found = by_day(runs, start=T0, as_of=AS_OF, limit=timedelta(minutes=30))
    return figures.success_by_day(found, target=0.95)


def test_the_mean_is_named_as_what_it_is_made_of() -> None:
    assert "70 runs lay hung until swept" in shares([*GOOD, *HUNG]).title
    assert "comes from runs that succeeded" in shares(GOOD).title
    assert shares([]).title == "No run has a recorded duration"


def test_hangs_say_how_many_and_how_long_and_many_are_chosen_from_evenly() -> None:
    drawn = hangs([*GOOD, *HUNG])
    assert drawn.title.startswith("70 runs stood open for 2,765")
    assert "60 of 70 runs" in drawn.canvas.axes[0].get_xlabel()
    assert "No run would have been ended" in hangs(GOOD).title


def test_days_without_a_success_are_counted_among_those_with_work() -> None:
    assert days(HUNG).title == "On the only day with something to do no run succeeded"
    assert days(GOOD).title == "On the only day with something to do a run succeeded"
    assert days([]).title == "On no day there was anything to do"


def test_the_same_facts_give_the_same_picture() -> None:
    for draw in (shares, hangs, days):
        assert draw([*GOOD, *HUNG]).png() == draw([*GOOD, *HUNG]).png()
