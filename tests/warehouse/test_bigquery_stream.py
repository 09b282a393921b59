"""Few rows go to BigQuery by the Storage Write API: through Google's client, on the emulator."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import grpc
import pandas as pd
import pytest
from emulator import PROJECT, Emulator, emulator_client
from faulty_stream import FaultyStream, Refusal, faulty_stream
from google.cloud.bigquery import SchemaField, Table

from nbkit.errors import QueryFailed, WarehouseURLError
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.bigquery_stream import MOST_ROWS, message_class, proto_rows
from nbkit.warehouse.schema import TABLE

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
T0 = datetime(2026, 1, 12, 3, 4, 5, 678901, tzinfo=UTC)
RUN = {
    "processor_name": "NbacGamebookProcessor",
    "run_id": "r1",
    "status": "failed",
    "data_date": date(2026, 1, 11),
    "started_at": T0,
}


@pytest.fixture
def place(whole_emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[str]:
    """A run history with one row in it, loaded: `dataset.table`."""
    name = f"stream_{abs(hash(request.node.nodeid)) % 10**9}"
    with emulator_client(whole_emulator.url) as client:
        client.create_dataset(name)
        write(whole_emulator, f"{name}.{TABLE}", pd.DataFrame([RUN]))
        yield f"{name}.{TABLE}"
        client.delete_dataset(name, delete_contents=True)


def url_of(emulator: Emulator, place: str, writes: str = "auto") -> str:
    return (
        f"bigquery://{PROJECT}/{place.split('.')[0]}?writes={writes}"
        f"&api_endpoint={emulator.url}&storage_endpoint={emulator.storage}"
    )


def write(
    emulator: Emulator, place: str, rows: pd.DataFrame, *, writes: str = "auto", key: str = ""
) -> int:
    with open_warehouse(url_of(emulator, place, writes)) as warehouse:
        return warehouse.append(place, rows, key=key or None)


def rows_of(emulator: Emulator, place: str) -> list[dict[str, object]]:
    with emulator_client(emulator.url) as client:
        return [dict(r) for r in client.query(f"SELECT * FROM `{place}` ORDER BY run_id").result()]


def streamed(emulator: Emulator, place: str) -> int:
    """How many rows the table got by its default stream, as the emulator counts them."""
    with urllib.request.urlopen(f"{emulator.url}/admin/streams") as answer:
        streams = json.load(answer)["writeStreams"]
    dataset, table = place.split(".")
    return sum(
        stream["rowCount"]
        for stream in streams
        if f"/datasets/{dataset}/tables/{table}/streams/_default" in stream["name"]
    )


def test_a_row_goes_without_a_load_job_and_comes_back_as_it_went(
    whole_emulator: Emulator, place: str
) -> None:
    whole = RUN | {
        "run_id": "r2",
        "duration_seconds": 12.5,
        "records_processed": 2**53 + 1,
        "backfill_mode": False,
        "killed_by_timeout": True,
        "season_filter": 'quotes " and\nlines and ünïcode',
        "errors": [{"type": "HTTPError", "code": 404}],
        "heartbeat_at": datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        "processed_at": T0.replace(microsecond=1),
    }
    before = streamed(whole_emulator, place)
    assert write(whole_emulator, place, pd.DataFrame([whole])) == 1
    assert streamed(whole_emulator, place) == before + 1
    found = rows_of(whole_emulator, place)[-1]
    assert {name: found[name] for name in whole} == whole
    assert found["phase"] is None


def test_many_rows_and_rows_of_a_key_go_by_load_job(whole_emulator: Emulator, place: str) -> None:
    before = streamed(whole_emulator, place)
    many = pd.DataFrame([RUN | {"run_id": f"m{n}"} for n in range(MOST_ROWS + 1)])
    assert write(whole_emulator, place, many) == MOST_ROWS + 1
    one = pd.DataFrame([RUN | {"run_id": "k"}])
    assert write(whole_emulator, place, one, key="k:end") == 1
    assert write(whole_emulator, place, one, key="k:end") == 0
    assert streamed(whole_emulator, place) == before
    assert len(rows_of(whole_emulator, place)) == MOST_ROWS + 3


def test_writes_says_which_way_they_go(whole_emulator: Emulator, place: str) -> None:
    before = streamed(whole_emulator, place)
    write(whole_emulator, place, pd.DataFrame([RUN]), writes="load")
    assert streamed(whole_emulator, place) == before
    many = pd.DataFrame([RUN | {"run_id": f"m{n}"} for n in range(MOST_ROWS + 1)])
    write(whole_emulator, place, many, writes="storage")
    assert streamed(whole_emulator, place) == before + MOST_ROWS + 1


def test_a_table_that_is_absent_is_made_and_written(whole_emulator: Emulator, place: str) -> None:
    ledger = f"{place.split('.')[0]}.ledger"
    rows = pd.DataFrame({"run_id": ["a", "b"], "n": pd.Series([1, None], dtype="Int64")})
    assert write(whole_emulator, ledger, rows) == 2
    assert rows_of(whole_emulator, ledger) == [{"run_id": "a", "n": 1}, {"run_id": "b", "n": None}]


def test_columns_that_protocol_buffers_cannot_hold_go_by_load_job(
    whole_emulator: Emulator, place: str
) -> None:
    tags = f"{place.split('.')[0]}.tags"
    with emulator_client(whole_emulator.url) as client:
        fields = [SchemaField("run_id", "STRING"), SchemaField("tags", "STRING", "REPEATED")]
        client.create_table(Table(f"{PROJECT}.{tags}", schema=fields))
    rows = pd.DataFrame({"run_id": ["a"], "tags": [["x", "y"]]})
    assert write(whole_emulator, tags, rows) == 1
    assert streamed(whole_emulator, tags) == 0
    assert rows_of(whole_emulator, tags) == [{"run_id": "a", "tags": ["x", "y"]}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"procesor_name": "A"}, r"no column procesor_name \(did you mean processor_name\?\)"),
        ({"records_processed": "many"}, "'many' is no INT64, which records_processed takes"),
        ({"records_processed": 1.5}, "1.5 is no INT"),
        ({"backfill_mode": "yes"}, "'yes' is no BOOL"),
        ({"started_at": "yesterday"}, "'yesterday' is no TIMESTAMP"),
        ({"run_id": None}, "run_id is required and 1 of 2 have none"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_rows_that_do_not_fit_are_refused_whole(
    whole_emulator: Emulator, place: str, change: dict[str, object], words: str
) -> None:
    rows = pd.DataFrame([RUN | {"run_id": "r2"}, RUN | change])
    with pytest.raises(QueryFailed, match=f"{words}.*Nothing was written"):
        write(whole_emulator, place, rows)
    assert len(rows_of(whole_emulator, place)) == 1


def test_values_become_what_the_column_takes() -> None:
    schema = [
        SchemaField("n", "INTEGER"),
        SchemaField("share", "FLOAT"),
        SchemaField("note", "STRING"),
        SchemaField("details", "JSON"),
        SchemaField("day", "DATE"),
        SchemaField("at", "TIMESTAMP"),
        SchemaField("gone", "STRING"),
    ]
    rows = pd.DataFrame(
        {
            "n": [3.0],  # what pandas makes of whole numbers beside a null
            "share": [1],
            "note": [7],
            "details": ['{"code": 404}'],
            "day": [date(1969, 12, 31)],
            "at": [T0.replace(tzinfo=None)],  # which means UTC
            "gone": [None],
        }
    )
    made = proto_rows(schema, rows)
    assert made is not None
    row = message_class(made[0]).FromString(made[1][0])
    assert (row.n, row.share, row.note, row.day) == (3, 1.0, "7", -1)
    assert json.loads(row.details) == {"code": 404}
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.at) == T0
    assert not row.HasField("gone")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("writes=stream", "one of auto, storage, load"),
        ("storage_endpoint=bigquerystorage.googleapis.com:443", "127.0.0.1:PORT"),
        ("storage_endpoint=127.0.0.1", "127.0.0.1:PORT"),
    ],
)
def test_options_that_cannot_be_read_are_told(options: str, words: str) -> None:
    with pytest.raises(WarehouseURLError, match=words):
        open_warehouse(f"bigquery://{PROJECT}/x?api_endpoint=http://127.0.0.1:1&{options}")


def test_the_url_says_how_to_reach_the_table_again(whole_emulator: Emulator, place: str) -> None:
    before = streamed(whole_emulator, place)
    with open_warehouse(url_of(whole_emulator, place, "storage")) as warehouse:
        again = warehouse.url
    with open_warehouse(again) as warehouse:
        assert warehouse.url == again
        warehouse.append(place, pd.DataFrame([RUN]))
    assert streamed(whole_emulator, place) == before + 1


@pytest.fixture
def faulty() -> Iterator[FaultyStream]:
    with faulty_stream() as state:
        yield state


def write_to(
    faulty: FaultyStream, emulator: Emulator, place: str, rows: pd.DataFrame, retry_s: int = 30
) -> int:
    """Tables are on the emulator, streams are not."""
    url = url_of(Emulator(emulator.url, faulty.endpoint), place) + f"&retry_s={retry_s}"
    with open_warehouse(url) as warehouse:
        return warehouse.append(place, rows)


def test_a_passing_fault_is_waited_out_and_the_call_says_where_it_goes(
    whole_emulator: Emulator, place: str, faulty: FaultyStream
) -> None:
    faulty.refusals = [Refusal(UNAVAILABLE), Refusal(UNAVAILABLE, inside=True)]
    assert write_to(faulty, whole_emulator, place, pd.DataFrame([RUN])) == 1
    dataset, table = place.split(".")
    stream = f"projects/{PROJECT}/datasets/{dataset}/tables/{table}/streams/_default"
    assert faulty.asked_for == [f"write_stream={stream}"] * 3
    assert len(faulty.taken) == 1
    assert len(rows_of(whole_emulator, place)) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(grpc.StatusCode.NOT_FOUND, "no such table"),
        Refusal(grpc.StatusCode.NOT_FOUND, "no such table", inside=True),
        Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Code: SCHEMA_MISMATCH_EXTRA_FIELDS"),
    ],
    ids=["new table", "new table, told inside", "new column"],
)
def test_what_the_stream_does_not_know_yet_goes_by_load_job(
    whole_emulator: Emulator, place: str, faulty: FaultyStream, refusal: Refusal
) -> None:
    faulty.refusals = [refusal]
    assert write_to(faulty, whole_emulator, place, pd.DataFrame([RUN | {"run_id": "r2"}])) == 1
    assert faulty.taken == []
    assert [row["run_id"] for row in rows_of(whole_emulator, place)] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (
            Refusal(grpc.StatusCode.INVALID_ARGUMENT, "too long", inside=True, rows=(1, 2)),
            r"refused row 2: too long \(and 1 more\)\. Nothing was written",
        ),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, "no"), "Data Editor to append"),
        (Refusal(UNAVAILABLE, "down"), r"did not answer within 1 s of retries \(down\)"),
    ],
    ids=["rows", "permission", "down"],
)
def test_a_refusal_is_told_and_nothing_is_written_twice(
    whole_emulator: Emulator, place: str, faulty: FaultyStream, refusal: Refusal, words: str
) -> None:
    faulty.refusals = [refusal] * 20
    rows = pd.DataFrame([RUN | {"run_id": f"s{n}"} for n in range(3)])
    with pytest.raises(QueryFailed, match=f"Appending 3 rows to {place}.*{words}|{words}"):
        write_to(faulty, whole_emulator, place, rows, retry_s=1)
    assert faulty.taken == []
    assert len(rows_of(whole_emulator, place)) == 1
