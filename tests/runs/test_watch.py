"""Limits hold by themselves: interrupted first, killed after the grace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from nbkit.runs.watch import Limit, Watch

SHORT = timedelta(seconds=0.05)
LONG = timedelta(hours=1)
RUN = Limit(name="run", length=LONG)


def cell(length: timedelta) -> Limit:
    return Limit(name="cell", length=length, counting=False, forgiving=True)


def watch(
    *limits: Limit,
    grace: timedelta = LONG,
    interrupt: Callable[[str], None] = lambda _: None,
    kill: Callable[[str], None] = lambda _: None,
) -> Watch:
    return Watch(limits, grace=grace, interrupt=interrupt, kill=kill)


def test_nothing_is_done_to_what_keeps_within_its_limits() -> None:
    done: list[str] = []
    with watch(cell(LONG), RUN, interrupt=done.append, kill=done.append) as dog:
        dog.restart("cell")
    assert (done, dog.expired) == ([], "")


def test_what_ends_as_its_time_is_up_is_let_go() -> None:
    """The interrupt came while a cell was finishing: the next cell is not killed for it."""
    interrupted = threading.Event()
    killed: list[str] = []
    with watch(
        cell(timedelta(seconds=0.2)),
        RUN,
        grace=timedelta(seconds=30),
        interrupt=lambda _: interrupted.set(),
        kill=killed.append,
    ) as dog:
        dog.restart("cell")
        assert interrupted.wait(30)
        dog.restart("cell")
    assert (killed, dog.expired) == ([], "")


def test_a_restart_does_not_save_what_may_not_be_forgiven() -> None:
    """A heartbeat after its deadline comes too late: the work has been told to end."""
    interrupted, killed = threading.Event(), threading.Event()
    with watch(
        Limit(name="heartbeat", length=SHORT),
        grace=timedelta(seconds=0.3),
        interrupt=lambda _: interrupted.set(),
        kill=lambda _: killed.set(),
    ) as dog:
        assert interrupted.wait(30)
        dog.restart("heartbeat")
        assert killed.wait(30)
    assert dog.expired == "heartbeat"


def test_who_does_not_answer_is_killed() -> None:
    killed = threading.Event()
    done: list[str] = []

    def kill(name: str) -> None:
        done.append(f"kill {name}")
        killed.set()

    with watch(
        cell(LONG),
        Limit(name="run", length=SHORT),
        grace=SHORT,
        interrupt=lambda name: done.append(f"interrupt {name}"),
        kill=kill,
    ) as dog:
        dog.restart("cell")
        assert killed.wait(30)
    assert done == ["interrupt run", "kill run"]
    assert dog.expired == "run"


def test_an_end_that_is_asked_for_comes_at_once() -> None:
    interrupted = threading.Event()
    with watch(RUN, interrupt=lambda _: interrupted.set()) as dog:
        dog.end_now("stop")
        assert interrupted.wait(30)
    assert dog.expired == "stop"


def test_a_restart_moves_the_deadline() -> None:
    beats = 0
    with watch(Limit(name="heartbeat", length=timedelta(seconds=2))) as dog:
        for _ in range(25):  # 2.5 s in all
            threading.Event().wait(0.1)
            dog.restart("heartbeat")
            beats += 1
        assert dog.expired == ""
    assert beats == 25


@pytest.mark.parametrize("jump_s", [4e9, -4e9])
def test_a_wall_clock_that_is_set_moves_no_deadline(
    jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, early = threading.Event(), threading.Event()
    real = time.time
    with (
        watch(RUN, interrupt=lambda _: early.set()) as far,
        watch(Limit(name="run", length=timedelta(seconds=0.3)), interrupt=lambda _: late.set()),
    ):
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        far.restart("run")
        assert late.wait(30)
        assert not early.is_set()
        monkeypatch.undo()
