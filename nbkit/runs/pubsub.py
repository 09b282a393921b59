"""Publish a message to a topic of the platform, over Pub/Sub's REST interface.

One request with Google's own credentials: the client library would bring gRPC, which a function
that publishes a few messages a day does not need.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nbkit.errors import PublishFailed

EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"
PROJECT_VARIABLE = "GOOGLE_CLOUD_PROJECT"
_GOOGLE = "https://pubsub.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/pubsub"
_PATIENCE_S = 15
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def publish(
    topic: str,
    payload: Mapping[str, Any],
    *,
    attributes: Mapping[str, str] | None = None,
    environment: Mapping[str, str],
) -> str:
    """Publish one message; returns its id.

    It is sent once. Where the answer is lost, the message may have been published all the same:
    whoever asks for a rerun must count it as asked.

    Args:
        environment: holds GOOGLE_CLOUD_PROJECT, and PUBSUB_EMULATOR_HOST for an emulator.

    Raises:
        PublishFailed: refused, or not known to have arrived; says what to do.
    """
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    project = environment.get(PROJECT_VARIABLE, "")
    if not project:
        raise PublishFailed(
            f"{PROJECT_VARIABLE} is not set, so {topic} cannot be found. Set it to the project "
            "that holds the topics (--set-env-vars)."
        )
    place = f"projects/{project}/topics/{topic}"
    message = {
        "data": base64.b64encode(json.dumps(payload).encode()).decode(),
        "attributes": dict(attributes or {}),
    }
    try:
        base, session = _session(environment)
        with session:
            answer = session.post(
                f"{base}/v1/{place}:publish", json={"messages": [message]}, timeout=_PATIENCE_S
            )
    except (RequestException, GoogleAuthError) as error:
        raise PublishFailed(
            f"It is not known whether {place} got the message: {_first_line(error)}."
        ) from error
    if answer.status_code != 200:
        raise PublishFailed(
            f"{place} refused the message ({answer.status_code}): {_said(answer)}. Check that the "
            "topic exists and that the function's service account has roles/pubsub.publisher."
        )
    return str(answer.json()["messageIds"][0])


def _session(environment: Mapping[str, str]) -> tuple[str, Any]:
    """The address of Pub/Sub, and an HTTP session that may use it."""
    emulator = environment.get(EMULATOR_VARIABLE, "")
    if emulator:
        import requests

        base = emulator if "://" in emulator else f"http://{emulator}"
        if urlsplit(base).hostname not in _LOOPBACK:
            raise PublishFailed(
                f"{EMULATOR_VARIABLE}={emulator} is not on this machine (127.0.0.1). "
                "Unset it to reach Google."
            )
        return base.rstrip("/"), requests.Session()
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[_SCOPE])
    return _GOOGLE, AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def _said(answer: Any) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return str(answer.text)[:200]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
