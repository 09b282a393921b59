"""Runs as columns of numbers, before they become rows of the history."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

NO_TEXT = -1
NO_RECORDS = -1
NO_MESSAGE = -1


class Status(IntEnum):
    """Codes of `status`, named as in the history."""

    SUCCESS = 0
    FAILED = 1
    PARTIAL = 2
    SKIPPED = 3
    RUNNING = 4


class Origin(IntEnum):
    """Why a run was started."""

    SCHEDULE = 0
    MESSAGE = 1
    BACKFILL = 2
    REPUBLISHED = 3
    MANUAL = 4


@dataclass(frozen=True)
class Runs:
    """One array per property, all of one length; one run each.

    Attributes:
        processor: index into the facts' processors.
        started: microseconds since 1970 UTC.
        duration: seconds; NaN where the history has none.
        records: `NO_RECORDS` for null.
        text: index of the error's template; `NO_TEXT` for none.
        message: number of the Pub/Sub message; `NO_MESSAGE` for none.
        attempt: 0 for the first delivery of a message.
        data_date: days since 1970.
        blocked: the dependency check failed.
        incident: index of the planted incident, -1 for none.
    """

    processor: npt.NDArray[np.int16]
    status: npt.NDArray[np.int8]
    started: npt.NDArray[np.int64]
    duration: npt.NDArray[np.float64]
    records: npt.NDArray[np.int64]
    text: npt.NDArray[np.int32]
    message: npt.NDArray[np.int64]
    attempt: npt.NDArray[np.int16]
    data_date: npt.NDArray[np.int32]
    origin: npt.NDArray[np.int8]
    blocked: npt.NDArray[np.bool_]
    incident: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return int(self.processor.size)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Runs:
        """The runs at these positions, or where a mask is true."""
        return Runs(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def with_(self, **columns: npt.NDArray[np.generic]) -> Runs:
        """The same runs with some columns replaced."""
        kinds = {f.name: getattr(self, f.name).dtype for f in fields(self)}
        return replace(self, **{k: np.asarray(v).astype(kinds[k]) for k, v in columns.items()})


def make_runs(
    processor: int | npt.NDArray[np.int64],
    started: npt.NDArray[np.int64],
    *,
    status: Status | npt.NDArray[np.int64],
    data_date: npt.NDArray[np.int32],
    duration: npt.NDArray[np.float64] | float = np.nan,
    records: npt.NDArray[np.int64] | int = NO_RECORDS,
    text: npt.NDArray[np.int32] | int = NO_TEXT,
    message: npt.NDArray[np.int64] | int = NO_MESSAGE,
    attempt: npt.NDArray[np.int64] | int = 0,
    origin: Origin | npt.NDArray[np.int64] = Origin.SCHEDULE,
    incident: int = -1,
) -> Runs:
    """Runs with single values repeated to the length of `started`."""
    n = started.size

    def column(value: object, kind: type[np.generic]) -> npt.NDArray[np.generic]:
        return np.broadcast_to(np.asarray(value), (n,)).astype(kind)

    columns = {
        "processor": column(processor, np.int16),
        "status": column(status, np.int8),
        "started": column(started, np.int64),
        "duration": column(duration, np.float64),
        "records": column(records, np.int64),
        "text": column(text, np.int32),
        "message": column(message, np.int64),
        "attempt": column(attempt, np.int16),
        "data_date": column(data_date, np.int32),
        "origin": column(origin, np.int8),
        "blocked": np.zeros(n, dtype=np.bool_),
        "incident": column(incident, np.int16),
    }
    return Runs(**columns)  # type: ignore[arg-type]  # the kinds are those named above


def join_runs(parts: list[Runs]) -> Runs:
    """All runs of several blocks, in their order; messages keep their numbers."""
    kept = [part for part in parts if len(part)]
    return Runs(
        **{f.name: np.concatenate([getattr(part, f.name) for part in kept]) for f in fields(Runs)}
    )
