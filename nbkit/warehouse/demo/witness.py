"""The truth of a demo history, read off the runs that its incidents marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from hashlib import md5

import numpy as np
import numpy.typing as npt

from nbkit.warehouse.demo.calendar import micros
from nbkit.warehouse.demo.facts import AS_OF, EPOCH_UTC, FIX_DATE, DemoFacts
from nbkit.warehouse.demo.hours import DAYS
from nbkit.warehouse.demo.main_successes import SILENT, SILENT_FROM, SILENT_UNTIL
from nbkit.warehouse.demo.planted import PLANTED_INCIDENTS, Planted, number
from nbkit.warehouse.demo.runs import Runs, Status
from nbkit.warehouse.demo.tables import SERIALS_A_PART
from nbkit.warehouse.demo.truth import Incident

_NAMED_IDS = 20


def incidents(
    facts: DemoFacts, runs: Runs, *, part: int, seed: int, shift: timedelta
) -> tuple[Incident, ...]:
    """The incidents of one part, in the order of `PLANTED_INCIDENTS`; those with no run are left
    out. Times include the shift."""
    found = []
    for position, planted in enumerate(PLANTED_INCIDENTS):
        if planted.name == "silent_game_lines":
            if part == 0:
                found.append(_silence(facts, planted, shift))
            continue
        mine = np.flatnonzero(_belongs(runs, position))
        if mine.size:
            found.append(_incident(facts, runs, planted, mine, part=part, seed=seed, shift=shift))
    return tuple(found)


def merge(parts: Iterable[tuple[Incident, ...]]) -> tuple[Incident, ...]:
    """The incidents of all parts together."""
    merged: dict[str, Incident] = {}
    for incident in (i for part in parts for i in part):
        known = merged.get(incident.name)
        merged[incident.name] = (
            incident
            if known is None
            else replace(
                known,
                start=min(known.start, incident.start),
                end=max(known.end, incident.end),
                processors=tuple(dict.fromkeys(known.processors + incident.processors)),
                size=known.size + incident.size,
            )
        )
    return tuple(merged.values())


def run_id(
    facts: DemoFacts, runs: Runs, row: int, *, part: int, seed: int, shift: timedelta
) -> str:
    """The `run_id` that `rows.sql` gives to a run."""
    moment = EPOCH_UTC + shift + timedelta(microseconds=int(runs.started[row]))
    digest = md5(f"{part * SERIALS_A_PART + row}:{seed}".encode(), usedforsecurity=False)
    name = facts.processors[int(runs.processor[row])].name
    return f"{name}_{moment:%Y%m%d_%H%M%S}_{digest.hexdigest()[:10]}"


def _belongs(runs: Runs, position: int) -> npt.NDArray[np.bool_]:
    if position == number("zero_record_bug"):
        # Zero records go with other incidents too (a slow run may have none), so not by the mark.
        tracked = runs.started >= micros(FIX_DATE)
        return np.asarray((runs.status == Status.SUCCESS) & (runs.records == 0) & ~tracked)
    return np.asarray(runs.incident == position)


def _incident(
    facts: DemoFacts,
    runs: Runs,
    planted: Planted,
    mine: npt.NDArray[np.int64],
    *,
    part: int,
    seed: int,
    shift: timedelta,
) -> Incident:
    names, counts = np.unique(runs.processor[mine], return_counts=True)
    ends = runs.started[mine] + np.nan_to_num(runs.duration[mine] * 1e6).astype(np.int64)
    end = EPOCH_UTC + shift + timedelta(microseconds=int(ends.max()))
    if (runs.status[mine] == Status.RUNNING).any():
        end = AS_OF + shift
    shown = mine[: _NAMED_IDS if mine.size > _NAMED_IDS else mine.size]
    return Incident(
        name=planted.name,
        kind=planted.kind,
        cause=planted.cause,
        start=EPOCH_UTC + shift + timedelta(microseconds=int(runs.started[mine].min())),
        end=end,
        processors=tuple(
            facts.processors[int(i)].name for i in names[np.argsort(-counts, kind="stable")]
        ),
        size=int(mine.size),
        what=planted.what,
        run_ids=tuple(
            run_id(facts, runs, int(row), part=part, seed=seed, shift=shift) for row in shown
        ),
    )


def _silence(facts: DemoFacts, planted: Planted, shift: timedelta) -> Incident:
    processor = facts.processors[facts.index(SILENT)]
    a_day = (processor.successes + processor.failures + processor.others) / DAYS
    return Incident(
        name=planted.name,
        kind=planted.kind,
        cause=planted.cause,
        start=SILENT_FROM + shift,
        end=SILENT_UNTIL + shift,
        processors=(SILENT,),
        size=round(a_day * ((SILENT_UNTIL - SILENT_FROM) / timedelta(days=1))),
        what=planted.what,
    )
