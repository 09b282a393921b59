"""What past reports said: their verdicts, findings and cost, read from what their runs left.

A report about past reports asks here; those who write a run's folder are in `nbkit.report`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nbkit.findings import Finding, Verdict
from nbkit.store.files import MANIFEST, Store

_STAMP = "%Y-%m-%dT%H%M%SZ"
_STAMP_LENGTH = len("2026-01-13T120000Z")
FINDINGS = "findings.json"


def folder_stamp(as_of: datetime) -> str:
    """`2026-01-13T120000Z`, the name of the folder of a moment."""
    return f"{as_of.astimezone(UTC):{_STAMP}}"


@dataclass(frozen=True, kw_only=True)
class PastReport:
    """One run as it judged then. `path` is `<notebook>/<folder>` within the store.

    `bytes_billed` is of all its queries, None where the engine does not bill; `query_seconds` is
    how long they took.
    """

    path: str
    notebook: str
    as_of: datetime
    verdict: Verdict
    findings: tuple[Finding, ...]
    bytes_billed: int | None
    query_seconds: float
    seconds: float


def past_reports(
    store: Store, *, start: datetime, end: datetime, leave_out: Iterable[str] = ()
) -> tuple[tuple[PastReport, ...], tuple[str, ...]]:
    """The reports about moments in [start, end), in order, and the paths of those that cannot be
    read. Only folders whose names lie in the time are opened.

    Args:
        leave_out: names of notebooks that are not looked at.

    Raises:
        ReportError: a bucket could not be listed.
    """
    left_out = set(leave_out)
    found, unreadable = [], []
    for path in sorted(store.folders()):
        notebook, _, folder = path.partition("/")
        moment = _moment_of(folder)
        if notebook in left_out or moment is None or not start <= moment < end:
            continue
        try:
            found.append(_read(store, path))
        except (KeyError, TypeError, ValueError, AttributeError, OSError):
            unreadable.append(path)
    return tuple(sorted(found, key=lambda r: (r.as_of, r.path))), tuple(unreadable)


def _moment_of(folder: str) -> datetime | None:
    try:
        return datetime.strptime(folder[:_STAMP_LENGTH], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _read(store: Store, path: str) -> PastReport:
    """Raises KeyError, TypeError, ValueError or AttributeError for what is no run of ours, OSError
    for what may not be read."""
    said = _json(store, f"{path}/{FINDINGS}")
    manifest = _json(store, f"{path}/{MANIFEST}")
    as_of = datetime.fromisoformat(said["as_of"])
    if as_of.tzinfo is None:
        raise ValueError(f"{as_of} has no time zone")
    queries = list(manifest.get("queries") or ())
    billed = [query.get("bytes_billed") for query in queries]
    known = [int(each) for each in billed if each is not None]
    return PastReport(
        path=path,
        notebook=str(said["notebook"]),
        as_of=as_of,
        verdict=Verdict(said["verdict"]),
        findings=tuple(Finding.from_json(item) for item in said["findings"]),
        bytes_billed=sum(known) if known else None,
        query_seconds=sum(float(query.get("seconds") or 0.0) for query in queries),
        seconds=float(manifest.get("seconds") or 0.0),
    )


def _json(store: Store, path: str) -> dict[str, Any]:
    content = store.read(path)
    if content is None:
        raise ValueError(f"{path} is missing")
    value = json.loads(content)
    if not isinstance(value, dict):
        raise TypeError(f"{path} holds no object")
    return value
