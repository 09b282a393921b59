"""Jobs and projects for the tests of the schedule."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from nbkit.project import Project
from nbkit.schedule.job import Job


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def job(**values: Any) -> Job:
    """Daily at 07:00 in New York unless `values` say otherwise."""
    return Job.model_validate(
        {
            "name": "health",
            "notebook": "health",
            "params": "params/health/production.yaml",
            "cron": "0 7 * * *",
            "time_zone": "America/New_York",
            "channel": "none",
            "owner": "data-platform",
            "timeout": "30m",
        }
        | values
    )


def project(root: Path, jobs: str = "", *, notebooks: tuple[str, ...] = ("health",)) -> Project:
    """A project with a schedule of `jobs` (YAML), and empty notebooks with their parameters."""
    (root / "notebooks").mkdir(parents=True)
    (root / "registry").mkdir()
    for name in notebooks:
        (root / "notebooks" / f"{name}.ipynb").write_text('{"nbformat": 4, "cells": []}')
        (root / "params" / name).mkdir(parents=True)
        (root / "params" / name / "production.yaml").write_text("")
    head = 'version: "1.0"\njobs:\n'
    (root / "registry" / "schedule.yaml").write_text(head + dedent(jobs), encoding="utf-8")
    return Project(root)


def notebook(*lines: str, verdict: str = "GREEN") -> str:
    """A notebook that notes its `as_of` in `ran.txt`, does `lines`, and gives a verdict."""
    emitted = (
        "from datetime import datetime, timedelta\n"
        "from nbkit.findings import Verdict\n"
        "from nbkit.findings.emit import Judgement, emit\n"
        "end = datetime.fromisoformat(as_of)\n"
        f"emit(Judgement(verdict=Verdict.{verdict}, findings=(), as_of=end,\n"
        "  window=(end - timedelta(days=1), end), warehouse='duckdb:///demo.duckdb'))"
    )
    sources = [
        ('as_of = "2026-01-13T12:00:00Z"  # the moment\nwarehouse = ""  # URL', ["parameters"]),
        ("with open('ran.txt', 'a') as file:\n    file.write(as_of + '\\n')", []),
        *((line, []) for line in lines),
        (emitted, []),
    ]
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"tags": tags} if tags else {},
            "outputs": [],
            "source": source,
        }
        for source, tags in sources
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4})
