"""What was planted in a demo history: kept in its file, so that tests can look for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

Kind = Literal[
    "failure_storm",
    "stuck_runs",
    "silent_processor",
    "slow_processor",
    "incomplete_data",
    "new_message",
    "duration_drift",
    "step_change",
    "false_zero_records",
    "quota_burst",
]


@dataclass(frozen=True)
class Incident:
    """One planted incident.

    `cause` is one of the storm causes where it is a storm, else None. `size` counts the runs that
    belong to it. `run_ids` names a few of them (all, when there are at most twenty).
    """

    name: str
    kind: Kind
    cause: str | None
    start: datetime
    end: datetime
    processors: tuple[str, ...]
    size: int
    what: str
    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class DemoTruth:
    """The moment a demo is meant to be read at, its size, and everything planted in it.

    `shift` is how far the whole history was moved from its own dates (a number of whole weeks);
    `runs` is the number of distinct runs that started in the main period [start, end).
    """

    as_of: datetime
    shift: timedelta
    seed: int
    runs: int
    start: datetime
    end: datetime
    incidents: tuple[Incident, ...]

    def of_kind(self, kind: Kind) -> tuple[Incident, ...]:
        """The incidents of one kind."""
        return tuple(i for i in self.incidents if i.kind == kind)

    def incident(self, name: str) -> Incident:
        """The incident of that name.

        Raises:
            KeyError: none is called so.
        """
        for incident in self.incidents:
            if incident.name == name:
                return incident
        raise KeyError(f"no incident {name!r}; there are {[i.name for i in self.incidents]}")

    def to_json(self) -> str:
        """One JSON text that `from_json` reads back."""
        return json.dumps(asdict(self), default=_plain)

    @classmethod
    def from_json(cls, text: str) -> DemoTruth:
        """Inverse of `to_json`."""
        raw: dict[str, Any] = json.loads(text)
        incidents = tuple(
            Incident(
                **{
                    **found,
                    "start": datetime.fromisoformat(found["start"]),
                    "end": datetime.fromisoformat(found["end"]),
                    "processors": tuple(found["processors"]),
                    "run_ids": tuple(found["run_ids"]),
                }
            )
            for found in raw["incidents"]
        )
        return cls(
            as_of=datetime.fromisoformat(raw["as_of"]),
            shift=timedelta(seconds=raw["shift"]),
            seed=raw["seed"],
            runs=raw["runs"],
            start=datetime.fromisoformat(raw["start"]),
            end=datetime.fromisoformat(raw["end"]),
            incidents=incidents,
        )


def load_truth(path: Path) -> DemoTruth:
    """The truth stored in a demo file.

    Raises:
        WarehouseMissing: there is no such file.
        WarehouseForeign: the file is no demo warehouse.
        WarehouseLocked: another process is writing it.
    """
    import duckdb

    from nbkit.errors import WarehouseForeign, WarehouseLocked, WarehouseMissing

    remedy = "Make a demo with `nbkit demo build`."
    if not path.exists():
        raise WarehouseMissing(f"There is no demo warehouse at {path}. {remedy}")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            row = connection.execute("SELECT truth FROM nbkit_demo.truth").fetchone()
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise WarehouseLocked(
                f"{path} is being written by another process. Wait for it to end."
            ) from error
        raise WarehouseForeign(f"{path} is not a demo warehouse. {remedy}") from error
    if row is None:
        raise WarehouseForeign(f"{path} is a demo warehouse that was never finished. {remedy}")
    return DemoTruth.from_json(str(row[0]))


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} is not part of a truth")
