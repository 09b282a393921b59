"""What was told to whom: the messages that stand in their channels, as the delivery noted them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbkit.findings import Verdict

LEDGER = "delivery.sqlite"


@dataclass(frozen=True, kw_only=True)
class Told:
    """One message: about which report, with which verdict, where to and when."""

    at: datetime
    notebook: str
    verdict: Verdict
    destination: str


def messages_told(folder: Path, *, start: datetime, end: datetime) -> tuple[Told, ...]:
    """The messages of [start, end), in order; none where nothing was ever delivered.

    Args:
        folder: the project's state folder. It is only read, whoever is writing.
    """
    path = folder / LEDGER
    if not path.is_file():
        return ()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as opened:
            rows = opened.execute("SELECT at, notebook, verdict, destination FROM said").fetchall()
        told = [
            Told(
                at=datetime.fromisoformat(at),
                notebook=notebook,
                verdict=Verdict(verdict),
                destination=destination,
            )
            for at, notebook, verdict, destination in rows
        ]
    except (sqlite3.Error, ValueError, TypeError):  # not the ledger of this version
        return ()
    return tuple(sorted((t for t in told if start <= t.at < end), key=lambda t: (t.at, t.notebook)))
