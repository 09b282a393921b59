"""What a process is doing at this moment, as JSON-ready values: threads, tasks, memory."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

_MOST_FRAMES = 60  # a recursion without end is not kept whole
_KB = 1024


def thread_stacks(working: int | None = None) -> list[dict[str, Any]]:
    """The stack of every thread, outermost call first; `working` (an ident) is marked and first.

    The thread that asks is left out: it is the one that watches.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    stacks = [
        {
            "thread": names.get(ident, f"thread {ident}"),
            "working": ident == working,
            "frames": _lines(frame),
        }
        for ident, frame in sys._current_frames().items()
        if ident != threading.get_ident()
    ]
    return sorted(stacks, key=lambda stack: (not stack["working"], stack["thread"]))


def task_stacks(
    loop: asyncio.AbstractEventLoop, working: asyncio.Task[Any]
) -> list[dict[str, Any]]:
    """Where each task of a loop waits; `working` is marked and first. May be called from another
    thread than the loop's: then it is a best effort, as tasks come and go meanwhile."""
    try:
        tasks = asyncio.all_tasks(loop)
    except RuntimeError:  # the set changed too often while it was copied
        tasks = {working}
    stacks = [
        {"task": task.get_name(), "working": task is working, "frames": _awaits(task)}
        for task in tasks | {working}
    ]
    return sorted(stacks, key=lambda stack: (not stack["working"], stack["task"]))


def _awaits(task: asyncio.Task[Any]) -> list[str]:
    """The chain of coroutines that a task is in; `Task.get_stack` knows only the outermost."""
    lines: list[str] = []
    waiting: Any = task.get_coro()
    while waiting is not None and len(lines) < _MOST_FRAMES:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            lines.append(_line(frame))
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return lines


def _lines(frame: FrameType) -> list[str]:
    return [
        f"{part.filename}:{part.lineno} in {part.name}: {part.line}"
        for part in traceback.extract_stack(frame, limit=_MOST_FRAMES)
    ]


def _line(frame: FrameType) -> str:
    (part,) = traceback.extract_stack(frame, limit=1)
    return f"{part.filename}:{part.lineno} in {part.name}: {part.line}"


def memory() -> dict[str, int]:
    """Resident memory of this process in bytes, now and at its peak, where the system tells."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return {}
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    names = {"memory_bytes": "VmRSS", "peak_memory_bytes": "VmHWM"}
    return {
        name: int(fields[field].split()[0]) * _KB
        for name, field in names.items()
        if field in fields
    }
