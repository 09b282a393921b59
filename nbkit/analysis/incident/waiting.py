"""Who is waiting: everything that needs a root and has no success yet for the date in question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from nbkit.analysis.incident.cascade import Incident
from nbkit.analysis.readiness import UpstreamState, upstreams
from nbkit.analysis.trends.deadline_risk import DeadlineRisk
from nbkit.registry import Processor, ProcessorRegistry


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a root, or something that needs it, has come to for a data date by the moment asked.

    `usually_by` is the median of earlier dates, `due` the registry's deadline for the date; None
    where not known. `missed` is how many of the last `judged` dates missed their deadline.
    `is_recorded`: some run of it stands in the month's history at all; of one without, nothing can
    be said.
    """

    processor: Processor
    data_date: date
    as_of: datetime
    distance: int
    state: UpstreamState
    is_done: bool
    is_recorded: bool
    reason: str
    usually_by: datetime | None
    due: datetime | None
    missed: int | None
    judged: int | None

    @property
    def is_waiting(self) -> bool:
        """Nothing came of the date yet, though it has been tried, or by now it usually is done (or
        nobody knows when)."""
        if self.is_done or not self.is_recorded:
            return False
        has_tried = self.state is not UpstreamState.NOT_STARTED
        return has_tried or self.usually_by is None or self.usually_by <= self.as_of

    @property
    def left(self) -> timedelta | None:
        """Until the deadline; negative once it has passed."""
        return self.due - self.as_of if self.due else None


def standings(
    incident: Incident,
    registry: ProcessorRegistry,
    *,
    works: pd.DataFrame,
    risks: Mapping[str, DeadlineRisk],
    as_of: datetime,
) -> tuple[Standing, ...]:
    """The roots and all that is downstream of them, for each data date of the incident.

    What waits stands first, then by deadline.

    Args:
        works: rows of `work_states` up to the latest data date, of the 31 days before it as well.
        risks: of each processor with a deadline, from `deadline_risks`.
    """
    distance = distances(incident, registry)
    recorded = set(works["processor_name"])
    rows = []
    for day in incident_dates(incident):
        # The works of later dates would not do for this one: nothing after it is given.
        own = works[pd.to_datetime(works["data_date"].astype("str")) <= pd.Timestamp(day)]
        found = upstreams(distance, day, registry=registry, works=own, as_of=as_of)
        for state in found:
            processor = registry.processor(state.name)
            risk = risks.get(state.name)
            rows.append(
                Standing(
                    processor=processor,
                    data_date=day,
                    as_of=as_of,
                    distance=distance[state.name],
                    state=state.state,
                    is_done=state.is_ready,
                    is_recorded=state.name in recorded,
                    reason=state.reason,
                    usually_by=state.usual.median if state.usual else None,
                    due=processor.deadline(day),
                    missed=risk.missed.successes if risk else None,
                    judged=risk.missed.total if risk else None,
                )
            )
    last = as_of + timedelta(days=365)
    return tuple(
        sorted(
            rows,
            key=lambda s: (
                not s.is_waiting,
                not s.is_recorded,
                s.is_done,
                s.due or last,
                s.distance,
                s.processor.name,
            ),
        )
    )


def distances(incident: Incident, registry: ProcessorRegistry) -> dict[str, int]:
    """The registered roots (0) and all downstream of them, with the steps to the nearest."""
    found: dict[str, int] = {}
    for root in incident.roots:
        if root in registry:
            found[root] = 0
            for name, steps in registry.blast_radius(root).distance.items():
                found[name] = min(steps, found.get(name, steps))
    return found


def incident_dates(incident: Incident) -> tuple[date, ...]:
    """The data dates that the incident is about: those of its root, else of what followed."""
    own = incident.trouble.data_dates if incident.trouble else ()
    if own:
        return own
    found = {day for trouble in incident.troubles for day in trouble.data_dates}
    return tuple(sorted(found, reverse=True)[:2])


def waiting(rows: Iterable[Standing]) -> tuple[Standing, ...]:
    """Those that wait, the roots themselves left out."""
    return tuple(row for row in rows if row.is_waiting and row.distance > 0)
