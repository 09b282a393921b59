"""`nbkit handoff`: what the next person on call has to know, as Markdown."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nbkit.cli.lengths import length_of
from nbkit.cli.moments import moment_of


def handoff_command(
    since: Annotated[str, typer.Option(help="How long the watch was: 24h, 7d.")] = "24h",
    note: Annotated[
        str, typer.Option(help="Keep a line about what you did for the next person, and stop.")
    ] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_of: Annotated[str, typer.Option(help="The moment of handing over. [default: now]")] = "",
    reports: Annotated[
        str, typer.Option(help="Where past reports are: a folder, gs://…  [default: reports/]")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write the Markdown to this file instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """State now, open findings with their age, what changed, what was done, what is next.

    The HTML page of the same: nbkit run handoff.
    """
    from nbkit.errors import InputError
    from nbkit.project import find_project
    from nbkit.questions.handoff import as_document, handoff
    from nbkit.store import NoteOfWork, add_note

    project = find_project()
    if note:
        moment = datetime.now(UTC).replace(microsecond=0)
        add_note(project.state, NoteOfWork(at=moment, who=_who(), what=note))
        typer.echo(f"Noted for the hand-off: {note}")
        return
    report = handoff(
        warehouse,
        as_of=moment_of(as_of, warehouse, project),
        since_hours=length_of("--since", since).total_seconds() / 3_600,
        reports=reports,
    )
    if as_json:
        typer.echo(json.dumps(as_document(report), indent=1, ensure_ascii=False))
        return
    text = report.markdown()
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror}.") from error
    typer.echo(str(out))


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user
        return "somebody"
