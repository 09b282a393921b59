"""Nothing is called GREEN for lack of history, and what was found is told all the same."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from nbkit.findings import Severity, Verdict, verdict_of
from nbkit.findings.history import ENOUGH_DAYS, days_with_runs, judge_length


def test_days_are_counted_by_the_hours_in_which_runs_ended() -> None:
    hours = pd.to_datetime(
        ["2026-01-01T00:00Z", "2026-01-01T23:00Z", "2026-01-02T00:00Z", "2026-01-09T05:00Z"]
    )
    assert days_with_runs(pd.Series(hours)) == 3
    assert days_with_runs(pd.Series(hours[:0])) == 0


def test_enough_days_need_no_word() -> None:
    assert judge_length(ENOUGH_DAYS) == []


@pytest.mark.parametrize(
    ("days", "says"), [(0, "has 0 days with runs,"), (1, "has 1 day with runs,")]
)
def test_too_few_days_are_told_with_their_number(days: int, says: str) -> None:
    (finding,) = judge_length(days)
    assert says in finding.title
    assert finding.evidence == {"days": days, "enough_days": ENOUGH_DAYS}
    assert "days with runs before the window," in judge_length(2, when="before the window")[0].title


def test_an_incomplete_look_finds_what_it_finds_but_is_never_green() -> None:
    (thin,) = judge_length(1)
    alarming = replace(thin, severity=Severity.CRITICAL)
    assert verdict_of([thin], fit_to_judge=True, is_complete=False) is Verdict.UNKNOWN
    assert verdict_of([], fit_to_judge=True, is_complete=False) is Verdict.UNKNOWN
    assert verdict_of([thin, alarming], fit_to_judge=True, is_complete=False) is Verdict.RED
    assert verdict_of([alarming], fit_to_judge=False, is_complete=False) is Verdict.UNKNOWN
    assert verdict_of([thin], fit_to_judge=True) is Verdict.GREEN
