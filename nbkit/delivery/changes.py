"""What changed since the last message: alerts belong to state changes, not to states.

Pure functions from (this run, what was said before) to what is new, still open and recovered. A
finding is known by its fingerprint; an info is a remark, so it neither opens nor recovers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nbkit.delivery.run_folder import Run
from nbkit.findings import Finding, Severity, Verdict


@dataclass(frozen=True, kw_only=True)
class Open:
    """What the ledger remembers of a finding that a message told as open."""

    fingerprint: str
    title: str
    severity: Severity


@dataclass(frozen=True, kw_only=True)
class Said:
    """One message that stands in its channel. `ts`, `channel_id` and the id of the picture in it
    are Slack's, None elsewhere."""

    run_id: str
    content: str
    as_of: datetime
    verdict: Verdict
    open: tuple[Open, ...]
    ts: str | None = None
    channel_id: str | None = None
    picture: str | None = None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The findings of a run, sorted by what a reader must know first; each list worst first.

    `not_judged` were open and could not be looked at this time: a run that failed or had no fit
    data proves no recovery.
    """

    new: tuple[Finding, ...]
    worse: tuple[Finding, ...]
    still_open: tuple[Finding, ...]
    recovered: tuple[Open, ...]
    not_judged: tuple[Open, ...]
    remarks: tuple[Finding, ...]


def changes(run: Run, before: Said | None) -> Changes:
    """Compare `run` with the last message of the same report in the same channel."""
    known = {item.fingerprint: item for item in before.open} if before else {}
    alerts = [finding for finding in distinct(run.findings) if _alerts(finding)]
    seen = {finding.fingerprint for finding in alerts}
    gone = tuple(item for item in known.values() if item.fingerprint not in seen)
    unfit = run.verdict is Verdict.UNKNOWN
    new, worse, still_open = [], [], []
    for finding in alerts:
        earlier = known.get(finding.fingerprint)
        if earlier is None:
            new.append(finding)
        elif finding.severity.rank > earlier.severity.rank:
            worse.append(finding)
        else:
            still_open.append(finding)
    return Changes(
        new=tuple(new),
        worse=tuple(worse),
        still_open=tuple(still_open),
        recovered=() if unfit else gone,
        not_judged=gone if unfit else (),
        remarks=tuple(f for f in distinct(run.findings) if not _alerts(f)),
    )


def open_after(run: Run, before: Said | None) -> tuple[Open, ...]:
    """What is open once `run` was told. Findings that it could not judge stay open."""
    now = [
        Open(fingerprint=f.fingerprint, title=f.title, severity=f.severity)
        for f in distinct(run.findings)
        if _alerts(f)
    ]
    return (*now, *changes(run, before).not_judged)


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first, and of several with one fingerprint the worst."""
    ordered = sorted(findings, key=lambda f: -f.severity.rank)
    return list({f.fingerprint: f for f in reversed(ordered)}.values())[::-1]


def _alerts(finding: Finding) -> bool:
    return finding.severity is not Severity.INFO
