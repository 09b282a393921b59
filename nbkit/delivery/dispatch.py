"""Deliver a run: queue it, wait for the turn, send what is not sent yet, remember what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbkit.delivery.destinations import (
    NOT_CONFIGURED,
    Bot,
    Destination,
    Folder,
    Webhook,
    redact,
    resolve,
)
from nbkit.delivery.directory import write_preview
from nbkit.delivery.ledger import MESSAGE
from nbkit.delivery.outbox import Entry, Outbox, State
from nbkit.delivery.run_folder import Run, read_run
from nbkit.delivery.slack import Doubtful, Outcome, Parcel, send_by_bot, send_by_webhook
from nbkit.delivery.slack_calls import Fault, Patience
from nbkit.delivery.slack_errors import explain
from nbkit.delivery.slack_text import web_address
from nbkit.errors import DeliveryError, NbkitError
from nbkit.project import Project


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What was sent where. `parts` is empty when all of it had been sent before.

    `ts` is Slack's name of the message (None for a webhook or folder). `edited`: a message about
    the same run was there and now shows the new findings. `waiting`: other messages for the same
    destination that are still in the outbox.
    """

    run_id: str
    notebook: str
    as_of: datetime
    destination: str
    parts: tuple[str, ...]
    ts: str | None = None
    edited: bool = False
    path: Path | None = None
    waiting: int = 0

    @property
    def already_sent(self) -> bool:
        return not self.parts

    def to_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "notebook": self.notebook,
            "as_of": self.as_of.isoformat(),
            "destination": self.destination,
            "sent": list(self.parts),
            "already_sent": self.already_sent,
            "ts": self.ts,
            "edited": self.edited,
            "path": str(self.path) if self.path else None,
            "waiting": self.waiting,
        }


def deliver(
    run_folder: Path,
    *,
    to: str,
    project: Project,
    now: datetime,
    environment: Mapping[str, str],
    report_url: str | None = None,
    channel: str | None = None,
    resend: bool = False,
    patience: Patience | None = None,
) -> Delivery:
    """Tell about the run in `run_folder`, once.

    The same run with the same findings says nothing again; with other findings the message is
    edited (bot) or corrected by a second one (webhook). What does not get through stays in the
    outbox of `project`, with all that it needs.

    Args:
        to: `slack` or `dir:PATH`.
        report_url: where readers open the report; http(s) becomes a link, another place is named.
        channel: instead of `SLACK_CHANNEL`.
        resend: send a message whose reply was lost although it may have arrived.

    Raises:
        RunFolderError: the folder is not a run's.
        InputError: `to` is no destination.
        DeliveryError: not (all of it) sent; kept in the outbox.
    """
    run = read_run(run_folder)

    def queue(outbox: Outbox, *, destination: str, target: str) -> Entry:
        return outbox.put(
            run,
            destination=destination,
            target=target,
            channel=channel,
            report_url=web_address(report_url),
            # A place in a bucket is no link, but it is where the report is.
            location=report_url or _location(run, project),
            now=now,
        )

    with Outbox(project.state) as outbox:
        try:
            destination = resolve(to, channel=channel, environment=environment)
        except DeliveryError as error:
            entry = queue(outbox, destination=NOT_CONFIGURED, target=to)
            outbox.note(entry, State.WAITING, str(error))
            raise DeliveryError(f"{error} {_kept(run.run_id)}") from None
        for earlier in outbox.unsent(run.run_id):
            if earlier.destination == NOT_CONFIGURED:
                outbox.redirect(earlier, destination.key)
        # A folder is kept as an absolute path: it is found again from anywhere.
        target = destination.key if isinstance(destination, Folder) else to
        entry = queue(outbox, destination=destination.key, target=target)
        return _send(outbox, entry, destination, run=run, now=now, resend=resend, patience=patience)


def deliver_entry(
    entry: Entry,
    *,
    project: Project,
    now: datetime,
    environment: Mapping[str, str],
    resend: bool = False,
    patience: Patience | None = None,
) -> Delivery:
    """Send what waits in the outbox, to where `entry` was meant to go.

    Raises:
        DeliveryError: it still does not get through; it stays in the outbox.
    """
    with Outbox(project.state) as outbox:
        destination = resolve(entry.target, channel=entry.channel, environment=environment)
        if destination.key != entry.destination:
            entry = outbox.redirect(entry, destination.key)
        return _send(outbox, entry, destination, now=now, resend=resend, patience=patience)


def unsent(project: Project, run_id: str = "") -> tuple[Entry, ...]:
    """What waits in the outbox, oldest report first; with `run_id`, ids that begin so."""
    with Outbox(project.state) as outbox:
        return outbox.unsent(run_id)


def mark_arrived(entry: Entry, *, project: Project, now: datetime) -> None:
    """Somebody looked: the message whose reply was lost is in the channel."""
    with Outbox(project.state) as outbox, outbox.alone(entry.destination, patience_s=30):
        run = outbox.run(entry)
        parcel = Parcel(outbox=outbox, entry=entry, run=run, patience=Patience(), now=now)
        parcel.say()
        outbox.close(entry)


def forget(entry: Entry, *, project: Project) -> None:
    """Drop an entry of the outbox unsent. The report itself stays."""
    with Outbox(project.state) as outbox, outbox.alone(entry.destination, patience_s=30):
        outbox.forget(entry)


def _send(
    outbox: Outbox,
    entry: Entry,
    destination: Destination,
    *,
    now: datetime,
    run: Run | None = None,
    resend: bool = False,
    patience: Patience | None = None,
) -> Delivery:
    patience = patience or Patience()
    with outbox.alone(entry.destination, patience_s=patience.total_s + 30):
        # Another process may have sent it, or queued newer findings, while this one waited.
        entry = outbox.entry(entry.run_id, entry.destination)
        if entry.state is not State.SENT:
            run = outbox.run(entry)
        elif not isinstance(destination, Folder):
            run = None
        if run is None:
            outcome = Outcome(ts=outbox.ledger.ts(entry.run_id, entry.destination))
        else:
            if resend:
                outbox.unstart(entry, MESSAGE)
            parcel = Parcel(outbox=outbox, entry=entry, run=run, patience=patience, now=now)
            outcome = _attempt(destination, parcel)
        rest = [e for e in outbox.unsent() if e.destination == entry.destination]
    return Delivery(
        run_id=entry.run_id,
        notebook=entry.notebook,
        as_of=entry.as_of,
        destination=entry.destination,
        parts=tuple(outcome.parts),
        ts=outcome.ts,
        edited=outcome.edited,
        path=destination.path if isinstance(destination, Folder) else None,
        waiting=len(rest),
    )


def _attempt(destination: Destination, parcel: Parcel) -> Outcome:
    outbox, entry = parcel.outbox, parcel.entry
    channel = destination.channel if isinstance(destination, Bot) else "the webhook's channel"
    try:
        if isinstance(destination, Bot):
            outcome = send_by_bot(destination, parcel)
        elif isinstance(destination, Webhook):
            outcome = send_by_webhook(destination, parcel)
        else:
            outcome = _write(destination, parcel)
    except Doubtful as doubt:
        why = (
            f"It is not known whether the message arrived ({doubt}), and a webhook cannot be asked."
        )
        outbox.note(entry, State.DOUBTFUL, why)
        raise DeliveryError(
            f"{why} Look in the channel for “run {entry.run_id}”, then say "
            f"`nbkit deliver {entry.run_id} --arrived` or `nbkit deliver {entry.run_id} --resend`."
        ) from None
    except Fault as fault:
        why = redact(explain(fault, channel=channel), destination.secrets)
        outbox.note(entry, State.WAITING, why)
        raise DeliveryError(f"{why} {_kept(entry.run_id)}") from None
    except NbkitError as error:
        outbox.note(entry, State.WAITING, redact(str(error), destination.secrets))
        raise
    if outcome.missing:
        why = redact("; ".join(outcome.missing), destination.secrets)
        outbox.note(entry, State.WAITING, why)
        raise DeliveryError(
            f"The message is in {channel}, but {why} "
            f"`nbkit deliver {entry.run_id}` sends what is missing, and nothing twice."
        )
    outbox.close(entry)
    return outcome


def _write(folder: Folder, parcel: Parcel) -> Outcome:
    write_preview(folder.path, parcel.run, parcel.message())
    parcel.say()
    return Outcome(parts=["preview"])


def _location(run: Run, project: Project) -> str:
    folder = run.folder
    shown = folder.relative_to(project.root) if folder.is_relative_to(project.root) else folder
    return f"{shown}/index.html" if run.html else str(shown)


def _kept(run_id: str) -> str:
    return (
        "The message is kept in the outbox: "
        f"`nbkit deliver {run_id}` or `nbkit deliver --pending` sends it."
    )
