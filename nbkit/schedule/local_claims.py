"""Claims of the schedulers on one machine: a SQLite file, and a lock for each running job.

The operating system lets go of a lock when its process dies, however it dies: an open claim whose
lock is free belongs to nobody any more.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbkit.errors import ScheduleError
from nbkit.schedule.claims import Entry, Outcome, to_text
from nbkit.schedule.due import Due, Standing
from nbkit.schedule.job import Job
from nbkit.schedule.locks import held

VERSION = 1
_PATIENCE_S = 30
# Who looks whether a job runs holds its lock for an instant; who runs it, for minutes.
_GLANCE_S = 1
_SCHEMA = """
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  job TEXT NOT NULL, scheduled_at TEXT NOT NULL, attempt INTEGER NOT NULL,
  claimed_at TEXT NOT NULL, ended_at TEXT, exit_code INTEGER, said TEXT, report TEXT);
CREATE UNIQUE INDEX claim ON run (job, scheduled_at, attempt) WHERE attempt > 0;
CREATE INDEX by_job ON run (job, scheduled_at, attempt);
"""
_LATEST = """
SELECT * FROM (
  SELECT * FROM run WHERE job = :job ORDER BY claimed_at DESC, id DESC LIMIT 1)
UNION
SELECT * FROM (
  SELECT * FROM run WHERE job = :job AND attempt > 0
  ORDER BY scheduled_at DESC, attempt DESC LIMIT 1)
"""


@dataclass(frozen=True)
class _Turn:
    claims: LocalClaims
    id: int

    def end(self, outcome: Outcome, *, now: datetime) -> None:
        self.claims.end(self.id, outcome, now=now)


class LocalClaims:
    """The open file `schedule.sqlite` in `folder`. Close it.

    Raises (from any method):
        ScheduleError: the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "schedule.sqlite"
        with self._in_words():
            folder.mkdir(parents=True, exist_ok=True)
            self._sql = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None)
            self._sql.row_factory = sqlite3.Row
            try:
                self._prepare()
            except BaseException:
                self._sql.close()
                raise

    def close(self) -> None:
        self._sql.close()

    def latest(self, jobs: Iterable[Job], *, now: datetime) -> tuple[Entry, ...]:
        with self._in_words():
            rows = [row for job in jobs for row in self._sql.execute(_LATEST, {"job": job.name})]
        return tuple(self._entry(row) for row in rows)

    @contextlib.contextmanager
    def turn(self, run: Due, *, now: datetime) -> Iterator[_Turn | None]:
        with self._lock(run.job.name, patience_s=_GLANCE_S) as free:
            yield self._claim(run, now) if free else None

    def note(self, run: Due, outcome: Outcome, *, now: datetime) -> None:
        if turn := self._claim(run, now):
            turn.end(outcome, now=now)

    def end(self, run: int, outcome: Outcome, *, now: datetime) -> None:
        """Note the end of a claimed run."""
        with self._in_words():
            self._sql.execute(
                "UPDATE run SET ended_at = ?, exit_code = ?, said = ?, report = ? WHERE id = ?",
                (to_text(now), outcome.exit_code, outcome.said, outcome.report, run),
            )

    def _claim(self, run: Due, now: datetime) -> _Turn | None:
        values = (run.job.name, to_text(run.scheduled_at), run.attempt, to_text(now))
        with self._in_words():
            try:
                cursor = self._sql.execute(
                    "INSERT INTO run (job, scheduled_at, attempt, claimed_at) VALUES (?, ?, ?, ?)",
                    values,
                )
            except sqlite3.IntegrityError:
                return None  # somebody was quicker, and is done already
        assert cursor.lastrowid is not None
        return _Turn(self, cursor.lastrowid)

    def _entry(self, row: sqlite3.Row) -> Entry:
        ended = row["ended_at"]
        return Entry(
            job=row["job"],
            scheduled_at=datetime.fromisoformat(row["scheduled_at"]),
            attempt=row["attempt"],
            standing=Standing.ENDED if ended else self._standing(row["job"]),
            claimed_at=datetime.fromisoformat(row["claimed_at"]),
            ended_at=datetime.fromisoformat(ended) if ended else None,
            outcome=(
                Outcome(exit_code=row["exit_code"], said=row["said"], report=row["report"])
                if ended
                else None
            ),
        )

    def _standing(self, job: str) -> Standing:
        with self._lock(job, patience_s=0) as free:
            return Standing.LOST if free else Standing.RUNNING

    def _lock(self, job: str, *, patience_s: float) -> AbstractContextManager[bool]:
        return held(self._folder / f"schedule-{job}.lock", patience_s=patience_s)

    def _prepare(self) -> None:
        self._sql.execute("BEGIN IMMEDIATE")
        (version,) = self._sql.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise ScheduleError(
                f"{self._path} was written by a newer nbkit (format {version}, this one knows "
                f"{VERSION}). Update nbkit."
            )
        if version < VERSION:
            for statement in _SCHEMA.split(";"):
                self._sql.execute(statement)
            self._sql.execute(f"PRAGMA user_version = {VERSION}")
        self._sql.execute("COMMIT")

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ScheduleError(
                f"The memory of the schedule, {self._path}, cannot be used ({error}). Without it a "
                "job could run twice, so none runs. Free the disk or mend its permissions; if the "
                "file is damaged, move it aside: then every job counts as new."
            ) from error
