"""What the delivery's ledger wrote, the hand-off reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbkit.delivery.store import Store
from nbkit.findings import Verdict
from nbkit.store import messages_told

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
