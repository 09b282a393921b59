"""systemd: a service and a timer for each job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from nbkit.schedule.cron import Cron
from nbkit.schedule.export.lines import TEN_YEARS, Fields, fields, touches_a_change, utc_lines
from nbkit.schedule.export.target import Target, arguments, header, told, unit
from nbkit.schedule.job import ENDING, Job

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ABOUT = """\
# Install: copy the units to /etc/systemd/system, then
#   systemctl daemon-reload && systemctl enable --now {name}.timer
"""


def systemd(jobs: Sequence[Job], target: Target, now: datetime) -> dict[str, str]:
    """Units by the name of their file."""
    files = {}
    for job in jobs:
        files[f"{unit(job)}.service"] = _service(job, target)
        files[f"{unit(job)}.timer"] = _timer(job, now)
    return files


def _service(job: Job, target: Target) -> str:
    command = " ".join(_quoted(word) for word in (target.command, *arguments(job)))
    limit = int((job.timeout + ENDING).total_seconds())
    return f"""\
{header("systemd")}{_ABOUT.format(name=unit(job))}
[Unit]
Description=nbkit: {_plain(told(job))}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_plain(target.folder)}
# NBKIT_WAREHOUSE, SLACK_BOT_TOKEN, SLACK_CHANNEL: one NAME=value a line, readable by root only.
EnvironmentFile=-/etc/nbkit/environment
ExecStart={command}
TimeoutStartSec={limit}
"""


def _timer(job: Job, now: datetime) -> str:
    calendar = "\n".join(f"OnCalendar={event}" for event in _events(job.when, now))
    return f"""\
{header("systemd")}
[Unit]
Description=nbkit: when {job.name} runs

[Timer]
{calendar}
AccuracySec=1s
# A machine that was off makes up for the last moment that it missed.
Persistent=true

[Install]
WantedBy=timers.target
"""


def _events(cron: Cron, now: datetime) -> list[str]:
    """Calendar events. systemd leaves a time out that the clock jumps over: such jobs are written
    in UTC, a time too many rather than one too few."""
    if touches_a_change(cron, now, now + TEN_YEARS):
        lines = utc_lines(cron, now=now)
        return [_event(fields(Cron(line.expression, "UTC")), "UTC") for line in lines]
    return [_event(fields(cron), cron.zone)]


def _event(named: Fields, zone: str) -> str:
    weekdays = ""
    if len(named.weekdays) < len(_WEEKDAYS):
        weekdays = ",".join(_WEEKDAYS[day] for day in sorted(named.weekdays)) + " "
    days = named.days
    if named.weeks:
        days = frozenset(7 * week - back for week in named.weeks for back in range(7))
    months = _listed(named.months, whole=12)
    hours, minutes = _listed(named.hours, whole=24), _listed(named.minutes, whole=60)
    day = _listed((d for d in days if d <= 31), whole=31)
    return f"{weekdays}*-{months}-{day} {hours}:{minutes}:00 {zone}"


def _listed(values: Iterable[int], *, whole: int) -> str:
    listed = sorted(values)
    return "*" if len(listed) == whole else ",".join(f"{value:02}" for value in listed)


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = _plain(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(c in word for c in " '\"\\;") else escaped
