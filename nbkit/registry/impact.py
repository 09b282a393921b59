"""If a processor fails: what is at risk, whose it is, and by when somebody will notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nbkit.registry.models import Criticality, Processor


@dataclass(frozen=True)
class DeadlineAtRisk:
    """A promise that a failure endangers: `due` (UTC) for the data of `data_date`. `passed` is the
    deadline before it: kept or missed by now, which only the run history can tell."""

    processor: Processor
    data_date: date
    due: datetime
    passed: datetime


@dataclass(frozen=True, kw_only=True)
class BlastRadius:
    """Everything downstream of one processor, nearest first.

    At risk, not lost: some dependencies stand in for one another, which the registry does not
    say. `same_table` are the processors that write the same table, and may be such stand-ins.

    Attributes:
        distance: how many steps away each of the affected is (1: needs it directly).
    """

    processor: Processor
    affected: tuple[Processor, ...]
    distance: Mapping[str, int]
    same_table: tuple[Processor, ...] = ()

    @property
    def direct(self) -> tuple[Processor, ...]:
        return tuple(p for p in self.affected if self.distance[p.name] == 1)

    @property
    def by_phase(self) -> dict[str, tuple[Processor, ...]]:
        """The affected by phase, the phase that is reached first leading."""
        phases: dict[str, list[Processor]] = {}
        for processor in self.affected:
            phases.setdefault(processor.phase, []).append(processor)
        return {phase: tuple(found) for phase, found in phases.items()}

    @property
    def by_criticality(self) -> dict[Criticality, int]:
        """How many of the affected, the worst criticality first; only what occurs."""
        counted = Counter(processor.criticality for processor in self.affected)
        return {level: counted[level] for level in Criticality if counted[level]}

    @property
    def owners(self) -> tuple[str, ...]:
        """Who owns it or something affected, by name."""
        return tuple(sorted({p.owner for p in (self.processor, *self.affected)}))

    def deadlines(self, at: datetime) -> tuple[DeadlineAtRisk, ...]:
        """The next deadline of it and of each affected, from the moment of failure; soonest first.

        Args:
            at: when it failed, aware.
        """
        found = []
        for processor in (self.processor, *self.affected):
            if promise := processor.sla_completion_time:
                data_date, due = promise.next_after(at)
                passed = promise.at(data_date - timedelta(days=1))
                found.append(DeadlineAtRisk(processor, data_date, due, passed))
        return tuple(sorted(found, key=lambda d: (d.due, d.processor.name)))
