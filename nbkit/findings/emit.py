"""Hand a notebook's judgement to whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nbkit.findings import FINDINGS_MIMETYPE, Finding, Verdict, iso_utc


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict of one notebook about one window, with everything a reader may check.

    `queries` are the warehouse's query records as plain mappings; they go to the manifest.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    as_of: datetime
    window: tuple[datetime, datetime]
    warehouse: str
    queries: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        start, end = self.window
        return {
            "verdict": self.verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
            "as_of": iso_utc(self.as_of),
            "window": {"start": iso_utc(start), "end": iso_utc(end)},
            "warehouse": self.warehouse,
            "queries": list(self.queries),
        }


def emit(judgement: Judgement) -> None:
    """Display the judgement as the notebook's last output, where the runner picks it up."""
    from IPython.display import display

    count = len(judgement.findings)
    display(  # type: ignore[no-untyped-call]  # IPython has no annotations
        {
            FINDINGS_MIMETYPE: judgement.to_json(),
            "text/plain": f"{judgement.verdict.value}: {count} finding{'' if count == 1 else 's'}",
        },
        raw=True,
    )
