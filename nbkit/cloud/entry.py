"""What every entry point does around its work: who calls, what they sent, and how it is answered.

Answers are JSON and hold no traceback; the log does. Of an event, whatever cannot succeed later is
acknowledged, since any answer but 2xx is delivered again (2026-03-03: one AttributeError, 19,100
failed deliveries); what can is refused with 503, for as long as the event is young.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import functions_framework
from flask import Request, Response, abort

from nbkit.cloud.events import Message, parse_object, read_message
from nbkit.cloud.log import log
from nbkit.cloud.settings import Settings, read_access, read_settings
from nbkit.errors import InputError, NbkitError, PayloadError

Answer = tuple[int, dict[str, Any]]
_LARGEST = 1_000_000  # bytes of a request


def http(work: Callable[[Mapping[str, Any], Settings, datetime], Answer]) -> Any:
    """An HTTP entry point from `work(body, settings, now) -> (status, answer)`.

    Only POST, only callers who may; the body is a JSON object or nothing.
    """

    @functools.wraps(work)
    def entry(request: Request) -> Response:
        try:
            if request.method != "POST":
                return _json(405, _problem("method", "Call it with POST."), Allow="POST")
            return _json(*_called(work, request))
        except Exception as error:
            log("ERROR", f"{work.__name__}: {error}", error=error, function=work.__name__)
            return _json(500, _problem("internal", _INTERNAL))

    return functions_framework.http(entry)


def event(work: Callable[[Message, Settings, datetime], None]) -> Any:
    """A CloudEvent entry point from `work(message, settings, now)`."""

    @functools.wraps(work)
    def entry(cloud_event: Any) -> None:
        name, now = work.__name__, datetime.now(UTC)
        where: dict[str, Any] = {"function": name, "event_id": str(cloud_event["id"])}
        try:
            message = read_message(cloud_event)
        except PayloadError as error:
            log("ERROR", f"{name}: message dropped. {error}", **where)
            return
        where["message_id"] = message.id
        try:
            settings = read_settings(os.environ)
            if message.age(now) > settings.max_event_age:
                log(
                    "ERROR",
                    f"{name}: message dropped, for it is {message.age(now)} old and "
                    f"NBKIT_MAX_EVENT_AGE is {settings.max_event_age}.",
                    **where,
                )
                return
            work(message, settings, now)
        except PayloadError as error:
            log("ERROR", f"{name}: message dropped. {error}", **where)
        except Exception as error:
            if _never_passes(error):
                log("CRITICAL", f"{name}: message dropped. {error}", error=error, **where)
                return
            log("ERROR", f"{name}: to be delivered again. {error}", error=error, **where)
            abort(_json(503, _problem(type(error).__name__, str(error))))

    return functions_framework.cloud_event(entry)


def acknowledge_what_is_no_event(error: Exception) -> Response:
    """The answer where the framework itself could make no event of a request."""
    log("ERROR", f"Request dropped: it is no CloudEvent. {str(error)[:300]}")
    return _json(200, _problem("no_event", "This is no CloudEvent; it was dropped."))


def _called(
    work: Callable[[Mapping[str, Any], Settings, datetime], Answer], request: Request
) -> Answer:
    from nbkit.cloud.callers import KeysUnreachable, Refused, identify

    name = work.__name__
    try:
        caller = identify(request.headers.get("Authorization"), read_access(os.environ))
    except Refused as refused:
        log("WARNING", f"{name}: refused. {refused}", function=name, status=refused.status)
        return refused.status, _problem("refused", str(refused))
    except KeysUnreachable as error:
        log("ERROR", f"{name}: {error}", function=name)
        return 503, _problem("keys_unreachable", str(error))
    except InputError as error:  # nobody may call yet: the deployer's fault, not the caller's
        log("ERROR", f"{name}: {error}", function=name)
        return 500, _problem(type(error).__name__, str(error))
    try:
        if (request.content_length or 0) > _LARGEST:
            return 413, _problem("too_large", f"The body may hold {_LARGEST:,} bytes.")
        body = parse_object(request.get_data(), what="The body")
        return work(body, read_settings(os.environ), datetime.now(UTC))
    except NbkitError as error:
        # A caller mends an InputError; whatever else is ours, and a later call may succeed.
        status = 400 if isinstance(error, InputError) else 503
        log("ERROR", f"{name}: {error}", error=error, function=name, caller=caller)
        return status, _problem(type(error).__name__, str(error))


_INTERNAL = (
    "It failed for a reason that nobody foresaw. The log of this function has the traceback: "
    "`gcloud functions logs read NAME --gen2`."
)


def _never_passes(error: Exception) -> bool:
    """Whether the same event would fail in the same way: judged as failures of processors are."""
    from nbkit.analysis.healing import Nature, nature_of
    from nbkit.failures import classify

    if isinstance(error, NbkitError):
        return False  # ours and foreseen: settings can be mended while the event is young
    text = f"{type(error).__name__}: {error}"
    failure = classify(text, exception_type=type(error).__name__, status="failed")
    return nature_of(failure, text) is Nature.LASTING


def _problem(kind: str, message: str) -> dict[str, Any]:
    return {"error": kind, "message": message}


def _json(status: int, body: Mapping[str, Any], **headers: str) -> Response:
    text = json.dumps(body, ensure_ascii=False, default=str)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(f"{text}\n", status=status, mimetype="application/json", headers=headers)
