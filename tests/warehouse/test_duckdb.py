"""The embedded engine: any file with a run history answers, any other says what is wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from query_arguments import ON_THE_HISTORY, arguments

from nbkit.errors import (
    NbkitError,
    QueryFailed,
    UnknownQuery,
    WarehouseForeign,
    WarehouseLocked,
    WarehouseMissing,
    WarehouseURLError,
)
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

START, END = datetime(2026, 1, 12, tzinfo=UTC), datetime(2026, 1, 13, tzinfo=UTC)
WINDOW = {"start": START, "end": END, "as_of": END}


def make(path: Path, ddl: str, *rows: str, table: str = RUN_HISTORY) -> str:
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.split('.')[0]}")
        connection.execute(ddl)
        for row in rows:
            connection.execute(f"INSERT INTO {table} VALUES ({row})")
    return f"duckdb:///{path}"


MINIMAL = (
    f"CREATE TABLE {RUN_HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR, "
    "started_at TIMESTAMP, data_date DATE)"
)
ROW = "'A', 'r1', 'failed', '2026-01-12 10:20:00', '2026-01-12'"


@pytest.mark.parametrize("name", ON_THE_HISTORY)
def test_five_columns_are_enough_for_every_query_on_the_history(name: str, tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", MINIMAL, ROW)) as warehouse:
        found = warehouse.query(name, **arguments(name, start=START, end=END, as_of=END))
    assert found.shape[1] > 1


def test_absent_columns_are_null_and_naive_moments_are_utc(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", MINIMAL, ROW)) as warehouse:
        row = warehouse.query("hourly_counts", **WINDOW).iloc[0]
    assert row["hour"] == pd.Timestamp("2026-01-12T10:00Z")
    assert pd.isna(row["phase"])
    assert pd.isna(row["error_signature"])


def test_numbers_that_are_none_and_rows_of_nobody_are_not_read(tmp_path: Path) -> None:
    loose = duckdb_ddl().replace(" NOT NULL", "")
    url = make(tmp_path / "w.duckdb", loose)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(
            f"""
            INSERT INTO {RUN_HISTORY} BY NAME
            SELECT
              CASE WHEN n <> 5 THEN 'A' END AS processor_name,
              CASE WHEN n <> 6 THEN 'r' || n END AS run_id,
              'success' AS status, TIMESTAMPTZ '2026-01-12 10:20:00Z' AS started_at,
              TIMESTAMPTZ '2026-01-12 10:21:00Z' AS processed_at, DATE '2026-01-12' AS data_date,
              ['7', 'NaN', 'Infinity', '-Infinity', '9', '9'][n]::DOUBLE AS duration_seconds
            FROM generate_series(1, 6) AS runs(n)
            """
        )
    with open_warehouse(url) as warehouse:
        (row,) = warehouse.query("hourly_counts", **WINDOW).to_dict("records")
    assert (row["runs"], row["timed_runs"], row["duration_s"]) == (4, 1, 7.0)


def test_text_dates_and_text_json_are_read_also_when_the_json_is_cut_off(tmp_path: Path) -> None:
    ddl = (
        f"CREATE TABLE {RUN_HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR, "
        "started_at VARCHAR, data_date VARCHAR, errors VARCHAR)"
    )
    cut = "'A', 'r1', 'failed', '2026-01-12T10:20:00Z', '2026-01-12', '[{\"message\": \"503 Ser'"
    whole = "'A', 'r2', 'failed', '2026-01-12T10:20:00Z', '2026-01-12', '[\"boom\"]'"
    with open_warehouse(make(tmp_path / "w.duckdb", ddl, cut, whole)) as warehouse:
        found = warehouse.query("failed_runs", **WINDOW)
    texts = dict(zip(found["run_id"], found["errors_text"], strict=True))
    assert "503 Ser" in texts["r1"]
    assert texts["r2"] == '["boom"]'


def test_the_dtypes_are_nullable_and_the_moments_aware(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", MINIMAL, ROW)) as warehouse:
        kinds = warehouse.query("failed_runs", **WINDOW).dtypes.astype(str).to_dict()
    assert kinds["started_at"] == "datetime64[us, UTC]"
    assert kinds["data_date"] == "dbdate"
    assert kinds["retry_attempt"] == "Int64"
    assert kinds["duration_seconds"] == "float64"


def test_what_was_asked_is_recorded(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", MINIMAL, ROW)) as warehouse:
        warehouse.query("failed_runs", **WINDOW, most=5)
        (record,) = warehouse.queries
    assert (record.name, record.rows, record.bytes_billed) == ("failed_runs", 1, None)
    assert record.parameters["start"] == "2026-01-12T00:00:00Z"
    assert record.parameters["most"] == "5"


def test_several_readers_share_a_file(tmp_path: Path) -> None:
    url = make(tmp_path / "w.duckdb", MINIMAL, ROW)
    with open_warehouse(url) as one, open_warehouse(url) as two:
        pd.testing.assert_frame_equal(
            one.query("failed_runs", **WINDOW), two.query("failed_runs", **WINDOW)
        )


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WarehouseMissing, match=r"nbkit demo build.*nbkit import"):
        open_warehouse(f"duckdb:///{tmp_path / 'no.duckdb'}")


def test_a_file_being_written_says_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    make(path, MINIMAL, ROW)
    hold = f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        with pytest.raises(WarehouseLocked, match=rf"process {writer.pid}.*Wait"):
            open_warehouse(f"duckdb:///{path}")
        writer.kill()


def test_a_reader_elsewhere_keeps_writers_out_but_not_readers(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    url = make(path, MINIMAL, ROW)
    hold = (
        f"import duckdb; c = duckdb.connect({str(path)!r}, read_only=True); "
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "held\n"
        with open_warehouse(url) as warehouse:
            rows = pd.DataFrame({"a": [1]})
            with pytest.raises(WarehouseLocked, match=rf"in use by .*process {reader.pid}"):
                warehouse.append("ops.notes", rows)
            assert len(warehouse.query("failed_runs", **WINDOW)) == 1
        reader.kill()


@pytest.mark.parametrize(
    "content", [b"SQLite format 3\0" + b"\0" * 99, b"", b"name,status\nA,ok\n"]
)
def test_a_foreign_file_is_refused_and_no_extension_fetched_for_it(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(content)
    with pytest.raises(WarehouseForeign, match="not a DuckDB file"):
        open_warehouse(f"duckdb:///{path}")


# xdist's workers ignore SIGINT, and so would their children: a person's shell does not.
ASKED_BY_A_PERSON = """
import signal
import sys
from datetime import UTC, datetime
from nbkit.warehouse import open_warehouse

signal.signal(signal.SIGINT, signal.default_int_handler)
start, end = datetime(2026, 1, 12, tzinfo=UTC), datetime(2026, 1, 13, tzinfo=UTC)
with open_warehouse(sys.argv[1]) as warehouse:
    print("asking", flush=True)
    try:
        warehouse.query("failed_runs", start=start, end=end, as_of=end)
    except KeyboardInterrupt:
        print("interrupted", len(warehouse.queries), flush=True)
    early = {"start": start, "end": start, "as_of": start, "slack_days_after": -1}
    print("asked again", len(warehouse.query("open_runs", **early)), flush=True)
"""


def test_ctrl_c_ends_a_long_query_and_the_warehouse_can_be_asked_again(tmp_path: Path) -> None:
    endless = (
        f"CREATE VIEW {RUN_HISTORY} AS SELECT 'A' AS processor_name, md5(i::VARCHAR) AS run_id, "
        "'failed' AS status, TIMESTAMPTZ '2026-01-12 10:00:00Z' AS started_at, "
        "DATE '2026-01-12' AS data_date FROM range(10_000_000_000) AS t(i)"
    )
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA nba_reference")
        connection.execute(endless)
    asking = [sys.executable, "-c", ASKED_BY_A_PERSON, f"duckdb:///{path}"]
    with subprocess.Popen(asking, stdout=subprocess.PIPE, text=True) as person:
        assert person.stdout is not None
        assert person.stdout.readline() == "asking\n"
        threading.Event().wait(0.5)
        person.send_signal(signal.SIGINT)
        try:
            told, _ = person.communicate(timeout=60)
        finally:
            person.kill()
    assert told == "interrupted 0\nasked again 0\n"
    assert person.returncode == 0


CHANGED_BY_A_PERSON = """
import signal
import sys
from datetime import UTC, date, datetime
from nbkit.warehouse import open_warehouse

signal.signal(signal.SIGINT, signal.default_int_handler)
day = date(2026, 1, 12)
with open_warehouse(sys.argv[1]) as warehouse:
    print("changing", flush=True)
    try:
        warehouse.execute(
            "fill_categories",
            batch="b",
            first_date=day,
            last_date=day,
            before=datetime(2026, 1, 13, tzinfo=UTC),
        )
    except KeyboardInterrupt:
        print("interrupted", len(warehouse.queries), flush=True)
"""


def test_ctrl_c_ends_a_long_statement_as_well(tmp_path: Path) -> None:
    url = make(tmp_path / "w.duckdb", MINIMAL, ROW)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(f"ALTER TABLE {RUN_HISTORY} ADD COLUMN failure_category VARCHAR")
        connection.execute(
            "CREATE VIEW nba_reference.nbkit_categories AS SELECT 'b' AS batch, "
            "'A' AS processor_name, 'failed' AS status, '' AS phase, '' AS skip_reason, "
            "md5(i::VARCHAR) AS errors_text, 'error' AS failure_category "
            "FROM range(10_000_000_000) AS t(i)"
        )
    changing = [sys.executable, "-c", CHANGED_BY_A_PERSON, url]
    with subprocess.Popen(changing, stdout=subprocess.PIPE, text=True) as person:
        assert person.stdout is not None
        assert person.stdout.readline() == "changing\n"
        threading.Event().wait(0.5)
        person.send_signal(signal.SIGINT)
        try:
            told, _ = person.communicate(timeout=60)
        finally:
            person.kill()
    assert told == "interrupted 0\n"
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        found = connection.execute(f"SELECT failure_category FROM {RUN_HISTORY}").fetchall()
    assert found == [(None,)]


def test_a_file_without_the_history_lists_what_it_has(tmp_path: Path) -> None:
    url = make(tmp_path / "w.duckdb", "CREATE TABLE other.things (a INT)", table="other.things")
    with pytest.raises(WarehouseForeign, match=r"it has other\.things.*nbkit import"):
        open_warehouse(url)


def test_a_history_without_a_needed_column_names_it(tmp_path: Path) -> None:
    ddl = f"CREATE TABLE {RUN_HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR)"
    with pytest.raises(WarehouseForeign, match="data_date, started_at"):
        open_warehouse(make(tmp_path / "w.duckdb", ddl))


def test_another_table_is_a_setting(tmp_path: Path) -> None:
    ddl = MINIMAL.replace(RUN_HISTORY, "ops.runs")
    url = make(tmp_path / "w.duckdb", ddl, ROW, table="ops.runs")
    with open_warehouse(f"{url}?table=ops.runs") as warehouse:
        assert len(warehouse.query("failed_runs", **WINDOW)) == 1


def rows(*runs: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "processor_name": "A",
            "run_id": list(runs),
            "status": "success",
            "started_at": pd.Timestamp("2026-01-12T10:00Z"),
            "data_date": START.date(),
        }
    )


def count(warehouse: Warehouse) -> int:
    return int(warehouse.query("history_freshness", **WINDOW)["runs"][0])


def test_appended_rows_are_there_at_once(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", duckdb_ddl())) as warehouse:
        assert warehouse.append(RUN_HISTORY, rows("a", "b")) == 2
        assert count(warehouse) == 2


def test_what_a_query_returned_can_be_appended(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", duckdb_ddl())) as warehouse:
        warehouse.append(RUN_HISTORY, rows("a").assign(status="failed"))
        failed = warehouse.query("failed_runs", start=START, end=END, as_of=END)
        again = failed.drop(columns="errors_text").assign(run_id="b")
        assert warehouse.append(RUN_HISTORY, again) == 1
        assert count(warehouse) == 2


def test_rows_that_do_not_fit_are_not_appended_at_all(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", duckdb_ddl())) as warehouse:
        bad = rows("a", "b").assign(run_id=["a", None])
        with pytest.raises(QueryFailed, match="Nothing was written"):
            warehouse.append(RUN_HISTORY, bad)
        with pytest.raises(QueryFailed, match="colour"):
            warehouse.append(RUN_HISTORY, rows("a").assign(colour="red"))
        assert count(warehouse) == 0


def test_a_table_without_its_dataset_is_not_guessed(tmp_path: Path) -> None:
    with open_warehouse(make(tmp_path / "w.duckdb", duckdb_ddl())) as warehouse:
        with pytest.raises(QueryFailed, match=r"'notes': write dataset\.table"):
            warehouse.append("notes", rows("a"))
        assert count(warehouse) == 0


def test_a_table_that_is_not_there_is_made(tmp_path: Path) -> None:
    url = make(tmp_path / "w.duckdb", duckdb_ddl())
    with open_warehouse(url) as warehouse:
        assert warehouse.append("nbkit.notes", pd.DataFrame({"a": [1]})) == 1
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT a FROM nbkit.notes").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://x/y", "not a warehouse URL"),
        ("duckdb:///", "names no file"),
        ("duckdb://file.duckdb", "names no file"),
        ("duckdb:///a.duckdb?tabel=x.y", "no option 'tabel'"),
        ("duckdb:///a.duckdb?table=runs", r"table=dataset\.table"),
        ("bigquery://", "bigquery://project/dataset"),
        ("bigquery://p/d?locaton=x", "no option 'locaton'"),
        ("bigquery://p/d?maximum_bytes_billed=lots", "20GB"),
        ("bigquery://p/d?job_timeout_s=soon", "seconds"),
        ("bigquery://p/d?api_endpoint=https://example.com", "not on this machine"),
    ],
)
def test_a_url_that_cannot_be_read_says_how_to_write_it(url: str, words: str) -> None:
    with pytest.raises(WarehouseURLError, match=words):
        open_warehouse(url)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(WarehouseURLError) as caught:
        open_warehouse("bigquery://me:hunter2@project/dataset")
    assert "hunter2" not in str(caught.value)
    assert "application-default" in str(caught.value)


def test_a_relative_path_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "w.duckdb", MINIMAL, ROW)
    monkeypatch.chdir(tmp_path)
    with open_warehouse("duckdb:///w.duckdb") as warehouse:
        assert len(warehouse.query("failed_runs", **WINDOW)) == 1


def test_an_unknown_query_names_the_nearest(tmp_path: Path) -> None:
    with (
        open_warehouse(make(tmp_path / "w.duckdb", MINIMAL)) as warehouse,
        pytest.raises(UnknownQuery, match="hourly_counts"),
    ):
        warehouse.query("hourly_count")


def test_all_of_these_are_errors_of_ours() -> None:
    for error in (WarehouseMissing, WarehouseLocked, WarehouseForeign, QueryFailed):
        assert issubclass(error, NbkitError)
        assert error.exit_code == 3
    assert WarehouseURLError.exit_code == UnknownQuery.exit_code == 2


def test_a_query_writes_aside_what_it_may_not_hold_and_gets_more_where_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150,000 runs, each with words of its own; 15 MB are too few for them."""
    url = make(tmp_path / "w.duckdb", duckdb_ddl(RUN_HISTORY))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(
            f"INSERT INTO {RUN_HISTORY} (processor_name, run_id, status, started_at, processed_at, "
            "data_date, errors) SELECT 'A', 'run ' || i, 'failed', '2026-01-12 10:00:00+00', "
            "'2026-01-12 10:20:00+00', '2026-01-12', "
            "to_json('rows of ' || md5(i::VARCHAR) || ' are missing, asked by ' || md5('x' || i)) "
            "FROM range(150000) AS numbers(i)"
        )
    with open_warehouse(url) as warehouse:
        expected = {
            name: warehouse.query(name, **WINDOW) for name in ("storm_counts", "hourly_counts")
        }
    monkeypatch.setattr("nbkit.warehouse.duckdb.MEMORY_BYTES", 15_000_000)
    with open_warehouse(url) as warehouse:
        for name, frame in expected.items():
            assert frame["runs"].sum() == 150_000
            pd.testing.assert_frame_equal(warehouse.query(name, **WINDOW), frame)
