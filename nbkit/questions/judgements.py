"""A judgement with what a reader may check: the warehouse it was read from, and every query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.warehouse.protocol import Warehouse


def judgement_of(
    warehouse: Warehouse,
    *,
    verdict: Verdict,
    findings: Sequence[Finding],
    as_of: datetime,
    window: tuple[datetime, datetime],
) -> Judgement:
    """The judgement of a question that has asked all it wants of the warehouse.

    Args:
        window: [start, end) that it is about.
    """
    return Judgement(
        verdict=verdict,
        findings=tuple(findings),
        as_of=as_of,
        window=window,
        warehouse=warehouse.url,
        queries=tuple(asdict(query) for query in warehouse.queries),
    )
