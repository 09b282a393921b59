"""What the delivery's ledger wrote, the hand-off reads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbkit.delivery.store import Store
from nbkit.findings import Verdict
from nbkit.store import messages_told, notes_between
from nbkit.store.notes import NoteOfWork, add_note

NOW = datetime(2026, 1, 13, 12, tzinfo=UTC)


def test_messages_of_a_time_are_read_from_the_deliverys_own_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    try:
        with store.writing() as sql:
            for hours, name in ((1, "daily_health"), (40, "phase5")):
                at = (NOW - timedelta(hours=hours)).isoformat()
                sql.execute(
                    "INSERT INTO said (run_id, destination, content, notebook, variant, as_of, "
                    "verdict, open, at) VALUES (?, 'slack:#ops', 'c', ?, '', ?, 'RED', '[]', ?)",
                    (name, name, at, at),
                )
        (told,) = messages_told(tmp_path, start=NOW - timedelta(hours=24), end=NOW)
    finally:
        store.close()
    assert (told.notebook, told.verdict, told.destination) == (
        "daily_health",
        Verdict.RED,
        "slack:#ops",
    )


def test_a_file_that_is_no_ledger_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "delivery.sqlite").write_text("not SQLite at all")
    assert messages_told(tmp_path, start=NOW, end=NOW + timedelta(days=1)) == ()


def test_a_ledger_with_other_words_tells_nothing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "delivery.sqlite")) as opened, opened:
        opened.execute("CREATE TABLE said (at, notebook, verdict, destination)")
        opened.execute("INSERT INTO said VALUES ('yesterday', 'phase5', 'MAUVE', 'slack')")
    assert messages_told(tmp_path, start=NOW, end=NOW + timedelta(days=1)) == ()


def test_lines_that_are_no_notes_are_left_out(tmp_path: Path) -> None:
    note = NoteOfWork(at=NOW, who="ana", what="restarted it")
    add_note(tmp_path, note)
    with (tmp_path / "notes.jsonl").open("ab") as file:
        file.write(b'{"at": "2026-01-13T12:00:00", "who": "no", "what": "zone"}\n\xff\n[]\n7\n')
    assert notes_between(tmp_path, start=NOW, end=NOW + timedelta(days=1)) == (note,)
    (tmp_path / "notes.jsonl").unlink()
    (tmp_path / "notes.jsonl").mkdir()
    assert notes_between(tmp_path, start=NOW, end=NOW + timedelta(days=1)) == ()
