"""Notebooks for the tests of this room, as JSON, and what surrounds them on a page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nbkit.findings import FINDINGS_MIMETYPE, Verdict
from nbkit.report.judgement import NOT_JUDGED, Emitted
from nbkit.report.outcome import Failure
from nbkit.report.page import Page
from nbkit.report.provenance import Commit

AS_OF = "2026-01-13T12:00:00Z"
PARAMETERS = f"""as_of = "{AS_OF}"  # the moment
warehouse = ""  # warehouse URL
days = 7  # as in `x --format=json`, or cloudrun://PROJECT/REGION"""


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": list(outputs),
        "source": source,
    }


def shown(**data: Any) -> dict[str, Any]:
    """An output: `shown(html="<b>x</b>")`, `shown(javascript="…")`, `shown(plain="x")`."""
    kinds = {
        "html": "text/html",
        "plain": "text/plain",
        "markdown": "text/markdown",
        "javascript": "application/javascript",
        "svg": "image/svg+xml",
        "png": "image/png",
    }
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {kinds[name]: value for name, value in data.items()},
    }


def notebook(*cells: dict[str, Any], title: str = "Is all well?") -> dict[str, Any]:
    """A notebook of the right shape around `cells`."""
    return {
        "cells": [markdown(f"# {title}"), code(PARAMETERS, tags=("parameters",)), *cells],
        "metadata": {"kernelspec": {"name": "not-installed", "display_name": "Other"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def finding(
    severity: str = "critical", title: str = "It broke", number: int = 1, **other: Any
) -> dict[str, Any]:
    return {
        "kind": "silent_processor",
        "subject": f"processor {number}",
        "severity": severity,
        "title": title,
        "since": "2026-01-12T03:00:00Z",
        "evidence": {"failures": 30579, "share": 0.273},
        "owner": "data-platform",
        "runbook": "docs/runbooks/silent-processor.md",
        "next_step": "Read `gcloud logging read` for it.",
        "fingerprint": f"silent_processor:{number}",
        **other,
    }


def judgement(verdict: str = "GREEN", *findings: dict[str, Any]) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "findings": list(findings),
        "as_of": AS_OF,
        "window": {"start": "2026-01-12T12:00:00Z", "end": AS_OF},
        "warehouse": "duckdb:///demo.duckdb",
        "queries": [
            {
                "name": "hourly_counts",
                "parameters": {"start": "2025-12-13T12:00:00Z", "end": AS_OF},
                "rows": 4211,
                "seconds": 0.4,
                "bytes_billed": None,
                "bytes_estimated": None,
            }
        ],
    }


def emitting(verdict: str = "GREEN", *findings: dict[str, Any]) -> dict[str, Any]:
    """A code cell that emits as `nb.emit` does."""
    data = {FINDINGS_MIMETYPE: judgement(verdict, *findings), "text/plain": "said"}
    return code(f"from IPython.display import display\ndisplay({data!r}, raw=True)")


def emitted(verdict: str = "GREEN", *findings: dict[str, Any]) -> Emitted:
    said = judgement(verdict, *findings)
    return Emitted(
        verdict=Verdict(verdict),
        findings=tuple(findings),
        window=said["window"],
        warehouse=said["warehouse"],
        queries=tuple(said["queries"]),
    )


def page(said: Emitted = NOT_JUDGED, failure: Failure | None = None) -> Page:
    return Page(
        notebook="sample",
        as_of=datetime(2026, 1, 13, 12, tzinfo=UTC),
        emitted=said,
        failure=failure,
        total_cells=9,
        parameters={"as_of": AS_OF, "warehouse": "", "days": 7},
        warehouse="duckdb:///demo.duckdb",
        commit=Commit(commit="0123456789abcdef0123456789abcdef01234567", dirty=False),
        version="0.1.0",
    )
