"""`self_heal` on the real functions-framework: what can pass is run again, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from framework import Served, pubsub_event, serving
from google_server import AUDIENCE, SCHEDULER, Google
from warehouses import a_run, read_table, write_duckdb

from nbkit.analysis.healing import HealingRules
from nbkit.registry import load_registry
from nbkit.runs.claims import CLAIMS
from nbkit.runs.failure_message import GENERATION, ReportedFailure, read_failure
from nbkit.runs.healing import ACTIONS, ALERTS_PER_HOUR, heal
from nbkit.warehouse import open_warehouse

TODAY = datetime.now(UTC).replace(microsecond=0)
DAY = str((TODAY - timedelta(days=1)).date())
# It needs NbacTeamBoxscoreProcessor and others; each of its upstreams is given a success.
NAME = "TeamDefenseGameSummaryProcessor"
PASSING = "Connection reset by peer (503 Service Unavailable)"
LASTING = "AttributeError: 'NoneType' object has no attribute 'get'"


def moment(hours: float) -> str:
    return (TODAY - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")


def history(*, ready: bool = True, message: str = PASSING) -> list[dict[str, Any]]:
    rows = [
        a_run(
            NAME,
            "failed-1",
            "failed",
            data_date=DAY,
            started_at=moment(2),
            processed_at=moment(1.9),
            errors=[message],
        )
    ]
    needed = load_registry().get_dependencies(NAME) if ready else ()
    for upstream in needed:
        rows.append(
            a_run(
                upstream,
                f"done-{upstream}",
                "success",
                data_date=DAY,
                started_at=moment(5),
                processed_at=moment(4.9),
                records_processed=500,
            )
        )
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heal")


@pytest.fixture(scope="module")
def settings(folder: Path, google: Google) -> dict[str, str]:
    return {
        "NBKIT_WAREHOUSE": f"duckdb:///{folder}/history.duckdb",
        "NBKIT_ALERTS": f"dir:{folder / 'told'}",
        "GOOGLE_CLOUD_PROJECT": "nba-props-platform",
        "PUBSUB_EMULATOR_HOST": google.host,
        "NBKIT_OIDC_CERTS": f"{google.url}/certs",
        "NBKIT_AUDIENCE": AUDIENCE,
        "NBKIT_CALLERS": SCHEDULER,
    }


@pytest.fixture(scope="module")
def served(folder: Path, settings: dict[str, str]) -> Iterator[Served]:
    with serving("self_heal", folder, signature="cloudevent", **settings) as server:
        yield server


@pytest.fixture(scope="module")
def daily(folder: Path, settings: dict[str, str]) -> Iterator[Served]:
    with serving("self_heal_daily", folder, **settings) as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_published(google: Google) -> None:
    google.published.clear()


def fill(folder: Path, rows: list[dict[str, Any]]) -> str:
    return write_duckdb(folder / "history.duckdb", rows)


def failure(**more: Any) -> dict[str, Any]:
    told = {"processor_name": NAME, "data_date": DAY, "run_id": "failed-1", "error": PASSING}
    return told | more


@pytest.mark.parametrize("structured", [False, True])
def test_a_passing_failure_is_requested_once_however_often_it_is_delivered(
    served: Served, folder: Path, google: Google, structured: bool
) -> None:
    url = fill(folder, history())
    for _ in range(3):
        assert served.send(pubsub_event(failure(), id="77"), structured=structured).status == 200
    ((topic, payload, attributes),) = google.published
    assert topic == "nba-phase3-trigger"
    assert (payload["processor_name"], payload["data_date"]) == (NAME, DAY)
    assert attributes[GENERATION] == "1"
    decided = read_table(url, ACTIONS, order="decided_at")
    assert [row["step"] for row in decided] == ["decided", "published"]
    assert [line["action"] for line in served.log()[-3:]] == ["reprocess", *["done_before"] * 2]


def test_a_lasting_failure_is_told_and_never_requested(
    served: Served, folder: Path, google: Google
) -> None:
    fill(folder, history(message=LASTING))
    assert served.send(pubsub_event(failure(error=LASTING), id="78")).status == 200
    assert google.published == []
    healed = [line for line in served.log() if line.get("action")][-1]
    assert healed["action"] == "escalate"
    assert any(line.get("finding", {}).get("kind") == "failed_work" for line in served.log())
    assert list((folder / "told").iterdir())


def test_an_expected_failure_is_left_alone(served: Served, folder: Path, google: Google) -> None:
    fill(folder, history(message="No games scheduled"))
    served.send(pubsub_event(failure(error="No games scheduled"), id="79"))
    assert google.published == []
    assert served.log()[-1]["category"] == "no_data_available"


def test_where_the_input_is_not_there_it_is_not_requested(
    served: Served, folder: Path, google: Google
) -> None:
    fill(folder, history(ready=False))
    served.send(pubsub_event(failure(), id="80"))
    assert google.published == []
    healed = [line for line in served.log() if line.get("action")][-1]
    assert "its input is not ready" in healed["reasons"][0]


def test_what_waited_is_requested_by_the_daily_form_when_its_input_is_there(
    served: Served, daily: Served, folder: Path, google: Google
) -> None:
    # The failure is told today of today's data, so that its deadline is still to come.
    today = {"data_date": str(TODAY.date())}
    fill(folder, [{**row, "data_date": TODAY.date()} for row in history(ready=False)])
    served.send(pubsub_event(failure(**today), id="90"))
    assert [line for line in served.log() if line.get("action")][-1]["action"] == "wait"
    assert google.published == []
    fill(folder, [{**row, "data_date": TODAY.date()} for row in history()])
    assert daily.call(google.token()).json["actions"] == {"reprocess": 1}
    assert len(google.published) == 1


def test_an_outage_is_told_ten_times_an_hour_and_logged_each_time(
    served: Served, folder: Path
) -> None:
    fill(folder, history(message=LASTING))
    before = len(served.log())
    for number in range(12):
        lasting = failure(error=LASTING, run_id=f"outage-{number}")
        assert served.send(pubsub_event(lasting, id=f"o{number}")).status == 200
    logged = [line for line in served.log()[before:] if "finding" in line]
    assert len(logged) == 12
    claims = read_table(f"duckdb:///{folder}/history.duckdb", CLAIMS)
    hours = Counter(
        row["claim"].rpartition(" ")[0]
        for row in claims
        if row["claim"].startswith("self_heal alerts")
    )
    assert max(hours.values()) <= ALERTS_PER_HOUR
    assert sum(hours.values()) >= ALERTS_PER_HOUR  # more only where the hour turned in between


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"data_date": DAY}, "processor_name is missing"),
        ({"processor_name": NAME, "data_date": "soon"}, "is no date"),
        ("no base64!", "not base64"),
    ],
)
def test_a_message_that_cannot_be_read_is_told_and_acknowledged(
    served: Served, folder: Path, payload: Any, words: str
) -> None:
    fill(folder, history())
    assert served.send(pubsub_event(payload, id="81")).status == 200
    assert words in served.log()[-1]["message"]


def test_the_daily_form_finds_what_no_message_told_of(
    daily: Served, folder: Path, google: Google
) -> None:
    fill(folder, history())
    assert daily.post(b"{}").status == 401
    first = daily.call(google.token())
    assert (first.status, first.json["actions"]) == (200, {"reprocess": 1})
    again = daily.call(google.token())
    assert again.json["actions"] == {"done_before": 1}
    assert len(google.published) == 1
    assert daily.call(google.token(), days=99).status == 400


def test_its_own_failures_cannot_make_it_go_round(tmp_path: Path) -> None:
    """Each request leads to a failure again, told of with the request's own generation, redelivered
    and renamed: the number of requests is bounded all the same."""
    url = write_duckdb(tmp_path / "loop.duckdb", history())
    published: list[dict[str, str]] = []

    def publish(topic: str, payload: dict[str, Any], *, attributes: dict[str, str]) -> str:
        published.append(attributes)
        return str(len(published))

    registry = load_registry()
    told = {"processor_name": NAME, "data_date": DAY, "error": PASSING}
    with open_warehouse(url) as warehouse:
        for number in range(12):
            attributes = published[-1] if published and number % 2 else {}
            reported: ReportedFailure = read_failure(
                {**told, "run_id": f"again-{number}"}, attributes, message_id=str(number)
            )
            heal(reported, warehouse=warehouse, registry=registry, now=TODAY, publish=publish)
    assert 1 <= len(published) <= HealingRules().requests_per_work
