"""From what past reports said to what is open, since when, what is new and what has recovered.

A report is judged beside the last one of the same notebook. One that could not judge (UNKNOWN)
proves no recovery, and neither does a report that was not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nbkit.findings import Finding, Severity, Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one report of a notebook said about its moment."""

    notebook: str
    as_of: datetime
    verdict: Verdict
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class OpenFinding:
    """A finding at or above warning that the last report of its notebook still tells.

    `first_seen` is the first report of the unbroken row that ends with the last one, or the moment
    that the finding itself names, if that is earlier. `is_new` is None where no report of that
    notebook was made before the watch.
    """

    finding: Finding
    notebook: str
    first_seen: datetime
    is_new: bool | None


@dataclass(frozen=True, kw_only=True)
class Handover:
    """What the next person has to know of the reports. Open findings come worst and oldest first.

    `verdicts` has each notebook's last verdict, and the one before the watch (None without one).
    """

    open: tuple[OpenFinding, ...]
    recovered: tuple[OpenFinding, ...]
    verdicts: tuple[tuple[str, Verdict | None, Verdict], ...]


def handover(reports: Sequence[Judged], *, since: datetime) -> Handover:
    """Compare the last report of each notebook with its last one at or before `since`.

    Args:
        reports: in any order, none later than the moment of handing over.
    """
    open_now: dict[str, OpenFinding] = {}
    recovered: dict[str, OpenFinding] = {}
    verdicts = []
    for notebook in sorted({report.notebook for report in reports}):
        own = sorted((r for r in reports if r.notebook == notebook), key=lambda r: r.as_of)
        last = own[-1]
        earlier = [report for report in own if report.as_of <= since and report is not last]
        before = earlier[-1] if earlier else None
        verdicts.append((notebook, before.verdict if before else None, last.verdict))
        known = {f.fingerprint for f in _alerts(before)} if before else None
        for finding in _alerts(last):
            told = OpenFinding(
                finding=finding,
                notebook=notebook,
                first_seen=_first_seen(finding, own),
                is_new=None if known is None else finding.fingerprint not in known,
            )
            _keep_worse(open_now, told)
        if last.verdict is Verdict.UNKNOWN:
            continue
        still = {finding.fingerprint for finding in _alerts(last)}
        for report in own:
            if report is not before and not since < report.as_of:
                continue
            for finding in _alerts(report):
                if finding.fingerprint not in still:
                    recovered[finding.fingerprint] = OpenFinding(
                        finding=finding,
                        notebook=notebook,
                        first_seen=_first_seen(finding, own),
                        is_new=None if known is None else finding.fingerprint not in known,
                    )
    return Handover(
        open=tuple(
            sorted(
                open_now.values(),
                key=lambda o: (-o.finding.severity.rank, o.first_seen, o.finding.fingerprint),
            )
        ),
        recovered=tuple(
            sorted(
                (r for key, r in recovered.items() if key not in open_now),
                key=lambda o: (-o.finding.severity.rank, o.first_seen, o.finding.fingerprint),
            )
        ),
        verdicts=tuple(verdicts),
    )


def _alerts(report: Judged) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity is not Severity.INFO]


def _first_seen(finding: Finding, own: Sequence[Judged]) -> datetime:
    """Walks back from the last report that tells it for as long as each one does."""
    first: datetime | None = None
    for report in reversed(own):
        if any(other.fingerprint == finding.fingerprint for other in report.findings):
            first = report.as_of
        elif first is not None and report.verdict is not Verdict.UNKNOWN:
            break
    assert first is not None  # it is in one of them
    return min(first, finding.since) if finding.since else first


def _keep_worse(found: dict[str, OpenFinding], told: OpenFinding) -> None:
    """Two notebooks may tell the same trouble: the worse word counts, and the longer age."""
    known = found.get(told.finding.fingerprint)
    if known is None:
        found[told.finding.fingerprint] = told
        return
    worse = max(known, told, key=lambda o: o.finding.severity.rank)
    found[told.finding.fingerprint] = OpenFinding(
        finding=worse.finding,
        notebook=worse.notebook,
        first_seen=min(known.first_seen, told.first_seen),
        # Known to one of them before the watch, it is not new.
        is_new=False if False in (known.is_new, told.is_new) else known.is_new or told.is_new,
    )
