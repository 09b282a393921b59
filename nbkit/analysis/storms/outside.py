"""What is configured, beside what was seen: Cloud Scheduler jobs and Pub/Sub subscriptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from nbkit.analysis.storms.attempts import BackoffLaw
from nbkit.analysis.storms.windows import Span
from nbkit.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class SchedulerJob:
    """One job of `gcloud scheduler jobs list`."""

    name: str
    cron: str
    time_zone: str

    def fires(self, span: Span) -> list[datetime]:
        """Its marks in a span."""
        zone = ZoneInfo(self.time_zone)
        found = []
        # cronsim gives what comes after its start, so it starts a moment earlier.
        for mark in CronSim(self.cron, span.start.astimezone(zone) - timedelta(seconds=1)):
            if mark >= span.end:
                break
            found.append(mark)
        return found


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment at which several jobs start."""

    at: datetime
    jobs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """What one subscription is set to; seconds. Pub/Sub's own defaults where it says nothing."""

    name: str
    min_s: float
    max_s: float
    attempts: int | None

    def explains(self, law: BackoffLaw) -> bool:
        """Whether waits by that law can come from this subscription."""
        return law.min_s >= 0.75 * self.min_s and law.max_s <= 1.5 * self.max_s + 15


def read_jobs(path: Path) -> tuple[SchedulerJob, ...]:
    """Enabled jobs of a file with the JSON of `gcloud scheduler jobs list --format=json`.

    Raises:
        ParameterError: the file cannot be read, or holds a schedule that is none.
    """
    jobs = []
    for entry in _entries(path, "scheduler_jobs", "gcloud scheduler jobs list --format=json"):
        if entry.get("state", "ENABLED") != "ENABLED":
            continue
        job = SchedulerJob(
            name=str(entry.get("name", "?")).rpartition("/")[2],
            cron=str(entry.get("schedule", "")),
            time_zone=str(entry.get("timeZone") or "UTC"),
        )
        try:
            CronSim(job.cron, datetime(2026, 1, 1, tzinfo=ZoneInfo(job.time_zone)))
        except (CronSimError, KeyError, ValueError) as problem:
            raise ParameterError(
                f"scheduler_jobs: {path}: job {job.name!r} has schedule {job.cron!r} in "
                f"{job.time_zone!r}, which cannot be read ({problem})."
            ) from problem
        jobs.append(job)
    return tuple(jobs)


def read_policies(path: Path) -> tuple[RetryPolicy, ...]:
    """Subscriptions of a file with the JSON of `gcloud pubsub subscriptions list --format=json`.

    Raises:
        ParameterError: the file cannot be read.
    """
    policies = []
    for entry in _entries(path, "subscriptions", "gcloud pubsub subscriptions list --format=json"):
        retry = entry.get("retryPolicy") or {}
        dead = entry.get("deadLetterPolicy") or {}
        attempts = dead.get("maxDeliveryAttempts")
        policies.append(
            RetryPolicy(
                name=str(entry.get("name", "?")).rpartition("/")[2],
                # Without a retry policy a message is delivered again at once.
                min_s=_seconds(retry.get("minimumBackoff"), 10.0 if retry else 0.0, path),
                max_s=_seconds(retry.get("maximumBackoff"), 600.0 if retry else 0.0, path),
                attempts=int(attempts) if attempts else None,
            )
        )
    return tuple(policies)


def shared_marks(jobs: Sequence[SchedulerJob], span: Span, *, least: int = 3) -> tuple[Mark, ...]:
    """Moments in a span at which at least so many jobs start, the most crowded first."""
    at: dict[datetime, list[str]] = {}
    for job in jobs:
        for moment in job.fires(span):
            at.setdefault(moment.astimezone(span.start.tzinfo), []).append(job.name)
    marks = [
        Mark(at=moment, jobs=tuple(sorted(names)))
        for moment, names in at.items()
        if len(names) >= least
    ]
    return tuple(sorted(marks, key=lambda mark: (-len(mark.jobs), mark.at)))


def _entries(path: Path, parameter: str, command: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise ParameterError(
            f"{parameter}: {path} cannot be read as JSON ({problem}). Write it with `{command}`."
        ) from problem
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ParameterError(f"{parameter}: {path} holds no list. Write it with `{command}`.")
    return found


def _seconds(text: object, default: float, path: Path) -> float:
    if text is None:
        return default
    try:
        return float(str(text).removesuffix("s"))
    except ValueError as problem:
        raise ParameterError(
            f"subscriptions: {path}: {text!r} is no duration (10s, 600s)."
        ) from problem
