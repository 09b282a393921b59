"""`nbkit deliver`: tell about a run, now or again, and look after what waits in the outbox."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.errors import DeliveryError, InputError, NbkitError
from nbkit.project import Project, find_project

if TYPE_CHECKING:
    from nbkit.delivery import Delivery, Entry


def deliver_command(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Folder of a run, or an id shown by --list."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="slack, or dir:PATH for a preview. [default: slack]")
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="Slack channel, instead of SLACK_CHANNEL.")
    ] = None,
    report_url: Annotated[
        str | None, typer.Option(help="Where readers open the report; the message links to it.")
    ] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Send everything that waits in the outbox.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show what waits in the outbox.")] = False,
    resend: Annotated[
        bool,
        typer.Option("--resend", help="Send it although it may have arrived: it is not there."),
    ] = False,
    arrived: Annotated[
        bool, typer.Option("--arrived", help="Note it as sent: it is in the channel.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Drop it from the outbox unsent; the report stays.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """Tell about a run in Slack, once.

    A run with the same findings says nothing again; with other findings the message is edited.
    What does not get through stays in the outbox. Reads SLACK_BOT_TOKEN and SLACK_CHANNEL (words,
    picture, report), or SLACK_WEBHOOK_URL (words only).
    """
    _check_choice(run, pending, listed, sum((resend, arrived, forget)))
    project = find_project()
    if listed:
        _list(project, as_json=as_json)
        return
    if pending:
        _send_pending(project, as_json=as_json)
        return
    assert run is not None
    if arrived or forget:
        _settle(_waiting(run, project), project, arrived=arrived)
        return
    done = _deliver_one(run, project, to, channel, report_url, resend=resend)
    _print(done, as_json=as_json)


def _check_choice(run: str | None, pending: bool, listed: bool, settling: int) -> None:
    if (run is not None) + pending + listed != 1:
        raise InputError("Give one of: a RUN, --pending, --list. See `nbkit deliver --help`.")
    if settling > 1 or (settling and run is None):
        raise InputError("--resend, --arrived and --forget are about one RUN, and exclude another.")


def _deliver_one(
    run: str,
    project: Project,
    to: str | None,
    channel: str | None,
    report_url: str | None,
    *,
    resend: bool,
) -> Delivery:
    from nbkit.delivery import deliver, deliver_entry

    now = datetime.now(UTC)
    if Path(run).exists() or os.sep in run:
        return deliver(
            Path(run),
            to=to or "slack",
            project=project,
            now=now,
            environment=os.environ,
            report_url=report_url,
            channel=channel,
            resend=resend,
        )
    if to or channel or report_url:
        raise InputError(
            f"{run} is not a folder. An id sends what the outbox holds, as it was queued: "
            "leave --to, --channel and --report-url out, or give the run's folder."
        )
    return deliver_entry(
        _waiting(run, project), project=project, now=now, environment=os.environ, resend=resend
    )


def _waiting(run: str, project: Project) -> Entry:
    """The one entry of the outbox that `run`, an id or a folder, means."""
    from nbkit.delivery import unsent
    from nbkit.delivery.run_folder import read_run

    run_id = read_run(Path(run)).run_id if Path(run).exists() else run
    found = unsent(project, run_id)
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            f"{run}: no such folder, and nothing in the outbox has that id. "
            "`nbkit deliver --list` shows what waits."
        )
    raise InputError(
        f"{run} means {len(found)} messages in the outbox: "
        + ", ".join(f"{entry.run_id} to {entry.destination}" for entry in found)
        + ". Write the whole id, or give the folder and --to."
    )


def _settle(entry: Entry, project: Project, *, arrived: bool) -> None:
    from nbkit.delivery import forget, mark_arrived

    if arrived:
        mark_arrived(entry, project=project, now=datetime.now(UTC))
        typer.echo(f"Noted as sent: {_name(entry)}")
    else:
        forget(entry, project=project)
        typer.echo(f"Dropped from the outbox: {_name(entry)}")


def _send_pending(project: Project, *, as_json: bool) -> None:
    from nbkit.delivery import State, deliver_entry, unsent

    sent: list[Delivery] = []
    failed: list[tuple[Entry, NbkitError]] = []
    for entry in unsent(project):
        if entry.state is State.DOUBTFUL:
            failed.append((entry, DeliveryError(entry.error or "it may have arrived")))
            continue
        try:
            now = datetime.now(UTC)
            sent.append(deliver_entry(entry, project=project, now=now, environment=os.environ))
        except NbkitError as error:
            failed.append((entry, error))
    if as_json:
        report: dict[str, Any] = {
            "sent": [delivery.to_json() for delivery in sent],
            "failed": [{"run_id": e.run_id, "error": str(reason)} for e, reason in failed],
        }
        typer.echo(json.dumps(report, indent=2))
    else:
        for delivery in sent:
            typer.echo(_sentence(delivery))
        if not sent and not failed:
            typer.echo("Nothing waits in the outbox.")
    if failed:
        for entry, reason in failed:
            typer.echo(f"nbkit: {_name(entry)}: {reason}", err=True)
        raise typer.Exit(DeliveryError.exit_code)


def _list(project: Project, *, as_json: bool) -> None:
    from nbkit.delivery import unsent

    entries = unsent(project)
    if as_json:
        rows = [
            {
                "run_id": entry.run_id,
                "notebook": entry.notebook,
                "variant": entry.variant,
                "as_of": entry.as_of.isoformat(),
                "destination": entry.destination,
                "state": entry.state.value,
                "queued_at": entry.queued_at.isoformat(),
                "error": entry.error,
            }
            for entry in entries
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not entries:
        typer.echo("Nothing waits in the outbox.")
    for entry in entries:
        typer.echo(f"{entry.run_id}  {_name(entry)}")
        state = "may have arrived" if entry.state.value == "doubtful" else "waits"
        typer.echo(f"  {state} since {entry.queued_at:%Y-%m-%d %H:%M} UTC, for {entry.destination}")
        if entry.error:
            typer.echo(f"  {entry.error}")


def _print(delivery: Delivery, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(delivery.to_json(), indent=2))
        return
    if delivery.path:
        typer.echo(delivery.path / "preview.html")
        return
    typer.echo(_sentence(delivery))
    if delivery.waiting:
        typer.echo(f"{delivery.waiting} more in the outbox: nbkit deliver --pending")


def _sentence(delivery: Delivery) -> str:
    about = f"{delivery.notebook} of {delivery.as_of:%Y-%m-%d %H:%M} UTC"
    if delivery.already_sent:
        return f"Already sent to {delivery.destination}: {about}"
    verb = "Updated in" if delivery.edited else "Sent to"
    return f"{verb} {delivery.destination}: {about} ({', '.join(delivery.parts)})"


def _name(entry: Entry) -> str:
    name = f"{entry.notebook} of {entry.as_of:%Y-%m-%d %H:%M} UTC"
    return f"{name} ({entry.variant})" if entry.variant else name
