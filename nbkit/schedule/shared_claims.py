"""Claims of schedulers on many machines, in the warehouse that records nbkit's own runs.

A claim is a row of that history under a key that the warehouse takes once, from wherever. No lock
tells here whether a claimer still lives: its claim holds until the job's timeout and the time to
end have passed, after which the run would have been ended anyway.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nbkit.runs.rows import frame_of_rows
from nbkit.schedule.claims import Entry, Outcome, to_text
from nbkit.schedule.due import Due, Standing
from nbkit.schedule.job import ENDING, Job
from nbkit.warehouse.protocol import Warehouse

# Clocks differ a little from machine to machine.
_CLOCKS = timedelta(minutes=5)
# A job of the first Monday of each month has run within it.
_LOOKED_BACK = timedelta(days=45)
_PREFIX = "schedule:"


@dataclass(frozen=True)
class _Turn:
    claims: SharedClaims
    run: Due
    run_id: str
    claimed_at: datetime

    def end(self, outcome: Outcome, *, now: datetime) -> None:
        self.claims.end(self, outcome, now=now)


class SharedClaims:
    """The record in the run history of `warehouse`, which it closes.

    Raises (from any method):
        WarehouseError: it cannot be read or written.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def close(self) -> None:
        self._warehouse.close()

    def latest(self, jobs: Iterable[Job], *, now: datetime) -> tuple[Entry, ...]:
        if not self._warehouse.columns(self._warehouse.history):
            return ()  # the first claim makes the table
        found = self._warehouse.query(
            "schedule_runs",
            first_date=(now - _LOOKED_BACK).date(),
            last_date=(now + timedelta(days=1)).date(),
        )
        by_name = {job.name: job for job in jobs}
        rows = [{str(k): v for k, v in row.items()} for row in found.to_dict("records")]
        return tuple(
            _entry(row, by_name[name], now)
            for row in rows
            if (name := str(row["processor_name"]).removeprefix(_PREFIX)) in by_name
        )

    @contextlib.contextmanager
    def turn(self, run: Due, *, now: datetime) -> Iterator[_Turn | None]:
        run_id = f"{_PREFIX}{run.job.name}:{to_text(run.scheduled_at)}:{run.attempt}"
        turn = _Turn(self, run, run_id, now)
        yield turn if self._append(turn, f"{run_id}:claim", status="running") else None

    def note(self, run: Due, outcome: Outcome, *, now: datetime) -> None:
        # By hand the same moment may be run again and again.
        run_id = f"{_PREFIX}{run.job.name}:{to_text(run.scheduled_at)}:{run.attempt}:{to_text(now)}"
        _Turn(self, run, run_id, now).end(outcome, now=now)

    def end(self, turn: _Turn, outcome: Outcome, *, now: datetime) -> None:
        """Note the end of a claimed run."""
        said = {"exit_code": outcome.exit_code, "said": outcome.said, "report": outcome.report}
        failed = outcome.exit_code > 1
        self._append(
            turn,
            f"{turn.run_id}:end",
            status="failed" if failed else "success",
            processed_at=now,
            duration_seconds=(now - turn.claimed_at).total_seconds(),
            errors=json.dumps([{"error_message": outcome.said}]) if failed else None,
            summary=json.dumps(said),
        )

    def _append(self, turn: _Turn, key: str, **values: Any) -> bool:
        row = {
            "processor_name": f"{_PREFIX}{turn.run.job.name}",
            "run_id": turn.run_id,
            "data_date": turn.run.scheduled_at.astimezone(UTC).date(),
            "started_at": turn.claimed_at,
            "retry_attempt": turn.run.attempt,
            "trigger_source": "scheduler" if turn.run.attempt else "manual",
            "execution_host": socket.gethostname(),
        }
        frame = frame_of_rows([row | values])
        return self._warehouse.append(self._warehouse.history, frame, key=key) > 0


def held_until(claimed_at: datetime, job: Job) -> datetime:
    """From when on a claim without an end is lost."""
    return claimed_at + job.timeout + ENDING + _CLOCKS


def _entry(row: dict[str, Any], job: Job, now: datetime) -> Entry:
    claimed_at = row["claimed_at"].to_pydatetime()
    ended_at = _moment(row["ended_at"])
    lost = now > held_until(claimed_at, job)
    return Entry(
        job=job.name,
        scheduled_at=_scheduled_at(str(row["run_id"]), job),
        attempt=int(row["attempt"]),
        standing=Standing.ENDED if ended_at else Standing.LOST if lost else Standing.RUNNING,
        claimed_at=claimed_at,
        ended_at=ended_at,
        outcome=_outcome(row["summary"]) if ended_at else None,
    )


def _scheduled_at(run_id: str, job: Job) -> datetime:
    text = run_id.removeprefix(f"{_PREFIX}{job.name}:")
    return datetime.fromisoformat(text[: len("2026-01-13T12:00:00Z")])


def _outcome(summary: str) -> Outcome:
    said = json.loads(summary)
    # A JSON column that an engine keeps as text comes quoted once more.
    values = json.loads(said) if isinstance(said, str) else said
    return Outcome(exit_code=values["exit_code"], said=values["said"], report=values["report"])


def _moment(value: Any) -> datetime | None:
    import pandas as pd

    return None if pd.isna(value) else value.to_pydatetime()
