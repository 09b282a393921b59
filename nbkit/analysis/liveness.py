"""Is anything happening: fresh history, stuck runs, processors that fell silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from nbkit.registry import ProcessorRegistry


@dataclass(frozen=True)
class Freshness:
    """How old the newest row is at `as_of`. `age` is None for an empty history."""

    runs: int
    last_event: datetime | None
    age: timedelta | None
    runs_after_as_of: int


@dataclass(frozen=True)
class StuckRun:
    """A run that has neither ended nor any business to be still running."""

    processor: str
    run_id: str
    started_at: datetime
    running: timedelta
    timeout: timedelta
    past_timeout: bool


@dataclass(frozen=True)
class Silence:
    """A processor that has not finished a run for longer than in all its baseline."""

    processor: str
    last_seen: datetime
    quiet: timedelta
    longest_before: timedelta


def freshness(frame: pd.DataFrame, *, as_of: datetime) -> Freshness:
    """Read the one row of `history_freshness` (runs, last_started_at, last_ended_at,
    runs_after_as_of)."""
    if frame.empty:
        return Freshness(0, None, None, 0)
    row = frame.iloc[0]
    moments = [row[c] for c in ("last_started_at", "last_ended_at") if not pd.isna(row[c])]
    last = max(moments).to_pydatetime() if moments else None
    return Freshness(
        runs=int(row["runs"]),
        last_event=last,
        age=as_of - last if last else None,
        runs_after_as_of=int(row["runs_after_as_of"]),
    )


def stuck_runs(
    open_runs: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    after: timedelta = timedelta(minutes=15),
) -> tuple[StuckRun, ...]:
    """Open runs older than `after` or past the timeout that the registry gives them, the longest
    first.

    Args:
        open_runs: processor_name, run_id, started_at, running_s.
    """
    rows = []
    for row in open_runs.to_dict("records"):
        processor = registry.get_processor(str(row["processor_name"]))
        running = timedelta(seconds=float(row["running_s"]))
        timeout = timedelta(seconds=processor.timeout_seconds) if processor else after
        if running > min(after, timeout):
            rows.append(
                StuckRun(
                    processor=str(row["processor_name"]),
                    run_id=str(row["run_id"]),
                    started_at=row["started_at"].to_pydatetime(),
                    running=running,
                    timeout=timeout,
                    past_timeout=running > timeout,
                )
            )
    return tuple(sorted(rows, key=lambda r: (-r.running, r.run_id)))


def silences(
    counts: pd.DataFrame,
    *,
    end: datetime,
    margin: float = 1.25,
    at_least: timedelta = timedelta(hours=3),
    min_active_hours: int = 10,
) -> tuple[Silence, ...]:
    """Processors quiet for longer than they ever were in the baseline, the loudest break first.

    Off-days need no calendar here: they are in the processor's own past gaps. The price is that
    one long silence in the baseline hides a shorter one later.

    Args:
        counts: hourly counts (processor_name, hour, runs) of the whole baseline up to `end`.
        margin: the present gap must exceed the longest earlier one by this factor.
        at_least: gaps below this are never called silence (the counts are hourly).
        min_active_hours: below this a processor has no rhythm that could be broken.
    """
    rows = []
    hours = counts.loc[counts["runs"] > 0, ["processor_name", "hour"]].drop_duplicates()
    for name, own in hours.groupby("processor_name", sort=True):
        active = own["hour"].sort_values()
        if len(active) < min_active_hours:
            continue
        # The counts are hourly: between two active hours lies at most the whole of their distance.
        longest = active.diff().max().to_pytimedelta()
        last = active.iloc[-1].to_pydatetime() + timedelta(hours=1)
        quiet = end - last
        if quiet > max(longest * margin, at_least):
            rows.append(Silence(str(name), last, quiet, longest))
    return tuple(sorted(rows, key=lambda r: -(r.quiet / (r.longest_before + at_least))))
