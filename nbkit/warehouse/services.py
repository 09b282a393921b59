"""Where the deployment state of Cloud Run services comes from: a file, or the live API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nbkit.analysis.services import ServiceState, service_states
from nbkit.errors import ParameterError, WarehouseError

_TIMEOUT_S = 20


def read_services(source: str) -> tuple[ServiceState, ...] | None:
    """Service states from `source`.

    Args:
        source: empty (not measured: None), the path of what
            `gcloud run services list --format=json` printed, or `cloudrun://project/region` to
            ask Google with application default credentials.

    Raises:
        ParameterError: no such file, or not such a listing.
        WarehouseError: Google did not answer.
    """
    if not source:
        return None
    if source.startswith("cloudrun://"):
        return _parsed(_ask_google(source), source)
    try:
        listing = json.loads(Path(source).read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(
            f"services: cannot read {source} ({error.strerror}). Give the path of the output of "
            "`gcloud run services list --format=json`, or cloudrun://PROJECT/REGION."
        ) from None
    except ValueError as error:
        raise ParameterError(
            f"services: {source} is not JSON ({error}). Make it with "
            "`gcloud run services list --format=json`."
        ) from None
    return _parsed(listing, source)


def _parsed(listing: Any, source: str) -> tuple[ServiceState, ...]:
    try:
        if not isinstance(listing, list):
            raise ValueError("not a list of services")
        return service_states(listing)
    except (ValueError, AttributeError) as error:
        raise ParameterError(
            f"services: {source} is not a listing of Cloud Run services ({error}). Make it with "
            "`gcloud run services list --format=json`."
        ) from None


def _ask_google(source: str) -> Any:
    match = re.fullmatch(r"cloudrun://([a-z0-9.:-]+)/([a-z0-9-]+)", source)
    if not match:
        raise ParameterError(f"services: {source} should read cloudrun://PROJECT/REGION")
    project, region = match.groups()
    import google.auth
    import google.auth.exceptions
    import google.auth.transport.requests
    import requests

    try:
        credentials, _ = google.auth.default(
            scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
        session = google.auth.transport.requests.AuthorizedSession(  # type: ignore[no-untyped-call]
            credentials
        )
        answer = session.get(
            f"https://{region}-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/"
            f"{project}/services",
            timeout=_TIMEOUT_S,
        )
        answer.raise_for_status()
        return answer.json().get("items", [])
    except (google.auth.exceptions.GoogleAuthError, requests.RequestException) as error:
        raise WarehouseError(
            f"Cloud Run did not list the services of {project} in {region}: {error}. Check "
            "`gcloud auth application-default login`, or give the path of the output of "
            "`gcloud run services list --format=json`."
        ) from error
