"""Guarded work in a process of its own: the form that ends whatever hangs, however it hangs.

Between this process and the command stands a supervisor (`supervise`), which ends everything that
the command started, also when this process dies without a word. Deadlines are kept by `watch`
here, and by the supervisor should this process be hung itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from nbkit.errors import ChildDied, GuardError, HardTimeout, HeartbeatLost, InputError
from nbkit.runs import child_site, lifeline, supervise
from nbkit.runs.callback import BeatThread, within
from nbkit.runs.guard import GRACE, HEARTBEAT, TIMEOUT, Evidence, told
from nbkit.runs.processes import ask_stacks, processes_below
from nbkit.runs.terminating import terminating
from nbkit.runs.watch import CALL_S, Limit, Watch

R = TypeVar("R")
_LINES = 50
_LINE_BYTES = 2_000
_CHUNK = 1 << 16
_SLACK_S = 30.0  # the supervisor's own deadline comes so much later than this process's
_OUTPUT_S = 1.0  # for output that is still in the pipes when everything has ended


@dataclass(frozen=True, kw_only=True)
class ChildResult:
    """How a guarded command ended.

    Attributes:
        code: its exit code; negative: the signal that ended it; None: it is not known.
        limit: the limit that it was ended for: "timeout", "heartbeat"; "" for none.
        evidence: what is known of it, JSON-ready.
    """

    name: str
    code: int | None
    limit: str
    evidence: Evidence

    @property
    def error(self) -> GuardError | None:
        """The error that it amounts to; None for a command that did its work."""
        if self.limit:
            kind: type[GuardError] = HardTimeout if self.limit == "timeout" else HeartbeatLost
            words = f"{told(self.name, self.limit, self.evidence)} It was ended."
            return kind(words, evidence=self.evidence)
        if self.code == 0:
            return None
        lines = self.evidence["last_lines"]
        last = f" Its last line: {lines[-1]}" if lines else ""
        return ChildDied(f"{self.name} {_death(self.code)}.{last}", evidence=self.evidence)


def run_guarded(
    command: Sequence[str],
    *,
    timeout: timedelta = TIMEOUT,
    heartbeat: timedelta | None = HEARTBEAT,
    grace: timedelta = GRACE,
    output_is_life: bool = False,
    passes_output: bool = True,
    check: bool = True,
    on_beat: Callable[[], object] | None = None,
    on_deadline: Callable[[Evidence], object] | None = None,
    name: str = "",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ChildResult:
    """Run a command; when it is over a limit, end it and all that it started.

    Everything gets SIGTERM first, and SIGKILL after the grace. What the command leaves running when
    it ends by itself is ended too. SIGTERM and Ctrl-C here end it in the same way before they take
    their course; when this process is killed, all of it is killed.

    Args:
        heartbeat: the longest time between signs of life: a byte on the descriptor that
            NBKIT_HEARTBEAT_FD names, as `nbkit.runs.guard.beat()` writes it. None: none is needed.
        output_is_life: output is a sign of life as well.
        passes_output: its output goes on to this process's; else only its last lines are kept.
        check: raise the error that its end amounts to; else it is in the result.
        on_beat: called after signs of life, in a thread of its own; many at once are one call.
        on_deadline: called with the evidence before it is ended; it has 30 s.
        name: in messages; by default the name of the command.
        environment: by default this process's.

    Raises:
        InputError: the command cannot be started.
        HardTimeout, HeartbeatLost: it was ended for that.
        ChildDied: it ended by a signal, or with another exit code than 0.
    """
    if not command:
        raise InputError("There is no command to run.")
    with tempfile.TemporaryDirectory(prefix="nbkit-guard-") as folder:
        child = _Child(
            name=name or Path(command[0]).name,
            limits={"timeout": timeout} | ({"heartbeat": heartbeat} if heartbeat else {}),
            grace=grace,
            output_is_life=output_is_life,
            passes_output=passes_output,
            on_beat=on_beat,
            on_deadline=on_deadline,
            clock=clock,
            stacks=Path(folder),
        )
        with terminating():
            result = child.run(command, cwd, os.environ if environment is None else environment)
    if check and (error := result.error):
        raise error
    return result


def guarded_call(
    function: Callable[..., R],
    *args: Any,
    timeout: timedelta = TIMEOUT,
    heartbeat: timedelta | None = HEARTBEAT,
    grace: timedelta = GRACE,
    on_beat: Callable[[], object] | None = None,
    on_deadline: Callable[[Evidence], object] | None = None,
    **kwargs: Any,
) -> R:
    """Call a function in a guarded process of its own.

    The function is imported there, so it has to stand in a module; arguments and result are
    pickled. What it raises is raised here, with the traceback of there as a note.

    Raises:
        TypeError: the function, its arguments or its result cannot be sent.
        HardTimeout, HeartbeatLost, ChildDied: as for `run_guarded`.
    """
    name = getattr(function, "__qualname__", repr(function))
    if getattr(function, "__module__", "") == "__main__":
        raise TypeError(f"{name} stands in the script itself: put it in a module of its own.")
    try:
        call = pickle.dumps((function, args, kwargs))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"{name} and its arguments cannot be sent: {error}") from None
    with tempfile.TemporaryDirectory(prefix="nbkit-call-") as folder:
        asked, answer = Path(folder) / "call.pickle", Path(folder) / "result.pickle"
        asked.write_bytes(call)
        result = run_guarded(
            [sys.executable, "-m", "nbkit.runs.called", str(asked), str(answer)],
            timeout=timeout,
            heartbeat=heartbeat,
            grace=grace,
            on_beat=on_beat,
            on_deadline=on_deadline,
            name=name,
            environment={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if not answer.exists():
            raise ChildDied(f"{name} ended its process.", evidence=result.evidence)
        succeeded, outcome = pickle.loads(answer.read_bytes())
    if not succeeded:
        raise outcome
    return cast("R", outcome)


@dataclass(kw_only=True)
class _Child:
    """One command while it runs."""

    name: str
    limits: Mapping[str, timedelta]
    grace: timedelta
    output_is_life: bool
    passes_output: bool
    on_beat: Callable[[], object] | None
    on_deadline: Callable[[Evidence], object] | None
    clock: Callable[[], datetime]
    stacks: Path
    ended_by: str = ""
    beats: int = 0
    last_beat: float | None = None

    def run(
        self, command: Sequence[str], cwd: Path | None, environment: Mapping[str, str]
    ) -> ChildResult:
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._deadline_evidence: dict[str, Any] = {}
        self._began = time.monotonic()
        self._started_at = self.clock()
        self._watch = Watch(
            [Limit(name=name, length=length) for name, length in self.limits.items()],
            grace=self.grace,
            interrupt=self._ask,
            kill=self._kill,
            name=f"nbkit-guard {self.name}",
        )
        with contextlib.ExitStack() as stack:
            process, beats, answers = self._start(stack, command, cwd, environment)
            self._supervisor = process.pid
            beat_thread = stack.enter_context(BeatThread(self.on_beat))
            stack.enter_context(self._watch)
            interrupted: BaseException | None = None
            pump = stack.enter_context(_Pump(self, beat_thread, process, beats, answers))
            while True:
                try:
                    answer = pump.until_all_ended()
                    break
                except BaseException as error:
                    # Ctrl-C, a termination that unwinds, a guard around this one: it ends first.
                    interrupted = interrupted or error
                    self._watch.end_now("stop")
        if interrupted is not None:
            raise interrupted
        return self._result(json.loads(answer or "{}"))

    def _start(
        self,
        stack: contextlib.ExitStack,
        command: Sequence[str],
        cwd: Path | None,
        environment: Mapping[str, str],
    ) -> tuple[subprocess.Popen[bytes], int, int]:
        beat_read, beat_write = os.pipe()
        control_read, self._control = os.pipe()
        answer_read, answer_write = os.pipe()
        os.set_blocking(beat_write, False)
        longest_s = (self.limits["timeout"] + self.grace).total_seconds() + CALL_S + _SLACK_S
        theirs = (control_read, answer_write, beat_write)
        own = [sys.executable, "-I", "-S", str(supervise.__file__), *map(str, theirs)]
        # Its folder comes first, so that the stacks of Python processes can be asked for.
        path = [str(Path(child_site.__path__[0])), environment.get("PYTHONPATH", "")]
        try:
            process = subprocess.Popen(
                [*own, str(longest_s), *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=theirs,
                cwd=cwd,
                env={
                    **environment,
                    "PYTHONPATH": os.pathsep.join(filter(None, path)),
                    lifeline.VARIABLE: str(beat_write),
                    lifeline.INODE: str(os.fstat(beat_write).st_ino),
                    "NBKIT_STACKS": str(self.stacks),
                },
                start_new_session=True,
            )
        except BaseException:
            for fd in (beat_read, self._control, answer_read):
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        stack.callback(process.wait)
        stack.callback(self._hang_up)
        return process, beat_read, answer_read

    def life(self) -> None:
        """It gave a sign of life."""
        self.beats += 1
        self.last_beat = time.monotonic()
        if "heartbeat" in self.limits:
            self._watch.restart("heartbeat")

    def line(self, text: bytes) -> None:
        """It wrote a line."""
        self._lines.append(text[:_LINE_BYTES].decode("utf-8", errors="replace"))

    def _ask(self, limit: str) -> None:
        """In the watch's thread: keep what it is doing, then ask it to end."""
        if limit != "stop":
            self._deadline_evidence = self._evidence(limit)
            if (tell := self.on_deadline) is not None:
                within(CALL_S, lambda: tell(self._deadline_evidence))
        self.ended_by = "SIGTERM"
        with contextlib.suppress(OSError):
            os.write(self._control, b"T")

    def _kill(self, _limit: str) -> None:
        self.ended_by = "SIGKILL"
        self._hang_up()

    def _hang_up(self) -> None:
        """The end of the pipe: the supervisor kills everything that is left."""
        control, self._control = self._control, -1
        if control >= 0:
            os.close(control)

    def _evidence(self, limit: str) -> dict[str, Any]:
        now, last = time.monotonic(), self.last_beat
        length = self.limits.get(limit)
        processes = processes_below(self._supervisor)
        at = None if last is None else self._started_at + timedelta(seconds=last - self._began)
        return {
            "name": self.name,
            "limit": limit,
            "limit_seconds": length.total_seconds() if length else None,
            "elapsed_seconds": round(now - self._began, 3),
            "started_at": self._started_at.isoformat(),
            "beats": self.beats,
            "last_heartbeat": at and at.isoformat(),
            "last_heartbeat_age_seconds": None if last is None else round(now - last, 3),
            "memory_bytes": sum(process["memory_bytes"] for process in processes) or None,
            "processes": processes,
            "stacks": ask_stacks(self.stacks, [process["pid"] for process in processes])
            if limit
            else [],
        }

    def _result(self, answer: dict[str, Any]) -> ChildResult:
        if "not_started" in answer:
            raise InputError(f"The command cannot be started: {answer['not_started']}.")
        limit, code = self._watch.expired, answer.get("code")
        evidence = {
            **(self._deadline_evidence or self._evidence(limit)),
            "ended_by": self.ended_by or "itself",
            "code": code,
            "total_seconds": round(time.monotonic() - self._began, 3),
            "last_lines": list(self._lines),
            "peak_memory_bytes": answer.get("peak_memory_bytes"),
            "left_running": answer.get("left_running", []),
            "unkillable": answer.get("unkillable", []),
        }
        return ChildResult(name=self.name, code=code, limit=limit, evidence=evidence)


class _Pump:
    """Reads all that comes from the command, in the thread that waits for it."""

    def __init__(
        self,
        child: _Child,
        beat_thread: BeatThread,
        process: subprocess.Popen[bytes],
        beats: int,
        answers: int,
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._child, self._beat_thread = child, beat_thread
        self._streams = (process.stdout, process.stderr)
        self._beats, self._answers = beats, answers
        self._selector = selectors.DefaultSelector()
        self._partial: dict[int, bytes] = {}
        self._answer = b""
        for fd in (process.stdout.fileno(), process.stderr.fileno(), beats, answers):
            self._selector.register(fd, selectors.EVENT_READ)
        self._outputs = {process.stdout.fileno(): "stdout", process.stderr.fileno(): "stderr"}
        self._until: float | None = None

    def __enter__(self) -> _Pump:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for stream in self._streams:
            stream.close()
        os.close(self._beats)
        os.close(self._answers)

    def until_all_ended(self) -> bytes:
        """Read until everything has ended; gives the supervisor's answer."""
        while set(self._selector.get_map()) - {self._beats}:
            left = None if self._until is None else self._until - time.monotonic()
            if left is not None and left <= 0:
                break
            for key, _ in self._selector.select(left):
                self._read(key.fd)
        for text in self._partial.values():
            if text:
                self._child.line(text)
        return self._answer

    def _read(self, fd: int) -> None:
        said = os.read(fd, _CHUNK)
        if not said:
            self._selector.unregister(fd)
            if fd == self._answers:
                self._until = time.monotonic() + _OUTPUT_S
        elif fd == self._answers:
            self._answer += said
        elif fd == self._beats:
            self._alive()
        else:
            self._output(fd, said)

    def _output(self, fd: int, said: bytes) -> None:
        *lines, rest = (self._partial.get(fd, b"") + said).split(b"\n")
        for line in lines:
            self._child.line(line)
        self._partial[fd] = rest[-_CHUNK:]
        if self._child.output_is_life:
            self._alive()
        if self._child.passes_output:
            stream = getattr(sys, self._outputs[fd])
            with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
                if buffer := getattr(stream, "buffer", None):
                    buffer.write(said)
                else:
                    stream.write(said.decode("utf-8", errors="replace"))
                stream.flush()

    def _alive(self) -> None:
        self._child.life()
        self._beat_thread.beat()


def _death(code: int | None) -> str:
    if code is None:
        return "went away with its supervisor"
    if code >= 0:
        return f"exited with code {code}"
    return f"was killed by {signal.Signals(-code).name}"
