"""Run folders as `nbkit run` leaves them, for the tests of this room."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

AS_OF = "2026-01-13T12:00:00Z"
NOW = datetime(2026, 1, 13, 13, 0, tzinfo=UTC)


def a_finding(name: str = "late", severity: str = "warning", **more: Any) -> dict[str, Any]:
    """One finding of the contract; its fingerprint is `kind:name`."""
    return {
        "kind": "silent_processor",
        "subject": name,
        "severity": severity,
        "title": f"{name} has been silent for 9 h",
        "since": "2026-01-13T03:00:00Z",
        "evidence": {"silent_s": 32_400},
        "owner": "data-eng",
        "runbook": "docs/runbooks/silent-processor.md",
        "next_step": "Look at the trigger.",
        "fingerprint": f"silent_processor:{name}",
    } | more


def write_run(
    root: Path,
    findings: Sequence[dict[str, Any]] = (),
    *,
    as_of: str = AS_OF,
    notebook: str = "daily_health",
    verdict: str | None = None,
    picture: bool = True,
    html: str | None = "<!DOCTYPE html><title>Daily health</title>",
    manifest: dict[str, Any] | None = None,
    variant: str = "",
) -> Path:
    """The folder of one run under `root`/reports, with the verdict that the findings give."""
    worst = {finding["severity"] for finding in findings}
    given = "RED" if "critical" in worst else "YELLOW" if "warning" in worst else "GREEN"
    stamp = as_of.replace(":", "") + (f"-{variant}" if variant else "")
    folder = root / "reports" / notebook / stamp
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "schema": 1,
        "notebook": notebook,
        "as_of": as_of,
        "window": {"start": "2026-01-06T12:00:00Z", "end": as_of},
        "verdict": verdict or given,
        "findings": list(findings),
    }
    (folder / "findings.json").write_text(json.dumps(found))
    (folder / "manifest.json").write_text(json.dumps(manifest or {}))
    (folder / "notebook.ipynb").write_text(json.dumps(a_notebook(picture=picture)))
    if html is not None:
        (folder / "index.html").write_text(html)
    return folder


def a_notebook(*, picture: bool) -> dict[str, Any]:
    """An executed notebook whose headline cell shows a picture, or none."""
    outputs = []
    if picture:
        encoded = base64.b64encode(a_png()).decode()
        outputs.append(
            {
                "output_type": "display_data",
                "data": {"image/png": encoded, "text/plain": "…"},
                "metadata": {"image/png": {"alt": "Success rates of six phases"}},
            }
        )
    first = {"cell_type": "markdown", "metadata": {}, "source": "# Is it well?"}
    headline = {
        "cell_type": "code",
        "metadata": {"tags": ["headline"]},
        "source": "",
        "outputs": outputs,
    }
    return {"cells": [first, headline], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def a_png(grey: int = 200) -> bytes:
    """A real PNG of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, grey]))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
