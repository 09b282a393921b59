"""Anybody's run table becomes a warehouse; no row is lost without a word."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from nbkit.cli import main
from nbkit.errors import ImportFileError
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.importing import ColumnMap, import_runs

GOOD = '''processor_name,run_id,status,started_at,processed_at,data_date,records_processed,errors
A,r1,success,2026-01-12 10:00:00,2026-01-12T10:05:00Z,2026-01-12,12,
A,r2,failed,2026-01-12T11:00:00+01:00,,2026-01-12,,"[""no games"""
'''
MAPPED = """name;id;state;start;secs;team
A;r1;OK;2026-01-12 10:00:00;3.5;BOS
A;r2;KO;1768215600;4;LAL
"""
MAP = ColumnMap(
    columns={
        "processor_name": "name",
        "run_id": "id",
        "status": "state",
        "started_at": "start",
        "duration_seconds": "secs",
    },
    values={"status": {"ok": "success", "ko": "failed"}},
    derive={"data_date": "started_at"},
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


HISTORY = "nba_reference.processor_run_history"


def test_a_csv_becomes_a_warehouse_that_answers(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    report = import_runs([write(tmp_path / "runs.csv", GOOD)], out)
    assert (report.read, report.imported, report.rejected) == (2, 2, 0)
    with open_warehouse(f"duckdb:///{out}") as warehouse:
        moment = datetime(2026, 1, 13, tzinfo=UTC)
        found = warehouse.query(
            "hourly_counts", start=datetime(2026, 1, 12, tzinfo=UTC), end=moment, as_of=moment
        )
    assert list(found["status"]) == ["failed", "success"]
    assert list(found["hour"].dt.hour) == [10, 10]


def test_truncated_json_is_kept_as_a_string(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    import_runs([write(tmp_path / "runs.csv", GOOD)], out)
    ((errors,),) = rows(out, f"SELECT errors FROM {HISTORY} WHERE errors IS NOT NULL")
    assert json.loads(str(errors)) == '["no games"'


def test_columns_values_and_dates_are_mapped(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    report = import_runs([write(tmp_path / "runs.csv", MAPPED)], out, mapping=MAP)
    assert report.ignored == ("team",)
    assert rows(
        out,
        f"SELECT run_id, status, started_at::VARCHAR, data_date::VARCHAR FROM {HISTORY} ORDER BY 1",
    ) == [
        ("r1", "success", "2026-01-12 10:00:00+00", "2026-01-12"),
        ("r2", "failed", "2026-01-12 11:00:00+00", "2026-01-12"),
    ]


def test_bad_rows_are_set_aside_with_their_reason_and_the_sums_come_out(tmp_path: Path) -> None:
    text = GOOD + (
        "A,r3,success,yesterday,,2026-01-12,1,\n"
        "A,,success,2026-01-12 10:00:00,,2026-01-12,1,\n"
        "A,r5,exploded,2026-01-12 10:00:00,,2026-01-12,many,\n"
    )
    out = tmp_path / "out.duckdb"
    report = import_runs([write(tmp_path / "runs.csv", text)], out)
    assert (report.read, report.imported, report.rejected) == (5, 2, 3)
    found = rows(out, "SELECT row_number, reason FROM nbkit_import.rejected ORDER BY 1")
    assert [number for number, _ in found] == [4, 5, 6]
    reasons = [str(reason) for _, reason in found]
    assert "started_at is no TIMESTAMP: yesterday" in reasons[0]
    assert "run_id is empty" in reasons[1]
    assert "records_processed is no INT64: many" in reasons[2]
    assert "status is none of" in reasons[2]


def test_parquet_and_json_lines_give_the_same_history_as_csv(tmp_path: Path) -> None:
    records = [
        {
            "processor_name": "A",
            "run_id": "r1",
            "status": "failed",
            "started_at": "2026-01-12T10:00:00Z",
            "data_date": "2026-01-12",
            "errors": [{"message": "boom"}],
            "records_processed": 3,
        }
    ]
    lines = tmp_path / "runs.jsonl.gz"
    with gzip.open(lines, "wt", encoding="utf-8") as file:
        file.write("\n".join(json.dumps(r) for r in records) + "\n")
    frame = pd.DataFrame(records)
    frame["started_at"] = pd.to_datetime(frame["started_at"]).dt.tz_localize(None)
    frame.to_parquet(tmp_path / "runs.parquet")
    told = []
    for file in (lines, tmp_path / "runs.parquet"):
        out = tmp_path / f"{file.name}.duckdb"
        assert import_runs([file], out).imported == 1
        told.append(rows(out, f"SELECT * FROM {HISTORY}"))
    assert told[0] == told[1]
    ((errors, started),) = rows(out, f"SELECT errors, started_at::VARCHAR FROM {HISTORY}")
    assert json.loads(str(errors)) == [{"message": "boom"}]
    assert started == "2026-01-12 10:00:00+00"


def test_a_line_that_is_no_json_is_rejected_not_lost(tmp_path: Path) -> None:
    good = '{"processor_name":"A","run_id":"r","status":"success",' + (
        '"started_at":"2026-01-12","data_date":"2026-01-12"}'
    )
    out = tmp_path / "out.duckdb"
    report = import_runs([write(tmp_path / "r.jsonl", f"{good}\n{{oops\n\n[1]\n")], out)
    assert (report.read, report.imported, report.rejected) == (3, 1, 2)
    assert report.reasons[0][0].startswith("not a JSON object")


def test_several_files_and_appending_add_up(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    one = write(tmp_path / "a.csv", GOOD)
    two = write(tmp_path / "b.csv", GOOD.replace("r1", "r3").replace("r2", "r4"))
    assert import_runs([one, two], out).imported == 4
    three = write(tmp_path / "c.csv", GOOD.replace("r1", "r5").replace("r2", "r6"))
    assert import_runs([three], out, mode="append").imported == 2
    assert rows(out, f"SELECT count(*) FROM {HISTORY}") == [(6,)]
    assert import_runs([one], out, mode="replace").imported == 2
    assert rows(out, f"SELECT count(*) FROM {HISTORY}") == [(2,)]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("runs.xlsx", "x", "not a kind of file"),
        ("runs.csv", "", "is empty"),
        ("runs.csv", "proc_name,run_id,status,started_at,data_date\n", "no column processor_name"),
        ("runs.parquet", "not parquet", "cannot be read"),
        (
            "runs.csv",
            "processor_name,run_id,status,started_at,data_date\nA,r,ok,x,y\n",
            "None of 1 rows could be imported",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_leaves_nothing(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    file = write(tmp_path / name, text)
    with pytest.raises(ImportFileError, match=words):
        import_runs([file], tmp_path / "out.duckdb")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    text = "processor,run_id,status,started_at,data_date\nA,r,failed,x,y\n"
    file = write(tmp_path / "r.csv", text)
    with pytest.raises(ImportFileError, match=r"is it processor\?"):
        import_runs([file], tmp_path / "out.duckdb")


def test_an_existing_warehouse_is_not_overwritten_unasked(tmp_path: Path) -> None:
    out = write(tmp_path / "out.duckdb", "precious")
    with pytest.raises(ImportFileError, match="--replace"):
        import_runs([write(tmp_path / "r.csv", GOOD)], out)
    assert out.read_text() == "precious"


def test_the_command_tells_what_became_of_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "runs.csv", MAPPED + "A;r3;??;2026-01-12;1;X\n")
    write(
        tmp_path / "map.yml",
        "columns: {processor_name: name, run_id: id, status: state, started_at: start}\n"
        "values: {status: {ok: success, ko: failed}}\nderive: {data_date: started_at}\n",
    )
    arguments = ["import", str(tmp_path / "runs.csv"), str(tmp_path / "out.duckdb")]
    assert main([*arguments, "--map", str(tmp_path / "map.yml")]) == 0
    told = capsys.readouterr().out
    assert "Read 3 rows: imported 2, rejected 1" in told
    assert "status is none of" in told
    assert "secs, team" in told
    assert main([*arguments, "--map", str(tmp_path / "map.yml"), "--replace", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rejected"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns: [", "not YAML"),
        ("colums: {}", "unknown key 'colums'"),
        ("columns: {begin: x}", "'begin' is no column"),
        ("derive: {status: started_at}", "only data_date"),
    ],
)
def test_a_bad_map_is_told_with_its_place(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "runs.csv", GOOD)
    map_file = write(tmp_path / "map.yml", text)
    code = main(
        ["import", str(tmp_path / "runs.csv"), str(tmp_path / "o.duckdb"), "--map", str(map_file)]
    )
    assert code == 2
    assert words in capsys.readouterr().err
