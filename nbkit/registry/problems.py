"""All that is wrong with one registry file, in a person's words, told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nbkit.errors import RegistryError
from nbkit.registry.models import DEFAULTED_KEYS
from nbkit.registry.yaml_lines import Document, KeyPath, shown_path

M = TypeVar("M", bound=BaseModel)

# How each value of the processor registry is written; the fix that an error names.
_FIXES = {
    "name": "write a class name, such as NbacGamebookProcessor",
    "phase": "write a phase's name, such as phase_2_raw, or its number",
    "title": "write what people call it, such as Phase 2 · Raw",
    "number": "write a whole number, or leave it out",
    "aliases": "write a list of labels, such as [phase_3]",
    "description": "write a sentence",
    "sport": "write a word, such as nba",
    "criticality": "write CRITICAL, HIGH, MEDIUM or LOW",
    "dependencies": "write a list of processor names; [] for none",
    "dependents": "write a list of processor names, or leave it out: it is derived",
    "expected_frequency": "write a word, such as daily",
    "sla_completion_time": 'write a time with a zone, such as "03:00 AM ET"',
    "timeout_seconds": "write whole seconds above 0, such as 600",
    "expected_record_range": "write min and max below it, such as min: 100 and max: 500",
    "min": "write a whole number from 0",
    "max": "write a whole number from 0",
    "bigquery_table": "write dataset.table, such as nba_raw.nbac_schedule",
    "gcs_source_pattern": "write a pattern such as gs://bucket/path/{date}/*.json",
    "gcs_output": "write a place such as gs://bucket/path/",
    "owner": "write a team, such as data-engineering",
    "source": "write where the value comes from",
    "version": 'write it in quotes, such as "1.0"',
    "last_updated": 'write a date, such as "2026-01-15"',
    "phases": "write a list of phases, each with a name and a title",
    "processors": "write a list of processors, each with a name and a phase",
    "defaults": "write a mapping from a key to its value and source",
}


class Problems:
    """Collects what is wrong with one document; `raise_any` tells all of it.

    Args:
        fixes: key → how its value is written, as the end of a sentence.
        defaulted: the keys that have a default elsewhere when they are left out.
    """

    def __init__(
        self,
        document: Document,
        *,
        fixes: Mapping[str, str] = _FIXES,
        defaulted: Collection[str] = DEFAULTED_KEYS,
    ) -> None:
        self._document = document
        self._fixes = fixes
        self._defaulted = defaulted
        self._found: list[tuple[int, str]] = []
        for key, line in document.twice:
            first = document.line(key)
            self.add(key, f"stands twice; remove it here or on line {first}", line=line)

    def add(self, key: KeyPath, message: str, *, line: int | None = None) -> None:
        """Note a problem at a key: `message` goes on from "file:line: key"."""
        line = line or self._document.line(key)
        self._found.append((line, f"{self._name(key)}: {message}" if key else message))

    def model(self, kind: type[M], values: object, key: KeyPath) -> M | None:
        """The values as a model, or None with the reasons noted."""
        if not isinstance(values, dict):
            self.add(key, "it must be a mapping, one `key: value` a line")
            return None
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            for problem in error.errors():
                self.add((*key, *problem["loc"]), self._plain(problem, kind))
            return None

    def raise_any(self) -> None:
        """Raise one `RegistryError` with everything, by line; nothing if nothing is wrong."""
        if not self._found:
            return
        path = shown_path(self._document.path)
        lines = [
            f"{path}:{line}: {text}{'' if text.endswith('?') else '.'}"
            for line, text in sorted(set(self._found))
        ]
        if len(lines) == 1:
            raise RegistryError(lines[0])
        raise RegistryError("\n  ".join([f"{len(lines)} problems in {path}", *lines]))

    def _plain(self, problem: Any, kind: type[BaseModel]) -> str:
        """A pydantic error in our words: what is there, what should be."""
        place = [part for part in problem["loc"] if isinstance(part, str)]
        name = place[-1] if place else ""
        # Within a list, or a default's `value`, the key above says how to write it.
        topic = next((part for part in reversed(place) if part in self._fixes), "")
        fix = self._fixes.get(topic, "correct it")
        given = problem["input"]
        match problem["type"]:
            case "extra_forbidden":
                known = _keys(kind, problem["loc"][:-1])
                return f"unknown key{nearest(name, known) or '; keys: ' + ', '.join(known)}"
            case "missing":
                return f"is missing; {fix}"
            case "value_error":
                return str(problem["msg"]).removeprefix("Value error, ")
        if given is None:
            left_out = ", or leave the key out for the phase's default"
            also = left_out if topic in self._defaulted else ""
            return f"is empty; {fix}{also}"
        shown = "a mapping" if isinstance(given, dict) else repr(given)
        return f"{shown if len(shown) < 60 else shown[:57] + '...'} will not do; {fix}"

    def _name(self, key: KeyPath) -> str:
        """`processors.NbacGamebookProcessor.timeout_seconds`: entries by name where they have
        one."""
        text, values = "", self._document.values
        for part in key:
            values = _step(values, part)
            if isinstance(part, str):
                text += f".{part}" if text else part
                continue
            called = values.get("name") if isinstance(values, dict) else None
            text += f".{called}" if isinstance(called, str) and called else f"[{part}]"
        return text


def _step(values: Any, part: str | int) -> Any:
    if isinstance(values, dict) and isinstance(part, str):
        return values.get(part)
    if isinstance(values, list) and isinstance(part, int) and part < len(values):
        return values[part]
    return None


def nearest(name: object, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing."""
    folded = {str(k).lower(): k for k in known}
    match = get_close_matches(str(name).lower(), folded, n=1)
    return f"; did you mean {folded[match[0]]}?" if match else ""


def _keys(kind: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at a place below `kind` takes."""
    for part in place:
        if isinstance(part, str):
            for nested in _models(kind.model_fields[part].annotation):
                kind = nested
    return [key for key in kind.model_fields if key != "default_sources"]


def _models(annotation: Any) -> list[type[BaseModel]]:
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
