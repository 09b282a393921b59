"""Anybody's run table becomes a warehouse; no row is lost without a word."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from nbkit.cli import main
from nbkit.errors import ImportFileError, WarehouseForeign
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.column_map import ColumnMap
from nbkit.warehouse.importing import import_runs

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
    assert report.reasons[0].words == "not a JSON object"


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
        ("runs.csv", "a,b,a\n", "'a' stands twice"),
        ("runs.json", "[{}]", "one JSON array"),
        ("runs.jsonl", "\n\n", "None of 0 rows"),
        ("runs.csv.gz", "not packed", "cannot be read"),
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


HEAD = "processor_name,run_id,status,started_at,data_date,records_processed,duration_seconds"
RUN = "A,{},success,2026-01-12 10:00:00Z,2026-01-12,{},{}"


@pytest.mark.parametrize(
    ("records", "seconds", "kept"),
    [
        ("12.0", "1e3", (12, 1000.0)),
        ("9007199254740993", "0.1", (9007199254740993, 0.1)),
        ("12.5", "1", None),
        ("", "inf", None),
        ("NaN", "nan", (None, None)),
        ("1_0", "", (10, None)),
        ("99999999999999999999", "", None),
    ],
)
def test_a_number_is_read_exactly_or_rejected(
    records: str, seconds: str, kept: tuple[object, ...] | None, tmp_path: Path
) -> None:
    lines = [HEAD, RUN.format("good", 1, 1), RUN.format("r", records, seconds)]
    out = tmp_path / "out.duckdb"
    report = import_runs([write(tmp_path / "runs.csv", "\n".join(lines))], out)
    found = rows(
        out, f"SELECT records_processed, duration_seconds FROM {HISTORY} WHERE run_id = 'r'"
    )
    assert found == ([kept] if kept else [])
    assert report.rejected == (kept is None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-12 10:00:00", "2026-01-12 10:00:00+00"),
        ("2026-01-12T10:00:00.5Z", "2026-01-12 10:00:00.5+00"),
        ("2026-01-12 10:00:00 UTC", "2026-01-12 10:00:00+00"),
        ("2026-01-12T23:30:00-05:00", "2026-01-13 04:30:00+00"),
        ("1768212000", "2026-01-12 10:00:00+00"),
        ("1768212000123", "2026-01-12 10:00:00.123+00"),
        ("1768212000123456", "2026-01-12 10:00:00.123456+00"),
        ("infinity", None),
        ("12/01/2026", None),
        ("noon", None),
    ],
)
def test_a_moment_is_read_in_every_usual_form(
    text: str, moment: str | None, tmp_path: Path
) -> None:
    lines = [HEAD, RUN.format("good", 1, 1), f"A,r,failed,{text},,,"]
    out = tmp_path / "out.duckdb"
    import_runs(
        [write(tmp_path / "runs.csv", "\n".join(lines))],
        out,
        mapping=ColumnMap(derive={"data_date": "started_at"}),
    )
    found = rows(
        out,
        f"SELECT started_at::VARCHAR, data_date::VARCHAR FROM {HISTORY} WHERE status = 'failed'",
    )
    assert found == ([(moment, moment[:10])] if moment else [])


def test_a_date_that_cannot_be_derived_is_not_called_empty(tmp_path: Path) -> None:
    lines = [HEAD, RUN.format("good", 1, 1), "A,r,failed,nope,,,"]
    report = import_runs(
        [write(tmp_path / "runs.csv", "\n".join(lines))],
        tmp_path / "out.duckdb",
        mapping=ColumnMap(derive={"data_date": "started_at"}),
    )
    assert [(one.words, one.examples) for one in report.reasons] == [
        ("data_date is no DATE", ("nope",)),
        ("started_at is no TIMESTAMP", ("nope",)),
    ]


def test_moments_without_a_zone_are_counted(tmp_path: Path) -> None:
    report = import_runs([write(tmp_path / "runs.csv", GOOD)], tmp_path / "out.duckdb")
    assert report.naive_rows == 1, "the other row says +01:00"


def test_a_date_of_its_own_wins_over_the_derived_and_a_wrong_one_is_rejected(
    tmp_path: Path,
) -> None:
    text = (
        f"{HEAD}\nA,own,failed,2026-01-12T10:00:00Z,2026-01-10,,\n"
        "A,none,failed,2026-01-12T10:00:00Z,,,\nA,wrong,failed,2026-01-12T10:00:00Z,tenth,,\n"
    )
    out = tmp_path / "out.duckdb"
    report = import_runs(
        [write(tmp_path / "runs.csv", text)],
        out,
        mapping=ColumnMap(derive={"data_date": "started_at"}),
    )
    assert rows(out, f"SELECT run_id, data_date::VARCHAR FROM {HISTORY} ORDER BY 1") == [
        ("none", "2026-01-12"),
        ("own", "2026-01-10"),
    ]
    assert [(one.words, one.examples) for one in report.reasons] == [
        ("data_date is no DATE", ("tenth",))
    ]


def test_broken_lines_are_kept_and_the_others_have_the_lines_of_the_file(tmp_path: Path) -> None:
    good = RUN.format("r{}", 1, 1)
    text = [HEAD, good.format(2), "too,short", good.format(4), good.format(5) + ",long"]
    text += [RUN.format("r6", "many", 1), good.format(7)]
    out = tmp_path / "out.duckdb"
    report = import_runs([write(tmp_path / "runs.csv", "\r\n".join(text))], out)
    assert (report.read, report.imported, report.rejected) == (6, 3, 3)
    found = rows(out, "SELECT row_number, content FROM nbkit_import.rejected ORDER BY 1")
    assert [number for number, _ in found] == [3, 5, 6]
    assert json.loads(str(found[0][1])) == "too,short"
    assert json.loads(str(found[2][1]))["records_processed"] == "many"


def test_a_broken_byte_costs_one_row(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_bytes(f"{HEAD}\n{RUN.format('good', 1, 1)}\n".encode() + b"\xff,r,failed,x,y,,\n")
    report = import_runs([file], tmp_path / "out.duckdb")
    assert (report.imported, report.rejected) == (1, 1)


def test_names_that_are_awkward_in_sql_do_no_harm(tmp_path: Path) -> None:
    good = dict(zip(HEAD.split(",")[:5], RUN.split(",")[:5], strict=True))
    record = good | {'a"b': 1, "c'd/e~f": 2, "Status": "x", "nbkit_row": 3, "": 4}
    out = tmp_path / "out.duckdb"
    text = json.dumps(record) + "\n" + json.dumps(good | {"status": "?", "c'd/e~f": 2}) + "\n"
    report = import_runs([write(tmp_path / "r.jsonl", text)], out)
    assert report.ignored == ("", "Status", 'a"b', "c'd/e~f", "nbkit_row")
    ((content,),) = rows(out, "SELECT content FROM nbkit_import.rejected")
    assert json.loads(str(content))["c'd/e~f"] == 2


def test_unknown_words_are_told_with_the_way_to_map_them(tmp_path: Path) -> None:
    text = "\n".join([HEAD, RUN.format("r", 1, 1), *[RUN.format("r", 1, 1)] * 2])
    text = text.replace("success", "done", 1) + "\n" + RUN.format("x", 1, 1).replace("succ", "m")
    report = import_runs([write(tmp_path / "r.csv", text)], tmp_path / "out.duckdb")
    (reason,) = report.reasons
    assert reason.words.startswith("status is none of running, success, failed, partial, skipped")
    assert "--map" in reason.words
    assert (reason.rows, reason.examples) == (2, ("done", "mess"))


def test_patterns_name_files_and_none_counts_twice(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / f"part-{number}.csv", GOOD.replace("r1", f"r{number}0"))
    report = import_runs([tmp_path / "part-*.csv"], tmp_path / "out.duckdb")
    assert report.imported == 4
    with pytest.raises(ImportFileError, match="given twice"):
        import_runs([tmp_path / "part-*.csv", tmp_path / "part-1.csv"], tmp_path / "o.duckdb")
    with pytest.raises(ImportFileError, match="no file matches"):
        import_runs([tmp_path / "piece-*.csv"], tmp_path / "o.duckdb")


def test_appending_keeps_what_was_there_and_adds_columns_that_it_lacked(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    with duckdb.connect(str(out)) as connection:
        connection.execute(
            "CREATE SCHEMA nba_reference; CREATE TABLE notes AS SELECT 1 AS a; "
            f"CREATE TABLE {HISTORY} (processor_name VARCHAR, run_id VARCHAR, status VARCHAR, "
            "started_at TIMESTAMP, data_date DATE)"
        )
    text = GOOD + "A,,success,2026-01-12 10:00:00,,2026-01-12,1,\n"
    import_runs([write(tmp_path / "a.csv", text)], out, mode="append")
    report = import_runs([write(tmp_path / "b.csv", GOOD)], out, mode="append")
    assert (report.rejected, report.reasons) == (0, ()), "of this import, not of the one before"
    assert rows(out, f"SELECT count(*), count(processed_at) FROM {HISTORY}") == [(4, 2)]
    assert rows(out, "SELECT * FROM notes") == [(1,)]
    assert rows(out, "SELECT count(*) FROM nbkit_import.rejected") == [(1,)]


def test_appending_keeps_what_a_crash_left_in_the_log(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    import_runs([write(tmp_path / "a.csv", GOOD)], out)
    crash = (
        "import duckdb, os, sys\nc = duckdb.connect(sys.argv[1])\n"
        "c.execute('CREATE TABLE notes AS SELECT 1 AS a')\nos._exit(0)"
    )
    subprocess.run([sys.executable, "-c", crash, str(out)], check=True, timeout=60)
    assert (tmp_path / "out.duckdb.wal").exists()
    import_runs([write(tmp_path / "b.csv", GOOD)], out, mode="append")
    assert rows(out, f"SELECT count(*) FROM {HISTORY}, notes") == [(4,)]
    assert not (tmp_path / "out.duckdb.wal").exists()


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_what_is_no_warehouse_is_neither_replaced_nor_added_to(mode: Any, tmp_path: Path) -> None:
    precious = write(tmp_path / "precious.duckdb", "not a database, but dear to somebody")
    with pytest.raises(WarehouseForeign, match="not a DuckDB file"):
        import_runs([write(tmp_path / "a.csv", GOOD)], precious, mode=mode)
    assert precious.read_text().startswith("not a database")


def test_a_failed_import_leaves_the_old_warehouse(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    import_runs([write(tmp_path / "a.csv", GOOD)], out)
    bad = write(tmp_path / "b.csv", GOOD.replace("success", "x").replace("failed", "y"))
    for mode in ("replace", "append"):
        with pytest.raises(ImportFileError, match="None of 2 rows"):
            import_runs([bad], out, mode=mode)
    assert rows(out, f"SELECT count(*) FROM {HISTORY}") == [(2,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv", "out.duckdb"]


def test_a_warehouse_being_read_can_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out.duckdb"
    import_runs([write(tmp_path / "a.csv", GOOD)], out)
    with open_warehouse(f"duckdb:///{out}"):
        import_runs([tmp_path / "a.csv"], out, mode="replace")
    assert rows(out, f"SELECT count(*) FROM {HISTORY}") == [(2,)]


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
        ("colums: {}", "map.yml:1: unknown key 'colums' (is it columns?)"),
        ("columns:\n  started_on: x", "map.yml:2: columns: 'started_on' is no column"),
        ("columns:\n  started_on: x", "(is it started_at?)"),
        ("columns:\n  status: [a]", "map.yml:2: status needs a column's name"),
        ("columns:\n  status: a\n  status: b", "map.yml:3: status stands twice"),
        ("values:\n  status: ok", "map.yml:2: values of status"),
        ("- a", "map.yml:1: is no mapping"),
        ("columns: {status: statuses}", "which the file does not have (is it status"),
        ("derive:\n  status: started_at", "map.yml:2: derive: only data_date"),
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
    assert words in " ".join(capsys.readouterr().err.split())
