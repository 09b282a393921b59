"""What the statistics mean: findings with a severity, an owner, a runbook and a next step.

Statistics do not judge; this module does. The JSON shape is the contract of `findings.json`
(schema 1): machines read it, so keys and values here are not changed lightly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from nbkit.findings.plain import plain

FINDINGS_MIMETYPE = "application/vnd.nbkit.findings.v1+json"
SCHEMA = 1


class Severity(StrEnum):
    """How much it matters, in rising order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Verdict(StrEnum):
    """The answer to "is everything okay?". UNKNOWN: the data was not fit to judge."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that somebody should know, with its evidence in base units.

    `fingerprint` is stable across runs: the same trouble has the same one. `since` is None where
    the beginning is not known.
    """

    kind: str
    subject: str
    severity: Severity
    title: str
    since: datetime | None
    owner: str
    next_step: str
    fingerprint: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runbook(self) -> str:
        return f"docs/runbooks/{self.kind.replace('_', '-')}.md"

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "subject": self.subject,
            "severity": self.severity.value,
            "title": self.title,
            "since": iso_utc(self.since) if self.since else None,
            "evidence": plain(self.evidence),
            "owner": self.owner,
            "runbook": self.runbook,
            "next_step": self.next_step,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Finding:
        """What `to_json` made. Raises KeyError, TypeError or ValueError for something else."""
        since = datetime.fromisoformat(item["since"]) if item.get("since") else None
        if since is not None and since.tzinfo is None:
            raise ValueError(f"{item['since']!r} has no time zone")
        return cls(
            kind=str(item["kind"]),
            subject=str(item["subject"]),
            severity=Severity(item["severity"]),
            title=str(item["title"]),
            since=since,
            owner=str(item.get("owner") or ""),
            next_step=str(item.get("next_step") or ""),
            fingerprint=str(item["fingerprint"]),
            evidence=dict(item.get("evidence") or {}),
        )


def verdict_of(
    findings: Iterable[Finding], *, fit_to_judge: bool, is_complete: bool = True
) -> Verdict:
    """GREEN nothing at or above warning, YELLOW a warning, RED a critical; UNKNOWN when the data
    was not fit to judge, never GREEN for lack of data.

    Args:
        fit_to_judge: what was found can be believed.
        is_complete: all was there that had to be looked at. Where it was not, what was found is
            sure all the same; that all is well is not.
    """
    worst = max((f.severity.rank for f in findings), default=Severity.INFO.rank)
    if not fit_to_judge or (worst == Severity.INFO.rank and not is_complete):
        return Verdict.UNKNOWN
    return (Verdict.GREEN, Verdict.YELLOW, Verdict.RED)[worst]


def iso_utc(moment: datetime) -> str:
    """`2026-01-13T12:00:00Z`. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; use an aware datetime (UTC)")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
