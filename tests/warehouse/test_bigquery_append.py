"""Appending to BigQuery by load jobs, on the emulator, through Google's real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from emulator import PROJECT, emulator_client

from nbkit.errors import QueryFailed
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.schema import CLUSTER_COLUMNS, COLUMNS, PARTITION_COLUMN, TABLE

T0 = datetime(2026, 1, 12, 3, 4, 5, 678901, tzinfo=UTC)
RUN = {
    "processor_name": "NbacGamebookProcessor",
    "run_id": "r1",
    "status": "failed",
    "data_date": date(2026, 1, 11),
    "started_at": T0,
}
WINDOW = {
    "start": datetime(2026, 1, 12, tzinfo=UTC),
    "end": datetime(2026, 1, 13, tzinfo=UTC),
    "as_of": datetime(2026, 1, 13, tzinfo=UTC),
}


@pytest.fixture
def dataset(emulator: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty dataset of this test's own."""
    name = f"append_{abs(hash(request.node.nodeid)) % 10**9}"
    with emulator_client(emulator) as client:
        client.create_dataset(name)
        yield name
        client.delete_dataset(name, delete_contents=True)


def rows_of(emulator: str, table: str) -> list[dict[str, object]]:
    with emulator_client(emulator) as client:
        return [dict(row) for row in client.query(f"SELECT * FROM `{table}` ORDER BY 1").result()]


def append(emulator: str, table: str, rows: pd.DataFrame) -> int:
    dataset = table.split(".")[0]
    url = f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}"
    with open_warehouse(url) as warehouse:
        return warehouse.append(table, rows)


def test_a_missing_history_is_made_partitioned_and_clustered(emulator: str, dataset: str) -> None:
    assert append(emulator, f"{dataset}.{TABLE}", pd.DataFrame([RUN])) == 1
    with emulator_client(emulator) as client:
        made = client.get_table(f"{dataset}.{TABLE}")
    assert made.time_partitioning.field == PARTITION_COLUMN
    assert made.clustering_fields == list(CLUSTER_COLUMNS)
    assert [field.name for field in made.schema] == [column.name for column in COLUMNS]
    assert [field.name for field in made.schema if field.mode == "REQUIRED"] == [
        column.name for column in COLUMNS if column.required
    ]


def test_values_of_every_type_come_back_as_they_went(emulator: str, dataset: str) -> None:
    table = f"{dataset}.{TABLE}"
    whole = RUN | {
        "duration_seconds": 12.5,
        "records_processed": 2**53 + 1,
        "backfill_mode": False,
        "season_filter": 'quotes " and\nlines and ünïcode',
        "processed_at": T0.replace(microsecond=1),
    }
    append(emulator, table, pd.DataFrame([whole]))
    (found,) = rows_of(emulator, table)
    assert {name: found[name] for name in whole} == whole
    assert found["phase"] is None


@pytest.mark.parametrize(
    ("given", "document"),
    [
        ('[{"type": "HTTPError", "code": 404}]', [{"type": "HTTPError", "code": 404}]),
        ([{"type": "HTTPError"}], [{"type": "HTTPError"}]),
        ({"original_errors": None}, {"original_errors": None}),
        ('["cut off in the midd', '["cut off in the midd'),
    ],
    ids=["text", "list", "dict", "truncated text"],
)
def test_json_is_loaded_as_a_document(
    emulator: str, dataset: str, given: object, document: object
) -> None:
    append(emulator, f"{dataset}.{TABLE}", pd.DataFrame([RUN | {"errors": given}]))
    url = f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}"
    with open_warehouse(url) as warehouse:
        warehouse.append(
            f"{dataset}.{TABLE}",
            pd.DataFrame([RUN | {"run_id": "r2", "processed_at": T0, "errors": given}]),
        )
        failed = warehouse.query("failed_runs", **WINDOW)
    assert json.loads(failed.loc[failed["run_id"] == "r2", "errors_text"].item()) == document


def test_appending_adds_to_what_is_there(emulator: str, dataset: str) -> None:
    table = f"{dataset}.{TABLE}"
    assert append(emulator, table, pd.DataFrame([RUN])) == 1
    more = pd.DataFrame([RUN | {"run_id": f"s{n}"} for n in range(3)])
    assert append(emulator, table, more) == 3
    assert sorted(str(row["run_id"]) for row in rows_of(emulator, table)) == [
        "r1",
        "s0",
        "s1",
        "s2",
    ]


def test_another_table_is_made_after_the_frame(emulator: str, dataset: str) -> None:
    rows = pd.DataFrame(
        {
            "name": pd.Series(["a", None], dtype="str"),
            "n": pd.Series([1, None], dtype="Int64"),
            "share": [0.5, None],
            "good": pd.Series([True, None], dtype="boolean"),
            "at": pd.Series([T0, None], dtype="datetime64[us, UTC]"),
            "day": pd.Series([date(2026, 1, 11), None], dtype="dbdate"),
            "details": [{"k": [1, 2]}, None],
        }
    )
    append(emulator, f"{dataset}.ledger", rows)
    with emulator_client(emulator) as client:
        made = client.get_table(f"{dataset}.ledger")
    assert {field.name: field.field_type for field in made.schema} == {
        "name": "STRING",
        "n": "INT64",
        "share": "FLOAT64",
        "good": "BOOL",
        "at": "TIMESTAMP",
        "day": "DATE",
        "details": "JSON",
    }
    assert rows_of(emulator, f"{dataset}.ledger")[-1] == {
        "name": "a",
        "n": 1,
        "share": 0.5,
        "good": True,
        "at": T0,
        "day": date(2026, 1, 11),
        "details": {"k": [1, 2]},
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"procesor_name": "A"}, r"no column procesor_name \(did you mean processor_name\?\)"),
        ({"records_processed": "many"}, "many"),
        ({"run_id": None}, "run_id is required and 1 of 2 have none"),
    ],
    ids=["unknown column", "wrong type", "missing value"],
)
def test_rows_that_do_not_fit_are_refused_whole(
    emulator: str, dataset: str, change: dict[str, object], words: str
) -> None:
    table = f"{dataset}.{TABLE}"
    append(emulator, table, pd.DataFrame([RUN]))
    with pytest.raises(QueryFailed, match=f"Appending 2 rows to {table}.*{words}"):
        append(emulator, table, pd.DataFrame([RUN | {"run_id": "r2"}, RUN | change]))
    assert len(rows_of(emulator, table)) == 1


def test_no_rows_make_the_table_all_the_same(emulator: str, dataset: str) -> None:
    assert append(emulator, f"{dataset}.{TABLE}", pd.DataFrame()) == 0
    assert rows_of(emulator, f"{dataset}.{TABLE}") == []


def test_a_query_on_a_missing_table_says_what_to_check(emulator: str, dataset: str) -> None:
    url = f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}&table={dataset}.gone"
    with (
        open_warehouse(url) as warehouse,
        pytest.raises(QueryFailed, match=r"gone.*\?table="),
    ):
        warehouse.query("history_freshness", **WINDOW)


def test_a_query_on_a_table_without_a_column_gives_the_engines_words(
    emulator: str, dataset: str
) -> None:
    append(emulator, f"{dataset}.runs", pd.DataFrame([{"run_id": "r1", "status": "success"}]))
    url = f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}&table={dataset}.runs"
    with (
        open_warehouse(url) as warehouse,
        pytest.raises(QueryFailed, match=r"data_date.*schema\.py"),
    ):
        warehouse.query("history_freshness", **WINDOW)
