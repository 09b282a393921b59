"""Tell people about one finding, by the same way as a report: once, and kept until it arrived."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from nbkit.cloud.log import log
from nbkit.cloud.settings import Settings
from nbkit.errors import NbkitError
from nbkit.findings import SCHEMA, Finding, iso_utc, verdict_of


def tell(finding: Finding, *, function: str, settings: Settings, now: datetime) -> bool:
    """Send `finding` where alerts go, and log it whatever becomes of that.

    The log line comes first and never fails: an alerting policy on it (`jsonPayload.finding`) tells
    when Slack is down.

    Returns:
        Whether somebody was told. It raises nothing: what was decided has been done.
    """
    log("ERROR", finding.title, function=function, finding=finding.to_json())
    if settings.alerts == "none":
        return False
    from nbkit.delivery import deliver

    variant = re.sub(r"[^a-z0-9]+", "-", finding.subject.lower()).strip("-")
    stamp = iso_utc(now)
    document = {
        "schema": SCHEMA,
        "notebook": function,
        "as_of": stamp,
        "window": None,
        "verdict": verdict_of([finding], fit_to_judge=True).value,
        "findings": [finding.to_json()],
    }
    try:
        with TemporaryDirectory(prefix="nbkit-alert-") as temporary:
            folder = Path(temporary)
            (folder / "findings.json").write_text(json.dumps(document), encoding="utf-8")
            # Findings of one subject are a series: of another subject, none of them recovers.
            manifest = {"variant": variant, "exit": {"state": "completed"}}
            (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
            deliver(
                folder,
                to=settings.alerts,
                project=settings.project,
                now=now,
                environment=settings.environment,
            )
    except NbkitError as error:
        log("ERROR", f"{function}: nobody was told. {error}", function=function, error=error)
        return False
    return True
