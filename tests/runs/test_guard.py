"""Guarded work in this process ends in time, and says where it hung."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nbkit.errors import GuardError, HardTimeout, HeartbeatLost
from nbkit.runs.guard import EXIT_CODE, Guard, beat, guard
from nbkit.runs.history import record

SHORT = timedelta(seconds=0.2)
LONG = timedelta(hours=1)


def short(**options: Any) -> Guard:
    return guard(timeout=SHORT, heartbeat=None, when_unresponsive="report", **options)


def spin() -> None:
    while True:
        sum(range(100))


def read_for_ever() -> bytes:
    """A system call that nothing will ever answer."""
    reading, writing = os.pipe()
    try:
        return os.read(reading, 1)
    finally:
        os.close(reading)
        os.close(writing)


def test_work_that_ends_in_time_is_let_through() -> None:
    with guard(timeout=LONG) as watch:
        watch.beat()
    assert not watch.cancelled


@pytest.mark.parametrize("hang", [spin, read_for_ever, threading.Event().wait])
def test_the_main_thread_is_ended_wherever_it_hangs(hang: Callable[[], object]) -> None:
    with pytest.raises(HardTimeout, match="was not done within") as caught, short():
        hang()
    (stack,) = [stack for stack in caught.value.evidence["stacks"] if stack["working"]]
    assert stack["thread"] == "MainThread"
    assert any("test_guard.py" in line for line in stack["frames"])
    assert json.loads(json.dumps(caught.value.evidence)) == caught.value.evidence
    assert caught.value.evidence["memory_bytes"] > 1_000_000


def test_another_thread_that_runs_python_is_ended() -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with short():
                spin()
        except GuardError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert isinstance(caught[0], HardTimeout)


def test_signs_of_life_keep_it_going_and_their_absence_ends_it() -> None:
    beats: list[float] = []
    with (  # noqa: PT012
        pytest.raises(HeartbeatLost, match="no heartbeat") as caught,
        guard(
            timeout=LONG,
            heartbeat=timedelta(seconds=0.5),
            when_unresponsive="report",
            on_beat=lambda: beats.append(time.monotonic()),
        ) as watch,
    ):
        for _ in range(8):
            threading.Event().wait(0.1)
            watch.beat()
        spin()
    assert len(beats) == 8
    assert caught.value.evidence["beats"] == 8
    assert caught.value.evidence["last_heartbeat"]


def test_a_loop_that_looks_ends_by_itself() -> None:
    with pytest.raises(HardTimeout), short() as watch:  # noqa: PT012
        while not watch.cancelled:
            threading.Event().wait(0.01)


def test_check_raises_once_time_is_up() -> None:
    with pytest.raises(HardTimeout), short(grace=LONG) as watch:  # noqa: PT012
        while True:
            watch.check()


def test_an_exception_of_the_work_passes_unchanged() -> None:
    error = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught, guard(timeout=LONG):
        raise error
    assert caught.value is error


def test_a_function_is_guarded_at_every_call() -> None:
    @guard(timeout=SHORT, heartbeat=None, when_unresponsive="report")
    def work(hang: bool) -> str:
        if hang:
            spin()
        return "done"

    assert work(False) == "done"
    for _ in range(2):
        with pytest.raises(HardTimeout, match="work was not done"):
            work(True)
    assert work(False) == "done"


def test_a_coroutine_is_cancelled_and_its_task_told() -> None:
    @guard(timeout=SHORT, heartbeat=None, when_unresponsive="report")
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(HardTimeout) as caught:
        asyncio.run(work())
    (task,) = [task for task in caught.value.evidence["tasks"] if task["working"]]
    assert any("in work" in line for line in task["frames"])


def test_a_coroutine_that_blocks_its_loop_is_ended_too() -> None:
    async def work() -> None:
        async with guard(
            timeout=SHORT, heartbeat=None, grace=timedelta(seconds=2), when_unresponsive="report"
        ):
            read_for_ever()

    with pytest.raises(HardTimeout):
        asyncio.run(work())


def test_a_coroutine_that_swallows_one_cancellation_is_cancelled_again() -> None:
    @guard(timeout=SHORT, heartbeat=None, grace=timedelta(seconds=1), when_unresponsive="report")
    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    with pytest.raises(HardTimeout):
        asyncio.run(work())


def test_a_cancellation_by_somebody_else_stays_one() -> None:
    async def work() -> None:
        async with guard(timeout=LONG, heartbeat=None):
            await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_the_inner_of_two_guards_does_not_end_the_outer() -> None:
    with guard(timeout=LONG) as outer:
        with pytest.raises(HardTimeout, match="inner"), short(name="inner"):
            spin()
        assert not outer.cancelled


def test_the_outer_of_two_guards_ends_what_is_in_the_inner() -> None:
    with pytest.raises(HardTimeout, match="outer"), short(name="outer"), guard(timeout=LONG):
        spin()


def test_a_beat_counts_for_all_guards_around_it() -> None:
    heard: list[str] = []
    with (
        guard(timeout=LONG, on_beat=lambda: heard.append("outer")),
        guard(timeout=LONG, on_beat=lambda: heard.append("inner")),
    ):
        beat()
    beat()
    assert heard == ["inner", "outer"]


@pytest.mark.parametrize("jump", [timedelta(days=400), -timedelta(days=400)])
def test_a_wall_clock_that_jumps_moves_no_deadline(jump: timedelta) -> None:
    start = datetime(2026, 1, 13, 12, tzinfo=UTC)
    moments = iter([start])
    with (  # noqa: PT012
        pytest.raises(HardTimeout) as caught,
        short(clock=lambda: next(moments, start + jump)) as watch,
    ):
        watch.beat()
        spin()
    evidence = caught.value.evidence
    assert 0.2 <= evidence["elapsed_seconds"] < 60
    last = datetime.fromisoformat(evidence["last_heartbeat"])
    assert start <= last < start + timedelta(minutes=1)


def test_what_is_to_be_done_at_the_deadline_is_done_before_the_end() -> None:
    order: list[str] = []

    def keep(evidence: Mapping[str, Any]) -> None:
        order.append(f"told of the {evidence['limit']}")

    with pytest.raises(HardTimeout), short(on_deadline=keep):  # noqa: PT012
        try:
            spin()
        finally:
            order.append("ended")
    assert order == ["told of the timeout", "ended"]


def test_what_fails_at_the_deadline_does_not_save_the_work() -> None:
    def fail(_: object) -> None:
        raise OSError("the warehouse is gone")

    with pytest.raises(HardTimeout), short(on_deadline=fail):
        spin()


def test_code_that_retries_on_every_exception_is_ended() -> None:
    with pytest.raises(HardTimeout), short():  # noqa: PT012
        while True:
            try:
                spin()
            except Exception:
                continue


def test_an_error_while_cleaning_up_is_the_cause() -> None:
    with pytest.raises(HardTimeout) as caught, short():  # noqa: PT012
        try:
            spin()
        finally:
            raise ValueError("rollback failed")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_generator_is_refused() -> None:
    def rows() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="is a generator"):
        guard()(rows)


def test_a_guard_is_entered_once() -> None:
    watch = guard(timeout=LONG)
    with watch, pytest.raises(RuntimeError, match="entered once"), watch:
        pass


def test_nothing_is_left_behind() -> None:
    before = threading.active_count()
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    handler = signal.getsignal(signal.SIGURG)
    for _ in range(3):
        with pytest.raises(HardTimeout), short():
            spin()
    assert threading.active_count() == before
    assert len(os.listdir("/proc/self/fd")) == files  # noqa: PTH208
    assert signal.getsignal(signal.SIGURG) == handler


def test_a_guard_that_may_not_exit_says_that_it_left_the_work_running(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work() -> None:
        with guard(timeout=SHORT, heartbeat=None, grace=SHORT, when_unresponsive="report"):
            os.read(reading, 1)  # in a thread, native code cannot be ended from inside

    def watched() -> None:
        with contextlib.suppress(HardTimeout):
            work()

    reading, writing = os.pipe()
    thread = threading.Thread(target=watched)
    with caplog.at_level(logging.ERROR, "nbkit.guard"):
        thread.start()
        deadline = time.monotonic() + 60
        while "still goes on" not in caplog.text and time.monotonic() < deadline:
            threading.Event().wait(0.05)
    os.write(writing, b".")
    thread.join(60)
    os.close(reading)
    os.close(writing)
    assert "still goes on" in caplog.text


def test_a_timed_out_run_is_recorded_as_such(tmp_path: Path) -> None:
    path = tmp_path / "runs.duckdb"
    with (
        pytest.raises(HardTimeout),
        record(
            f"duckdb:///{path}",
            processor="A",
            data_date=date(2026, 1, 12),
            spool=tmp_path / "spool",
            has_witness=False,
        ) as run,
        short(on_beat=run.heartbeat),
    ):
        spin()
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "SELECT failure_category, killed_by_timeout, errors FROM "
            "nba_reference.processor_run_history WHERE status = 'failed'"
        ).fetchall()
    assert found[0][:2] == ("timeout", True)
    assert "spin" in found[0][2]


UNRESPONSIVE = """
import asyncio, os, re, sys, threading
from datetime import timedelta
from nbkit.runs import backstop
from nbkit.runs.guard import guard

backstop.SLACK_S = 0.5
where, evidence_file = sys.argv[1:]

def hang():
    if where == "thread":
        os.read(os.pipe()[0], 1)
    elif where == "regex":  # native code that never lets go of the lock: every thread starves
        re.match("(a+)+$", "a" * 60 + "b")
    else:
        sum(range(10**13))

def limits():
    from pathlib import Path
    short = timedelta(seconds=0.3)
    return guard(timeout=short, grace=short, evidence_file=Path(evidence_file))

def work():
    with limits():
        hang()

async def stubborn():
    async with limits():
        while True:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

if where == "thread":
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
elif where == "stubborn":
    asyncio.run(stubborn())
else:
    work()
print("still here")
"""


def unresponsive(where: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", UNRESPONSIVE, where, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("where", "function"), [("thread", "hang"), ("stubborn", "stubborn")])
def test_a_process_whose_work_does_not_answer_is_ended_with_its_evidence(
    where: str, function: str, tmp_path: Path
) -> None:
    done = unresponsive(where, tmp_path / "evidence.json")
    assert done.returncode == EXIT_CODE
    assert "still here" not in done.stdout
    assert "did not answer within 0.3" in done.stderr
    evidence = json.loads((tmp_path / "evidence.json").read_text())
    frames = [line for stack in evidence["stacks"] for line in stack["frames"]]
    frames += [line for task in evidence.get("tasks", []) for line in task["frames"]]
    assert any(f"in {function}" in line for line in frames)


@pytest.mark.parametrize("where", ["regex", "sum"])
def test_a_process_in_which_no_python_runs_any_more_is_ended_with_its_stacks(
    where: str, tmp_path: Path
) -> None:
    """The thread that watches starves as well; a C timer holds the deadline."""
    done = unresponsive(where, tmp_path / "evidence.json")
    assert done.returncode == 1
    assert "still here" not in done.stdout
    assert "in hang" in done.stderr
