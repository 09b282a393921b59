"""A crontab: lines in the zone of each job, for a cron that knows CRON_TZ (cronie)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from nbkit.schedule.export.lines import zone_line
from nbkit.schedule.export.target import Target, arguments, header, told
from nbkit.schedule.job import Job

_ABOUT = """\
#
# CRON_TZ is known to cronie (Fedora, RHEL, Arch), not to the cron of Debian and Ubuntu, which would
# run these lines by the clock of the machine. There, take only this line instead: it runs all jobs
# at their own times, on any cron:
#   {tick}
# SLACK_BOT_TOKEN does not belong in a file like this: let the daemon's environment have it.
"""


def crontab(jobs: Sequence[Job], target: Target, now: datetime) -> dict[str, str]:
    """One crontab. cron's own rule for the nights when clocks change is ours as well."""
    tick = f"* * * * * {_command(target, 'tick', ['schedule', 'tick', '--exit-zero'])}"
    parts = [
        header("crontab") + _ABOUT.format(tick=tick),
        "SHELL=/bin/sh",
        # NBKIT_RUNS stays unset: on one machine the claims are a file of the project.
        f"NBKIT_WAREHOUSE={target.warehouse}",
        f"SLACK_CHANNEL={target.slack_channel}",
    ]
    for zone, grouped in groupby(sorted(jobs, key=lambda job: job.time_zone), _zone):
        parts.append(f"\nCRON_TZ={zone}")
        for job in grouped:
            command = _command(target, job.name, arguments(job))
            parts.append(f"# {told(job)}\n{zone_line(job.when).expression} {command}")
    return {"nbkit.crontab": "\n".join(parts) + "\n"}


def _zone(job: Job) -> str:
    return job.time_zone


def _command(target: Target, name: str, words: Sequence[str]) -> str:
    lock = f"mkdir -p .nbkit && flock -n .nbkit/cron-{name}.lock"
    command = shlex.join([target.command, *words])
    # In a crontab % is a line end.
    return f"cd {shlex.quote(target.folder)} && {lock} {command}".replace("%", "\\%")
