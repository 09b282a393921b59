"""Starts a command and sees to it that nothing of it is left. Run as a script by `run_guarded`.

It is the parent of all that the command starts, also of what leaves its group or session: orphans
of a subreaper become its children (Linux; elsewhere only the command's process group is known).
Who started it speaks through a pipe: `T` asks everything to end by SIGTERM; when the pipe ends,
because it was closed or because its owner is gone, everything is killed. The standard library
alone, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STRAGGLERS_S = 1.0  # between asking and killing what an ended command has left behind
_UNKILLABLE_S = 10.0  # a process in a system call that cannot be interrupted (a dead NFS mount)
_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(control: int, result: int, keep: list[int], longest_s: float, command: list[str]) -> None:
    """Supervise; the answer is a line of JSON on `result`.

    Args:
        keep: descriptors that the command inherits.
        longest_s: everything is killed then, whatever the owner says: it may be hung itself.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # Signals of the terminal and of whoever stops the owner reach the owner, which decides.
    for number in _OURS:
        signal.signal(number, signal.SIG_IGN)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    try:
        process = subprocess.Popen(
            command, start_new_session=True, pass_fds=keep, preexec_fn=_in_child
        )
    except OSError as error:
        _answer(result, {"not_started": f"{command[0]}: {error.strerror}"})
        return
    code = _watch(process, control, wake_read, time.monotonic() + longest_s)
    left = _end_all(process, asked=code is not None)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    _answer(result, {"code": process.returncode, "peak_memory_bytes": peak * unit, **left})


def _watch(process: subprocess.Popen[bytes], control: int, wake: int, until: float) -> int | None:
    """Until the command has ended, or everything is to be killed: then None."""
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([control, wake], [], [], left)
        if wake in ready:
            os.read(wake, 512)
            _reap(process)
            if process.poll() is not None:
                return process.returncode
        if control in ready:
            if not os.read(control, 1):
                return process.poll()
            for pid in _everybody(process.pid):
                _send(pid, signal.SIGTERM)
                _send(pid, signal.SIGCONT)  # one that is stopped would not see it
    return None


def _end_all(process: subprocess.Popen[bytes], *, asked: bool) -> dict[str, object]:
    """End what is left: asked first where there is time for it, then killed until nothing is."""
    left = _everybody(process.pid)
    names = [command_of(pid) for pid in left] if asked else []
    if asked:
        for pid in left:
            _send(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STRAGGLERS_S
        while _everybody(process.pid) and time.monotonic() < deadline:
            _reap(process)
            time.sleep(0.01)
    deadline = time.monotonic() + _UNKILLABLE_S
    while (left := _everybody(process.pid)) and time.monotonic() < deadline:
        for pid in left:
            _send(pid, signal.SIGKILL)
        _reap(process)
        time.sleep(0.005)
    if not left:
        process.wait()
    _reap(process)
    return {"left_running": names, "unkillable": left}


def _everybody(group: int) -> list[int]:
    """All living processes below this one; where /proc is not to be had, the command's group."""
    if has_proc():
        return below(os.getpid())
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return []
    return [-group]


def has_proc() -> bool:
    """Whether the system shows its processes as files, as Linux does."""
    return os.path.isdir("/proc/self/task")  # noqa: PTH112


def below(pid: int) -> list[int]:
    """The living processes that a process has started, directly or through others."""
    children: dict[int, list[int]] = {}
    for child, parent, state in _processes():
        if state != "Z":
            children.setdefault(parent, []).append(child)
    found: list[int] = []
    new = [pid]
    while new:
        new = [child for one in new for child in children.get(one, ())]
        found += new
    return found


def command_of(pid: int) -> str:
    """The command line of a process, at most 200 characters."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return file.read(200).replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _processes() -> Iterator[tuple[int, int, str]]:
    if not has_proc():
        return
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    # The name in parentheses may hold anything, parentheses too.
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            yield int(name), int(fields[1]), fields[0].decode()


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Take leave of ended children; the command itself by `process`, which notes its code."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == process.pid and process.returncode is None:
                process.poll()
            else:
                os.waitpid(ended.si_pid, os.WNOHANG)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _in_child() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # should the supervisor itself be killed
    for number in _OURS:
        signal.signal(number, signal.SIG_DFL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _answer(result: int, told: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.write(result, json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    _control, _result, _keep, _longest, *_command = sys.argv[1:]
    main(int(_control), int(_result), [int(_keep)], float(_longest), _command)
