"""A breaker opens after real failures in a row, lets one probe through, and closes on a success."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.breaker import Outcome, Reset, Rules, State, decide, outcomes_of
from nbkit.failures import EXPECTED, FailureCategory

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
RULES = Rules()
MINUTE = timedelta(minutes=1)
F, S, N = FailureCategory.ERROR, FailureCategory.SUCCESS, FailureCategory.NO_DATA_AVAILABLE


def ended(category: FailureCategory, minute: float, *, took: float = 1) -> Outcome:
    """A run that ended so many minutes after noon."""
    end = NOON + minute * MINUTE
    return Outcome(
        run_id=f"r{minute}", started_at=end - took * MINUTE, ended_at=end, category=category
    )


def running(minute: float) -> Outcome:
    at = NOON + minute * MINUTE
    return Outcome(run_id=f"r{minute}", started_at=at, ended_at=None, category=None)


def at(minute: float) -> datetime:
    return NOON + minute * MINUTE


THREE = (ended(F, 0), ended(F, 5), ended(F, 10))


def test_a_processor_that_never_ran_may_start() -> None:
    assert decide((), rules=RULES, now=NOON).may_start


def test_two_failures_are_not_enough_and_three_are() -> None:
    assert decide(THREE[:2], rules=RULES, now=at(11)).state is State.CLOSED
    state = decide(THREE, rules=RULES, now=at(11))
    assert (state.state, state.may_start, state.until) == (State.OPEN, False, at(25))
    assert state.opened_at == at(10)
    assert "3 real failures in a row" in state.reason


def test_a_success_in_between_starts_the_count_again() -> None:
    runs = (ended(F, 0), ended(F, 1), ended(S, 2), ended(F, 3), ended(F, 4))
    assert decide(runs, rules=RULES, now=at(5)).state is State.CLOSED


def test_expected_failures_neither_count_nor_end_a_row() -> None:
    runs = (ended(F, 0), ended(N, 1), ended(F, 2), ended(N, 3), ended(N, 4), ended(F, 5))
    assert decide(runs, rules=RULES, now=at(6)).state is State.OPEN


def test_after_the_cool_down_one_probe_may_start_and_others_wait_for_it() -> None:
    assert decide(THREE, rules=RULES, now=at(25)).may_start
    waiting = decide((*THREE, running(26)), rules=RULES, now=at(27))
    assert (waiting.state, waiting.may_start) == (State.HALF_OPEN, False)
    assert waiting.until == at(26) + RULES.lost_after


def test_a_probe_that_never_ends_stops_blocking() -> None:
    state = decide((*THREE, running(26)), rules=RULES, now=at(26) + RULES.lost_after)
    assert (state.state, state.may_start) == (State.HALF_OPEN, True)


def test_each_failed_probe_doubles_the_cool_down_up_to_a_limit() -> None:
    runs = list(THREE)
    waits = []
    for _ in range(8):
        state = decide(runs, rules=RULES, now=runs[-1].ended_at or NOON)
        assert state.until is not None
        waits.append(state.until - (runs[-1].ended_at or NOON))
        start = state.until
        runs.append(
            Outcome(run_id=f"p{len(runs)}", started_at=start, ended_at=start + MINUTE, category=F)
        )
    minutes = [wait.total_seconds() / 60 for wait in waits]
    assert minutes == [15, 30, 60, 120, 240, 240, 240, 240]


def test_a_run_under_way_when_it_opened_is_no_probe() -> None:
    late = ended(F, 12, took=11)
    state = decide((*THREE, late), rules=RULES, now=at(13))
    assert state.until == at(12 + 15)


def test_a_successful_probe_closes_it() -> None:
    state = decide((*THREE, ended(S, 27)), rules=RULES, now=at(28))
    assert (state.state, state.may_start, state.failures) == (State.CLOSED, True, ())


def test_a_probe_that_found_its_input_missing_does_not_make_the_wait_longer() -> None:
    missing = FailureCategory.DEPENDENCY_MISSING
    probed = (*THREE, ended(missing, 26), ended(missing, 42))
    assert decide(probed, rules=RULES, now=at(43)).until == at(42 + 15)
    assert decide((*probed, ended(F, 58)), rules=RULES, now=at(59)).until == at(58 + 30)


def test_missing_dependencies_open_it_for_that_was_the_storm_of_2026_01_16() -> None:
    runs = tuple(ended(FailureCategory.DEPENDENCY_MISSING, minute) for minute in (0, 3, 6))
    assert decide(runs, rules=RULES, now=at(7)).state is State.OPEN


def test_a_reset_closes_it_and_what_was_before_no_longer_counts() -> None:
    reset = Reset(at=at(11), who="ann", reason="fixed")
    state = decide(THREE, rules=RULES, now=at(12), reset=reset)
    assert (state.state, state.failures, state.reset) == (State.CLOSED, (), reset)
    again = (*THREE, ended(F, 13), ended(F, 14))
    assert decide(again, rules=RULES, now=at(15), reset=reset).state is State.CLOSED
    assert decide((*again, ended(F, 16)), rules=RULES, now=at(17), reset=reset).state is State.OPEN


def test_a_run_of_the_old_code_that_fails_after_the_reset_does_not_count() -> None:
    reset = Reset(at=at(11), who="ann", reason="fixed")
    runs = (ended(F, 13), ended(F, 14), ended(F, 20, took=10))
    assert len(decide(runs, rules=RULES, now=at(21), reset=reset).failures) == 2


def test_a_reset_that_comes_later_is_not_seen() -> None:
    reset = Reset(at=at(13), who="ann", reason="fixed")
    state = decide(THREE, rules=RULES, now=at(12), reset=reset)
    assert (state.state, state.reset) == (State.OPEN, None)


def test_what_comes_later_is_not_looked_at() -> None:
    assert decide((*THREE, ended(S, 30)), rules=RULES, now=at(12)).state is State.OPEN


@pytest.mark.parametrize(
    "wrong",
    [{"failures": 0}, {"lost_after": timedelta(0)}, {"longest_cool_down": timedelta(minutes=1)}],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a breaker"):
        Rules(**wrong)


histories = st.lists(
    st.tuples(
        st.sampled_from(list(FailureCategory)),
        st.integers(0, 600),
        st.integers(0, 60),
    ),
    max_size=25,
).map(lambda runs: tuple(ended(c, m, took=t) for c, m, t in runs))


@given(histories, st.integers(0, 700))
def test_it_is_never_open_without_enough_real_failures(
    runs: tuple[Outcome, ...], minute: int
) -> None:
    state = decide(runs, rules=RULES, now=at(minute))
    assert len(state.failures) >= RULES.failures or state.state is State.CLOSED
    assert all(o.category not in EXPECTED and o.category is not S for o in state.failures)
    assert state.may_start == (state.until is None)
    if state.until is not None:
        assert at(minute) < state.until <= at(minute) + RULES.longest_cool_down


@given(histories, st.integers(0, 700))
def test_the_order_of_the_rows_does_not_matter(runs: tuple[Outcome, ...], minute: int) -> None:
    distinct = {o.ended_at: o for o in runs}.values()
    forwards = decide(distinct, rules=RULES, now=at(minute))
    assert decide(reversed(list(distinct)), rules=RULES, now=at(minute)) == forwards


@given(histories, st.integers(0, 700))
def test_expected_failures_change_nothing(runs: tuple[Outcome, ...], minute: int) -> None:
    real = tuple(o for o in runs if o.category not in EXPECTED)
    assert decide(runs, rules=RULES, now=at(minute)) == decide(real, rules=RULES, now=at(minute))


@given(histories, st.integers(0, 600), st.integers(0, 100))
def test_while_nothing_happens_an_open_breaker_opens_up_at_the_moment_that_it_said(
    runs: tuple[Outcome, ...], minute: int, later: int
) -> None:
    quiet = tuple(o for o in runs if o.ended_at is not None and o.ended_at <= at(minute))
    state = decide(quiet, rules=RULES, now=at(minute))
    if state.until is None:
        assert decide(quiet, rules=RULES, now=at(minute + later)).may_start
    else:
        assert decide(quiet, rules=RULES, now=state.until).may_start
        before = state.until - timedelta(microseconds=1)
        assert decide(quiet, rules=RULES, now=before).until == state.until


@given(histories, st.integers(0, 700), st.integers(0, 700))
def test_a_reset_forgets_and_never_adds(
    runs: tuple[Outcome, ...], minute: int, reset_at: int
) -> None:
    reset = Reset(at=at(reset_at), who="ann", reason="fixed")
    without = decide(runs, rules=RULES, now=at(minute))
    assert set(decide(runs, rules=RULES, now=at(minute), reset=reset).failures) <= set(
        without.failures
    )


@given(st.lists(st.integers(0, 120), min_size=1, max_size=40))
def test_of_runs_that_ask_first_no_two_are_probes_at_once(asked: list[int]) -> None:
    """Everything fails after five minutes; who asks is let in where `may_start` says so."""
    runs = list(THREE)
    open_until = None
    for minute in sorted(asked):
        now = at(11 + minute)
        if decide(runs, rules=RULES, now=now).may_start:
            assert open_until is None or now >= open_until
            open_until = now + 5 * MINUTE
            runs.append(
                Outcome(run_id=f"p{minute}", started_at=now, ended_at=open_until, category=F)
            )


def test_rows_become_outcomes_judged_by_the_taxonomy() -> None:
    rows = pd.DataFrame(
        {
            "processor_name": ["A", "A", "A"],
            "run_id": ["1", "2", "3"],
            "started_at": pd.to_datetime(["2026-01-12T10:00Z"] * 3, utc=True),
            "ended_at": pd.to_datetime(["2026-01-12T10:01Z", None, "2026-01-12T10:02Z"], utc=True),
            "status": ["failed", "running", "skipped"],
            "failure_category": [None, None, "no_data_available"],
            "skip_reason": [None, None, "no_games"],
            "errors_text": ['["No games scheduled"]', None, None],
        }
    )
    first, second, third = outcomes_of(rows)["A"]
    assert first.category is N
    assert (second.category, second.ended_at) == (None, None)
    assert third.category is N
