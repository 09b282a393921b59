"""The exact change that each fix of a storm means: schedule lines, a retry policy, a check."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from nbkit.analysis.storms.attempts import BackoffLaw
from nbkit.analysis.storms.evidence.apart import WAITING
from nbkit.analysis.storms.fixes import PUBSUB_LONGEST_S
from nbkit.analysis.storms.outside import RetryPolicy, SchedulerJob, shared_marks
from nbkit.analysis.storms.what_if import Effect, WhatIf
from nbkit.analysis.storms.windows import Span

_WORTH = 0.05  # a fix is offered if it surely saves this share
_SPREAD_MINUTES = 15
_MOST_LINES = 24
LOCATION = "us-west2"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What to do for one fix.

    Attributes:
        fix: its name in `what_if`.
        saves, low, high: the predicted reduction.
        commands: lines to run, or to add to the code.
        note: what to mind.
    """

    fix: str
    title: str
    saves: float
    low: float
    high: float
    commands: tuple[str, ...]
    note: str


def changes_of(
    found: WhatIf,
    runs: pd.DataFrame,
    *,
    span: Span,
    law: BackoffLaw | None = None,
    jobs: Sequence[SchedulerJob] = (),
    policies: Sequence[RetryPolicy] = (),
) -> tuple[Change, ...]:
    """The changes that are worth making, the most useful first.

    Args:
        runs: classified runs of the storm, with `attempt` (from 1).
        span: the last time it came; schedules are looked at in it.
        law: how long messages waited.
        jobs, policies: what is configured, where it is known.
    """
    made = []
    for name in ("jitter", "backoff", "window"):
        effect = found.effect(name)
        if effect is None or effect.low < _WORTH:
            continue
        if name == "jitter":
            commands, note = _staggered(runs, span, jobs)
        elif name == "backoff":
            commands, note = _retry_policy(found.effect("pubsub"), law, policies)
        else:
            commands, note = _readiness(runs)
        made.append(
            Change(
                fix=name,
                title=effect.fix.title,
                saves=effect.reduction,
                low=effect.low,
                high=effect.high,
                commands=commands,
                note=note,
            )
        )
    return tuple(sorted(made, key=lambda change: -change.saves))


def _staggered(
    runs: pd.DataFrame, span: Span, jobs: Sequence[SchedulerJob]
) -> tuple[tuple[str, ...], str]:
    """Minutes of their own for jobs that share marks: those given, else those seen."""
    crowded: dict[str, None] = {}
    for mark in shared_marks(jobs, span):
        crowded |= dict.fromkeys(mark.jobs)
    if crowded:
        known = {job.name: job for job in jobs}
        named = [(name, known[name].cron) for name in crowded]
        note = "Each job that shares a mark gets a minute of its own; the zone stays as it is."
    else:
        named = [(f"JOB-OF-{name}", cron) for name, cron in _seen_schedules(runs).items()]
        note = (
            "The schedules are read from the starts, since none were given: replace JOB-OF-… by "
            "the job's name, and give parameter `scheduler_jobs` to have it done exactly."
        )
    lines = [
        f"gcloud scheduler jobs update http {name} --location={LOCATION} "
        f"--schedule={shlex.quote(staggered(cron, place * _SPREAD_MINUTES // len(named)))}"
        for place, (name, cron) in enumerate(named)
    ]
    more = len(lines) - _MOST_LINES
    if more > 0:
        lines = [*lines[:_MOST_LINES], f"# and {more} more, likewise"]
    note += (
        " Jobs with a Pub/Sub target need `update pubsub` in the place of `update http`. A random "
        "wait of up to 15 minutes at the start of the work does the same without new schedules."
    )
    return tuple(lines), note


def staggered(cron: str, minutes: int) -> str:
    """A schedule moved later by some minutes, within its own period and hour."""
    fields = cron.split()
    minute = fields[0]
    if minute.startswith(("*/", "0/")) and minute[2:].isdigit():
        step = int(minute[2:])
        return " ".join([f"{minutes % step}-59/{step}", *fields[1:]])
    parts = minute.split(",")
    if not all(part.isdigit() for part in parts):
        return cron  # every minute, or ranges: nothing to gain
    marks = sorted(int(part) for part in parts)
    gap = min([b - a for a, b in pairwise(marks)], default=60)
    moved = min(minutes % gap if len(marks) > 1 else minutes, 59 - marks[-1])
    return " ".join([",".join(str(mark + moved) for mark in marks), *fields[1:]])


def _seen_schedules(runs: pd.DataFrame) -> Mapping[str, str]:
    """By processor, the minutes at which its first deliveries start, most crowded first."""
    first = runs[(runs["attempt"] == 1) & (runs["started_at"].dt.second < 30)]
    minutes = first["started_at"].dt.minute
    crowd = first.groupby(first["started_at"].dt.floor("min"))["run_id"].transform("size")
    rows = pd.DataFrame({"name": first["processor_name"], "minute": minutes, "crowd": crowd})
    order = rows.groupby("name")["crowd"].mean().sort_values(ascending=False).index
    found: dict[str, str] = {}
    for name in order[: 2 * _MOST_LINES]:
        counts = rows.loc[rows["name"] == name, "minute"].value_counts()
        # Marks that carry much of its starts; what lies between them is chance.
        marks = sorted(int(m) for m in counts[counts >= 0.5 * counts.iloc[0]].index)
        if marks and len(marks) <= 20 and counts.loc[marks].sum() >= 0.6 * counts.sum():
            found[str(name)] = f"{_compact(marks)} * * * *"
    return found


def _compact(marks: Sequence[int]) -> str:
    """`*/15` for 0, 15, 30, 45."""
    if len(marks) > 1 and marks[0] == 0:
        step = marks[1]
        if list(marks) == list(range(0, 60, step)) and 60 % step == 0:
            return f"*/{step}"
    return ",".join(str(mark) for mark in marks)


def _retry_policy(
    pubsub: Effect | None, law: BackoffLaw | None, policies: Sequence[RetryPolicy]
) -> tuple[tuple[str, ...], str]:
    able = [each.name for each in policies if law is not None and each.explains(law)]
    lines = [
        f"gcloud pubsub subscriptions update {name} --min-retry-delay=60s --max-retry-delay=600s "
        f"--max-delivery-attempts=5 --dead-letter-topic={name}-dead"
        for name in able[:_MOST_LINES] or ["SUBSCRIPTION"]
    ]
    queue = "gcloud tasks queues update QUEUE --min-backoff=60s --max-backoff=3600s"
    note = (
        f"{PUBSUB_LONGEST_S:g} s is the longest wait that Pub/Sub can be told, and it has no "
        "jitter; waits up to an hour need a queue that can (Cloud Tasks)."
    )
    if pubsub is not None:
        note += (
            f" What Pub/Sub can do, with five deliveries at most, is predicted to save "
            f"{pubsub.reduction:.0%} ({pubsub.low:.0%} to {pubsub.high:.0%})."
        )
    return (*lines, queue), note


def _readiness(runs: pd.DataFrame) -> tuple[tuple[str, ...], str]:
    waiting = runs[runs["is_failure"] & runs["category"].isin(WAITING)]
    names = waiting["processor_name"].value_counts().head(5)
    lines = []
    for name in names.index:
        day = waiting.loc[waiting["processor_name"] == name, "data_date"].max()
        lines.append(f"nbkit ready {name} --date {day:%Y-%m-%d}")
    lines.append("require_ready(name, day, warehouse=warehouse, as_of=now)  # nbkit.runs.readiness")
    return tuple(lines), (
        "Ask before each start, and acknowledge the message (or skip the poll) while it is not "
        "ready: docs/readiness.md. What no upstream of the registry makes needs its own moment: "
        "start it after its source usually publishes."
    )
