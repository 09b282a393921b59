"""Breakers read from a history hold across processes, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
from emulator import PROJECT, emulator_client

from nbkit.analysis.breaker import Rules, State
from nbkit.errors import BreakerOpen, ParameterError
from nbkit.runs.breaker import RESETS, breaker_of, breakers, require_closed, reset
from nbkit.runs.claims import CLAIMS
from nbkit.warehouse import open_history

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_numbers = count(1)


@pytest.fixture(params=["duckdb", "bigquery"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty history; on BigQuery, claims and resets are the project's, so the tests use names
    of their own."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'runs.duckdb'}"
    emulator = request.getfixturevalue("emulator")
    dataset = f"breakers_{next(_numbers)}"
    with emulator_client(emulator) as client:
        for name in (dataset, CLAIMS.split(".")[0]):
            client.create_dataset(name, exists_ok=True)
    return f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}"


@pytest.fixture
def name() -> str:
    return f"Processor{next(_numbers)}"


@pytest.fixture
def broken(url: str, name: str) -> str:
    """The processor failed at 12:00, 12:01 and 12:02."""
    ends = [pd.Timestamp(NOON + minute * MINUTE) for minute in range(3)]
    rows = pd.DataFrame(
        {
            "processor_name": name,
            "run_id": [f"{name} {end:%H:%M}" for end in ends],
            "status": "failed",
            "data_date": NOON.date(),
            "started_at": ends,
            "processed_at": ends,
            "errors": '["boom"]',
        }
    )
    with open_history(url) as warehouse:
        warehouse.append(warehouse.history, rows)
    return url


def test_it_opens_from_the_history_and_says_what_to_do(broken: str, name: str) -> None:
    now = NOON + 3 * MINUTE
    with open_history(broken) as warehouse:
        state = breaker_of(warehouse, name, as_of=now)
        assert (state.state, state.until) == (State.OPEN, NOON + 17 * MINUTE)
        assert breakers(warehouse, as_of=now)[name] == state
        with pytest.raises(
            BreakerOpen, match=rf"open until 2026-01-12 12:17 UTC.*boom.*reset {name}"
        ):
            require_closed(warehouse, name, now=now)
        assert require_closed(warehouse, "NeverRan", now=now).may_start


def test_of_two_that_ask_when_a_probe_is_due_one_is_let_through(broken: str, name: str) -> None:
    later = NOON + 20 * MINUTE
    with open_history(broken) as one:
        assert require_closed(one, name, now=later).state is State.HALF_OPEN
    with (
        open_history(broken) as other,
        pytest.raises(BreakerOpen, match="another run is its probe"),
    ):
        require_closed(other, name, now=later)


def test_one_that_died_before_its_run_was_recorded_does_not_hold_back_the_next_for_ever(
    broken: str, name: str
) -> None:
    asked, lost_after = NOON + 20 * MINUTE, Rules().lost_after
    with open_history(broken) as warehouse:
        require_closed(warehouse, name, now=asked)
        for waited in (timedelta(0), lost_after / 2):
            with pytest.raises(BreakerOpen):
                require_closed(warehouse, name, now=asked + waited)
        assert require_closed(warehouse, name, now=asked + lost_after).may_start


def test_a_reset_closes_it_and_is_kept_beside_the_history(broken: str, name: str) -> None:
    at = NOON + 5 * MINUTE
    with open_history(broken) as warehouse:
        with pytest.raises(ParameterError, match="Give a reason"):
            reset(warehouse, name, reason=" ", who="ann", now=at)
        assert reset(warehouse, name, reason="fixed", who="ann", now=at).state is State.OPEN
    with open_history(broken) as other:
        state = breaker_of(other, name, as_of=at)
        assert state.may_start
        assert state.reset is not None
        assert (state.reset.at, state.reset.who, state.reset.reason) == (at, "ann", "fixed")
        assert breaker_of(other, name, as_of=at - MINUTE).state is State.OPEN
        runs = other.query("recent_outcomes", start=NOON, end=NOON + 60 * MINUTE, as_of=at)
        assert set(runs["status"]) == {"failed"}  # no row in the history that readiness would see


def test_what_is_closed_already_is_not_reset(broken: str) -> None:
    with open_history(broken) as warehouse:
        assert reset(warehouse, "NeverRan", reason="why not", who="ann", now=NOON).may_start
        assert not warehouse.columns(RESETS) or "NeverRan" not in set(
            warehouse.query("breaker_resets", start=NOON, as_of=NOON)["processor_name"]
        )
