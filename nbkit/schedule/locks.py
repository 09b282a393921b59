"""Locks between the processes of one machine, which the system lets go of when a process dies."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nbkit.errors import ScheduleError


@contextlib.contextmanager
def held(file: Path, *, patience_s: float = 0) -> Iterator[bool]:
    """Hold `file` for the length of the block; False where another process holds it.

    A lock of SQLite's, which works where `fcntl` does not.

    Raises:
        ScheduleError: the file cannot be made.
    """
    with contextlib.ExitStack() as opened:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = opened.enter_context(
                contextlib.closing(sqlite3.connect(file, timeout=patience_s, isolation_level=None))
            )
            free = _locked(lock)
        except (sqlite3.Error, OSError) as error:
            raise ScheduleError(
                f"{file} cannot be locked ({error}), and without the lock a job could run twice. "
                "Free the disk or mend its permissions."
            ) from error
        yield free


def _locked(lock: sqlite3.Connection) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True
