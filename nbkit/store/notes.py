"""What people did, in their own words: a line each, kept for whoever is on call next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbkit.errors import InputError

FILE_NAME = "notes.jsonl"


@dataclass(frozen=True, kw_only=True)
class NoteOfWork:
    """One thing that somebody did. `at` is aware."""

    at: datetime
    who: str
    what: str


def add_note(folder: Path, note: NoteOfWork) -> None:
    """Append a note to the project's state folder.

    Raises:
        InputError: nothing was said, or the file cannot be written.
    """
    what = " ".join(note.what.split())
    if not what:
        raise InputError('A note needs words, such as: nbkit handoff --note "restarted the API".')
    line = json.dumps(
        {"at": note.at.astimezone(UTC).isoformat(), "who": note.who, "what": what},
        ensure_ascii=False,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / FILE_NAME).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise InputError(f"{folder / FILE_NAME}: cannot be written: {error.strerror}.") from error


def notes_between(folder: Path, *, start: datetime, end: datetime) -> tuple[NoteOfWork, ...]:
    """The notes of [start, end), in order. A line that cannot be read is left out."""
    path = folder / FILE_NAME
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # there is none, or it may not be read
        return ()
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
            note = NoteOfWork(
                at=datetime.fromisoformat(entry["at"]),
                who=str(entry["who"]),
                what=str(entry["what"]),
            )
        except (ValueError, KeyError, TypeError):
            continue
        if note.at.tzinfo is not None and start <= note.at < end:
            found.append(note)
    return tuple(sorted(found, key=lambda note: note.at))
