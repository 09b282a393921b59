"""The dozen requests of Slack's Web API that a delivery needs, through slack_sdk's client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nbkit.delivery.destinations import Bot, is_loopback
from nbkit.delivery.slack_calls import (
    Fault,
    Patience,
    Trouble,
    ask,
    insist,
    post_bytes,
    web_client,
)

EVENT_TYPE = "nbkit_run"
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{8,}")
_MOST_PAGES = 10
_PAGE = 200
# How much older than the attempt a message may be and still be it: clocks differ.
_CLOCK_SLACK = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A message that stands in a channel, and what its metadata tells of it."""

    ts: str
    channel_id: str
    content: str | None
    picture: str | None


class SlackApi:
    """Requests to one workspace. Where nothing else is said, a request may safely be repeated and
    is, within `patience`.

    Raises (from any method):
        Fault: with what is known about the failure.
    """

    def __init__(self, bot: Bot, *, patience: Patience, timeout_s: int) -> None:
        self._direct = is_loopback(bot.api_url)
        self._patience = patience
        self._timeout_s = timeout_s
        self._client = web_client(
            bot.token, api_url=bot.api_url, timeout_s=timeout_s, direct=self._direct
        )

    def post(
        self,
        channel: str,
        *,
        text: str,
        blocks: list[dict[str, Any]] | None,
        metadata: Mapping[str, str],
        thread_ts: str | None = None,
        broadcast: bool = False,
    ) -> Posted:
        """Post a message, once, without repeating."""
        reply = ask(
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=text,
                blocks=blocks,
                metadata=_event(metadata),
                thread_ts=thread_ts,
                reply_broadcast=broadcast or None,
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        if not reply.get("ts") or not reply.get("channel"):
            raise Fault(Trouble.LOST, "the reply named no message")
        return _posted(reply["ts"], reply["channel"], metadata)

    def update(
        self,
        channel_id: str,
        ts: str,
        *,
        text: str,
        blocks: list[dict[str, Any]] | None,
        metadata: Mapping[str, str],
    ) -> Posted:
        """Edit a message, once; a repeat does no harm."""
        ask(
            lambda: self._client.chat_update(
                channel=channel_id,
                ts=ts,
                text=text,
                # An empty list takes the old blocks away; left out, they would stay.
                blocks=blocks or [],
                metadata=_event(metadata),
            )
        )
        return _posted(ts, channel_id, metadata)

    def upload(self, filename: str, data: bytes, *, alt: str | None = None) -> str:
        """Bring the bytes to Slack; gives the file's id. Nobody sees it until `complete`.

        A failed byte step starts over with a new address: Slack's are good for one use.
        """

        def once() -> str:
            reply = ask(
                lambda: self._client.files_getUploadURLExternal(
                    filename=filename, length=len(data), alt_txt=alt[:1_000] if alt else None
                )
            )
            url, file_id = reply.get("upload_url"), reply.get("file_id")
            if not isinstance(url, str) or not isinstance(file_id, str):
                raise Fault(Trouble.LOST, "the reply held no address for the file")
            post_bytes(url, data, timeout_s=self._timeout_s, direct=self._direct)
            return file_id

        return insist(once, patience=self._patience, arrived=nothing_seen, attempts=4)

    def complete(
        self,
        file_id: str,
        title: str,
        *,
        channel_id: str | None = None,
        thread_ts: str | None = None,
        arrived: Callable[[], bool] | None = None,
    ) -> None:
        """Finish an upload, and share the file in a thread if one is given; `arrived` then tells
        whether it is there already."""

        def once() -> bool:
            ask(
                lambda: self._client.files_completeUploadExternal(
                    files=[{"id": file_id, "title": title}],
                    channel_id=channel_id,
                    thread_ts=thread_ts,
                )
            )
            return True

        insist(
            once,
            patience=self._patience,
            arrived=(lambda: arrived() or None) if arrived else nothing_seen,
        )

    def channel_id(self, channel: str) -> str:
        """The id of a channel given by id or by name."""
        if _CHANNEL_ID.fullmatch(channel):
            return channel
        wanted = channel.removeprefix("#")
        for page in self._pages(self._client.conversations_list, exclude_archived=True):
            for found in page.get("channels") or []:
                if found.get("name") == wanted:
                    return str(found["id"])
        raise Fault(Trouble.REFUSED, "channel_not_found")

    def find_message(
        self, channel_id: str, wanted: Mapping[str, str], *, since: datetime | None
    ) -> Posted | None:
        """The message of the channel whose metadata holds all of `wanted`; looks back to `since`.

        Raises:
            Fault: also (`LOST`) when the channel is too busy to look back that far.
        """
        horizon = (since - _CLOCK_SLACK).timestamp() if since else 0.0
        pages = self._pages(
            self._client.conversations_history, channel=channel_id, include_all_metadata=True
        )
        for page in pages:
            messages = page.get("messages") or []
            for message in messages:
                payload = _payload(message)
                if _matches(payload, wanted):
                    return _posted(message.get("ts"), channel_id, payload)
            if messages and float(messages[-1].get("ts") or 0) < horizon:
                return None
        return None

    def find_reply(
        self, channel_id: str, thread_ts: str, wanted: Mapping[str, str]
    ) -> Posted | None:
        """The reply of a thread whose metadata holds all of `wanted`."""
        for message in self._replies(channel_id, thread_ts):
            payload = _payload(message)
            if _matches(payload, wanted):
                return _posted(message.get("ts"), channel_id, payload)
        return None

    def find_file(self, channel_id: str, thread_ts: str, file_id: str) -> bool:
        """Whether the file is shared in that thread."""
        return any(
            file.get("id") == file_id
            for message in self._replies(channel_id, thread_ts)
            for file in message.get("files") or []
        )

    def _replies(self, channel_id: str, thread_ts: str) -> Iterator[Mapping[str, Any]]:
        for page in self._pages(
            self._client.conversations_replies,
            channel=channel_id,
            ts=thread_ts,
            include_all_metadata=True,
        ):
            yield from page.get("messages") or []

    def _pages(self, method: Callable[..., Any], **arguments: Any) -> Iterator[Mapping[str, Any]]:
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = insist(
                partial(ask, partial(method, limit=_PAGE, cursor=cursor, **arguments)),
                patience=self._patience,
                arrived=nothing_seen,
                attempts=4,
            )
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
        raise Fault(Trouble.LOST, f"not found among {_MOST_PAGES * _PAGE} messages")


def nothing_seen() -> None:
    """For requests that may be repeated: there is nothing to look for first."""
    return


def _event(payload: Mapping[str, str]) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": dict(payload)}


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") if metadata.get("event_type") == EVENT_TYPE else None
    return payload if isinstance(payload, dict) else {}


def _matches(payload: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(payload.get(key) == value for key, value in wanted.items())


def _posted(ts: object, channel_id: object, payload: Mapping[str, Any]) -> Posted:
    return Posted(
        ts=str(ts),
        channel_id=str(channel_id),
        content=payload.get("content"),
        picture=payload.get("picture") or None,
    )
