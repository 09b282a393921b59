"""`cleanup_upcoming_tables` on the real functions-framework: events of both kinds, broken ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from framework import Served, pubsub_event, serving
from warehouses import write_duckdb

from nbkit.warehouse import open_warehouse

TOPIC = "upcoming-tables-cleanup-trigger"
PLAYERS = "nba_analytics.upcoming_player_game_context"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cleanup")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(
        "cleanup_upcoming_tables",
        folder,
        signature="cloudevent",
        NBKIT_WAREHOUSE=f"duckdb:///{folder}/history.duckdb",
        NBKIT_ALERTS=f"dir:{folder / 'told'}",
    ) as server:
        yield server


def fill(folder: Path, *, old_rows: int) -> str:
    url = write_duckdb(folder / "history.duckdb", [])
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=20)] * old_rows + [today]
    players = {"player_lookup": [f"p{i}" for i in range(len(days))], "game_date": days}
    teams = {"team_abbr": ["LAL"], "game_date": [today]}
    with open_warehouse(url) as warehouse:
        warehouse.append(PLAYERS, pd.DataFrame(players))
        warehouse.append("nba_analytics.upcoming_team_game_context", pd.DataFrame(teams))
    return url


def rows_left(folder: Path) -> int:
    with duckdb.connect(str(folder / "history.duckdb"), read_only=True) as connection:
        ((count,),) = connection.execute(f"SELECT COUNT(*) FROM {PLAYERS}").fetchall()
    return int(count)


@pytest.mark.parametrize("structured", [False, True])
def test_an_empty_message_only_counts_and_one_that_says_so_deletes(
    served: Served, folder: Path, structured: bool
) -> None:
    fill(folder, old_rows=3)
    empty = served.send(pubsub_event("", topic=TOPIC), structured=structured)
    assert (empty.status, rows_left(folder)) == (200, 4)
    line = served.log()[-1]
    assert (line["severity"], line["dry_run"], sum(line["found"].values())) == ("NOTICE", True, 3)
    event = pubsub_event({"dry_run": False}, topic=TOPIC)
    assert served.send(event, structured=structured).status == 200
    assert rows_left(folder) == 1
    assert served.send(event, structured=structured).status == 200  # delivered again
    assert rows_left(folder) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("not base64!", "not base64"),
        (base64.b64encode(b"{").decode(), "not JSON"),
        (base64.b64encode(b"[1, 2]").decode(), "no object"),
        (base64.b64encode(b"\xff\xfe").decode(), "not UTF-8"),
        (base64.b64encode(b"[" * 100_000).decode(), "not JSON"),
        ({"dry_run": "false"}, "dry_run takes true or false"),
        ({"dryrun": False}, "dryrun means nothing here"),
        ({"dry_run": False, "kept_days": 3}, "game_date, the partition column"),
        ({"dry_run": False, "kept_days": True}, "kept_days takes a whole number"),
    ],
)
def test_a_message_that_cannot_be_read_is_told_and_acknowledged(
    served: Served, folder: Path, data: object, words: str
) -> None:
    fill(folder, old_rows=2)
    reply = served.send(pubsub_event(data, topic=TOPIC, id="5005"))
    assert reply.status == 200
    assert rows_left(folder) == 3
    line = served.log()[-1]
    assert line["severity"] == "ERROR"
    assert "message dropped" in line["message"]
    assert words in line["message"]
    assert line["event_id"] == "5005"


def test_what_is_no_event_at_all_is_acknowledged_too(served: Served) -> None:
    binary = {
        "ce-id": "1",
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
        "ce-specversion": "1.0",
        "Content-Type": "application/json",
    }
    structured = {"Content-Type": "application/cloudevents+json"}
    broken = [
        served.post(b'{"message": {"da', headers=binary),
        served.post(b"null", headers=binary),
        served.post(b'{"message": []}', headers=binary),
        served.post(b'{"specversion": "1.0", "id"', headers=structured),
        served.post(b"{}", headers=structured),
        served.post(b"hello", headers={"Content-Type": "text/plain"}),
        served.post(),
    ]
    assert [reply.status for reply in broken] == [200] * len(broken)
    assert not any("Traceback" in reply.text for reply in broken)


def test_pubsub_without_eventarc_is_understood_as_well(served: Served, folder: Path) -> None:
    fill(folder, old_rows=2)
    message = {
        "data": base64.b64encode(b'{"dry_run": false}').decode(),
        "messageId": "77",
        "publishTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    push = {"message": message, "subscription": "projects/p/subscriptions/s"}
    headers = {"Content-Type": "application/json"}
    assert served.post(json.dumps(push).encode(), headers=headers).status == 200
    assert rows_left(folder) == 1


def test_a_warehouse_that_is_away_is_asked_again_but_not_for_ever(
    served: Served, folder: Path
) -> None:
    (folder / "history.duckdb").unlink(missing_ok=True)
    young = served.send(pubsub_event({"dry_run": False}, topic=TOPIC))
    assert young.status == 503
    assert young.json["error"] == "WarehouseMissing"
    assert "Traceback" not in young.text
    yesterday = f"{datetime.now(UTC) - timedelta(hours=25):%Y-%m-%dT%H:%M:%SZ}"
    old = served.send(pubsub_event({"dry_run": False}, topic=TOPIC, published=yesterday))
    assert old.status == 200
    assert "NBKIT_MAX_EVENT_AGE" in served.log()[-1]["message"]


def test_more_than_ten_thousand_rows_are_told(served: Served, folder: Path) -> None:
    fill(folder, old_rows=10_001)
    assert served.send(pubsub_event({}, topic=TOPIC)).status == 200
    told = [line for line in served.log() if "finding" in line]
    assert told[-1]["finding"]["kind"] == "large_cleanup"
    assert told[-1]["finding"]["evidence"]["rows"] == 10_001
    assert any((folder / "told").rglob("*"))
