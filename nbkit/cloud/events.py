"""A Pub/Sub message in a CloudEvent, read with suspicion.

Whatever is answered but 2xx is delivered again. A message that cannot be read today cannot be read
tomorrow: it is told in the log and acknowledged (2026-01-23: malformed messages, redelivered
without end, starved all others for hours).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from nbkit.errors import PayloadError

T = TypeVar("T")
_SHOWN = 200
_KINDS = {bool: "true or false", int: "a whole number", str: "a text"}


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it was published. `id` is the same on redelivery; `published_at` is None where
    nobody tells."""

    id: str
    published_at: datetime | None
    attributes: Mapping[str, str]
    payload: Mapping[str, Any]

    def age(self, now: datetime) -> timedelta:
        """How long ago it was published; zero where that is not known."""
        return now - self.published_at if self.published_at else timedelta()


def read_message(event: Any) -> Message:
    """The message in a CloudEvent of Pub/Sub (`data.message.data` in base64), payload parsed.

    Args:
        event: a CloudEvent, with `data` as the functions-framework parsed it.

    Raises:
        PayloadError: it is not that; says which part, and quotes its beginning.
    """
    data = event.data
    if isinstance(data, (bytes, bytearray, str)):
        data = parse_object(data, what="the event's data")
    message = data.get("message") if isinstance(data, Mapping) else None
    if not isinstance(message, Mapping):
        raise PayloadError(
            f"The event's data holds no Pub/Sub message: {_shown(data)}. Trigger the function by a "
            "topic (--trigger-topic), or send data of the form "
            '{"message": {"data": "<base64 of JSON>"}}.'
        )
    attributes = message.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        raise PayloadError(f"The message's attributes are no object: {_shown(attributes)}.")
    return Message(
        id=str(message.get("messageId") or message.get("message_id") or event["id"]),
        published_at=_moment(message.get("publishTime") or event.get("time")),
        attributes={str(name): str(value) for name, value in attributes.items()},
        payload=_payload(message.get("data")),
    )


def parse_object(content: bytes | bytearray | str, *, what: str) -> dict[str, Any]:
    """JSON that must be an object; nothing at all is an empty one.

    Raises:
        PayloadError: it is not.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        value = json.loads(text) if text.strip() else {}
    except UnicodeDecodeError:
        raise PayloadError(f"{what} is not UTF-8: {_shown(content)}.") from None
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"{what} is not JSON ({error}): {_shown(content)}.") from None
    if not isinstance(value, dict):
        raise PayloadError(f"{what} is JSON, but no object: {_shown(value)}.")
    return value


def option(body: Mapping[str, Any], name: str, kind: type[T], default: T) -> T:
    """One value of a body or payload.

    Raises:
        PayloadError: it is of another type: "false" is not false.
    """
    value = body.get(name, default)
    if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
        raise PayloadError(f"{name} takes {_KINDS[kind]}, not {_shown(value)!r}.")
    return value


def only(body: Mapping[str, Any], *known: str) -> None:
    """Refuse what means nothing: a misspelt `dry_run` would run for real.

    Raises:
        PayloadError: names what is unknown.
    """
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise PayloadError(
            f"{', '.join(unknown)} means nothing here; there is {' and '.join(known)}."
        )


def _payload(data: Any) -> dict[str, Any]:
    if data is None or data == "":
        return {}
    if not isinstance(data, (str, bytes)):
        raise PayloadError(f"The message's data is no base64 text: {_shown(data)}.")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadError(f"The message's data is not base64 ({error}): {_shown(data)}.") from None
    return parse_object(content, what="The message's data")


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
