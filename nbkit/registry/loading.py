"""From YAML to a registry: every problem of a file is told at once, with its line and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from nbkit.errors import RegistryError
from nbkit.project import find_project
from nbkit.registry.graph import ProcessorRegistry, cycles
from nbkit.registry.models import DEFAULTED_KEYS, Name, Phase, Processor
from nbkit.registry.problems import Problems, nearest
from nbkit.registry.yaml_lines import Document, KeyPath, read_document, shown_path

FILE_NAME = "processor_registry.yaml"


def _date_text(value: object) -> object:
    from datetime import date

    if not isinstance(value, str):
        return value
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f'{value!r} is not a date; write it like "2026-01-15"') from None
    return value


class _Header(BaseModel):
    """What stands at the top of a registry file beside its two lists."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Name
    last_updated: Annotated[str, BeforeValidator(_date_text)] | None = None
    phases: list[Any]
    processors: list[Any]


def load_registry(path: Path | None = None) -> ProcessorRegistry:
    """Read and check a registry file (default: the project's `registry/processor_registry.yaml`).

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
        ProjectNotFound: no path given, and the working directory is in no project.
    """
    return registry_of(read_document(path or find_project().registry / FILE_NAME))


def registry_of(document: Document) -> ProcessorRegistry:
    """The registry that a document describes.

    Raises:
        RegistryError: see `load_registry`.
    """
    values = document.values
    if not isinstance(values, dict):
        raise RegistryError(
            f"{shown_path(document.path)}:1: a registry is a mapping with version, phases and "
            "processors; see docs/registry.md."
        )
    problems = Problems(document)
    problems.model(_Header, values, ())
    phases = _phases(_list(values, "phases"), problems)
    entries = _list(values, "processors")
    found = [_processor(entry, i, phases, problems) for i, entry in enumerate(entries)]
    needs = _check_names(entries, problems)
    _check_edges(entries, needs, problems)
    problems.raise_any()
    dependents: dict[str, list[str]] = {name: [] for name in needs}
    for name, dependencies in needs.items():
        for dependency in dependencies:
            dependents[dependency].append(name)
    return ProcessorRegistry(
        phases,
        [p.model_copy(update={"dependents": tuple(dependents[p.name])}) for p in found if p],
        source=document.path,
        lines={p.name: document.line(("processors", i)) for i, p in enumerate(found) if p},
    )


def _list(values: Mapping[str, Any], key: str) -> list[Any]:
    found = values.get(key)
    return found if isinstance(found, list) else []


def _phases(entries: list[Any], problems: Problems) -> list[Phase]:
    """The phases; each label and each number belongs to one of them."""
    phases: list[Phase] = []
    taken: dict[str | int, str] = {}
    for i, entry in enumerate(entries):
        phase = problems.model(Phase, entry, ("phases", i))
        if phase is None:
            continue
        phases.append(phase)
        labels: list[tuple[str, str | int]] = [("name", phase.name)]
        labels += [("aliases", alias) for alias in phase.aliases]
        labels += [("number", phase.number)] if phase.number is not None else []
        for key, label in labels:
            if label in taken:
                problems.add(
                    ("phases", i, key), f"{label} already means {taken[label]}; change either"
                )
            taken.setdefault(label, phase.name)
    return phases


def _processor(entry: Any, index: int, phases: list[Phase], problems: Problems) -> Processor | None:
    """The entry completed by its phase's defaults, or None with the reasons noted."""
    key: KeyPath = ("processors", index)
    if not isinstance(entry, dict):
        problems.add(key, "must be a mapping with at least name and phase")
        return None
    phase = _phase_named(entry.get("phase"), phases)
    if phase is None:
        if "phase" in entry and phases:
            names = [p.name for p in phases]
            hint = nearest(entry["phase"], names) or f"; phases: {', '.join(names)}"
            problems.add((*key, "phase"), f"{entry['phase']!r} is not a phase{hint}")
        elif "phase" not in entry:
            problems.add(key, "phase is missing; write a phase's name, such as phase_2_raw")
        # Without its phase an entry has no defaults: only what it does state can be judged.
        return None
    values, sources = dict(entry), {}
    for field in DEFAULTED_KEYS:
        default = getattr(phase.defaults, field)
        if field in entry:
            continue
        if default is not None:
            values[field], sources[field] = default.value, default.source
        elif Processor.model_fields[field].is_required():
            problems.add(
                key,
                f"{field} is missing, and {phase.name} has no default for it; state it here or "
                f"add it to the phase's defaults with its source",
            )
            return None
    if "default_sources" in entry:
        problems.add((*key, "default_sources"), "unknown key; remove it")
    return problems.model(
        Processor, values | {"phase": phase.name, "default_sources": sources}, key
    )


def _phase_named(label: object, phases: list[Phase]) -> Phase | None:
    """By name, older label or number (the customer's plan writes `phase: 2`)."""
    for phase in phases:
        if label == phase.name or label in phase.aliases:
            return phase
        if isinstance(label, int) and not isinstance(label, bool) and label == phase.number:
            return phase
    return None


def _check_names(entries: list[Any], problems: Problems) -> dict[str, tuple[str, ...]]:
    """Name → dependencies of all entries that can be read so far, sound or not: one wrong value
    must not make every mention of the name look wrong too."""
    needs: dict[str, tuple[str, ...]] = {}
    first: dict[str, int] = {}
    for i, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name in needs:
            problems.add(
                ("processors", i, "name"),
                f"is registered twice, first as entry {first[name] + 1}; remove one",
            )
            continue
        first[name] = i
        needs[name] = tuple(n for n in _list(entry, "dependencies") if isinstance(n, str))
    return needs


def _check_edges(
    entries: list[Any], needs: Mapping[str, tuple[str, ...]], problems: Problems
) -> None:
    index: dict[str, int] = {}
    for i, entry in enumerate(entries):
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            index.setdefault(entry["name"], i)
    for name, i in index.items():
        key: KeyPath = ("processors", i)
        listed = _list(entries[i], "dependencies")
        for position, needed in enumerate(listed):
            place = (*key, "dependencies", position)
            if needed == name:
                problems.add(place, f"{name} depends on itself; remove it")
            elif isinstance(needed, str) and needed not in needs:
                problems.add(place, f"{needed!r} is not registered{nearest(needed, needs)}")
            elif needed in listed[:position]:
                problems.add(place, f"{needed} is listed twice; remove one")
        if isinstance(entries[i].get("dependents"), list):
            _check_dependents(entries[i]["dependents"], name, key, needs, problems)
    for cycle in cycles(needs):
        circle = " → ".join(cycle)
        problems.add(
            ("processors", index[cycle[0]], "dependencies"),
            f"a circle, in which each is needed by the next: {circle}; remove one of these",
        )


def _check_dependents(
    written: list[Any],
    name: str,
    key: KeyPath,
    needs: Mapping[str, tuple[str, ...]],
    problems: Problems,
) -> None:
    """Dependents are derived; where they are written all the same, they must be right."""
    true = [other for other, listed in needs.items() if name in listed and other != name]
    for position, other in enumerate(written):
        place = (*key, "dependents", position)
        if isinstance(other, str) and other not in needs:
            problems.add(place, f"{other!r} is not registered{nearest(other, needs)}")
        elif isinstance(other, str) and other not in true:
            problems.add(
                place,
                f"{other} does not name {name} among its dependencies; correct either, or leave "
                "dependents out (they are derived)",
            )
    missing = [other for other in true if other not in written]
    if missing:
        problems.add(
            (*key, "dependents"),
            f"lacks {', '.join(missing)}, which name {name} among their dependencies; add, or "
            "leave dependents out (they are derived)",
        )
