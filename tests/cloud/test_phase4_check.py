"""`phase4_timeout_check`: predictions start without all of phase 4 when its time is up, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from framework import Served, serving
from google_server import AUDIENCE, SCHEDULER, Google
from warehouses import Fill, a_run, read_table, write_duckdb

from nbkit.analysis.partial_start import StartAction
from nbkit.errors import PublishFailed
from nbkit.registry import load_registry
from nbkit.runs.partial_start import AUDIT, COORDINATOR, act, game_date, look
from nbkit.warehouse import open_warehouse

DAY = date(2026, 1, 12)
LATE = datetime(2026, 1, 13, 9, tzinfo=UTC)  # 04:00 in New York, an hour after the deadline
FEATURES, CACHE = "MLFeatureStoreProcessor", "PlayerDailyCacheProcessor"


def phase_4(**states: str) -> list[dict[str, Any]]:
    """All of phase 4 done for the day, but for what is said."""
    registry = load_registry()
    names = [
        n
        for n in registry.upstream(COORDINATOR)
        if registry.processor(n).phase.startswith("phase_4")
    ]
    rows = []
    for name in names:
        status = states.get(name, "success")
        if status == "absent":
            continue
        ended = {} if status == "running" else {"processed_at": "2026-01-13T06:00:00"}
        rows.append(a_run(name, f"run-{name}", status, started_at="2026-01-13T05:00:00", **ended))
    return rows


def test_the_date_is_the_latest_whose_deadline_has_passed() -> None:
    registry = load_registry()
    assert game_date(registry, now=LATE) == DAY
    assert game_date(registry, now=LATE - timedelta(hours=2)) == DAY - timedelta(days=1)


def test_predictions_are_started_once_with_what_is_there(fill: Fill) -> None:
    url = fill(phase_4(**{CACHE: "failed"}))
    sent: list[tuple[str, dict[str, Any]]] = []

    def publish(topic: str, payload: dict[str, Any], *, attributes: dict[str, str]) -> str:
        sent.append((topic, payload))
        return "m1"

    with open_warehouse(url) as warehouse:
        found = look(warehouse, load_registry(), data_date=DAY, now=LATE)
        assert (found.action, found.missing) == (StartAction.START, (CACHE,))
        first = act(found, warehouse, now=LATE, publish=publish)
        second = act(found, warehouse, now=LATE, publish=publish)
    assert first == (True, "")
    assert second == (False, "it was requested before")
    ((topic, payload),) = sent
    assert (topic, payload["missing"]) == ("nba-predictions-trigger", [CACHE])
    assert read_table(url, AUDIT)[-1]["published_id"] == "m1"


@pytest.mark.parametrize(
    ("states", "action"),
    [
        ({FEATURES: "failed"}, StartAction.ALERT),
        ({FEATURES: "absent"}, StartAction.ALERT),
        ({}, StartAction.START),
    ],
)
def test_what_the_predictions_cannot_do_without_decides(
    states: dict[str, str], action: StartAction, tmp_path: Path
) -> None:
    with open_warehouse(write_duckdb(tmp_path / "h.duckdb", phase_4(**states))) as warehouse:
        assert look(warehouse, load_registry(), data_date=DAY, now=LATE).action is action


def test_before_the_deadline_it_waits_and_after_predictions_it_does_nothing(
    tmp_path: Path,
) -> None:
    rows = phase_4(**{CACHE: "absent"})
    with open_warehouse(write_duckdb(tmp_path / "h.duckdb", rows)) as warehouse:
        early = look(warehouse, load_registry(), data_date=DAY, now=LATE - timedelta(hours=2))
        assert early.action is StartAction.WAIT
    ran = a_run(
        COORDINATOR,
        "c",
        "success",
        started_at="2026-01-13T07:00:00",
        processed_at="2026-01-13T07:10:00",
    )
    with open_warehouse(write_duckdb(tmp_path / "i.duckdb", [*rows, ran])) as warehouse:
        done = look(warehouse, load_registry(), data_date=DAY, now=LATE)
        assert done.action is StartAction.NOTHING


def test_a_request_that_nobody_got_is_told_and_not_tried_blindly_again(tmp_path: Path) -> None:
    def publish(*_: Any, **__: Any) -> str:
        raise PublishFailed("topic is gone")

    with open_warehouse(write_duckdb(tmp_path / "h.duckdb", phase_4())) as warehouse:
        found = look(warehouse, load_registry(), data_date=DAY, now=LATE)
        with pytest.raises(PublishFailed):
            act(found, warehouse, now=LATE, publish=publish)
        assert act(found, warehouse, now=LATE, publish=publish)[0] is False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("phase4")


@pytest.fixture(scope="module")
def served(folder: Path, google: Google) -> Iterator[Served]:
    with serving(
        "phase4_timeout_check",
        folder,
        NBKIT_WAREHOUSE=f"duckdb:///{folder}/history.duckdb",
        NBKIT_ALERTS=f"dir:{folder / 'told'}",
        GOOGLE_CLOUD_PROJECT="nba-props-platform",
        PUBSUB_EMULATOR_HOST=google.host,
        NBKIT_OIDC_CERTS=f"{google.url}/certs",
        NBKIT_AUDIENCE=AUDIENCE,
        NBKIT_CALLERS=SCHEDULER,
    ) as server:
        yield server


def test_the_function_answers_starts_once_and_tells_of_it(
    served: Served, folder: Path, google: Google
) -> None:
    write_duckdb(folder / "history.duckdb", phase_4(**{CACHE: "failed"}))
    google.published.clear()
    assert served.post(b"{}").status == 401
    dry = served.call(google.token(), data_date="2026-01-12", dry_run=True)
    assert (dry.json["action"], dry.json["started"]) == ("start", False)
    answer = served.call(google.token(), data_date="2026-01-12")
    assert (answer.status, answer.json["started"]) == (200, True)
    again = served.call(google.token(), data_date="2026-01-12")
    assert again.json["not_started_because"] == "it was requested before"
    assert [topic for topic, _, _ in google.published] == ["nba-predictions-trigger"]
    assert list((folder / "told").iterdir())
    assert served.call(google.token(), data_date="soon").status == 400
    assert served.call(google.token()).status == 200


def test_a_request_that_did_not_get_out_is_told_at_once(
    served: Served, folder: Path, google: Google
) -> None:
    write_duckdb(folder / "history.duckdb", phase_4())
    google.faults.append(503)
    answer = served.call(google.token(), data_date="2026-01-12")
    assert (answer.status, answer.json["action"], answer.json["started"]) == (200, "alert", False)
    assert "could not be requested" in answer.json["reasons"][0]
    told = [line["finding"] for line in served.log() if "finding" in line]
    assert told[-1]["kind"] == "late_predictions"
    assert told[-1]["severity"] == "critical"
