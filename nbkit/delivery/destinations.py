"""Where a message goes: read from `--to` and the environment, checked before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from nbkit.errors import DeliveryError, InputError

TOKEN_VARIABLE = "SLACK_BOT_TOKEN"
CHANNEL_VARIABLE = "SLACK_CHANNEL"
WEBHOOK_VARIABLE = "SLACK_WEBHOOK_URL"
API_VARIABLE = "SLACK_API_URL"

# The key of what was asked for while nothing was configured; it is sent once there is.
NOT_CONFIGURED = "slack (not configured)"
_SLACK_API = "https://slack.com/api/"
_SLACK_HOSTS = ("slack.com", "slack-gov.com")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class Bot:
    """A Slack app with a bot token: messages, edits, threads, files."""

    token: str = field(repr=False)
    channel: str
    api_url: str = _SLACK_API

    @property
    def key(self) -> str:
        return f"slack {self.channel}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An incoming webhook: one channel, words only, no way to look or to edit."""

    url: str = field(repr=False)

    @property
    def key(self) -> str:
        # Two webhooks are two channels. The digest does not give the URL away.
        return f"slack webhook {hashlib.sha256(self.url.encode()).hexdigest()[:8]}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.url, urlsplit(self.url).path)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder that gets the message and a preview instead of a channel."""

    path: Path

    @property
    def key(self) -> str:
        return f"dir:{self.path}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()


Destination: TypeAlias = Bot | Webhook | Folder


def resolve(to: str, *, channel: str | None, environment: Mapping[str, str]) -> Destination:
    """The destination that `to` (`slack` or `dir:PATH`) means here.

    A bot token is preferred to a webhook, for it can do more; a token without a channel gives way
    to a webhook.

    Raises:
        InputError: `to` is neither.
        DeliveryError: Slack is not configured; says which variable to set.
    """
    if to.startswith("dir:") and len(to) > len("dir:"):
        return Folder(path=Path(to.removeprefix("dir:")).expanduser().resolve())
    if to != "slack":
        raise InputError(f"--to {to}: not a destination. Use `slack` or `dir:PATH`.")
    token = _secret(environment, TOKEN_VARIABLE)
    webhook = _secret(environment, WEBHOOK_VARIABLE)
    channel = (channel or environment.get(CHANNEL_VARIABLE) or "").strip()
    if token and channel:
        return Bot(token=token, channel=channel, api_url=_api_url(environment))
    if webhook and channel and not environment.get(CHANNEL_VARIABLE):
        raise DeliveryError(
            f"--channel {channel} needs {TOKEN_VARIABLE}: a webhook posts to its own channel only. "
            "Leave --channel out, or set a bot token."
        )
    if webhook:
        _check_url(webhook)
        return Webhook(url=webhook)
    if token:
        raise DeliveryError(
            f"{TOKEN_VARIABLE} is set but no channel is. Set {CHANNEL_VARIABLE} to the channel's "
            "name or id (such as C0123456789), or give --channel."
        )
    raise DeliveryError(
        f"Slack is not configured. Set {TOKEN_VARIABLE} and {CHANNEL_VARIABLE} (words, picture and "
        f"report), or {WEBHOOK_VARIABLE} (words only)."
    )


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without the secrets, in case a library or a server quoted one."""
    for secret in secrets:
        if len(secret) > 4:
            text = text.replace(secret, "…")
    return text


def _secret(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise DeliveryError(f"{name} holds blanks or unprintable characters. Copy it again.")
    return value


def _check_url(url: str) -> None:
    # The message is about the URL and must not quote it.
    scheme, host = _address(url)
    if not host or not (scheme == "https" or (scheme == "http" and host in _LOOPBACK)):
        raise DeliveryError(
            f"{WEBHOOK_VARIABLE} is not an https address. Copy it again from the app's "
            "“Incoming Webhooks” page."
        )


def _api_url(environment: Mapping[str, str]) -> str:
    url = environment.get(API_VARIABLE, "").strip()
    if not url:
        return _SLACK_API
    scheme, host = _address(url)
    slack = any(host == name or host.endswith(f".{name}") for name in _SLACK_HOSTS)
    if (scheme == "https" and slack) or (scheme in ("http", "https") and host in _LOOPBACK):
        return url if url.endswith("/") else f"{url}/"
    raise DeliveryError(
        f"{API_VARIABLE} may only name Slack (https) or this machine (127.0.0.1), for the token is "
        "sent there. Unset it."
    )


def is_loopback(url: str) -> bool:
    """Whether `url` stays on this machine; a proxy is then gone round."""
    return _address(url)[1] in _LOOPBACK


def _address(url: str) -> tuple[str, str]:
    """Scheme and host; both empty where `url` is not a URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number is found out only here
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""
