"""A run is dead when its heartbeat stops; without one, when its timeout is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from nbkit.analysis.stale import stale_runs
from nbkit.registry import load_registry

NOW = datetime(2026, 1, 13, 12, tzinfo=UTC)
REGISTRY = load_registry()
SLOW = "PredictionCoordinator"  # times out after 30 minutes
QUICK = "NbacGamebookProcessor"  # after 10


def is_stale(processor: str, *, started: float, beat: float | None = None) -> bool:
    """Both in minutes ago."""
    frame = pd.DataFrame(
        {
            "processor_name": [processor],
            "run_id": ["r1"],
            "data_date": [date(2026, 1, 12)],
            "started_at": [pd.Timestamp(NOW - timedelta(minutes=started))],
            "heartbeat_at": [
                pd.NaT if beat is None else pd.Timestamp(NOW - timedelta(minutes=beat))
            ],
        }
    )
    return bool(stale_runs(frame, REGISTRY, now=NOW))


@pytest.mark.parametrize("processor", [SLOW, QUICK, "NobodyKnowsIt"])
def test_a_stopped_heartbeat_tells_after_fifteen_minutes_whatever_the_processor(
    processor: str,
) -> None:
    assert not is_stale(processor, started=600, beat=15)
    assert is_stale(processor, started=600, beat=15.1)


def test_without_a_heartbeat_a_long_run_has_its_timeout() -> None:
    assert not is_stale(SLOW, started=30)
    assert is_stale(SLOW, started=30.1)


def test_without_a_heartbeat_nothing_is_closed_in_its_first_quarter_of_an_hour() -> None:
    assert not is_stale(QUICK, started=15)
    assert is_stale(QUICK, started=15.1)


def test_a_stranger_has_the_general_half_hour() -> None:
    assert not is_stale("NobodyKnowsIt", started=30)
    assert is_stale("NobodyKnowsIt", started=30.1)


def test_the_longest_silence_comes_first() -> None:
    frame = pd.DataFrame(
        {
            "processor_name": [SLOW, SLOW],
            "run_id": ["younger", "older"],
            "data_date": [date(2026, 1, 12)] * 2,
            "started_at": pd.to_datetime(["2026-01-13T10:00Z", "2026-01-13T09:00Z"]),
            "heartbeat_at": pd.to_datetime([None, None], utc=True),
        }
    )
    found = stale_runs(frame, REGISTRY, now=NOW)
    assert [(run.run_id, run.silent_for) for run in found] == [
        ("older", timedelta(hours=3)),
        ("younger", timedelta(hours=2)),
    ]
