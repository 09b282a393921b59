"""`nbkit guard`: run any command, and end it when it hangs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.cli.lengths import length_of
from nbkit.errors import InputError

if TYPE_CHECKING:
    from nbkit.runs.child import ChildResult

_FRAMES = 4


def guard_command(
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND", help="The command and its arguments, after --."),
    ],
    timeout: Annotated[
        str, typer.Option(help="Longest time for the whole command: 90s, 30m, 2h.")
    ] = "30m",
    heartbeat: Annotated[
        str, typer.Option(help="Longest time between signs of life, or none.")
    ] = "15m",
    grace: Annotated[
        str, typer.Option(help="Time to clean up between SIGTERM and SIGKILL.")
    ] = "10s",
    output_is_life: Annotated[
        bool,
        typer.Option(
            "--output-is-life/--only-beats",
            help="Whether any output is a sign of life, or only nbkit.runs.guard.beat().",
        ),
    ] = True,
    name: Annotated[str, typer.Option(help="In messages. [default: the command's]")] = "",
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write how it ended there, as JSON.")
    ] = None,
    recorded_as: Annotated[
        str, typer.Option("--record", metavar="NAME", help="Record it as a run of this processor.")
    ] = "",
    day: Annotated[
        str, typer.Option("--date", help="With --record: the data date. [default: today, UTC]")
    ] = "",
    warehouse: Annotated[
        str, typer.Option(help="With --record: the history. [default: NBKIT_RUNS]")
    ] = "",
) -> None:
    """Run a command and end it, with all that it started, when it hangs.

    Its output passes through. Exits with the command's own code; 124 when it was ended for a
    timeout or a lost heartbeat (as timeout(1) does), with what it was doing on stderr; 128+N when
    signal N ended it; 2 when it cannot be started.
    """
    from nbkit.runs.child import run_guarded
    from nbkit.runs.guard import EXIT_CODE

    if report is not None and not report.absolute().parent.is_dir():
        raise InputError(f"--report {report}: there is no folder {report.absolute().parent}.")
    guarded = partial(
        run_guarded,
        command,
        timeout=length_of("--timeout", timeout),
        heartbeat=None if heartbeat == "none" else length_of("--heartbeat", heartbeat),
        grace=length_of("--grace", grace),
        output_is_life=output_is_life,
        check=False,
        name=name,
    )
    if recorded_as:
        result = _recorded(guarded, recorded_as, _date(day), warehouse)
    elif day or warehouse:
        raise InputError("--date and --warehouse say where a run is recorded; add --record NAME.")
    else:
        result = guarded()
    if report is not None:
        _write(report, result)
    if result.limit:
        _tell(result)
        raise typer.Exit(EXIT_CODE)
    if result.code is None or result.code < 0:
        typer.echo(f"nbkit: {result.error}", err=True)
        raise typer.Exit(3 if result.code is None else 128 - result.code)
    if result.code:
        raise typer.Exit(result.code)


def _recorded(
    guarded: Callable[..., ChildResult], processor: str, day: date, warehouse: str
) -> ChildResult:
    """Run it as a run of the history; how it ended is the run's end."""
    from nbkit.errors import GuardError
    from nbkit.project import find_project
    from nbkit.runs.history import record
    from nbkit.runs.run import Trigger

    result = None
    with (
        suppress(GuardError),
        record(
            warehouse or find_project().runs_url(),
            processor=processor,
            data_date=day,
            trigger=Trigger(source="manual"),
        ) as run,
    ):
        result = guarded(on_beat=run.heartbeat)
        if result.error is not None:
            raise result.error
    assert result is not None  # what else may be raised is not suppressed
    return result


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError:
        raise InputError(f"--date {text}: not a date; write it like 2026-01-12.") from None


def _tell(result: ChildResult) -> None:
    """The error, and the innermost calls of each thread that hung."""
    typer.echo(f"nbkit: {result.error}", err=True)
    for stack in result.evidence["stacks"]:
        typer.echo(f"  process {stack['pid']}, {stack['thread']}:", err=True)
        for frame in stack["frames"][-_FRAMES:]:
            typer.echo(f"    {frame}", err=True)
    if not result.evidence["stacks"]:
        for process in result.evidence["processes"]:
            place = f", in {process['waits_in']}" if process["waits_in"] else ""
            typer.echo(f"  process {process['pid']} {process['command']}{place}", err=True)


def _write(report: Path, result: ChildResult) -> None:
    """Whole or not at all: another process may be waiting for the file."""
    aside = report.with_name(f".{report.name}.{os.getpid()}")
    error = result.error
    told = {"error": error and str(error), **result.evidence}
    try:
        aside.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        aside.replace(report)
    except OSError as failed:
        raise InputError(f"--report {report}: cannot be written: {failed.strerror}.") from None
