from __future__ import annotations

import signal
import threading
from datetime import timedelta

from nbkit.report.watchdog import Limits, Watchdog

SHORT = timedelta(seconds=0.05)
LONG = timedelta(hours=1)


def test_nothing_is_sent_to_a_run_within_its_limits() -> None:
    sent: list[int] = []
    with Watchdog(Limits(cell=LONG, run=LONG), send=sent.append) as dog:
        dog.cell_started()
    assert (sent, dog.expired) == ([], "")


def test_a_cell_that_ends_as_its_time_is_up_is_let_go() -> None:
    """The interrupt came while the cell was finishing: the next cell is not killed for it."""
    interrupted = threading.Event()
    sent: list[int] = []

    def send(number: int) -> None:
        sent.append(number)
        interrupted.set()

    limits = Limits(cell=timedelta(seconds=0.2), run=LONG, grace=timedelta(seconds=5))
    with Watchdog(limits, send=send) as dog:
        dog.cell_started()
        assert interrupted.wait(5)
        dog.cell_started()
    assert sent == [signal.SIGINT]
    assert dog.expired == ""


def test_who_does_not_answer_is_killed() -> None:
    killed = threading.Event()
    sent: list[int] = []

    def send(number: int) -> None:
        sent.append(number)
        if number == signal.SIGKILL:
            killed.set()

    with Watchdog(Limits(cell=LONG, run=SHORT, grace=SHORT), send=send) as dog:
        dog.cell_started()
        assert killed.wait(5)
    assert sent == [signal.SIGINT, signal.SIGKILL]
    assert dog.expired == "run"
