"""What the reports of some days found, told once for each trouble."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nbkit.findings import Finding, Severity, Verdict
from nbkit.project import find_project
from nbkit.store import PastReport, open_store, past_reports


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A finding that one or more reports of the time had. `finding` is as the latest told it,
    `worst` the highest severity; `is_open`: the latest report of its notebook
    that could judge still has it."""

    finding: Finding
    notebook: str
    first_seen: datetime
    last_seen: datetime
    times: int
    worst: Severity
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class PastFindings:
    """The incidents, the worst and then the most frequent first; the reports they are from, where
    those are kept, and the paths of reports that could not be read."""

    place: str
    incidents: tuple[Incident, ...]
    reports: tuple[PastReport, ...]
    unreadable: tuple[str, ...]


def past_findings(
    place: str,
    *,
    start: datetime,
    end: datetime,
    leave_out: Iterable[str] = (),
    at_least: Severity = Severity.WARNING,
) -> PastFindings:
    """What reports about moments in [start, end) found.

    Args:
        place: a folder or URL; empty for the project's `reports/`.
        leave_out: names of notebooks whose findings are no incidents.
        at_least: findings below are none either.

    Raises:
        ReportError: the place cannot be opened, or a bucket could not be listed.
    """
    store = open_store(place or find_project().reports)
    reports, unreadable = past_reports(store, start=start, end=end)
    left_out = set(leave_out)
    # One that could not judge proves no recovery.
    latest = {r.notebook: r for r in reports if r.verdict is not Verdict.UNKNOWN}
    seen: dict[tuple[str, str], list[tuple[PastReport, Finding]]] = {}
    for report in reports:
        if report.notebook in left_out:
            continue
        for finding in report.findings:
            if finding.severity.rank >= at_least.rank:
                key = (report.notebook, finding.fingerprint)
                seen.setdefault(key, []).append((report, finding))
    incidents = [
        Incident(
            finding=own[-1][1],
            notebook=notebook,
            first_seen=own[0][0].as_of,
            last_seen=own[-1][0].as_of,
            times=len(own),
            worst=max((finding.severity for _, finding in own), key=lambda s: s.rank),
            is_open=own[-1][0].as_of >= latest.get(notebook, own[-1][0]).as_of,
        )
        for (notebook, _), own in seen.items()
    ]
    ranked = sorted(incidents, key=lambda i: (-i.worst.rank, -i.times, i.finding.fingerprint))
    return PastFindings(
        place=store.address(), incidents=tuple(ranked), reports=reports, unreadable=unreadable
    )
