"""Interrupting work in this process: a thread, or a task of an event loop.

What can be interrupted: Python code anywhere, as soon as it runs its next instruction; in the main
thread also a system call that blocks (read, recv, sleep, wait, a lock), because a signal makes it
return. A task at an `await`. What cannot: native code that neither returns nor checks for signals,
and a system call that blocks in another thread than the main one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import CodeType, FrameType
from typing import Any, Protocol

from nbkit.runs.stacks import task_stacks, thread_stacks

# Free for such use, as Go's scheduler found: ignored by default, no library uses it, debuggers let
# it pass.
_SIGNAL = getattr(signal, "SIGURG", None)


class Ended(BaseException):
    """Raised in the work when its time is up. No `Exception`: code that retries on every exception
    must not take it for one more failed attempt."""


class Work(Protocol):
    """What a guard ends."""

    def interrupt(self) -> None:
        """Make it unwind; called in another thread."""

    def left(self) -> None:
        """It has unwound; called in its own thread, and again if interrupted meanwhile."""

    def stacks(self) -> dict[str, Any]:
        """What it is doing, JSON-ready."""


class ThreadWork:
    """The thread that made it."""

    def __init__(self, *, wanted: Callable[[], bool] = lambda: True) -> None:
        self._ident = threading.get_ident()
        self._main = threading.current_thread() is threading.main_thread()
        self._by_signal = self._main and _SIGNAL is not None
        self._wanted = wanted
        self._lock = threading.Lock()
        self._over = False
        self.asked = False
        if self._by_signal:
            _listen(self)

    def interrupt(self) -> None:
        self.asked = True
        if self._by_signal:
            assert _SIGNAL is not None
            signal.pthread_kill(self._ident, _SIGNAL)
            return
        with self._lock:
            if not self._over:
                _raise_in(self._ident, Ended)

    def left(self) -> None:
        if self._by_signal:
            _listen_no_more(self)
            return
        with self._lock:
            self._over = True
        if self.asked:
            _raise_in(self._ident, None)  # one that is on its way is called back

    def stacks(self) -> dict[str, Any]:
        return {"stacks": thread_stacks(self._ident)}

    def takes(self) -> bool:
        """In the signal handler: true once, when the interruption is for this work."""
        if not self.asked or not self._wanted():
            return False
        self.asked = False
        return True


class TaskWork:
    """The current task. It is cancelled; a second time at half the grace, if it went on; and if the
    event loop itself is blocked by this task, its thread is interrupted."""

    def __init__(self, *, grace: timedelta) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("`async with guard(...)` needs a task: run it with asyncio.run")
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._half_s = grace.total_seconds() / 2
        self._cancelling = task.cancelling()
        self._cancels = 0
        self._seen = threading.Event()
        self._over = False
        self._thread = ThreadWork(wanted=self._blocks)

    def interrupt(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits for its end
            self._loop.call_soon_threadsafe(self._cancel)
        if not self._seen.wait(self._half_s) and self._blocks():
            self._thread.interrupt()

    def left(self) -> None:
        self._over = True
        self._seen.set()
        self._thread.left()

    def stacks(self) -> dict[str, Any]:
        return {"tasks": task_stacks(self._loop, self._task), **self._thread.stacks()}

    def uncancelled(self) -> bool:
        """Take back the own cancellations; true when nobody else had cancelled the task."""
        for _ in range(self._cancels):
            self._task.uncancel()
        self._cancels = 0
        return self._task.cancelling() <= self._cancelling

    def _cancel(self) -> None:
        self._seen.set()
        if not self._over:
            self._cancels += 1
            self._task.cancel("its time is up")
            if self._cancels == 1:
                self._loop.call_later(self._half_s, self._cancel)

    def _blocks(self) -> bool:
        return asyncio.current_task(self._loop) is self._task


def _raise_in(ident: int, kind: type[BaseException] | None) -> None:
    exception = ctypes.py_object(kind) if kind else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), exception)


_listening: list[ThreadWork] = []
_before: Any = signal.SIG_DFL
_shielded: set[CodeType] = set()


def shield(function: Callable[..., Any]) -> None:
    """The main thread is not interrupted while it is in this function; who called it must look at
    its end whether an interruption came meanwhile."""
    _shielded.add(function.__code__)


def _listen(work: ThreadWork) -> None:
    global _before
    assert _SIGNAL is not None
    if not _listening:
        _before = signal.signal(_SIGNAL, _on_signal)
    _listening.append(work)


def _listen_no_more(work: ThreadWork) -> None:
    assert _SIGNAL is not None
    if work in _listening:
        _listening.remove(work)
        if not _listening:
            signal.signal(_SIGNAL, _before if _before is not None else signal.SIG_DFL)


def _on_signal(number: int, frame: FrameType | None) -> None:
    asked = False
    for work in reversed(_listening):
        asked = asked or work.asked
        if work.asked and not _is_shielded(frame) and work.takes():
            raise Ended
    if not asked and callable(_before):
        _before(number, frame)


def _is_shielded(frame: FrameType | None) -> bool:
    return any(part.f_code in _shielded for part in _callers(frame))


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
