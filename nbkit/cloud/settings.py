"""What a deployed function is told by its environment; read at every call, never at import.

==========================  =====================================================================
NBKIT_WAREHOUSE             the run history, such as bigquery://project/nba_reference
NBKIT_RUNS                  nbkit's own records, shared by all instances
NBKIT_PROJECT               folder of the project (default: where main.py was deployed)
NBKIT_REPORTS               where reports go, such as gs://bucket/reports (default: reports/)
NBKIT_ALERTS                whom to tell: slack (default), dir:PATH, or none
NBKIT_AUDIENCE              the URL of the function, for which callers have their token made
NBKIT_CALLERS               e-mail addresses of the service accounts that may call, by commas
NBKIT_BEHIND_IAM            1: Cloud Run has checked the caller (--no-allow-unauthenticated)
NBKIT_OIDC_CERTS            where the keys of the tokens are (default: Google's)
NBKIT_MAX_EVENT_AGE         an older event is dropped (default 24h)
GOOGLE_CLOUD_PROJECT        holds the Pub/Sub topics
PUBSUB_EMULATOR_HOST        host:port of an emulator, asked without credentials
==========================  =====================================================================

Slack's own variables are those of `nbkit.delivery`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from nbkit.errors import InputError
from nbkit.project import Project, find_project

GOOGLE_CERTS = "https://www.googleapis.com/oauth2/v1/certs"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The environment of one call, checked."""

    project: Project
    warehouse: str
    runs: str
    reports: str
    alerts: str
    gcp_project: str
    max_event_age: timedelta
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may call. `is_behind_iam`: somebody else has looked, and tokens are not asked for."""

    audience: str
    callers: frozenset[str]
    certs_url: str
    is_behind_iam: bool


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read what the functions need.

    Raises:
        InputError: a value that cannot be read.
        ProjectNotFound: no project in NBKIT_PROJECT or the working directory.
    """
    project = find_project()
    return Settings(
        project=project,
        warehouse=project.warehouse_url(),
        runs=environment.get("NBKIT_RUNS", ""),
        reports=environment.get("NBKIT_REPORTS") or str(project.reports),
        alerts=_alerts(environment.get("NBKIT_ALERTS", "slack")),
        gcp_project=environment.get("GOOGLE_CLOUD_PROJECT", ""),
        max_event_age=_length(environment.get("NBKIT_MAX_EVENT_AGE", "24h")),
        environment=environment,
    )


def read_access(environment: Mapping[str, str]) -> Access:
    """Read who may call.

    Raises:
        InputError: nobody could ever call: neither callers with an audience, nor IAM.
    """
    access = Access(
        audience=environment.get("NBKIT_AUDIENCE", "").strip(),
        callers=frozenset(filter(None, re.split(r"[,\s]+", environment.get("NBKIT_CALLERS", "")))),
        certs_url=environment.get("NBKIT_OIDC_CERTS") or GOOGLE_CERTS,
        is_behind_iam=environment.get("NBKIT_BEHIND_IAM", "").strip() in ("1", "true", "yes"),
    )
    if not access.is_behind_iam and not (access.audience and access.callers):
        raise InputError(
            "Nobody may call this function yet. Set NBKIT_AUDIENCE to its URL and NBKIT_CALLERS to "
            "the e-mail of the scheduler's service account; or deploy it with "
            "--no-allow-unauthenticated and set NBKIT_BEHIND_IAM=1."
        )
    return access


def _alerts(text: str) -> str:
    text = text.strip()
    if text in ("slack", "none") or (text.startswith("dir:") and text != "dir:"):
        return text
    raise InputError(f"NBKIT_ALERTS={text}: write slack, dir:PATH or none.")


def _length(text: str) -> timedelta:
    match = re.fullmatch(r"\s*(\d+)\s*([smhd])\s*", text)
    if not match or int(match[1]) == 0:
        raise InputError(f"NBKIT_MAX_EVENT_AGE={text}: write a length of time such as 90m or 24h.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
