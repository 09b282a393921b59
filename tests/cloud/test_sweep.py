"""Stale runs get an end that keeps what they said, once, on both engines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from warehouses import Fill, a_run, read_table

from nbkit.registry import load_registry
from nbkit.runs.sweep import AUDIT, Sweep, sweep
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.schema import RUN_HISTORY

NOW = datetime(2026, 1, 13, 12, tzinfo=UTC)
COORDINATOR = "PredictionCoordinator"
HISTORY = [
    # Hung at 09:10, having said why just before.
    a_run(COORDINATOR, "hung", started_at="2026-01-13 09:00:00", phase="phase_5_predictions"),
    a_run(
        COORDINATOR,
        "hung",
        started_at="2026-01-13 09:00:00",
        heartbeat_at="2026-01-13 09:10:00",
        phase="phase_5_predictions",
        errors=[{"type": "TimeoutError", "message": "worker 7 ]did not answer"}],
    ),
    a_run(COORDINATOR, "silent", started_at="2026-01-13 11:00:00"),
    a_run(COORDINATOR, "scalar", started_at="2026-01-13 10:30:00", errors={"message": "odd shape"}),
    # Alive, at work, and long since ended.
    a_run(
        COORDINATOR, "beats", started_at="2026-01-13 09:00:00", heartbeat_at="2026-01-13 11:50:00"
    ),
    a_run(COORDINATOR, "young", started_at="2026-01-13 11:40:00"),
    a_run(COORDINATOR, "ended", started_at="2026-01-13 08:00:00"),
    a_run(
        COORDINATOR,
        "ended",
        "success",
        started_at="2026-01-13 08:00:00",
        processed_at="2026-01-13 08:01:00",
    ),
]


def history(tag: str) -> list[dict[str, object]]:
    """The history with ids of its own: on BigQuery, claims are the project's."""
    return [{**row, "run_id": f"{row['run_id']}-{tag}"} for row in HISTORY]


def swept(url: str, *, now: datetime = NOW, dry_run: bool = False, most: int = 100) -> Sweep:
    with open_warehouse(url) as warehouse:
        return sweep(warehouse, load_registry(), now=now, dry_run=dry_run, most=most)


def test_a_swept_run_keeps_its_error_and_its_last_heartbeat(fill: Fill) -> None:
    url = fill(history("a"))
    before = len(read_table(url, RUN_HISTORY))
    found = swept(url)
    assert [run.run_id for run in found.found] == ["hung-a", "scalar-a", "silent-a"]
    assert (found.closed, found.left) == (3, 0)
    rows = read_table(url, RUN_HISTORY, order="run_id")
    assert len(rows) == before + 3  # appended; nothing was changed or taken away
    ends = {row["run_id"][:-2]: row for row in rows if row["status"] == "failed"}
    assert set(ends) == {"hung", "scalar", "silent"}
    hung = ends["hung"]
    assert hung["failure_category"] == "timeout"
    assert hung["killed_by_timeout"] is True
    assert hung["heartbeat_at"] == "2026-01-13 09:10:00"
    assert hung["processed_at"] == "2026-01-13 12:00:00"
    assert hung["duration_seconds"] == 600.0  # known to have lived so long, whenever it was swept
    assert hung["phase"] == "phase_5_predictions"
    first, second = errors_of(hung)
    assert first == {"type": "TimeoutError", "message": "worker 7 ]did not answer"}
    assert "last heartbeat was at 2026-01-13 09:10:00 UTC" in second["message"]
    assert [error["message"][:9] for error in errors_of(ends["scalar"])] == [
        "odd shape",
        "Closed by",
    ]
    assert "no heartbeat since its start at 2026-01-13 11:00:00" in json.dumps(
        errors_of(ends["silent"])
    )
    assert ends["silent"]["heartbeat_at"] is None
    assert ends["silent"]["duration_seconds"] is None  # nobody knows
    (audit,) = read_table(url, AUDIT) if url.startswith("duckdb") else read_table(url, AUDIT)[-1:]
    assert (audit["found"], audit["closed"]) == (3, 3)
    assert json.loads(audit["run_ids"]) == ["hung-a", "scalar-a", "silent-a"]
    assert audit["oldest_started_at"] == "2026-01-13 09:00:00"

    again = swept(url, now=NOW + timedelta(minutes=1))
    assert (again.found, again.closed) == ((), 0)
    assert len(read_table(url, RUN_HISTORY)) == before + 3


def test_a_dry_run_writes_nothing(fill: Fill) -> None:
    url = fill(history("b"))
    found = swept(url, dry_run=True)
    assert (len(found.found), found.closed, found.is_dry) == (3, 0, True)
    assert {row["status"] for row in read_table(url, RUN_HISTORY)} == {"running", "success"}


def test_the_longest_silence_goes_first_where_there_are_too_many(fill: Fill) -> None:
    url = fill(history("c"))
    found = swept(url, most=2)
    assert ([run.run_id for run in found.found], found.left) == (["hung-c", "scalar-c"], 1)
    rest = swept(url)
    assert [run.run_id for run in rest.found] == ["silent-c"]


def test_what_the_classifier_makes_of_the_end_is_a_timeout(fill: Fill) -> None:
    url = fill(history("d"))
    swept(url)
    with open_warehouse(url) as warehouse:
        frame = warehouse.query(
            "failed_runs",
            start=NOW - timedelta(hours=1),
            end=NOW + timedelta(hours=1),
            as_of=NOW + timedelta(hours=1),
        )
    assert set(frame["failure_category"]) == {"timeout"}


def errors_of(row: dict[str, object]) -> list[dict[str, str]]:
    value = row["errors"]
    parsed: list[dict[str, str]] = json.loads(value) if isinstance(value, str) else value  # type: ignore[assignment]
    return parsed
