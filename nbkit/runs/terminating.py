"""SIGTERM as an exception: work unwinds before the process ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(BaseException):
    """SIGTERM came while the block ran."""

    def __init__(self) -> None:
        super().__init__("Terminated by SIGTERM")


@contextmanager
def terminating() -> Iterator[None]:
    """SIGTERM unwinds the block, and then does what it would have done."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield  # who handles it already decides how the work ends
        return

    def unwind(_number: int, _frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    except Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
