"""Jobs and projects for the tests of the schedule."""

from __future__ import annotations

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
