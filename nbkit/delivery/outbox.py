"""What waits to be said and how far it got.

Each step of a delivery is written down before it is tried and again once it worked, so that a
process that dies in between leaves a step that is started and not done: the next one looks before
it does it again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from nbkit.delivery.ledger import Ledger
from nbkit.delivery.run_folder import Run, run_from_snapshot, snapshot
from nbkit.delivery.store import Store, to_moment, to_text
from nbkit.errors import DeliveryError


class State(StrEnum):
    """Of an entry. DOUBTFUL: it may have arrived and only a person can tell."""

    WAITING = "waiting"
    DOUBTFUL = "doubtful"
    SENT = "sent"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run on its way to one destination. `target` and `channel` are what was asked for."""

    run_id: str
    destination: str
    content: str
    notebook: str
    variant: str
    as_of: datetime
    target: str
    channel: str | None
    report_url: str | None
    location: str
    state: State
    error: str | None
    queued_at: datetime


@dataclass(frozen=True, kw_only=True)
class Step:
    """One part of a delivery. `ref` is what Slack calls it: a `ts`, or the id of a file."""

    done: bool
    ref: str | None
    at: datetime


class Outbox:
    """The outbox and ledger of one project. A context manager; every method is one transaction.

    Raises (from any method):
        DeliveryError: the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)
        self.ledger = Ledger(self._store)

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.close()

    def alone(
        self, destination: str, *, patience_s: float
    ) -> contextlib.AbstractContextManager[None]:
        """Hold `destination` for this process; see `Store.alone`."""
        return self._store.alone(destination, patience_s=patience_s)

    # What waits

    def put(
        self,
        run: Run,
        *,
        destination: str,
        target: str,
        channel: str | None,
        report_url: str | None,
        location: str,
        now: datetime,
    ) -> Entry:
        """Queue `run`, with all that is needed to send it later. Queued twice it is one entry; with
        other findings it replaces what waits. What was sent as it is now stays sent."""
        told, figure, html = snapshot(run)
        with self._store.writing() as sql:
            sql.execute(
                """
                INSERT INTO entry (run_id, destination, content, notebook, variant, as_of, target,
                    channel, report_url, location, state, queued_at, run, figure, html)
                VALUES (:run_id, :destination, :content, :notebook, :variant, :as_of, :target,
                    :channel, :report_url, :location, 'waiting', :now, :run, :figure, :html)
                ON CONFLICT (run_id, destination) DO UPDATE SET
                    content = excluded.content, target = excluded.target,
                    channel = excluded.channel, report_url = excluded.report_url,
                    location = excluded.location, run = excluded.run, figure = excluded.figure,
                    html = excluded.html,
                    state = CASE WHEN state = 'sent' THEN 'waiting' ELSE state END,
                    queued_at = CASE WHEN state = 'sent' THEN :now ELSE queued_at END
                WHERE NOT (state = 'sent' AND content = excluded.content)
                """,
                {
                    "run_id": run.run_id,
                    "destination": destination,
                    "content": run.content,
                    "notebook": run.notebook,
                    "variant": run.variant,
                    "as_of": to_text(run.as_of),
                    "target": target,
                    "channel": channel,
                    "report_url": report_url,
                    "location": location,
                    "now": to_text(now),
                    "run": told,
                    "figure": figure,
                    "html": html,
                },
            )
        return self.entry(run.run_id, destination)

    def entry(self, run_id: str, destination: str) -> Entry:
        """The entry of that run for that destination.

        Raises:
            DeliveryError: there is none.
        """
        for row in self._store.rows(
            "SELECT * FROM entry WHERE run_id = ? AND destination = ?", run_id, destination
        ):
            return _entry(row)
        raise DeliveryError(f"Run {run_id} is not in the outbox for {destination}.")

    def run(self, entry: Entry) -> Run:
        """The run of an entry that is not sent yet, as it was when it was queued."""
        for row in self._store.rows(
            "SELECT run, figure, html FROM entry WHERE run_id = ? AND destination = ?",
            entry.run_id,
            entry.destination,
        ):
            if row["run"] is not None:
                return run_from_snapshot(row["run"], row["figure"], row["html"])
        raise DeliveryError(f"Run {entry.run_id} does not wait to be sent.")

    def unsent(self, run_id: str = "") -> tuple[Entry, ...]:
        """Entries that wait or are in doubt, oldest report first; those whose id begins so."""
        return tuple(
            _entry(row)
            for row in self._store.rows(
                "SELECT * FROM entry WHERE state != 'sent' AND substr(run_id, 1, length(?)) = ? "
                "ORDER BY as_of, id",
                run_id,
                run_id,
            )
        )

    def note(self, entry: Entry, state: State, error: str) -> None:
        """Keep why an entry is still here. The text must hold no secret."""
        with self._store.writing() as sql:
            sql.execute(
                "UPDATE entry SET state = ?, error = ? WHERE run_id = ? AND destination = ?",
                (state.value, error, entry.run_id, entry.destination),
            )

    def close(self, entry: Entry) -> None:
        """All of the entry is sent; what it held is let go. If other findings of the same run were
        queued meanwhile, the entry stays."""
        with self._store.writing() as sql:
            sql.execute(
                "UPDATE entry SET state = 'sent', error = NULL, run = NULL, figure = NULL, "
                "html = NULL WHERE run_id = ? AND destination = ? AND content = ?",
                (entry.run_id, entry.destination, entry.content),
            )

    def forget(self, entry: Entry) -> None:
        """Drop an entry unsent."""
        with self._store.writing() as sql:
            sql.execute(
                "DELETE FROM entry WHERE run_id = ? AND destination = ?",
                (entry.run_id, entry.destination),
            )

    def redirect(self, entry: Entry, destination: str) -> Entry:
        """Send an entry elsewhere: it was queued before a destination was configured, or the
        webhook has changed since. An entry for the same run that is there already wins."""
        with self._store.writing() as sql:
            sql.execute(
                "UPDATE OR IGNORE entry SET destination = ? WHERE run_id = ? AND destination = ?",
                (destination, entry.run_id, entry.destination),
            )
            sql.execute(
                "DELETE FROM entry WHERE run_id = ? AND destination = ?",
                (entry.run_id, entry.destination),
            )
        return self.entry(entry.run_id, destination)

    # How far it got

    def step(self, entry: Entry, part: str) -> Step | None:
        """What is known of one part of the delivery of this content."""
        row = self._store.one(
            "SELECT * FROM step WHERE run_id = ? AND destination = ? AND content = ? AND part = ?",
            entry.run_id,
            entry.destination,
            entry.content,
            part,
        )
        return (
            Step(done=bool(row["done"]), ref=row["ref"], at=to_moment(row["at"])) if row else None
        )

    def in_doubt_since(self, entry: Entry, part: str) -> datetime | None:
        """When that part was started for this run, with whatever findings, without ever ending."""
        row = self._store.one(
            "SELECT min(at) AS at FROM step WHERE run_id = ? AND destination = ? AND part = ? "
            "AND done = 0",
            entry.run_id,
            entry.destination,
            part,
        )
        return to_moment(row["at"]) if row and row["at"] else None

    def start(self, entry: Entry, part: str, *, now: datetime, ref: str | None = None) -> None:
        """Write down that a part is about to be tried."""
        self._put_step(entry, part, done=False, ref=ref, now=now)

    def finish(self, entry: Entry, part: str, *, now: datetime, ref: str | None = None) -> None:
        """Write down that a part is done."""
        self._put_step(entry, part, done=True, ref=ref, now=now)

    def unstart(self, entry: Entry, part: str) -> None:
        """Take back a start: it is certain that nothing arrived."""
        with self._store.writing() as sql:
            sql.execute(
                "DELETE FROM step WHERE run_id = ? AND destination = ? AND part = ? AND done = 0",
                (entry.run_id, entry.destination, part),
            )

    def _put_step(
        self, entry: Entry, part: str, *, done: bool, ref: str | None, now: datetime
    ) -> None:
        with self._store.writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.run_id,
                    entry.destination,
                    entry.content,
                    part,
                    int(done),
                    ref,
                    to_text(now),
                ),
            )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        run_id=row["run_id"],
        destination=row["destination"],
        content=row["content"],
        notebook=row["notebook"],
        variant=row["variant"],
        as_of=to_moment(row["as_of"]),
        target=row["target"],
        channel=row["channel"],
        report_url=row["report_url"],
        location=row["location"],
        state=State(row["state"]),
        error=row["error"],
        queued_at=to_moment(row["queued_at"]),
    )
