"""Kubernetes: CronJobs, one for each line of a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nbkit.schedule.export.lines import Line, safe_lines
from nbkit.schedule.export.target import Target, arguments, as_yaml, header, told, unit
from nbkit.schedule.job import ENDING, Job

_ABOUT = """\
# Install: kubectl apply -f nbkit-cronjobs.yaml
# The Secret `nbkit` holds SLACK_BOT_TOKEN; the service account may read the warehouse and write to
# NBKIT_RUNS (the claims, which all pods share) and to the reports.
"""


def kubernetes(jobs: Sequence[Job], target: Target, now: datetime) -> dict[str, str]:
    """One file of CronJobs. Those with a time in a night when clocks change are in UTC, for there
    Kubernetes leaves runs out, or starts them twice."""
    documents = []
    for job in jobs:
        for number, line in enumerate(safe_lines(job.when, now=now), start=1):
            text = as_yaml(_cron_job(job, line, number, target))
            documents.append(f"# {told(job)}\n{text}")
    return {
        "nbkit-cronjobs.yaml": header("kubernetes") + _ABOUT + "---\n" + "---\n".join(documents)
    }


def _cron_job(job: Job, line: Line, number: int, target: Target) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in target.environment.items()]
    container = {
        "name": "nbkit",
        "image": target.image,
        "command": ["nbkit"],
        "args": arguments(job),
        "env": variables,
        "envFrom": [{"secretRef": {"name": "nbkit", "optional": True}}],
        "resources": {
            "requests": {"cpu": "500m", "memory": "1Gi"},
            "limits": {"memory": "4Gi"},
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": unit(job) + (f"-{number}" if number > 1 else ""),
            "labels": {"app.kubernetes.io/name": "nbkit", "nbkit/job": job.name},
        },
        "spec": {
            "schedule": line.expression,
            "timeZone": line.zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": int(job.grace.total_seconds()),
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    "activeDeadlineSeconds": int((job.timeout + ENDING).total_seconds()),
                    "backoffLimit": 0,
                    "template": {
                        "spec": {
                            "serviceAccountName": "nbkit",
                            "restartPolicy": "Never",
                            "containers": [container],
                        }
                    },
                }
            },
        },
    }
