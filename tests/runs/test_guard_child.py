"""Guarded commands end in time with all that they started, and say what they were doing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import guarded_work
import pytest

from nbkit.errors import ChildDied, HardTimeout, HeartbeatLost, InputError
from nbkit.runs import supervise
from nbkit.runs.child import guarded_call, run_guarded

SHORT = timedelta(seconds=0.5)
LONG = timedelta(minutes=5)
HANG = "import os; os.read(os.pipe()[0], 1)"


@pytest.fixture(autouse=True)
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every process that a test starts carries a mark; none may be left."""
    mark = f"guard-test-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv("NBKIT_TEST_MARK", mark)
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield mark
    assert marked(mark) == []
    assert len(os.listdir("/proc/self/fd")) == files  # noqa: PTH208


def marked(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode())
        except OSError:
            continue
    return found


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def ended(command: list[str], **options: Any) -> dict[str, Any]:
    """The evidence of a command that goes over its timeout."""
    with pytest.raises(HardTimeout) as caught:
        run_guarded(command, **{"timeout": SHORT, "heartbeat": None, **options})
    evidence = dict(caught.value.evidence)
    assert json.loads(json.dumps(evidence)) == evidence
    return evidence


def test_a_command_that_ends_in_time_passes_its_output(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    result = run_guarded(python(code), timeout=LONG)
    assert (result.code, result.limit, result.error) == (0, "", None)
    assert capfd.readouterr() == ("out\n", "err\n")
    assert set(result.evidence["last_lines"]) == {"out", "err"}
    assert result.evidence["peak_memory_bytes"] > 1_000_000


def test_a_command_that_fails_says_its_code_and_last_line() -> None:
    with pytest.raises(ChildDied, match=r"exited with code 3\. Its last line: no such table"):
        run_guarded(
            python("import sys; sys.stderr.write('no such table\\n'); sys.exit(3)"),
            passes_output=False,
        )


def test_a_command_that_is_killed_says_by_what() -> None:
    with pytest.raises(ChildDied, match="was killed by SIGKILL"):
        run_guarded(python("import os; os.kill(os.getpid(), 9)"))


def test_a_command_that_is_not_there_is_misuse() -> None:
    with pytest.raises(InputError, match="no-such-program: No such file"):
        run_guarded(["no-such-program"])


def test_a_hang_in_a_system_call_is_ended_with_its_stack() -> None:
    evidence = ended(python(f"print('loading', flush=True)\ndef load():\n {HANG}\nload()"))
    assert any("in load" in line for stack in evidence["stacks"] for line in stack["frames"])
    assert evidence["ended_by"] == "SIGTERM"
    assert evidence["last_lines"] == ["loading"]
    assert evidence["memory_bytes"] > 1_000_000
    assert evidence["processes"][0]["command"].startswith(sys.executable)


def test_native_code_that_holds_the_interpreters_lock_is_ended_with_its_stack() -> None:
    with pytest.raises(HardTimeout, match="in hold_the_lock") as caught:
        guarded_call(guarded_work.hold_the_lock, timeout=timedelta(seconds=2), heartbeat=None)
    assert any(
        "in hold_the_lock" in line
        for stack in caught.value.evidence["stacks"]
        for line in stack["frames"]
    )


def test_the_environments_own_sitecustomize_is_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('customised')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    result = run_guarded(python("import sitecustomize; print(sitecustomize.__file__)"))
    assert result.evidence["last_lines"] == ["customised", str(tmp_path / "sitecustomize.py")]


def test_a_command_that_ignores_sigterm_is_killed() -> None:
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {HANG}"
    evidence = ended(python(code), timeout=timedelta(seconds=1.5), grace=SHORT)
    assert evidence["ended_by"] == "SIGKILL"
    assert evidence["code"] == -signal.SIGKILL


def test_a_command_may_clean_up_within_the_grace(tmp_path: Path) -> None:
    code = (
        "import signal, sys, pathlib\n"
        "def end(*_): pathlib.Path(sys.argv[1]).write_text('clean'); sys.exit(0)\n"
        f"signal.signal(signal.SIGTERM, end)\n{HANG}"
    )
    file = tmp_path / "told"
    ended([*python(code), str(file)], timeout=timedelta(seconds=1.5), grace=LONG)
    assert file.read_text() == "clean"


FAMILY = """
import os, signal, subprocess, sys
hang = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.read(os.pipe()[0], 1)"
subprocess.Popen([sys.executable, "-c", hang])
subprocess.Popen([sys.executable, "-c", hang], start_new_session=True)
if os.fork() == 0:  # a daemon, as they are made: its parent goes away
    os.setsid()
    if os.fork() == 0:
        os.read(os.pipe()[0], 1)
    os._exit(0)
print("started", flush=True)
"""


def test_three_more_that_it_started_are_ended_too(mark: str) -> None:
    evidence = ended(
        python(FAMILY + "os.read(os.pipe()[0], 1)"), timeout=timedelta(seconds=1), grace=SHORT
    )
    assert len(evidence["processes"]) == 4
    assert evidence["last_lines"] == ["started"]
    assert marked(mark) == []


def test_what_an_ended_command_left_running_is_ended_and_told() -> None:
    result = run_guarded(python(FAMILY), timeout=LONG)
    assert result.code == 0
    assert len(result.evidence["left_running"]) == 3


def test_a_stopped_command_is_ended() -> None:
    stopped = ended(python("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"), grace=LONG)
    assert stopped["code"] < 0


def test_a_command_that_is_not_python_is_not_asked_for_stacks() -> None:
    evidence = ended(["sh", "-c", "sleep 300"])
    assert evidence["stacks"] == []
    assert evidence["code"] == -signal.SIGTERM
    assert evidence["processes"][0]["waits_in"] is not None


def test_signs_of_life_keep_a_command_going_and_are_counted() -> None:
    beats: list[float] = []
    assert (
        guarded_call(
            guarded_work.beat_and_return,
            20,
            heartbeat=timedelta(seconds=2),
            on_beat=lambda: beats.append(time.monotonic()),
        )
        == 20
    )
    assert beats


def test_a_command_without_signs_of_life_is_ended() -> None:
    with pytest.raises(HeartbeatLost, match=r"gave no heartbeat for 0\.5"):
        run_guarded(python(HANG), heartbeat=SHORT)


def test_a_shell_gives_signs_of_life_on_the_descriptor() -> None:
    result = run_guarded(["sh", "-c", "printf . > /dev/fd/$NBKIT_HEARTBEAT_FD"], timeout=LONG)
    assert result.evidence["beats"] == 1


def test_output_counts_as_life_where_asked() -> None:
    code = "import time\nfor n in range(12): print(n, flush=True); time.sleep(0.1)"
    limits: dict[str, Any] = {"heartbeat": timedelta(seconds=0.7), "passes_output": False}
    assert run_guarded(python(code), output_is_life=True, **limits).code == 0
    with pytest.raises(HeartbeatLost):
        run_guarded(python(code), **limits)


def test_only_the_last_lines_are_kept_of_much_output() -> None:
    result = run_guarded(python("for n in range(100_000): print(n)"), passes_output=False)
    assert result.evidence["last_lines"] == [str(n) for n in range(99_950, 100_000)]


def test_a_wall_clock_that_jumps_moves_no_deadline() -> None:
    start = datetime(2026, 1, 13, tzinfo=UTC)
    moments = iter([start])
    evidence = ended(
        ["sh", "-c", "printf . > /dev/fd/$NBKIT_HEARTBEAT_FD; sleep 300"],
        clock=lambda: next(moments, start + timedelta(days=400)),
    )
    assert evidence["elapsed_seconds"] < 60
    last = datetime.fromisoformat(evidence["last_heartbeat"])
    assert start <= last < start + timedelta(minutes=1)


def test_a_function_gives_its_result_or_its_own_exception() -> None:
    assert guarded_call(guarded_work.add, 2, right=3) == 5
    with pytest.raises(LookupError, match="no such game") as caught:
        guarded_call(guarded_work.fail)
    assert "in fail" in "".join(caught.value.__notes__)


def test_a_function_that_ends_its_process_is_told() -> None:
    with pytest.raises(ChildDied, match="exit_quietly ended its process"):
        guarded_call(guarded_work.exit_quietly)


def test_what_cannot_be_sent_is_said() -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        guarded_call(lambda: 1)
    with pytest.raises(TypeError, match="cannot be sent back"):
        guarded_call(guarded_work.local)


OWNER = """
import sys
from nbkit.runs.child import run_guarded
run_guarded([sys.executable, "-c", sys.argv[1]], heartbeat=None)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_the_owner_ends_the_command(number: int, mark: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, FAMILY + "os.read(os.pipe()[0], 1)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        owner.send_signal(number)
        assert owner.wait(60) == -number
    assert eventually(lambda: marked(mark) == [])


def test_the_supervisor_keeps_the_deadline_of_an_owner_that_hangs() -> None:
    """The control pipe stays open and says nothing, as with a stopped owner."""
    control_read, control_write = os.pipe()
    answer_read, answer_write = os.pipe()
    descriptors = [str(fd) for fd in (control_read, answer_write, answer_write)]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", supervise.__file__, *descriptors, "0.5", *python(HANG)],
        pass_fds=(control_read, answer_write),
    ) as supervisor:
        assert supervisor.wait(60) == 0
    answer = json.loads(os.read(answer_read, 1 << 16))
    assert answer["code"] == -signal.SIGKILL
    for fd in (control_read, control_write, answer_read, answer_write):
        os.close(fd)


def test_deadlines_hold_on_a_busy_machine() -> None:
    burn = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(["nice", "-n", "5", *burn]) for _ in range(4)]
    try:
        evidence = ended(python(HANG), timeout=timedelta(seconds=1))
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert evidence["total_seconds"] < 30
