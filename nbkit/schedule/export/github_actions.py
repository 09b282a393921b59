"""GitHub Actions: a workflow for each job. GitHub reads schedules in UTC.

So 07:00 in New York is two lines, 11:00 and 12:00 UTC, and both start the workflow all year. Which
one is meant, nbkit decides from the line that started it (`github.event.schedule`), however late
GitHub is; it needs no memory, which a fresh checkout would not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nbkit.schedule.export.lines import utc_lines
from nbkit.schedule.export.target import Target, arguments, as_yaml, header, told, unit
from nbkit.schedule.job import ENDING, Job

_ABOUT = """\
# Install: copy to .github/workflows/. Needs the repository secret SLACK_BOT_TOKEN.
# GitHub knows no time zones here: the lines are UTC, in winter and in summer time, and the one that
# is not meant today ends at once. Starts can be late by many minutes, or left out at busy times;
# nothing starts more often than every five minutes.
"""


def github_actions(jobs: Sequence[Job], target: Target, now: datetime) -> dict[str, str]:
    """Workflows by the name of their file."""
    return {
        f"{unit(job)}.yaml": header("github-actions")
        + _ABOUT
        + f"# {told(job)}\n"
        + as_yaml(_workflow(job, target, now))
        for job in jobs
    }


def _workflow(job: Job, target: Target, now: datetime) -> dict[str, Any]:
    due = " ".join(["nbkit", *arguments(job), '--started-by "$STARTED_BY"'])
    by_hand = f"nbkit schedule run {job.name} --exit-zero"
    variables = {
        "NBKIT_WAREHOUSE": target.warehouse,
        "SLACK_CHANNEL": target.slack_channel,
        "SLACK_BOT_TOKEN": "${{ secrets.SLACK_BOT_TOKEN }}",
        # Never pasted into the script: a value is no command.
        "STARTED_BY": "${{ github.event.schedule }}",
    }
    steps = [
        {"uses": "actions/checkout@v4"},
        {"uses": "actions/setup-python@v5", "with": {"python-version": "3.11", "cache": "pip"}},
        {"run": "pip install -c constraints.txt '.[gcp]'"},
        {
            "name": f"Run {job.name}",
            "env": variables,
            "run": f'if [ -n "$STARTED_BY" ]; then\n  {due}\nelse\n  {by_hand}\nfi\n',
        },
        {
            "uses": "actions/upload-artifact@v4",
            "if": "always()",
            "with": {"name": "reports", "path": "reports/", "if-no-files-found": "ignore"},
        },
    ]
    lines = utc_lines(job.when, now=now)
    return {
        "name": f"nbkit {job.name}",
        "on": {
            "schedule": [{"cron": line.expression} for line in lines],
            "workflow_dispatch": None,
        },
        "permissions": {"contents": "read"},
        "concurrency": {"group": unit(job), "cancel-in-progress": False},
        "jobs": {
            "run": {
                "runs-on": "ubuntu-latest",
                # Setting up takes its time as well.
                "timeout-minutes": int((job.timeout + 2 * ENDING).total_seconds() // 60),
                "steps": steps,
            }
        },
    }
