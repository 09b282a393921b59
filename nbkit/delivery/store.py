"""The SQLite file that outbox and ledger share: transactions, errors in words, one sender a time.

In rollback-journal mode, synced at every commit: what was written down survives a kill and a power
cut, which is all that "sent once" rests on.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nbkit.errors import DeliveryError
from nbkit.store.told import LEDGER

VERSION = 1
_SCHEMA = """
CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL, destination TEXT NOT NULL, content TEXT NOT NULL,
  notebook TEXT NOT NULL, variant TEXT NOT NULL, as_of TEXT NOT NULL,
  target TEXT NOT NULL, channel TEXT, report_url TEXT, location TEXT NOT NULL,
  state TEXT NOT NULL, error TEXT, queued_at TEXT NOT NULL,
  run TEXT, figure BLOB, html BLOB,
  UNIQUE (run_id, destination));
CREATE TABLE step (
  run_id TEXT NOT NULL, destination TEXT NOT NULL, content TEXT NOT NULL, part TEXT NOT NULL,
  done INTEGER NOT NULL, ref TEXT, at TEXT NOT NULL,
  PRIMARY KEY (run_id, destination, content, part));
CREATE TABLE said (
  run_id TEXT NOT NULL, destination TEXT NOT NULL, content TEXT NOT NULL,
  notebook TEXT NOT NULL, variant TEXT NOT NULL, as_of TEXT NOT NULL,
  verdict TEXT NOT NULL, open TEXT NOT NULL, ts TEXT, channel_id TEXT, picture TEXT,
  at TEXT NOT NULL,
  PRIMARY KEY (run_id, destination));
CREATE INDEX said_stream ON said (notebook, variant, destination, as_of);
"""


class Store:
    """The open file in `folder`. Close it.

    Raises (from any method):
        DeliveryError: the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LEDGER
        with self._in_words():
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def rows(self, query: str, *values: str) -> list[sqlite3.Row]:
        with self._in_words():
            return self._connection.execute(query, values).fetchall()

    def one(self, query: str, *values: str) -> sqlite3.Row | None:
        with self._in_words():
            row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
            return row

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end."""
        with self._in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def alone(self, destination: str, *, patience_s: float) -> Iterator[None]:
        """Hold `destination` for this process; a second one waits its turn.

        A lock of SQLite's on a file of its own: the operating system lets go of it when a process
        dies, however it dies, and it works where `fcntl` does not.

        Raises:
            DeliveryError: another process has been sending there for `patience_s` seconds.
        """
        name = hashlib.sha256(destination.encode()).hexdigest()[:12]
        with self._in_words():
            lock = sqlite3.connect(
                self._folder / f"delivery-{name}.lock", timeout=patience_s, isolation_level=None
            )
        with contextlib.closing(lock):
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise DeliveryError(
                    f"Another process is still sending to {destination}. The message is kept in "
                    "the outbox; `nbkit deliver --pending` sends it later."
                ) from error
            yield

    def _prepare(self) -> None:
        with self._in_words():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise DeliveryError(
                f"{self._path} was written by a newer nbkit (format {version}, this one knows "
                f"{VERSION}). Update nbkit."
            )
        if version < VERSION:
            with self.writing() as sql:
                # Another process may have been quicker.
                if sql.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                    for statement in _SCHEMA.split(";"):
                        sql.execute(statement)
                    sql.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DeliveryError(
                f"The outbox {self._path} cannot be used ({error}). Without it a message could be "
                "sent twice, so none is. Free the disk or mend its permissions; if the file is "
                "damaged, move it aside: then everything open is told once more as new."
            ) from error


def to_text(moment: datetime) -> str:
    """UTC with a fixed width, so that text sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_moment(text: str) -> datetime:
    """What `to_text` made a text of."""
    return datetime.fromisoformat(text)
