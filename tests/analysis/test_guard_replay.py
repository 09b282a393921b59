"""A history played again under the guard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis import breaker
from nbkit.analysis.guard_replay import GuardRules, replay
from nbkit.analysis.hangs import Ending, PhaseRun
from nbkit.failures import FailureCategory

T0 = datetime(2026, 1, 5, 15, tzinfo=UTC)
AS_OF = T0 + timedelta(days=30)
RULES = GuardRules()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CATEGORY = {
    Ending.SUCCEEDED: FailureCategory.SUCCESS,
    Ending.IDLE: FailureCategory.NO_DATA_AVAILABLE,
    Ending.FAILED: FailureCategory.ERROR,
    Ending.SWEPT: FailureCategory.TIMEOUT,
    Ending.OPEN: None,
}


def run(
    ending: Ending, lasted: timedelta, *, at: timedelta = timedelta(), beat: timedelta | None = None
) -> PhaseRun:
    started = T0 + at
    return PhaseRun(
        run_id=f"{ending}-{at}",
        processor="Coordinator",
        started_at=started,
        ended_at=None if ending is Ending.OPEN else started + lasted,
        category=CATEGORY[ending],
        ending=ending,
        heartbeat_at=None if beat is None else started + beat,
    )


def test_a_hang_ends_at_the_timeout_and_the_rest_is_saved() -> None:
    found = replay([run(Ending.SWEPT, 100 * HOUR)], rules=RULES, as_of=AS_OF)
    assert found.saved == 99.5 * HOUR
    assert found.earlier_median == found.earlier_most == 99.5 * HOUR
    assert found.runs[0].ended_by == "timeout"


def test_a_heartbeat_that_stopped_ends_it_sooner() -> None:
    found = replay([run(Ending.SWEPT, 4 * HOUR, beat=5 * MINUTE)], rules=RULES, as_of=AS_OF)
    assert found.runs[0].ended_at == T0 + 20 * MINUTE
    assert found.by_heartbeat == 1


def test_an_open_run_has_lasted_until_now_at_least() -> None:
    found = replay([run(Ending.OPEN, HOUR)], rules=RULES, as_of=T0 + 44 * MINUTE)
    assert found.saved == 14 * MINUTE
    fresh = replay([run(Ending.OPEN, HOUR)], rules=RULES, as_of=T0 + 20 * MINUTE)
    assert fresh.ended_early == ()
    assert fresh.runs[0].ended_at is None


def test_a_success_beyond_the_timeout_is_a_wrong_kill_and_saves_nothing() -> None:
    found = replay([run(Ending.SUCCEEDED, 31 * MINUTE)], rules=RULES, as_of=AS_OF)
    assert len(found.wrong_kills) == 1
    assert found.saved == timedelta()


def test_the_breaker_holds_back_what_follows_three_hangs_and_lets_one_probe() -> None:
    hangs = [run(Ending.SWEPT, 100 * HOUR, at=n * 40 * MINUTE) for n in range(3)]
    at = 3 * 40 * MINUTE - 5 * MINUTE  # within the cool-down after the third end
    later = [
        run(Ending.FAILED, MINUTE, at=at),
        run(Ending.SUCCEEDED, MINUTE, at=at + HOUR),
        run(Ending.SUCCEEDED, MINUTE, at=at + 2 * HOUR),
    ]
    found = replay([*hangs, *later], rules=RULES, as_of=AS_OF)
    assert [r.held_back for r in found.runs] == [False, False, False, True, False, False]
    assert found.openings == 1
    assert found.successes_held_back == 0


def test_rules_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        GuardRules(timeout=timedelta(0))


ENDINGS = st.sampled_from(list(CATEGORY))
MINUTES = st.integers(0, 3_000).map(lambda n: n * MINUTE)


@st.composite
def histories(draw: st.DrawFn) -> list[PhaseRun]:
    runs = []
    for n in range(draw(st.integers(0, 12))):
        lasted = draw(MINUTES)
        tenths = draw(st.none() | st.integers(0, 10))
        beat = None if tenths is None else lasted * tenths / 10
        at = draw(MINUTES) + n * timedelta(microseconds=1)
        runs.append(run(draw(ENDINGS), lasted, at=at, beat=beat))
    return runs


@given(runs=histories(), timeout=st.integers(1, 200), failures=st.integers(1, 5))
def test_the_guard_never_costs_time_and_never_ends_a_quick_success(
    runs: list[PhaseRun], timeout: int, failures: int
) -> None:
    rules = GuardRules(timeout=timeout * MINUTE, breaker=breaker.Rules(failures=failures))
    found = replay(runs, rules=rules, as_of=AS_OF)
    assert len(found.runs) == len(runs)
    for each in found.runs:
        assert each.saved >= timedelta()
        if each.ended_at is not None:
            assert each.ended_at <= max(each.run.ended_at or AS_OF, each.run.started_at)
            assert each.ended_at - each.run.started_at <= timeout * MINUTE
    for wrong in found.wrong_kills:
        limit = wrong.run.lasted(AS_OF)
        silence = limit - (wrong.run.last_sign - wrong.run.started_at)
        assert limit > rules.timeout or silence > rules.heartbeat


@given(runs=histories(), shorter=st.integers(1, 60), more=st.integers(0, 60))
def test_a_longer_timeout_saves_less_and_kills_fewer(
    runs: list[PhaseRun], shorter: int, more: int
) -> None:
    tight, wide = (
        replay(runs, rules=GuardRules(timeout=minutes * MINUTE), as_of=AS_OF)
        for minutes in (shorter, shorter + more)
    )
    assert wide.saved <= tight.saved
    assert len(wide.wrong_kills) <= len(tight.wrong_kills)


@given(runs=histories())
def test_the_breaker_changes_no_end(runs: list[PhaseRun]) -> None:
    with_it = replay(runs, rules=RULES, as_of=AS_OF)
    without = replay(runs, rules=GuardRules(breaker=None), as_of=AS_OF)
    assert without.held_back == ()
    assert without.openings == 0
    assert [(r.ended_at, r.saved) for r in without.runs] == [
        (r.ended_at, r.saved) for r in with_it.runs
    ]
