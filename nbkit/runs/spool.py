"""Rows that could not be written wait here, on disk, and are sent later: each exactly once.

A row is a file, written aside, synced and renamed. A flush sends many as one batch: it writes down
first which rows the batch has, and sends them under a key made of these (`Warehouse.append`). A
flush that dies half-way leaves that list behind; the next one sends the same rows under the same
key. One process flushes at a time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkit.errors import NbkitError, QueryFailed
from nbkit.runs.rows import Row, frame_of_rows, from_text, to_text

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

_log = logging.getLogger("nbkit.runs")
_BATCH = 500
_SUFFIX = ".row.json"


@dataclass(frozen=True)
class Flushed:
    """What a flush did: rows sent, rows still waiting, files set aside as unreadable."""

    sent: int
    waiting: int
    unreadable: tuple[Path, ...] = ()


class Spool:
    """A directory of rows on their way to one run history."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: made when the first row is kept. It has to outlive the process.
        """
        self._folder = folder

    @property
    def folder(self) -> Path:
        return self._folder

    def keep(self, row: Row, *, event: str) -> Path:
        """Keep a row until it can be sent. Kept twice under one event, it is one row."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{row['run_id']}.{event}")
        path = self._folder / f"{name}{_SUFFIX}"
        _write(path, to_text(row))
        return path

    def waiting(self) -> tuple[Path, ...]:
        """The rows that wait, the oldest first."""
        if not self._folder.is_dir():
            return ()
        found = self._folder.glob(f"*{_SUFFIX}")
        return tuple(sorted(found, key=lambda path: (_age(path), path.name)))

    def flush(self, open_history: Callable[[], Warehouse]) -> Flushed:
        """Send what waits. What the warehouse does not take stays; no error comes of it.

        Args:
            open_history: opens the run history; asked only when there is something to send.
        """
        if not self.waiting():
            return Flushed(0, 0)
        with self._alone() as mine:
            if not mine:
                return Flushed(0, len(self.waiting()))
            return self._flush(open_history)

    def _flush(self, open_history: Callable[[], Warehouse]) -> Flushed:
        sent, aside = 0, []
        try:
            with open_history() as warehouse:
                for batch in self._batches():
                    rows = {}
                    for path in batch:
                        try:
                            rows[path] = from_text(path.read_text(encoding="utf-8"))
                        except FileNotFoundError:
                            continue  # sent in an earlier flush that died before it forgot its list
                        except ValueError as error:
                            aside.append(_set_aside(path, error))
                    sent += self._send(warehouse, rows)
                    self._list.unlink(missing_ok=True)
        except NbkitError as error:
            _log.warning("Rows of the run history wait in %s: %s", self._folder, error)
        return Flushed(sent, len(self.waiting()), tuple(aside))

    def _send(self, warehouse: Warehouse, rows: dict[Path, dict[str, Any]]) -> int:
        if not rows:
            return 0
        names = sorted(path.name for path in rows)
        key = "spool " + hashlib.sha256("\n".join(names).encode()).hexdigest()
        try:
            warehouse.append(warehouse.history, frame_of_rows(rows.values()), key=key)
        except QueryFailed as error:
            if len(rows) == 1:
                _log.warning("A row of the run history waits in %s: %s", next(iter(rows)), error)
                return 0
            # One bad row must not keep the others from their place.
            return sum(self._send(warehouse, {path: row}) for path, row in rows.items())
        for path in rows:
            path.unlink(missing_ok=True)
        return len(rows)

    def _batches(self) -> Iterator[list[Path]]:
        """First the batch that an earlier flush did not finish, then the others."""
        done: set[Path] = set()
        if self._list.exists():
            try:
                unfinished = [self._folder / name for name in json.loads(self._list.read_text())]
            except ValueError:
                unfinished = []
            done.update(unfinished)
            yield unfinished
        rest = [path for path in self.waiting() if path not in done]
        for start in range(0, len(rest), _BATCH):
            batch = rest[start : start + _BATCH]
            _write(self._list, json.dumps([path.name for path in batch]))
            yield batch

    @property
    def _list(self) -> Path:
        return self._folder / "sending.json"

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with (self._folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also when the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _set_aside(path: Path, error: ValueError) -> Path:
    aside = path.with_suffix(".unreadable")
    path.rename(aside)
    _log.warning("%s cannot be read (%s); it was set aside as %s.", path, error, aside.name)
    return aside


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
