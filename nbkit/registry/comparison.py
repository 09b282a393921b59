"""The registry beside what really runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from nbkit.registry.graph import ProcessorRegistry
from nbkit.registry.models import Processor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class SeenProcessor:
    """A processor in the history that is not registered; `nearest` is a registered name like it
    (renamed, or misspelt in the registry?)."""

    name: str
    phase: str | None
    table: str | None
    runs: int
    last_started_at: datetime
    nearest: str | None


@dataclass(frozen=True, kw_only=True)
class MovedTable:
    """A processor whose runs write another table than the registry says.

    `instead` is false where the registered table is still written too.
    """

    name: str
    registered: str
    seen: str
    runs: int
    since: datetime
    instead: bool


@dataclass(frozen=True, kw_only=True)
class OtherPhase:
    """A processor whose latest runs carry the label of another phase, or one that nobody
    registered."""

    name: str
    registered: str
    seen: str
    runs: int


@dataclass(frozen=True, kw_only=True)
class RegistryDrift:
    """Where registry and history disagree. `runs` is how many runs were looked at."""

    runs: int
    not_registered: tuple[SeenProcessor, ...]
    never_seen: tuple[Processor, ...]
    moved: tuple[MovedTable, ...]
    other_phase: tuple[OtherPhase, ...]

    @property
    def contradicts(self) -> bool:
        """Whether the registry is wrong about something that runs. A registered processor that
        was not seen is no contradiction: it may be out of season."""
        return bool(self.not_registered or self.moved or self.other_phase)


def compare_with_history(registry: ProcessorRegistry, activity: pd.DataFrame) -> RegistryDrift:
    """Compare with what ran in a window.

    Args:
        activity: rows of the query `processor_activity`: processor_name, phase, output_dataset,
            output_table (text or null), runs, first_started_at, last_started_at (aware).

    Returns:
        The drift, each part by name. A table is compared where both sides name one, its dataset
        only where the history has it. A table given up for the registered one is no drift.
    """
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in activity.sort_values("last_started_at", kind="stable").to_dict("records"):
        by_name.setdefault(str(row["processor_name"]), []).append({str(k): row[k] for k in row})
    unseen = [p for p in registry.processors if p.name not in by_name]
    strangers: list[SeenProcessor] = []
    moved: list[MovedTable] = []
    other_phase: list[OtherPhase] = []
    for name in sorted(by_name):
        rows = by_name[name]
        processor = registry.get_processor(name)
        if processor is None:
            strangers.append(_stranger(name, rows, [p.name for p in unseen], registry))
            continue
        moved += _moved(processor, rows)
        other_phase += _other_phase(processor, rows, registry)
    return RegistryDrift(
        runs=int(activity["runs"].sum()),
        not_registered=tuple(strangers),
        never_seen=tuple(unseen),
        moved=tuple(moved),
        other_phase=tuple(other_phase),
    )


def _stranger(
    name: str, rows: list[dict[str, Any]], unseen: list[str], registry: ProcessorRegistry
) -> SeenProcessor:
    # Renamed: a registered name that no longer runs. Else any name that looks like it.
    near = get_close_matches(name, unseen, n=1, cutoff=0.75) or get_close_matches(
        name, [p.name for p in registry.processors], n=1, cutoff=0.75
    )
    phase = next((_text(row["phase"]) for row in reversed(rows) if _text(row["phase"])), None)
    return SeenProcessor(
        name=name,
        phase=(registry.canonical_phase(phase) or phase) if phase else None,
        table=next((t for row in reversed(rows) if (t := _table(row))), None),
        runs=sum(int(row["runs"]) for row in rows),
        last_started_at=rows[-1]["last_started_at"].to_pydatetime(),
        nearest=near[0] if near else None,
    )


def _moved(processor: Processor, rows: list[dict[str, Any]]) -> Iterable[MovedTable]:
    registered = processor.bigquery_table
    if registered is None:
        return
    right = [row for row in rows if _same_table(registered, _table(row))]
    last_right = max((row["last_started_at"] for row in right), default=None)
    first_right = min((row["first_started_at"] for row in right), default=None)
    others: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        table = _table(row)
        if table and not _same_table(registered, table):
            others.setdefault(table, []).append(row)
    for table, seen in sorted(others.items()):
        since = min(row["first_started_at"] for row in seen)
        last = max(row["last_started_at"] for row in seen)
        if first_right is not None and last < first_right:
            continue  # it moved to where the registry says
        yield MovedTable(
            name=processor.name,
            registered=registered,
            seen=table,
            runs=sum(int(row["runs"]) for row in seen),
            since=since.to_pydatetime(),
            instead=last_right is None or last_right < since,
        )


def _other_phase(
    processor: Processor, rows: list[dict[str, Any]], registry: ProcessorRegistry
) -> Iterable[OtherPhase]:
    labelled = [(label, row) for row in rows if (label := _text(row["phase"]))]
    if not labelled:
        return
    latest, _ = labelled[-1]
    seen = registry.canonical_phase(latest) or latest
    if seen != processor.phase:
        runs = sum(
            int(row["runs"])
            for label, row in labelled
            if (registry.canonical_phase(label) or label) == seen
        )
        yield OtherPhase(name=processor.name, registered=processor.phase, seen=seen, runs=runs)


def _table(row: dict[str, Any]) -> str | None:
    dataset, table = _text(row["output_dataset"]), _text(row["output_table"])
    # Some writers put `dataset.table` into output_table.
    if table is None or "." in table or dataset is None:
        return table
    return f"{dataset}.{table}"


def _same_table(registered: str, seen: str | None) -> bool:
    """Equal as far as both are qualified: `t`, `dataset.t` and `project.dataset.t` agree."""
    if seen is None:
        return False
    mine, theirs = registered.split(".")[::-1], seen.split(".")[::-1]
    return all(a == b for a, b in zip(mine, theirs, strict=False))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
