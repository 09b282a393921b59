"""When the predictions start without all of phase 4."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from nbkit.analysis.partial_start import (
    PartialStart,
    Progress,
    StartAction,
    State,
    decide_partial_start,
)

NOW = datetime(2026, 1, 13, 9, tzinfo=UTC)
DUE = datetime(2026, 1, 13, 8, tzinfo=UTC)
DAY = date(2026, 1, 12)
FEATURES, CACHE = "MLFeatureStoreProcessor", "PlayerDailyCacheProcessor"


def progress(name: str, state: State, **facts: object) -> Progress:
    made = Progress(processor=name, state=state, due=DUE, affected=("PredictionCoordinator",))
    return replace(made, **facts)  # type: ignore[arg-type]


IDLE = progress("PredictionCoordinator", State.NOT_STARTED)


def decide(*inputs: Progress, predictions: Progress = IDLE, now: datetime = NOW) -> PartialStart:
    return decide_partial_start(DAY, inputs, predictions, required=(FEATURES,), now=now)


def test_partial_data_is_enough_when_what_is_required_is_done() -> None:
    found = decide(
        progress(FEATURES, State.DONE),
        progress(CACHE, State.FAILED, since=DUE - timedelta(hours=1)),
    )
    assert found.action is StartAction.START
    assert found.is_partial
    assert (found.done, found.missing) == ((FEATURES,), (CACHE,))
    assert "needed by PredictionCoordinator" in found.reasons[1]


def test_it_calls_somebody_when_what_is_required_is_missing() -> None:
    found = decide(progress(FEATURES, State.NOT_STARTED), progress(CACHE, State.DONE))
    assert found.action is StartAction.ALERT
    assert FEATURES in found.reasons[0]


def test_it_waits_for_required_work_within_its_timeout_and_no_longer() -> None:
    started = NOW - timedelta(minutes=29)
    at_work = progress(FEATURES, State.RUNNING, since=started)
    assert decide(at_work).action is StartAction.WAIT
    assert decide(at_work, now=NOW + timedelta(minutes=2)).action is StartAction.ALERT


def test_before_the_deadline_nothing_is_late() -> None:
    missing = progress(CACHE, State.NOT_STARTED)
    early = DUE - timedelta(seconds=1)
    assert decide(progress(FEATURES, State.DONE), missing, now=early).action is StartAction.WAIT
    assert decide(progress(FEATURES, State.DONE), missing, now=DUE).action is StartAction.START


def test_a_lost_transition_is_made_up_for() -> None:
    found = decide(progress(FEATURES, State.DONE), progress(CACHE, State.NOTHING_TO_DO))
    assert found.action is StartAction.START
    assert not found.is_partial


@pytest.mark.parametrize("state", [State.DONE, State.RUNNING, State.NOTHING_TO_DO])
def test_predictions_that_ran_are_not_started_again(state: State) -> None:
    ran = progress("PredictionCoordinator", state)
    assert decide(progress(FEATURES, State.DONE), predictions=ran).action is StartAction.NOTHING


def test_predictions_that_failed_are_a_matter_for_a_person() -> None:
    failed = progress("PredictionCoordinator", State.FAILED)
    assert decide(progress(FEATURES, State.DONE), predictions=failed).action is StartAction.ALERT


def test_a_day_without_games_needs_no_predictions() -> None:
    found = decide(progress(FEATURES, State.NOTHING_TO_DO), progress(CACHE, State.NOTHING_TO_DO))
    assert found.action is StartAction.NOTHING
