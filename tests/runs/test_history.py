"""A run that is recorded has an end that says why, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from emulator import PROJECT, emulator_client

from nbkit.errors import HardTimeout
from nbkit.runs.history import RunHistoryMixin, flush_spool, record
from nbkit.runs.run import Trigger
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.schema import RUN_HISTORY

DAY = date(2026, 1, 12)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.duckdb"


@pytest.fixture
def url(path: Path) -> str:
    return f"duckdb:///{path}"


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    return {"processor": "A", "data_date": DAY, "spool": tmp_path / "spool", "has_witness": False}


def rows(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT * FROM {RUN_HISTORY} ORDER BY started_at, processed_at NULLS FIRST, "
            "heartbeat_at"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def ended(path: Path) -> dict[str, Any]:
    (end,) = [row for row in rows(path) if row["status"] != "running"]
    return end


def test_a_run_that_does_its_work_is_a_start_and_a_success(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    trigger = Trigger(source="pubsub", message_id="m1", message={"gcs_path": "x"}, attempt=2)
    with record(url, trigger=trigger, phase="phase_2_raw", **options) as run:
        run.records(processed=10, created=7)
        run.warn("late file", age_hours=3)
        run.summary(teams=30)
    start, end = rows(path)
    assert start["status"] == "running"
    assert start["processed_at"] is None
    assert start["run_id"] == end["run_id"] == run.run_id
    assert end["status"] == "success"
    assert end["failure_category"] == "success"
    assert end["processed_at"] >= end["started_at"] == start["started_at"]
    assert end["duration_seconds"] >= 0
    assert (end["records_processed"], end["records_created"], end["records_skipped"]) == (
        10,
        7,
        None,
    )
    assert json.loads(end["warnings"]) == [{"message": "late file", "age_hours": 3}]
    assert json.loads(end["summary"]) == {"teams": 30}
    assert (end["trigger_message_id"], end["retry_attempt"]) == ("m1", 2)
    assert json.loads(end["trigger_message_data"]) == {"gcs_path": "x"}
    assert (end["phase"], end["season_year"], end["errors"]) == ("phase_2_raw", 2025, None)


def test_an_exception_goes_on_unchanged_and_stands_in_the_end(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    error = AttributeError("'NoneType' object has no attribute 'get'")
    with pytest.raises(AttributeError) as caught, record(url, **options):
        raise error
    assert caught.value is error
    end = ended(path)
    assert (end["status"], end["failure_category"]) == ("failed", "error")
    (told,) = json.loads(end["errors"])
    assert told["type"] == "AttributeError"
    assert told["message"] == str(error)
    assert any("raise error" in line for line in told["traceback"])


@pytest.mark.parametrize(
    ("say", "status", "category", "skip_reason"),
    [
        (lambda run: run.no_data("no games scheduled"), "skipped", "no_data_available", "no_data"),
        (lambda run: run.skip("smart_skip"), "skipped", "no_data_available", "smart_skip"),
        (lambda run: run.missing(["nba_raw.a"]), "failed", "dependency_missing", None),
        (lambda run: run.fail("Quota exceeded: 429"), "failed", "error", None),
        (lambda run: run.fail("odd", category="timeout"), "failed", "timeout", None),
        (lambda run: run.partial("12 of 30 teams failed"), "partial", "error", None),
    ],
)
def test_what_the_work_says_of_itself_is_its_end(
    say: Any,
    status: str,
    category: str,
    skip_reason: str | None,
    path: Path,
    url: str,
    options: dict[str, Any],
) -> None:
    with record(url, **options) as run:
        say(run)
    end = ended(path)
    assert (end["status"], end["failure_category"]) == (status, category)
    assert end["skip_reason"] == skip_reason


def test_missing_tables_are_named(path: Path, url: str, options: dict[str, Any]) -> None:
    with record(url, **options) as run:
        run.dependencies([{"table": "nba_raw.a", "status": "missing"}])
        run.missing(["nba_raw.a", "nba_raw.b"])
    end = ended(path)
    assert end["dependency_check_passed"] is False
    assert json.loads(end["missing_dependencies"]) == ["nba_raw.a", "nba_raw.b"]
    assert json.loads(end["upstream_dependencies"]) == [{"table": "nba_raw.a", "status": "missing"}]


def test_an_exception_after_a_skip_wins(path: Path, url: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="boom"), record(url, **options) as run:  # noqa: PT012
        run.no_data("no games")
        raise ValueError("boom")
    end = ended(path)
    assert (end["status"], end["failure_category"]) == ("failed", "error")
    assert (end["skipped"], end["skip_reason"]) == (None, None)


def test_a_guard_that_ends_the_work_leaves_its_evidence(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    with pytest.raises(HardTimeout), record(url, **options):
        raise HardTimeout("not done in 30 min", evidence={"stacks": ["main: read"]})
    end = ended(path)
    assert (end["failure_category"], end["killed_by_timeout"]) == ("timeout", True)
    assert json.loads(end["errors"])[0]["evidence"] == {"stacks": ["main: read"]}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SystemExit(3), "failed", "exited with 3"),
        (SystemExit(0), "success", ""),
        (KeyboardInterrupt(), "failed", "SIGINT"),
        (asyncio.CancelledError(), "failed", "CancelledError"),
    ],
)
def test_leaving_early_is_an_end_too(
    error: BaseException, status: str, words: str, path: Path, url: str, options: dict[str, Any]
) -> None:
    with pytest.raises(type(error)), record(url, **options):
        raise error
    end = ended(path)
    assert end["status"] == status
    assert words in (end["errors"] or "")


def test_a_heartbeat_is_a_row_now_and_then_and_the_last_one_stands_in_the_end(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    passed = iter([0.0, 10.0, 10.0, 70.0, 70.0, 80.0, 80.0, 90.0, 90.0, 90.0])
    started = datetime(2026, 1, 12, 10, tzinfo=UTC)
    with record(
        url,
        heartbeat_every=timedelta(seconds=60),
        clock=lambda: started,
        monotonic=lambda: next(passed),
        **options,
    ) as run:
        for _ in range(3):
            run.heartbeat()
    start, beat, end = rows(path)
    assert start["heartbeat_at"] == started
    assert (beat["status"], beat["heartbeat_at"]) == ("running", started + timedelta(seconds=70))
    assert end["heartbeat_at"] == started + timedelta(seconds=80)
    assert end["duration_seconds"] == 90.0


def test_a_clock_that_is_set_back_does_not_make_the_end_come_before_the_start(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    clock = iter([datetime(2026, 1, 12, 10, tzinfo=UTC), datetime(2026, 1, 12, 9, tzinfo=UTC)])
    with record(url, clock=lambda: next(clock), **options):
        pass
    end = ended(path)
    assert end["processed_at"] >= end["started_at"]


def test_the_queries_see_a_run_while_it_runs_and_after(url: str, options: dict[str, Any]) -> None:
    started = datetime(2026, 1, 12, 10, tzinfo=UTC)
    window = {"start": started, "end": started + timedelta(days=1)}
    as_of = started + timedelta(hours=1)
    with pytest.raises(ValueError, match="boom"), record(url, clock=lambda: started, **options):  # noqa: PT012
        with open_warehouse(url) as warehouse:
            assert len(warehouse.query("open_runs", as_of=as_of, **window)) == 1
            assert len(warehouse.query("failed_runs", as_of=as_of, **window)) == 0
        raise ValueError("boom")
    with open_warehouse(url) as warehouse:
        assert len(warehouse.query("open_runs", as_of=as_of, **window)) == 0
        (failed,) = warehouse.query("failed_runs", as_of=as_of, **window).to_dict("records")
        counts = warehouse.query("hourly_counts", as_of=as_of, **window)
    assert failed["failure_category"] == "error"
    assert counts["runs"].sum() == 1


def test_bigquery_takes_the_rows_of_a_run(emulator: str, options: dict[str, Any]) -> None:
    with emulator_client(emulator) as client:
        client.create_dataset("recorded")
    url = f"bigquery://{PROJECT}/recorded?api_endpoint={emulator}"
    started = datetime(2026, 1, 12, 10, tzinfo=UTC)
    with (  # noqa: PT012
        pytest.raises(ValueError, match="boom"),
        record(url, clock=lambda: started, trigger=Trigger(message={"a": 1}), **options) as run,
    ):
        run.records(processed=3)
        raise ValueError("boom")
    with open_warehouse(url) as warehouse:
        (failed,) = warehouse.query(
            "failed_runs",
            start=started,
            end=started + timedelta(days=1),
            as_of=started + timedelta(days=1),
        ).to_dict("records")
    assert failed["run_id"] == run.run_id
    assert "boom" in failed["errors_text"]
    assert list(options["spool"].glob("*.row.json")) == []


def test_rows_that_cannot_be_written_wait_and_are_sent_once(
    path: Path, url: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with record(url, **options):
        pass
    holding = (
        f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with caplog.at_level(logging.WARNING), record(url, **options) as second:
            pass
        holder.kill()
    assert "wait in" in caplog.text
    assert len(list(options["spool"].glob("*.row.json"))) == 2
    both = [
        subprocess.Popen([sys.executable, "-m", "nbkit.runs.flush", url, str(options["spool"])])
        for _ in range(2)
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert flush_spool(url, spool=options["spool"]) == 0
    assert [row["status"] for row in rows(path) if row["run_id"] == second.run_id] == [
        "running",
        "success",
    ]


def test_a_row_that_cannot_be_kept_either_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    options["spool"] = blocked / "spool"
    with caplog.at_level(logging.ERROR), record("duckdb:////proc/none/x.duckdb", **options) as run:
        pass
    assert run.run_id in caplog.text


def test_a_file_that_is_no_row_is_set_aside_and_the_others_are_sent(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    options["spool"].mkdir()
    (options["spool"] / "bad.end.row.json").write_text("{half")
    with record(url, **options):
        pass
    assert [f.name for f in options["spool"].glob("bad*")] == ["bad.end.row.unreadable"]
    assert len(rows(path)) == 2


WORK = """
import ctypes, os, signal, sys, time
from datetime import date
from pathlib import Path
from nbkit.runs.history import record

url, spool, how = sys.argv[1:]
with record(url, processor="A", data_date=date(2026, 1, 12), spool=Path(spool)) as run:
    print(run.run_id, flush=True)
    if how == "exit": os._exit(9)
    if how == "segv": signal.signal(signal.SIGSEGV, signal.SIG_DFL); ctypes.string_at(0)
    if how == "fork":
        child = os.fork()
        if child == 0: sys.exit(0)
        os.waitpid(child, 0)
    elif how != "end":
        sys.stdin.readline()
"""


def work(url: str, spool: Path, how: str, sent: signal.Signals | None = None) -> int:
    """Run WORK in a process of its own; gives how it ended."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK, url, str(spool), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        if sent is not None:
            # Python loses sight of a signal that comes in the microseconds before a system call.
            wait_until_asleep(process.pid)
            process.send_signal(sent)
        return process.wait(60)


def wait_until_asleep(pid: int) -> None:
    """Until the main thread waits for its stdin, the third of three looks in a row."""
    asleep, deadline = 0, time.monotonic() + 60
    while asleep < 3 and time.monotonic() < deadline:
        state = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        asleep = asleep + 1 if state == "S" else 0
        threading.Event().wait(0.02)


def wait_for_end(path: Path) -> dict[str, Any]:
    """The witness writes it a moment after the process is gone."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            found = [row for row in rows(path) if row["status"] != "running"]
        except duckdb.IOException:  # it is being written
            found = []
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no end was written")


@pytest.mark.parametrize(
    ("how", "sent", "code"),
    [
        ("wait", signal.SIGKILL, -signal.SIGKILL),
        ("exit", None, 9),
        ("segv", None, -signal.SIGSEGV),
    ],
)
def test_a_process_that_goes_away_without_a_word_leaves_an_end(
    how: str, sent: signal.Signals | None, code: int, path: Path, url: str, tmp_path: Path
) -> None:
    assert work(url, tmp_path / "spool", how, sent) == code
    end = wait_for_end(path)
    assert (end["status"], end["failure_category"]) == ("failed", "error")
    assert "went away without ending its run" in end["errors"]
    assert end["processed_at"] >= end["started_at"]


@pytest.mark.parametrize(
    ("sent", "words", "code"),
    [(signal.SIGTERM, "SIGTERM", -signal.SIGTERM), (signal.SIGINT, "SIGINT", None)],
)
def test_a_signal_ends_the_run_and_then_the_process(
    sent: signal.Signals, words: str, code: int | None, path: Path, url: str, tmp_path: Path
) -> None:
    ended_with = work(url, tmp_path / "spool", "wait", sent)
    assert ended_with == code or code is None
    assert ended_with != 0
    end = wait_for_end(path)
    assert end["status"] == "failed"
    assert words in end["errors"]


UNRESPONSIVE = """
import os, sys, threading
from datetime import date, timedelta
from pathlib import Path
from nbkit.runs.guard import guard
from nbkit.runs.history import record

def work():
    with record(sys.argv[1], processor="A", data_date=date(2026, 1, 12),
                spool=Path(sys.argv[2])) as run:
        with guard(timeout=timedelta(seconds=0.3), heartbeat=None, grace=timedelta(seconds=0.3),
                   on_deadline=run.ended_by_guard):
            os.read(os.pipe()[0], 1)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_a_process_that_its_guard_has_to_end_leaves_a_timeout_with_the_evidence(
    path: Path, url: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNRESPONSIVE, url, str(tmp_path / "spool")],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 124
    end = wait_for_end(path)
    assert (end["failure_category"], end["killed_by_timeout"]) == ("timeout", True)
    assert json.loads(end["errors"])[0]["evidence"]["stacks"]


@pytest.mark.parametrize("how", ["end", "fork"])
def test_a_run_has_one_end_and_leaves_no_process(
    how: str, path: Path, url: str, tmp_path: Path
) -> None:
    assert work(url, tmp_path / "spool", how) == 0
    assert [row["status"] for row in rows(path)] == ["running", "success"]
    assert witnesses_of(tmp_path) == []


def witnesses_of(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                command = (process / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if str(folder) in command:
                found.append(command)
    return found


class Roster(RunHistoryMixin):
    phase = "phase_2_raw"
    data_date = DAY

    def __init__(self, url: str) -> None:
        self.run_history = url


def test_a_class_records_under_its_name(path: Path, url: str, options: dict[str, Any]) -> None:
    roster = Roster(url)
    with roster.recorded(spool=options["spool"], has_witness=False) as run:
        run.records(processed=1)
    end = ended(path)
    assert (end["processor_name"], end["phase"], end["data_date"]) == ("Roster", "phase_2_raw", DAY)


def test_the_platforms_own_call_writes_an_end_with_the_category_it_gives(
    path: Path, url: str, options: dict[str, Any]
) -> None:
    Roster(url)._log_run_history(
        "failed", "no games", failure_category="no_data_available", spool=options["spool"]
    )
    end = ended(path)
    assert (end["status"], end["failure_category"]) == ("failed", "no_data_available")


def test_a_column_that_is_none_is_told(url: str, options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="no column recrods"), record(url, **options) as run:
        run.columns(recrods=1)


def test_a_finished_run_is_one_line_of_the_log(
    url: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="nbkit.runs.finished"):
        with record(url, **options) as run:
            run.no_data("no games")
        with pytest.raises(ValueError, match="boom"), record(url, **options):
            raise ValueError("boom")
    expected, real = [
        json.loads(r.message) for r in caplog.records if r.name == "nbkit.runs.finished"
    ]
    assert (expected["severity"], expected["is_real_failure"]) == ("INFO", False)
    assert (real["severity"], real["failure_category"]) == ("ERROR", "error")
