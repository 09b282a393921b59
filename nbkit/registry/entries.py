"""A registry file that is a version and one list of named entries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from nbkit.errors import RegistryError
from nbkit.registry.problems import Problems
from nbkit.registry.yaml_lines import read_document, shown_path

M = TypeVar("M", bound=BaseModel)


def read_entries(path: Path, key: str, kind: type[M], *, fixes: Mapping[str, str]) -> tuple[M, ...]:
    """The entries under `key`, in their order; each has a `name` of its own.

    Args:
        fixes: key → how its value is written, as the end of a sentence.

    Raises:
        RegistryError: all that is wrong with the file, a line each: file:line, key, what, the fix.
    """
    document = read_document(path)
    if not isinstance(document.values, dict):
        raise RegistryError(
            f"{shown_path(document.path)}:1: this file is a mapping with version and {key}."
        )
    problems = Problems(document, fixes=fixes, defaulted=())
    problems.model(_header(key), document.values, ())
    listed = document.values.get(key)
    found: dict[str, M] = {}
    for i, entry in enumerate(listed if isinstance(listed, list) else []):
        made = problems.model(kind, entry, (key, i))
        if made is None:
            continue
        name = str(entry["name"])
        if name in found:
            problems.add((key, i, "name"), "is there twice; rename or remove one")
        found.setdefault(name, made)
    problems.raise_any()
    return tuple(found.values())


def _header(key: str) -> type[BaseModel]:
    strict = ConfigDict(frozen=True, extra="forbid", strict=True)
    fields: dict[str, Any] = {
        "version": (Annotated[str, Field(min_length=1)], ...),
        key: (list[Any], ...),
    }
    return create_model("Header", __config__=strict, **fields)
