"""Google Cloud: a Cloud Run job for each notebook, and Cloud Scheduler to start it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

from nbkit.schedule.export.lines import Line, safe_lines
from nbkit.schedule.export.target import Target, arguments, header, told, unit
from nbkit.schedule.job import ENDING, Job

_ABOUT = """\
#
# A start beyond those that are due does nothing (--only-if-due), so Cloud Scheduler, which delivers
# at least once, may try again; the claims are in NBKIT_RUNS, which all executions share.
# Once: enable run.googleapis.com and cloudscheduler.googleapis.com, push the image, and let the
# service account read the warehouse, write to NBKIT_RUNS and to the bucket of the reports.
# A job that was taken out of the schedule goes on: gcloud scheduler jobs delete NAME
set -euo pipefail

# Makes a scheduler job, or brings the one of that name up to date.
scheduler_job() {
  local name=$1
  shift
  local action=create
  if gcloud scheduler jobs describe "$name" --project "$PROJECT" --location "$REGION" \\
    >/dev/null 2>&1; then
    action=update
  fi
  gcloud scheduler jobs "$action" http "$name" --project "$PROJECT" --location "$REGION" "$@"
}
"""


def cloud_scheduler(jobs: Sequence[Job], target: Target, now: datetime) -> dict[str, str]:
    """One shell script of gcloud commands, which can be run again after every change."""
    names = (
        f"PROJECT={shlex.quote(target.project)}\n"
        f"REGION={shlex.quote(target.region)}\n"
        f"ACCOUNT={shlex.quote(target.service_account)}\n"
    )
    parts = ["#!/usr/bin/env bash\n" + header("cloud-scheduler") + _ABOUT, names]
    for job in jobs:
        parts.append(_cloud_run_job(job, target))
        parts += [
            _scheduler_job(job, line, number)
            for number, line in enumerate(safe_lines(job.when, now=now), start=1)
        ]
    return {"nbkit-schedule.sh": "\n".join(parts)}


def _cloud_run_job(job: Job, target: Target) -> str:
    # gcloud's own syntax for lists whose values may hold commas.
    variables = "^;^" + ";".join(f"{name}={value}" for name, value in target.environment.items())
    limit = int((job.timeout + ENDING).total_seconds())
    secrets = (
        [f"--set-secrets {shlex.quote(f'SLACK_BOT_TOKEN={target.slack_secret}:latest')}"]
        if job.to == "slack"
        else []
    )
    deploy = [
        f"gcloud run jobs deploy {unit(job)}",
        '--project "$PROJECT" --region "$REGION" --service-account "$ACCOUNT"',
        f"--image {shlex.quote(target.image)}",
        f"--command nbkit --args {shlex.quote('^;^' + ';'.join(arguments(job)))}",
        f"--set-env-vars {shlex.quote(variables)}",
        *secrets,
        f"--tasks 1 --max-retries 0 --task-timeout {limit}s --cpu 2 --memory 4Gi",
    ]
    invoke = [
        f"gcloud run jobs add-iam-policy-binding {unit(job)}",
        '--project "$PROJECT" --region "$REGION"',
        '--member "serviceAccount:$ACCOUNT" --role roles/run.invoker',
    ]
    return f"# {told(job)}\n{_wrapped(deploy)}\n{_wrapped(invoke)}"


def _scheduler_job(job: Job, line: Line, number: int) -> str:
    name = unit(job) + (f"-{number}" if number > 1 else "")
    uri = f"https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/{unit(job)}:run"
    return _wrapped(
        [
            f"scheduler_job {name}",
            f"--schedule {shlex.quote(line.expression)} --time-zone {shlex.quote(line.zone)}",
            f'--uri "{uri}" --http-method POST',
            '--oauth-service-account-email "$ACCOUNT"',
            # The call only starts the execution; it is answered at once.
            "--attempt-deadline 180s --max-retry-attempts 3 --min-backoff 30s --max-backoff 300s",
        ]
    )


def _wrapped(parts: Sequence[str]) -> str:
    return " \\\n  ".join(parts) + "\n"
