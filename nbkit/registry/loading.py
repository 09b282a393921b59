"""From YAML to a registry: every problem of a file is told at once, with its line and the fix."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nbkit.errors import RegistryError
from nbkit.project import find_project
from nbkit.registry.graph import ProcessorRegistry, find_cycle
from nbkit.registry.models import DEFAULTED_FIELDS, Phase, Processor
from nbkit.registry.yaml_lines import Document, KeyPath, read_document

FILE_NAME = "processor_registry.yaml"
M = TypeVar("M", bound=BaseModel)
_TOP = ("version", "last_updated", "phases", "processors")


def load_registry(path: Path | None = None) -> ProcessorRegistry:
    """Read and check a registry file (default: the project's).

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, fix.
    """
    return registry_of(read_document(path or find_project().registry / FILE_NAME))


def registry_of(document: Document) -> ProcessorRegistry:
    """Build the registry that a document describes, or say all that is wrong with it."""
    values, problems = document.values, _Problems(document)
    if not isinstance(values, dict):
        raise RegistryError(f"{document.where(())}: a registry is a mapping with {_list(_TOP)}.")
    for key in values:
        if key not in _TOP:
            problems.add((key,), f"unknown key {key!r}{_nearest(key, _TOP)}")
    phases = tuple(
        phase
        for index, entry in enumerate(_entries(values, "phases", problems))
        if (phase := problems.model(Phase, _tuples(entry), ("phases", index)))
    )
    by_label = {label: p for p in phases for label in (p.name, *p.aliases)}
    processors: dict[str, Processor] = {}
    index_of: dict[str, int] = {}
    for index, entry in enumerate(_entries(values, "processors", problems)):
        key: KeyPath = ("processors", index)
        processor = _processor(entry, key, by_label, problems)
        if processor is None:
            continue
        if processor.name in processors:
            problems.add((*key, "name"), f"{processor.name} is registered twice; remove one")
            continue
        processors[processor.name] = processor
        index_of[processor.name] = index
    _check_edges(processors, index_of, problems)
    problems.raise_any()
    return ProcessorRegistry(phases, tuple(processors.values()), source=document.path)


class _Problems:
    """All that is wrong with one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lines: list[tuple[int, str]] = []

    def add(self, key: KeyPath, message: str) -> None:
        where = self._document.where(key)
        text = f"{where}: {_path_text(key)}: {message}."
        self._lines.append((int(where.rsplit(":", 1)[1]), text))

    def model(self, kind: type[M], values: Any, key: KeyPath) -> M | None:
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            for problem in error.errors():
                place = (*key, *problem["loc"])
                self.add(place, _plain(problem, kind))
            return None

    def raise_any(self) -> None:
        if self._lines:
            texts = [text for _, text in sorted(self._lines)]
            raise RegistryError("\n".join(texts))


def _processor(
    entry: Any, key: KeyPath, by_label: dict[str, Phase], problems: _Problems
) -> Processor | None:
    if not isinstance(entry, dict):
        problems.add(key, "a processor is a mapping with at least name and phase")
        return None
    if "defaulted" in entry:
        problems.add((*key, "defaulted"), "is worked out, not written; remove it")
        return None
    label = entry.get("phase")
    phase = by_label.get(label) if isinstance(label, str) else None
    if phase is None:
        problems.add(
            (*key, "phase"),
            f"{label!r} is not a phase{_nearest(str(label), by_label)}; phases: {_list(by_label)}",
        )
        return None
    filled = [field for field in DEFAULTED_FIELDS if field not in entry]
    values = _tuples(entry) | {field: phase.defaults[field].value for field in filled}
    values |= {"phase": phase.name, "defaulted": frozenset(filled)}
    return problems.model(Processor, values, key)


def _check_edges(
    processors: dict[str, Processor], index_of: dict[str, int], problems: _Problems
) -> None:
    for processor in processors.values():
        for position, name in enumerate(processor.dependencies):
            key = ("processors", index_of[processor.name], "dependencies", position)
            if name == processor.name:
                problems.add(key, f"{name} depends on itself; remove it")
            elif name not in processors:
                problems.add(key, f"{name!r} is not registered{_nearest(name, processors)}")
            elif name in processor.dependencies[:position]:
                problems.add(key, f"{name} is listed twice; remove one")
        if processor.dependents is None:
            continue
        true = {p.name for p in processors.values() if processor.name in p.dependencies}
        written = set(processor.dependents)
        key = ("processors", index_of[processor.name], "dependents")
        for name in sorted(written - true):
            problems.add(
                key,
                f"names {name}, whose dependencies do not name {processor.name}; "
                "correct either, or leave dependents out (they are derived)",
            )
        for name in sorted(true - written):
            problems.add(key, f"lacks {name}, which depends on {processor.name}; add it")
    cycle = find_cycle(processors.values())
    if cycle:
        key = ("processors", index_of[cycle[0]], "dependencies")
        problems.add(key, f"go in a circle: {' → '.join(cycle)}; remove one of these")


def _entries(values: dict[str, Any], name: str, problems: _Problems) -> list[Any]:
    found = values.get(name)
    if not isinstance(found, list) or not found:
        problems.add((name,), f"a registry needs a list of {name}")
        return []
    return found


def _tuples(entry: Any) -> Any:
    """Strict models take tuples where YAML has lists."""
    if not isinstance(entry, dict):
        return entry
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}


def _plain(problem: Any, kind: type[BaseModel]) -> str:
    name = str(problem["loc"][-1]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        known = [field for field in kind.model_fields if field != "defaulted"]
        return f"unknown key{_nearest(name, known)}; keys: {_list(known)}"
    if problem["type"] == "missing":
        return "is missing; add it"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    shown = "" if problem["type"] == "value_error" else f", not {given!r}"
    return f"{message[0].lower()}{message[1:]}{shown}"


def _path_text(key: KeyPath) -> str:
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the file"


def _nearest(name: str, known: Any) -> str:
    match = get_close_matches(name, [str(k) for k in known], n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def _list(names: Any) -> str:
    return ", ".join(str(name) for name in names)
