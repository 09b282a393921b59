"""One request to Slack at a time, and what its failure means: is it safe to ask again?

slack_sdk's own retries are switched off, for they send a message a second time when only the reply
was lost, do not know 502, and do not cover the bytes of an upload.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient, WebhookResponse

T = TypeVar("T")

# slack_sdk logs requests at DEBUG, webhook URL and all, through whatever the root logger has.
_SILENT = logging.getLogger("nbkit.delivery.slack_sdk")
_SILENT.addHandler(logging.NullHandler())
_SILENT.setLevel(logging.CRITICAL)
_SILENT.propagate = False


class Trouble(StrEnum):
    """What is known after a request failed."""

    UNREACHED = "unreached"  # it never got there: asking again is safe
    BUSY = "busy"  # refused for now, with a time to wait: asking again is safe
    BROKEN = "broken"  # the server says that it failed
    LOST = "lost"  # no usable reply: it may have worked
    REFUSED = "refused"  # it will be refused again


class Fault(Exception):
    """A request to Slack that did not work. Holds no token and no URL."""

    def __init__(
        self,
        trouble: Trouble,
        code: str,
        *,
        retry_after_s: float | None = None,
        needed: str | None = None,
    ) -> None:
        super().__init__(f"{trouble.value}: {code}")
        self.trouble = trouble
        self.code = code
        self.retry_after_s = retry_after_s
        self.needed = needed


@dataclass(kw_only=True)
class Patience:
    """How long one delivery may take, waiting included. A stopwatch, not a clock.

    `sleep` and `elapsed` are given by tests, which do not wait.
    """

    total_s: float = 90.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 15.0
    sleep: Callable[[float], None] = time.sleep
    elapsed: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.elapsed()

    def left_s(self) -> float:
        return self.total_s - (self.elapsed() - self.started)

    def at_most(self, total_s: float) -> Patience:
        """A part of this patience, for what is not worth all of it."""
        return replace(self, total_s=min(total_s, self.left_s()))

    def wait(self, attempt: int, fault: Fault) -> bool:
        """Sleep before the next attempt; False, at once, when there is not enough time left."""
        backoff = min(self.longest_wait_s, self.first_wait_s * 2**attempt)
        pause = backoff if fault.retry_after_s is None else fault.retry_after_s
        if pause >= self.left_s():
            return False
        self.sleep(pause)
        return True


def insist(
    request: Callable[[], T],
    *,
    patience: Patience,
    arrived: Callable[[], T | None] | None = None,
    attempts: int = 6,
) -> T:
    """Ask until it works, time is up, or the answer will not change.

    Args:
        arrived: looks whether a request without a usable reply worked after all, and gives its
            result. Without it a lost reply is not asked again: that could do the thing twice.

    Raises:
        Fault: the last one. After `LOST` it is unknown whether the request worked.
    """
    for attempt in range(attempts):
        try:
            return request()
        except Fault as fault:
            last = attempt == attempts - 1
            doubt = fault.trouble in (Trouble.LOST, Trouble.BROKEN)
            if fault.trouble is Trouble.REFUSED:
                raise
            if fault.trouble is Trouble.LOST and arrived is None:
                raise
            waited = not last and patience.wait(attempt, fault)
            if doubt and arrived is not None:
                found = _look(arrived, fault)
                if found is not None:
                    return found
            if not waited:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _look(arrived: Callable[[], T | None], fault: Fault) -> T | None:
    """Where Slack does not let us look, an explicit "failed" is believed; silence is not."""
    try:
        return arrived()
    except Fault as blind:
        if fault.trouble is Trouble.BROKEN and blind.trouble is Trouble.REFUSED:
            return None
        raise Fault(Trouble.LOST, fault.code, needed=blind.needed) from None


def web_client(token: str, *, api_url: str, timeout_s: int, direct: bool) -> WebClient:
    """slack_sdk's client without its retries; `direct` goes round a proxy (loopback)."""
    client = WebClient(
        token, base_url=api_url, timeout=timeout_s, retry_handlers=[], logger=_SILENT
    )
    if direct:
        client.proxy = None
    return client


def webhook_client(url: str, *, timeout_s: int, direct: bool) -> WebhookClient:
    """slack_sdk's client for an incoming webhook, without its retries."""
    client = WebhookClient(url, timeout=timeout_s, retry_handlers=[], logger=_SILENT)
    if direct:
        client.proxy = None
    return client


def ask(call: Callable[[], Any]) -> Mapping[str, Any]:
    """One Web API call; its reply as a mapping.

    Raises:
        Fault: with what is known about it.
    """
    with _network():
        try:
            reply = call()
        except SlackApiError as error:
            raise _api_fault(error.response) from None
        except AttributeError:  # slack_sdk, of a reply that is JSON but no object
            raise Fault(Trouble.LOST, "the reply was not Slack's") from None
        data = reply.data
        if not isinstance(data, dict):
            raise Fault(Trouble.LOST, "the reply was not JSON")
        return data


def post_webhook(client: WebhookClient, *, text: str, blocks: list[dict[str, Any]] | None) -> None:
    """One post to a webhook. Slack answers 200 and `ok`, nothing else is success."""
    with _network():
        reply: WebhookResponse = client.send(text=text, blocks=blocks)
    if reply.status_code == 200:
        if reply.body.strip() == "ok":
            return
        raise Fault(Trouble.LOST, "the reply was not Slack's")
    code = reply.body.strip() if len(reply.body) < 60 else ""
    raise _status_fault(reply.status_code, reply.headers, code)


def post_bytes(url: str, data: bytes, *, timeout_s: int, direct: bool) -> None:
    """The byte step of an upload. The URL came from Slack, good for one file, without our token."""
    if not url.startswith(("http://", "https://")):
        raise Fault(Trouble.REFUSED, "upload_url_invalid")
    handlers = [urllib.request.ProxyHandler({})] if direct else []
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(
        url, data=data, headers={"Content-Type": "application/octet-stream"}, method="POST"
    )
    with _network():
        try:
            with opener.open(request, timeout=timeout_s) as reply:
                reply.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _status_fault(error.code, error.headers, "") from None


@contextlib.contextmanager
def _network() -> Any:
    """What the network can throw, told apart by whether the request can have arrived."""
    try:
        yield
    except urllib.error.URLError as error:
        # urllib wraps what fails up to the end of sending, and only that; the body is smaller than
        # a socket's buffer, so a reset is the one case in which the server may have read it all.
        reason = error.reason
        reset = isinstance(reason, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError))
        trouble = Trouble.LOST if reset else Trouble.UNREACHED
        raise Fault(trouble, _reason(reason)) from None
    except (TimeoutError, ConnectionError, http.client.HTTPException, OSError) as error:
        raise Fault(Trouble.LOST, _reason(error)) from None
    except (UnicodeDecodeError, LookupError):
        raise Fault(Trouble.LOST, "the reply was not text") from None


def _reason(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate was not accepted"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionResetError, http.client.HTTPException, BrokenPipeError)):
        return "the connection was cut"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


# "It's possible some aspect of the operation succeeded before the error was raised", say Slack's
# docs of these two.
_UNCLEAR_CODES = {"fatal_error", "internal_error"}
_PASSING_CODES = {"service_unavailable", "request_timeout"}
_BUSY_CODES = {"ratelimited", "rate_limited", "message_limit_exceeded"}


def _api_fault(response: Any) -> Fault:
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error") or "")
    if code in _BUSY_CODES or response.status_code == 429:
        return Fault(Trouble.BUSY, "ratelimited", retry_after_s=_retry_after(response.headers))
    if response.status_code >= 500:
        return _status_fault(response.status_code, response.headers, "")
    if code.startswith("Received a response in a non-JSON format") or not code:
        return Fault(Trouble.LOST, "the reply was not JSON")
    if code in _UNCLEAR_CODES:
        return Fault(Trouble.LOST, code)
    if code in _PASSING_CODES:
        return Fault(Trouble.BROKEN, code)
    needed = data.get("needed")
    return Fault(Trouble.REFUSED, code, needed=str(needed) if needed else None)


def _status_fault(status: int, headers: Any, code: str) -> Fault:
    if status == 429:
        return Fault(Trouble.BUSY, "ratelimited", retry_after_s=_retry_after(headers))
    if status in (408, 504):  # the server in between gave up waiting: nobody knows
        return Fault(Trouble.LOST, f"HTTP {status}")
    if status >= 500:
        return Fault(Trouble.BROKEN, f"HTTP {status}")
    return Fault(Trouble.REFUSED, code or f"HTTP {status}")


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    for name, value in dict(headers).items():
        if name.lower() == "retry-after":
            with contextlib.suppress(TypeError, ValueError):
                return max(0.0, float(value[0] if isinstance(value, list) else value))
    return None
