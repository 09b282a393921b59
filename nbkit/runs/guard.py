"""Work that cannot hang: it is ended when it takes too long, or gives no sign of life.

    with guard(timeout=timedelta(minutes=30), heartbeat=timedelta(minutes=15)) as watched:
        for game in games:
            load(game)
            watched.beat()

A thread of its own watches (see `watch`), so nothing need happen for a deadline to hold. At the
deadline the evidence is taken first: the stack of every thread and task, the last heartbeat, the
memory. Then the work is interrupted (see `interrupt` for what can be), and what does not answer
within the grace is ended with its process. Work in native code belongs in a process of its own:
`nbkit.runs.child`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
import os
import sysconfig
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from nbkit.errors import GuardError, HardTimeout, HeartbeatLost
from nbkit.findings.wording import seconds
from nbkit.runs import lifeline
from nbkit.runs.callback import within
from nbkit.runs.interrupt import Ended, TaskWork, ThreadWork, Work, shield
from nbkit.runs.stacks import memory
from nbkit.runs.watch import CALL_S, Limit, Watch

TIMEOUT = timedelta(minutes=30)
HEARTBEAT = timedelta(minutes=15)
GRACE = timedelta(seconds=10)
EXIT_CODE = 124  # as of timeout(1)

# Files in which nobody looks for the reason of a hang first.
_NOT_THE_WORK = (*sysconfig.get_paths().values(), __file__)

Evidence = Mapping[str, Any]
Unresponsive = Literal["exit", "report"]
_F = TypeVar("_F", bound=Callable[..., Any])
_log = logging.getLogger("nbkit.guard")
_current: ContextVar[Guard | None] = ContextVar("nbkit_guard", default=None)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `guard` was asked."""

    timeout: timedelta
    heartbeat: timedelta | None
    grace: timedelta
    on_beat: Callable[[], object] | None
    on_deadline: Callable[[Evidence], object] | None
    when_unresponsive: Unresponsive
    evidence_file: Path | None
    name: str
    clock: Callable[[], datetime]


def guard(
    *,
    timeout: timedelta = TIMEOUT,
    heartbeat: timedelta | None = HEARTBEAT,
    grace: timedelta = GRACE,
    on_beat: Callable[[], object] | None = None,
    on_deadline: Callable[[Evidence], object] | None = None,
    when_unresponsive: Unresponsive = "exit",
    evidence_file: Path | None = None,
    name: str = "",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Guard:
    """Guard a block or a function: `with`, `async with`, or a decorator of either kind of function.

    Exceptions of the work pass through unchanged. Guards may be nested: each holds, and a
    heartbeat counts for all around it.

    Args:
        timeout: the longest time for the whole work.
        heartbeat: the longest time between two `beat()`s; None when the work gives none.
        grace: how long interrupted work may clean up.
        on_beat: called at each beat in the thread that beats, such as `run.heartbeat`.
        on_deadline: called once with the evidence before the work is interrupted, in another
            thread; it has 30 s. What must be kept if the process has to die belongs here.
        when_unresponsive: what happens when the work does not answer: "exit" writes the evidence to
            stderr and ends the process with code 124 (without `atexit`); "report" logs it and lets
            the work go on. Only "exit" ends everything.
        evidence_file: where the evidence is also written (JSON) before the process ends.
        name: of the work, in messages; a decorated function has its own.
        clock: for the times in the evidence; deadlines do not depend on it.

    Raises:
        HardTimeout: at the end of the block, when it was ended (or ended only) after `timeout`.
        HeartbeatLost: the same, when it gave no sign of life for `heartbeat`.
    """
    for option, length in {"timeout": timeout, "heartbeat": heartbeat}.items():
        if length is not None and length <= timedelta():
            raise ValueError(f"guard({option}={length!r}): a length of time above zero is needed")
    return Guard(
        Options(
            timeout=timeout,
            heartbeat=heartbeat,
            grace=grace,
            on_beat=on_beat,
            on_deadline=on_deadline,
            when_unresponsive=when_unresponsive,
            evidence_file=evidence_file,
            name=name,
            clock=clock,
        )
    )


def beat() -> None:
    """A sign of life, from anywhere in guarded work: to the guard around this code, and to the
    process that guards this one (`nbkit.runs.child`). Does nothing where there is neither."""
    if watched := _current.get():
        watched.beat()
    else:
        lifeline.beat()


class Guard:
    """Work under guard; what `guard` gives. As a context manager it is entered once."""

    def __init__(self, options: Options) -> None:
        self.evidence: Evidence = {}
        self.unresponsive = False
        self._options = options
        self._outer: Guard | None = None
        self._work: Work | None = None
        self._watch: Watch | None = None
        self._beats = 0
        self._last_beat: float | None = None

    def __call__(self, function: _F) -> _F:
        """Guard each call of a function."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator: its work happens where it is consumed; "
                "guard that place."
            )
        options = replace(self._options, name=self._options.name or function.__qualname__)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded_async(*args: Any, **kwargs: Any) -> Any:
                async with Guard(options):
                    return await function(*args, **kwargs)

            return cast(_F, guarded_async)

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with Guard(options):
                return function(*args, **kwargs)

        return cast(_F, guarded)

    @property
    def cancelled(self) -> bool:
        """The work is to end now: its own time is up, or that of a guard around it."""
        own = self._watch is not None and bool(self._watch.expired)
        return own or (self._outer is not None and self._outer.cancelled)

    def check(self) -> None:
        """Unwind here if the work is to end: for loops that nothing else interrupts."""
        if self.cancelled:
            raise Ended

    def beat(self) -> None:
        """The work goes on."""
        self._beats += 1
        self._last_beat = time.monotonic()
        if self._watch is not None and self._options.heartbeat is not None:
            self._watch.restart("heartbeat")
        if self._options.on_beat is not None:
            self._options.on_beat()
        if self._outer is not None:
            self._outer.beat()
        else:
            lifeline.beat()

    def __enter__(self) -> Guard:
        return self._enter(ThreadWork)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()
        if error is None or isinstance(error, (Ended, Exception)):
            self._raise_if_expired(error)
        if error is None and self._outer is not None:
            self._outer.check()  # it may have been interrupted while this guard was left

    async def __aenter__(self) -> Guard:
        return self._enter(lambda: TaskWork(grace=self._options.grace))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()
        assert isinstance(self._work, TaskWork)
        ours = self._work.uncancelled()
        cancelled = isinstance(error, asyncio.CancelledError)
        if error is None or isinstance(error, (Ended, Exception)) or (cancelled and ours):
            self._raise_if_expired(error)
        if error is None and self._outer is not None:
            self._outer.check()

    def _enter(self, work: Callable[[], Work]) -> Guard:
        if self._watch is not None:
            raise RuntimeError("a guard is entered once: call guard(...) for each block")
        limits = [Limit(name="timeout", length=self._options.timeout)]
        if self._options.heartbeat is not None:
            limits.append(Limit(name="heartbeat", length=self._options.heartbeat))
        self._outer = _current.get()
        self._began = time.monotonic()
        self._started_at = self._options.clock()
        self._watch = Watch(
            limits,
            grace=self._options.grace,
            interrupt=self._interrupt,
            kill=self._unanswered,
            name=f"nbkit-guard {self._options.name}".strip(),
            sure=self._options.when_unresponsive == "exit",
        )
        self._work = work()
        _current.set(self)
        self._watch.start()
        return self

    def _leave(self) -> None:
        """In the work's thread; an interruption that comes meanwhile changes nothing."""
        assert self._work is not None
        assert self._watch is not None
        while True:
            try:
                self._watch.stop()
                self._work.left()
                _current.set(self._outer)
            except Ended:
                continue
            return

    def _interrupt(self, limit: str) -> None:
        """In the watch's thread: keep the evidence, tell it, end the work."""
        assert self._work is not None
        self.evidence = self._take_evidence(limit)
        if (told := self._options.on_deadline) is not None:
            within(CALL_S, lambda: told(self.evidence))
        self._work.interrupt()

    def _unanswered(self, limit: str) -> None:
        """In the watch's thread: the work did not unwind."""
        self.unresponsive = True
        message = f"{self._message(limit)} It did not answer within {seconds(self._grace_s)}"
        if self._options.when_unresponsive == "report":
            _log.error("%s, and still goes on.", message)
            return
        self.evidence = {**self.evidence, "ended_by": "exit"}
        text = json.dumps(self.evidence, indent=1)
        if self._options.evidence_file is not None:
            within(CALL_S, lambda: self._keep(text))
        # Not by sys.stderr: the thread that hangs may hold its lock.
        os.write(2, f"nbkit: {message}: the process is ended. Evidence:\n{text}\n".encode())
        os._exit(EXIT_CODE)

    def _keep(self, text: str) -> None:
        assert self._options.evidence_file is not None
        self._options.evidence_file.write_text(text, encoding="utf-8")

    @property
    def _grace_s(self) -> float:
        return self._options.grace.total_seconds()

    def _take_evidence(self, limit: str) -> Evidence:
        assert self._work is not None
        now, last = time.monotonic(), self._last_beat
        length = self._options.timeout if limit == "timeout" else self._options.heartbeat
        return {
            "name": self._options.name,
            "limit": limit,
            "limit_seconds": length.total_seconds() if length else None,
            "elapsed_seconds": round(now - self._began, 3),
            "started_at": self._started_at.isoformat(),
            "beats": self._beats,
            "last_heartbeat": None if last is None else self._at(last).isoformat(),
            "last_heartbeat_age_seconds": None if last is None else round(now - last, 3),
            "pid": os.getpid(),
            **memory(),
            **self._work.stacks(),
        }

    def _at(self, moment: float) -> datetime:
        """The start and what has passed since: the wall clock may have been set meanwhile."""
        return self._started_at + timedelta(seconds=moment - self._began)

    def _raise_if_expired(self, error: BaseException | None) -> None:
        assert self._watch is not None
        if not (limit := self._watch.expired):
            return
        kind: type[GuardError] = HardTimeout if limit == "timeout" else HeartbeatLost
        evidence = {**self.evidence, "ended_by": "itself" if error is None else "interrupt"}
        own = isinstance(error, (Ended, asyncio.CancelledError))
        raise kind(self._message(limit), evidence=evidence) from (None if own else error)

    def _message(self, limit: str) -> str:
        return told(self._options.name, limit, self.evidence)


def told(name: str, limit: str, evidence: Evidence) -> str:
    """What happened, where the work was, and its last sign of life, in one or two sentences."""
    who = name or "The guarded work"
    length = seconds(evidence.get("limit_seconds"))
    what = (
        f"was not done within {length}" if limit == "timeout" else f"gave no heartbeat for {length}"
    )
    age = evidence.get("last_heartbeat_age_seconds")
    last = "It never gave a heartbeat." if age is None else f"Last heartbeat {seconds(age)} before."
    where = _where(evidence)
    return f"{who} {what}{where and f' (at {where})'}. {last}"


def _where(evidence: Evidence) -> str:
    """The innermost line of the work's own code; of a library where there is none."""
    found = ""
    for stack in [*evidence.get("tasks", []), *evidence.get("stacks", [])]:
        for frame in reversed(stack["frames"] if stack["working"] else []):
            place = str(frame).split(": ", 1)[0]
            if not place.startswith(_NOT_THE_WORK):
                return place
            found = found or place
    return found


shield(Guard.__exit__)
shield(Guard._leave)
