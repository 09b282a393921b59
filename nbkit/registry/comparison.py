"""The registry beside what really runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nbkit.registry.graph import ProcessorRegistry

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SeenProcessor:
    """A processor in the history that is not registered."""

    name: str
    phase: str | None
    runs: int
    last_started_at: datetime


@dataclass(frozen=True)
class MovedTable:
    """A processor whose runs wrote another table than the registry says."""

    name: str
    registered: str
    seen: str
    runs: int


@dataclass(frozen=True)
class RegistryDrift:
    """Where registry and history disagree."""

    not_registered: tuple[SeenProcessor, ...]
    never_seen: tuple[str, ...]
    moved: tuple[MovedTable, ...]

    @property
    def is_clean(self) -> bool:
        return not (self.not_registered or self.never_seen or self.moved)


def compare_with_history(registry: ProcessorRegistry, activity: pd.DataFrame) -> RegistryDrift:
    """Compare with what ran.

    Args:
        activity: rows of the query `processor_activity`: processor_name, phase, output_dataset,
            output_table, runs, last_started_at.

    Returns:
        The drift; each part by name. Tables are compared where both sides name one, the dataset
        only where the history has it.
    """
    strangers: dict[str, SeenProcessor] = {}
    moved = []
    for row in activity.sort_values("last_started_at").itertuples():
        name = str(row.processor_name)
        processor = registry.get_processor(name)
        if processor is None:
            before = strangers[name].runs if name in strangers else 0
            phase = row.phase if isinstance(row.phase, str) else None
            strangers[name] = SeenProcessor(
                name, phase, before + int(row.runs), row.last_started_at.to_pydatetime()
            )
            continue
        seen = _table(row.output_dataset, row.output_table)
        registered = processor.bigquery_table
        if seen and registered and not f".{registered}".endswith(f".{seen}"):
            moved.append(MovedTable(name, registered, seen, int(row.runs)))
    ran = set(activity["processor_name"])
    return RegistryDrift(
        not_registered=tuple(sorted(strangers.values(), key=lambda s: s.name)),
        never_seen=tuple(p.name for p in registry.processors if p.name not in ran),
        moved=tuple(sorted(moved, key=lambda m: (m.name, m.seen))),
    )


def _table(dataset: object, table: object) -> str | None:
    if not isinstance(table, str) or not table:
        return None
    # Some writers put `dataset.table` into output_table.
    if "." in table or not isinstance(dataset, str) or not dataset:
        return table
    return f"{dataset}.{table}"
