"""Deliver one run to Slack: what is sent in which order, and how each step is done once only.

A bot posts the words with the picture, then puts the report into the thread; when a rerun found
something else, it edits the message and says in the thread what changed. A webhook posts words and
can neither look nor edit. Every step is resumed where the last process left it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nbkit.delivery.changes import Open, Said, open_after
from nbkit.delivery.destinations import Bot, Webhook, is_loopback
from nbkit.delivery.ledger import MESSAGE
from nbkit.delivery.message import Message, compose, difference
from nbkit.delivery.outbox import Entry, Outbox
from nbkit.delivery.run_folder import Run
from nbkit.delivery.slack_api import Posted, SlackApi, nothing_seen
from nbkit.delivery.slack_blocks import blocks, last_resort, text_only
from nbkit.delivery.slack_calls import (
    Fault,
    Patience,
    Trouble,
    insist,
    post_webhook,
    webhook_client,
)
from nbkit.delivery.slack_errors import explain
from nbkit.delivery.slack_text import escape
from nbkit.findings import Verdict

TIMEOUT_S = 15
# The words wait at most so long for the picture.
PICTURE_S = 20.0
# Just after an upload Slack may not know the file yet; it takes a few seconds.
_FILE_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_BLOCKS_REFUSED = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
_PICTURE_REFUSED = {"invalid_blocks", "file_not_found", "slack_file_not_found"}
_NOT_EDITABLE = {"message_not_found", "cant_update_message", "edit_window_closed"}
_ORDER = (Verdict.GREEN, Verdict.YELLOW, Verdict.UNKNOWN, Verdict.RED)


@dataclass(kw_only=True)
class Outcome:
    """What a delivery did: `parts` sent now, the `ts` of the message, and what did not get there
    although the message did (sentences)."""

    parts: list[str] = field(default_factory=list)
    ts: str | None = None
    edited: bool = False
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One entry of the outbox with all that is needed to deliver it."""

    outbox: Outbox
    entry: Entry
    run: Run
    patience: Patience
    now: datetime

    def said(self) -> Said | None:
        """The message that stands about this run."""
        return self.outbox.ledger.said(self.run, self.entry.destination)

    def newer(self) -> datetime | None:
        """as_of of a newer report of the same kind that was told already."""
        return self.outbox.ledger.newer(self.run, self.entry.destination)

    def message(self, *, corrects: Said | None = None) -> Message:
        """What to say now."""
        return compose(
            self.run,
            before=self._before(),
            # An edit of a message that was in time does not make it late.
            newer=None if self.said() else self.newer(),
            corrects=corrects,
            report_url=self.entry.report_url,
            location=self.entry.location,
        )

    def say(self, posted: Posted | None = None) -> Said:
        """Remember that it is said."""
        return self.outbox.ledger.say(
            self.run,
            self.entry.destination,
            open_now=self.open_now(),
            now=self.now,
            ts=posted.ts if posted else None,
            channel_id=posted.channel_id if posted else None,
            picture=posted.picture if posted else None,
        )

    def open_now(self) -> tuple[Open, ...]:
        """What is open once this is said."""
        return open_after(self.run, self._before())

    def _before(self) -> Said | None:
        return self.outbox.ledger.before(self.run, self.entry.destination)


class Doubtful(Exception):
    """A message may have arrived and there is no way to find out."""


def send_by_webhook(webhook: Webhook, parcel: Parcel) -> Outcome:
    """Post the words. At most once: a post without a reply is not repeated unasked.

    Raises:
        Doubtful: an earlier post, or this one, may have arrived.
        Fault: it certainly did not.
    """
    earlier = parcel.said()
    if earlier and earlier.content == parcel.entry.content:
        return Outcome()
    if parcel.outbox.in_doubt_since(parcel.entry, MESSAGE):
        raise Doubtful("no reply to an earlier attempt")
    client = webhook_client(webhook.url, timeout_s=TIMEOUT_S, direct=is_loopback(webhook.url))
    message = parcel.message(corrects=earlier)
    parcel.outbox.start(parcel.entry, MESSAGE, now=parcel.now)

    def post(text: str, built: list[dict[str, Any]] | None) -> bool:
        post_webhook(client, text=text, blocks=built)
        return True

    try:
        try:
            insist(
                lambda: post(text_only(message), blocks(message)),
                patience=parcel.patience,
            )
        except Fault as fault:
            if fault.code not in {*_BLOCKS_REFUSED, "invalid_payload"}:
                raise
            insist(lambda: post(last_resort(message), None), patience=parcel.patience)
    except Fault as fault:
        if fault.trouble is Trouble.LOST:
            raise Doubtful(fault.code) from None
        parcel.outbox.unstart(parcel.entry, MESSAGE)
        raise
    parcel.say()
    return Outcome(parts=["message"])


def send_by_bot(bot: Bot, parcel: Parcel) -> Outcome:
    """Post or edit the message, then put picture (if need be) and report into its thread.

    Raises:
        Fault: the message itself is not there; after `LOST` the next try looks first.
    """
    return _BotDelivery(bot, parcel).run()


class _BotDelivery:
    def __init__(self, bot: Bot, parcel: Parcel) -> None:
        self._bot = bot
        self._parcel = parcel
        self._outcome = Outcome()
        self._api = SlackApi(bot, patience=parcel.patience, timeout_s=TIMEOUT_S)
        self._channel_id = parcel.outbox.ledger.channel_id(parcel.entry.destination)

    def run(self) -> Outcome:
        parcel = self._parcel
        said = parcel.said()
        if said is None and parcel.outbox.in_doubt_since(parcel.entry, MESSAGE):
            said = self._found()
        if said is None:
            said = self._post()
        elif said.content != parcel.entry.content:
            said = self._edit(said)
        self._outcome.ts = said.ts
        if said.ts and said.channel_id:
            self._thread(said.ts, said.channel_id, shown=said.picture is not None)
        return self._outcome

    # The message

    def _post(self, *, corrects: Said | None = None) -> Said:
        parcel = self._parcel
        picture = self._picture()
        message = parcel.message(corrects=corrects)
        parcel.outbox.start(parcel.entry, MESSAGE, now=parcel.now)
        try:
            posted = self._with_variants(
                message,
                picture,
                lambda **body: insist(
                    lambda: self._api.post(self._bot.channel, **body),
                    patience=parcel.patience,
                    arrived=lambda: self._look(content=parcel.entry.content),
                ),
            )
        except Fault as fault:
            if fault.trouble is not Trouble.LOST:
                parcel.outbox.unstart(parcel.entry, MESSAGE)
            raise
        self._outcome.parts.append("message")
        return parcel.say(posted)

    def _found(self) -> Said | None:
        """The message that an earlier process may have posted, brought up to date."""
        posted = self._look_or_doubt()
        if posted is None:
            return None
        if posted.content == self._parcel.entry.content:
            return self._parcel.say(posted)
        return self._update(posted.ts, posted.channel_id, earlier=None)

    def _edit(self, earlier: Said) -> Said:
        """Show the new findings in place; the thread tells what changed, for an edit is silent."""
        if earlier.ts and earlier.channel_id:
            try:
                return self._update(earlier.ts, earlier.channel_id, earlier=earlier)
            except Fault as fault:
                if fault.code not in _NOT_EDITABLE:
                    raise
        # Not editable: a second message, unless an earlier process has posted it.
        if self._parcel.outbox.in_doubt_since(self._parcel.entry, MESSAGE):
            posted = self._look_or_doubt(content=self._parcel.entry.content)
            if posted:
                return self._parcel.say(posted)
        return self._post(corrects=earlier)

    def _update(self, ts: str, channel_id: str, *, earlier: Said | None) -> Said:
        posted = self._with_variants(
            self._parcel.message(),
            self._picture(),
            lambda **body: insist(
                lambda: self._api.update(channel_id, ts, **body),
                patience=self._parcel.patience,
                arrived=nothing_seen,
            ),
        )
        self._outcome.edited = True
        self._outcome.parts.append("message")
        if earlier:
            self._tell_difference(earlier, ts, channel_id)
        return self._parcel.say(posted)

    def _with_variants(
        self, message: Message, picture: str | None, send: Callable[..., Posted]
    ) -> Posted:
        """With the picture, else without it, else as one text: the words get there anyhow."""
        text = text_only(message)
        if picture is not None:
            for pause in (*_FILE_PAUSES_S, None):
                try:
                    return send(
                        text=text,
                        blocks=blocks(message, image=picture),
                        metadata=self._metadata(MESSAGE, picture=picture),
                    )
                except Fault as fault:
                    if fault.code not in _PICTURE_REFUSED:
                        raise
                    if pause is None or pause >= self._parcel.patience.left_s():
                        break
                    self._parcel.patience.sleep(pause)
        metadata = self._metadata(MESSAGE)
        try:
            return send(text=text, blocks=blocks(message), metadata=metadata)
        except Fault as fault:
            if fault.code not in _BLOCKS_REFUSED:
                raise
            return send(text=last_resort(message), blocks=None, metadata=metadata)

    def _tell_difference(self, earlier: Said, ts: str, channel_id: str) -> None:
        parcel = self._parcel
        told = difference(parcel.run, earlier)
        step = parcel.outbox.step(parcel.entry, "note")
        quiet = parcel.run.verdict is earlier.verdict and {
            item.fingerprint for item in earlier.open
        } == {item.fingerprint for item in parcel.open_now()}
        if quiet or (step and step.done):
            return

        def look() -> Posted | None:
            return self._api.find_reply(channel_id, ts, self._metadata("note"))

        if step and look():
            parcel.outbox.finish(parcel.entry, "note", now=parcel.now)
            return
        parcel.outbox.start(parcel.entry, "note", now=parcel.now)
        # An edit notifies nobody: what got worse is shown in the channel too, unless it is history.
        worse = _ORDER.index(parcel.run.verdict) > _ORDER.index(earlier.verdict)
        insist(
            lambda: self._api.post(
                channel_id,
                text=f"Run again: {escape(told, 2_500)}.",
                blocks=None,
                metadata=self._metadata("note"),
                thread_ts=ts,
                broadcast=worse and parcel.newer() is None,
            ),
            patience=parcel.patience,
            arrived=look,
        )
        parcel.outbox.finish(parcel.entry, "note", now=parcel.now)
        self._outcome.parts.append("note")

    def _look_or_doubt(self, *, content: str = "") -> Posted | None:
        """`_look` for an earlier process's message; not being allowed to leaves it in doubt."""
        try:
            return self._look(content=content)
        except Fault as blind:
            if blind.code != "missing_scope":
                raise
            raise Fault(Trouble.LOST, "an earlier attempt", needed=blind.needed) from None

    def _look(self, *, content: str = "") -> Posted | None:
        """The message about this run in the channel, if any; the one with that content."""
        wanted = {"run_id": self._parcel.run.run_id, "part": MESSAGE}
        if content:
            wanted["content"] = content
        if self._channel_id is None:
            self._channel_id = self._api.channel_id(self._bot.channel)
        since = self._parcel.outbox.in_doubt_since(self._parcel.entry, MESSAGE)
        return self._api.find_message(self._channel_id, wanted, since=since)

    def _metadata(self, part: str, *, picture: str = "") -> dict[str, str]:
        return {
            "run_id": self._parcel.run.run_id,
            "part": part,
            "content": self._parcel.entry.content,
            "picture": picture,
        }

    # Files

    def _picture(self) -> str | None:
        """The id of the uploaded picture; nobody sees it before a message shows it, so a repeat
        does no harm. Its trouble does not keep the words back."""
        parcel = self._parcel
        if parcel.run.figure is None:
            return None
        step = parcel.outbox.step(parcel.entry, "picture")
        if step and step.ref:
            return step.ref
        brief = SlackApi(
            self._bot, patience=parcel.patience.at_most(PICTURE_S), timeout_s=TIMEOUT_S
        )
        try:
            file_id = brief.upload("headline.png", parcel.run.figure.png, alt=parcel.run.figure.alt)
            brief.complete(file_id, "Headline figure")
        except Fault:
            return None  # tried again for the thread, where its failure is told
        parcel.outbox.finish(parcel.entry, "picture", now=parcel.now, ref=file_id)
        return file_id

    def _thread(self, ts: str, channel_id: str, *, shown: bool) -> None:
        run = self._parcel.run
        name = f"{run.notebook}-{run.as_of:%Y-%m-%dT%H%M}"
        if run.figure is not None and not shown:
            self._share("picture in thread", f"{name}.png", run.figure.png, ts, channel_id)
        if run.html is not None:
            self._share("report", f"{name}.html", run.html, ts, channel_id)

    def _share(self, part: str, filename: str, data: bytes, ts: str, channel_id: str) -> None:
        try:
            if self._shared_now(part, filename, data, ts, channel_id):
                self._outcome.parts.append(part)
        except Fault as fault:
            why = explain(fault, channel=self._bot.channel)
            self._outcome.missing.append(f"the {part} is not: {why}")

    def _shared_now(self, part: str, filename: str, data: bytes, ts: str, channel_id: str) -> bool:
        parcel = self._parcel
        step = parcel.outbox.step(parcel.entry, part)
        if step and step.done:
            return False
        file_id = step.ref if step else None
        if file_id and self._api.find_file(channel_id, ts, file_id):
            parcel.outbox.finish(parcel.entry, part, now=parcel.now, ref=file_id)
            return False
        # Not the id of an earlier process: Slack drops uploads that are not completed in time.
        shared = self._api.upload(filename, data)
        parcel.outbox.start(parcel.entry, part, now=parcel.now, ref=shared)
        self._api.complete(
            shared,
            filename,
            channel_id=channel_id,
            thread_ts=ts,
            arrived=lambda: self._api.find_file(channel_id, ts, shared),
        )
        parcel.outbox.finish(parcel.entry, part, now=parcel.now, ref=shared)
        return True
