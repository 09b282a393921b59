"""Who waits for a root: descendants without a success for the date, with what is known of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from planted_window import DAY
from test_incident_cascade import CHILD, GRANDCHILD, ROOT, trouble

from nbkit.analysis.incident.cascade import incidents
from nbkit.analysis.incident.waiting import Standing, standings, waiting
from nbkit.analysis.trends.deadline_risk import deadline_risks
from nbkit.registry import ProcessorRegistry, load_registry

NOW = datetime(2026, 1, 12, 7, tzinfo=UTC)  # an hour before 03:00 in New York
DATES = [DAY - timedelta(days=back) for back in range(1, 12)]


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def work(name: str, day: date, done: datetime | None) -> dict[str, Any]:
    ended = done or NOW - timedelta(hours=2)
    return {
        "processor_name": name,
        "data_date": day,
        "run_count": 1,
        "first_succeeded_at": done,
        "succeeded_at": done,
        "most_records": 100 if done else None,
        "running_since": None,
        "open_runs": 0,
        "open_run_id": None,
        "last_ended_at": ended,
        "last_run_id": f"{name}-{day}",
        "status": "success" if done else "failed",
        "failure_category": None,
        "skip_reason": None,
        "errors_text": None if done else '["503 Service Unavailable"]',
    }


def usually(name: str, hour: int) -> list[dict[str, Any]]:
    """Done at that hour (UTC) of the day after each earlier date."""
    return [
        work(
            name, day, datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(days=1)
        )
        for day in DATES
    ]


def standing(registry: ProcessorRegistry, *rows: dict[str, Any]) -> dict[str, Standing]:
    frame = pd.DataFrame(list(rows))
    for column in ("first_succeeded_at", "succeeded_at", "running_since", "last_ended_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    for column in ("run_count", "open_runs", "most_records"):
        frame[column] = frame[column].astype("Int64")
    (incident,) = incidents([trouble(ROOT, 5)], registry)
    risks = deadline_risks(frame, registry, as_of=NOW)
    found = standings(incident, registry, works=frame, risks=risks, as_of=NOW)
    assert [row.is_waiting for row in found] == sorted((r.is_waiting for r in found), reverse=True)
    return {row.processor.name: row for row in found}


def test_a_descendant_that_usually_is_done_by_now_waits(registry: ProcessorRegistry) -> None:
    found = standing(registry, *usually(CHILD, 6), *usually(GRANDCHILD, 9))
    child, grandchild = found[CHILD], found[GRANDCHILD]
    assert child.is_waiting
    assert child.usually_by == datetime(2026, 1, 12, 6, tzinfo=UTC)
    assert not grandchild.is_waiting  # usually at nine, and it is seven
    assert (child.distance, grandchild.distance) == (1, 2)
    assert [row.processor.name for row in waiting(found.values())] == [CHILD]


def test_one_that_was_tried_and_failed_waits_whatever_the_hour(
    registry: ProcessorRegistry,
) -> None:
    found = standing(registry, *usually(GRANDCHILD, 9), work(GRANDCHILD, DAY, None))
    assert found[GRANDCHILD].is_waiting
    assert found[GRANDCHILD].left == timedelta(hours=1)


def test_one_that_has_succeeded_for_the_date_does_not(registry: ProcessorRegistry) -> None:
    done = work(CHILD, DAY, NOW - timedelta(hours=5))
    found = standing(registry, *usually(CHILD, 6), done)
    assert found[CHILD].is_done
    assert not found[CHILD].is_waiting


def test_of_one_without_any_run_in_the_month_nothing_is_said(registry: ProcessorRegistry) -> None:
    found = standing(registry, *usually(CHILD, 6))
    assert not found[GRANDCHILD].is_recorded
    assert not found[GRANDCHILD].is_waiting


def test_the_root_is_in_the_list_but_does_not_wait_for_itself(registry: ProcessorRegistry) -> None:
    found = standing(registry, *usually(ROOT, 5), work(ROOT, DAY, None))
    assert found[ROOT].distance == 0
    assert found[ROOT].is_waiting
    assert waiting(found.values()) == ()


def test_how_often_the_deadline_is_missed_stands_beside_it(registry: ProcessorRegistry) -> None:
    late, punctual = standing(registry, *usually(CHILD, 6), *usually(GRANDCHILD, 9)), CHILD
    assert (late[GRANDCHILD].missed, late[GRANDCHILD].judged) == (11, 11)
    assert late[punctual].missed == 0
