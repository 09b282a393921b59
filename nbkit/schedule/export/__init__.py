"""The schedule in the words of other schedulers: complete text, ready to be installed.

Whatever starts a job runs `nbkit schedule run JOB --only-if-due`: it takes the scheduled moment for
its `as_of`, and a start too many does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from nbkit.schedule.export.cloud_scheduler import cloud_scheduler
from nbkit.schedule.export.crontab import crontab
from nbkit.schedule.export.github_actions import github_actions
from nbkit.schedule.export.kubernetes import kubernetes
from nbkit.schedule.export.systemd import systemd
from nbkit.schedule.export.target import Target
from nbkit.schedule.job import Job

Exporter = Callable[[Sequence[Job], Target, datetime], dict[str, str]]

EXPORTERS: Mapping[str, Exporter] = {
    "cloud-scheduler": cloud_scheduler,
    "crontab": crontab,
    "systemd": systemd,
    "kubernetes": kubernetes,
    "github-actions": github_actions,
}

__all__ = ["EXPORTERS", "Target"]
