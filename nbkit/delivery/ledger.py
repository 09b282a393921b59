"""What was said where: the memory that keeps a finding from being announced twice."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from nbkit.delivery.changes import Open, Said
from nbkit.delivery.run_folder import Run
from nbkit.delivery.store import Store, to_moment, to_text
from nbkit.findings import Severity, Verdict

MESSAGE = "message"  # the part of a delivery whose doubt is settled by `say`


class Ledger:
    """Messages that stand in their channels, one for each run and destination."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def say(
        self,
        run: Run,
        destination: str,
        *,
        open_now: tuple[Open, ...],
        now: datetime,
        ts: str | None = None,
        channel_id: str | None = None,
        picture: str | None = None,
    ) -> Said:
        """Write down that the message about `run` stands in its channel, and what it told."""
        told = [
            {"fingerprint": o.fingerprint, "title": o.title, "severity": o.severity.value}
            for o in open_now
        ]
        key = (run.run_id, destination)
        with self._store.writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    run.content,
                    run.notebook,
                    run.variant,
                    to_text(run.as_of),
                    run.verdict.value,
                    json.dumps(told),
                    ts,
                    channel_id,
                    picture,
                    to_text(now),
                ),
            )
            # In the same transaction: nobody is to see a message that stands and is in doubt.
            sql.execute(
                "UPDATE step SET done = 1 WHERE run_id = ? AND destination = ? AND part = ?",
                (*key, MESSAGE),
            )
        return Said(
            run_id=run.run_id,
            content=run.content,
            as_of=run.as_of,
            verdict=run.verdict,
            open=open_now,
            ts=ts,
            channel_id=channel_id,
            picture=picture,
        )

    def said(self, run: Run, destination: str) -> Said | None:
        """The message that stands in the channel about this very run."""
        row = self._store.one(
            "SELECT * FROM said WHERE run_id = ? AND destination = ?", run.run_id, destination
        )
        return _said(row) if row else None

    def ts(self, run_id: str, destination: str) -> str | None:
        """Slack's name of the message about that run."""
        row = self._store.one(
            "SELECT ts FROM said WHERE run_id = ? AND destination = ?", run_id, destination
        )
        return row["ts"] if row else None

    def before(self, run: Run, destination: str) -> Said | None:
        """The last message of the same report in the same channel that is older than `run`."""
        row = self._store.one(
            "SELECT * FROM said WHERE notebook = ? AND variant = ? AND destination = ? "
            "AND as_of < ? ORDER BY as_of DESC LIMIT 1",
            run.notebook,
            run.variant,
            destination,
            to_text(run.as_of),
        )
        return _said(row) if row else None

    def newer(self, run: Run, destination: str) -> datetime | None:
        """as_of of the newest message of the same report, if it is newer than `run`."""
        row = self._store.one(
            "SELECT max(as_of) AS newest FROM said WHERE notebook = ? AND variant = ? "
            "AND destination = ? AND as_of > ?",
            run.notebook,
            run.variant,
            destination,
            to_text(run.as_of),
        )
        return to_moment(row["newest"]) if row and row["newest"] else None

    def channel_id(self, destination: str) -> str | None:
        """Slack's id of the channel, known once a message arrived there."""
        row = self._store.one(
            "SELECT channel_id FROM said WHERE destination = ? AND channel_id IS NOT NULL "
            "ORDER BY at DESC LIMIT 1",
            destination,
        )
        return str(row["channel_id"]) if row else None


def _said(row: sqlite3.Row) -> Said:
    return Said(
        run_id=row["run_id"],
        content=row["content"],
        as_of=to_moment(row["as_of"]),
        verdict=Verdict(row["verdict"]),
        open=tuple(
            Open(
                fingerprint=item["fingerprint"],
                title=item["title"],
                severity=Severity(item["severity"]),
            )
            for item in json.loads(row["open"])
        ),
        ts=row["ts"],
        channel_id=row["channel_id"],
        picture=row["picture"],
    )
