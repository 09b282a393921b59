"""What `nbkit schedule` shows: jobs and coming runs, as tables for a person and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nbkit.findings import iso_utc
from nbkit.findings.wording import span
from nbkit.schedule.claims import Entry
from nbkit.schedule.due import Standing
from nbkit.schedule.job import Job

_MOMENT = "%a %d %b %H:%M"
_STYLES = {0: "green", 1: "yellow"}


def coming(jobs: Sequence[Job], after: datetime, count: int) -> list[tuple[datetime, Job]]:
    """The next `count` runs after a moment, the earliest first; equal ones in the file's order."""

    def runs(place: int, job: Job) -> Iterable[tuple[datetime, int]]:
        moment = after
        while True:
            moment = job.when.after(moment)
            yield moment, place

    merged = merge(*(runs(place, job) for place, job in enumerate(jobs)))
    return [(moment, jobs[place]) for moment, place in islice(merged, count)]


def show_coming(runs: Sequence[tuple[datetime, Job]]) -> None:
    grid = _grid("Next run", "UTC", "Job")
    for moment, job in runs:
        grid.add_row(_on_its_clock(job, moment), f"{moment:{_MOMENT}}", job.name)
    Console(highlight=False).print(grid if runs else "No job is enabled.")


def show_jobs(jobs: Sequence[Job], entries: Sequence[Entry], now: datetime) -> None:
    console = Console(highlight=False)
    latest = _latest(entries)
    grid = _grid("Job", "Next run", "UTC", "Last run", "Channel", "Owner")
    for job in (job for job in jobs if job.enabled):
        ahead, entry = job.when.after(now), latest.get(job.name)
        grid.add_row(
            job.name,
            _on_its_clock(job, ahead),
            f"{ahead:%H:%M}" if _same_day(job, ahead) else f"{ahead:%a %H:%M}",
            _last_run(job, entry, now),
            job.channel,
            job.owner,
        )
    off = [job for job in jobs if not job.enabled]
    if len(off) < len(jobs):
        console.print(grid)
    if not any(not entry.by_hand for entry in entries):
        console.print()
        console.print(
            "The schedule has run nothing here yet. To start it, let cron say every minute:",
            "  nbkit schedule tick    (or see nbkit schedule export --help)",
            style="dim",
            sep="\n",
        )
    if off:
        console.print()
        folded = _grid("Not enabled", "Cron", "Zone", "Why")
        for job in off:
            folded.add_row(job.name, job.cron, job.time_zone, Text(job.reason or "", style="dim"))
        console.print(folded)


def job_json(job: Job, entries: Sequence[Entry], now: datetime) -> dict[str, Any]:
    entry = _latest(entries).get(job.name)
    ahead = job.when.after(now)
    return {
        "name": job.name,
        "notebook": job.notebook,
        "params": job.params,
        "cron": job.cron,
        "time_zone": job.time_zone,
        "enabled": job.enabled,
        "reason": job.reason,
        "channel": job.channel,
        "owner": job.owner,
        "timeout_s": job.timeout.total_seconds(),
        "grace_s": job.grace.total_seconds(),
        "next": iso_utc(ahead) if job.enabled else None,
        "next_local": job.when.local(ahead).isoformat() if job.enabled else None,
        "last": entry and _entry_json(entry),
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    outcome = entry.outcome
    return {
        "scheduled_at": iso_utc(entry.scheduled_at),
        "attempt": entry.attempt,
        "by_hand": entry.by_hand,
        "standing": entry.standing.value,
        "claimed_at": iso_utc(entry.claimed_at),
        "ended_at": entry.ended_at and iso_utc(entry.ended_at),
        "exit_code": outcome and outcome.exit_code,
        "said": outcome and outcome.said,
        "report": (outcome and outcome.report) or None,
    }


def _latest(entries: Sequence[Entry]) -> dict[str, Entry]:
    return {entry.job: entry for entry in sorted(entries, key=lambda e: e.claimed_at)}


def _last_run(job: Job, entry: Entry | None, now: datetime) -> Text:
    if entry is None:
        return Text("never", style="dim")
    by_hand = " by hand" if entry.by_hand else ""
    result, style = _result(entry, now)
    return Text.assemble(
        f"{job.when.local(entry.scheduled_at):{_MOMENT}}{by_hand} ", (result, style)
    )


def _result(entry: Entry, now: datetime) -> tuple[str, str]:
    """In words, and the style that they are shown in."""
    if entry.standing is Standing.RUNNING:
        return f"running for {span(now - entry.claimed_at)}", "cyan"
    if entry.outcome is None:
        return "its process went away", "red"
    first = entry.outcome.said.splitlines()[0] if entry.outcome.said else ""
    return first if len(first) <= 60 else f"{first[:59]}…", _STYLES.get(
        entry.outcome.exit_code, "red"
    )


def _on_its_clock(job: Job, moment: datetime) -> str:
    return f"{job.when.local(moment):{_MOMENT} %Z}"


def _same_day(job: Job, moment: datetime) -> bool:
    return job.when.local(moment).date() == moment.astimezone(UTC).date()


def _grid(*headers: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in headers:
        folds = header in ("Last run", "Channel", "Owner", "Why")
        narrowest = 16 if header == "Last run" else None
        grid.add_column(header, no_wrap=not folds, min_width=narrowest, overflow="fold")
    return grid
