"""What the processes of a guarded command are doing, as JSON-ready values (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbkit.runs.supervise import below, command_of

_ANSWER_S = 1.0  # how long processes may take to write their stacks
_FRAME = re.compile(r'\s*File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)')


def processes_below(pid: int) -> list[dict[str, Any]]:
    """Each process below one: command, state, what it waits for in the kernel, memory."""
    found = []
    for one in below(pid):
        with contextlib.suppress(OSError, ValueError, IndexError):
            folder = Path(f"/proc/{one}")
            pages = int((folder / "statm").read_text().split()[1])
            found.append(
                {
                    "pid": one,
                    "command": command_of(one),
                    "state": (folder / "stat").read_text().rpartition(")")[2].split()[0],
                    "waits_in": _waits_in(folder),
                    "memory_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
                }
            )
    return found


def ask_stacks(folder: Path, pids: Sequence[int]) -> list[dict[str, Any]]:
    """The stacks of the Python processes among them: those that said, by a file in `folder`, that
    they answer SIGUSR1 (it would end any other process)."""
    files = {pid: folder / f"{pid}.txt" for pid in pids if (folder / f"{pid}.txt").exists()}
    for pid in files:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGUSR1)
    until = time.monotonic() + _ANSWER_S
    sizes: dict[int, int] = {}
    while time.monotonic() < until:
        time.sleep(0.02)
        now = {pid: file.stat().st_size for pid, file in files.items()}
        if all(now.values()) and now == sizes:  # all have answered, and ended their answers
            break
        sizes = now
    return [
        stack
        for pid, file in files.items()
        for stack in _stacks(pid, file.read_text(encoding="utf-8", errors="replace"))
    ]


def _stacks(pid: int, text: str) -> list[dict[str, Any]]:
    """faulthandler's text ("most recent call first") as stacks with the outermost call first."""
    stacks = []
    for block in re.split(r"\n\s*\n(?=Current thread|Thread)", text.strip()):
        header, *lines = block.splitlines() or [""]
        frames = [
            f"{found['file']}:{found['line']} in {found['function']}"
            if (found := _FRAME.match(line))
            else line.strip()
            for line in reversed(lines)
        ]
        if frames:
            # "Current" is the thread that took the signal: the main one.
            working = header.startswith("Current thread")
            thread = "main thread" if working else header.split(" (", 1)[0].lower()
            stacks.append({"pid": pid, "thread": thread, "working": working, "frames": frames})
    return stacks


def _waits_in(folder: Path) -> str | None:
    """The kernel function that a process sleeps in: pipe_read, futex_wait, tcp_recvmsg."""
    try:
        name = (folder / "wchan").read_text().strip()
    except OSError:
        return None
    return name if name not in ("", "0") else None
