"""The platform's Cloud Functions and their generation, as data: `registry/cloud_functions.yaml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbkit.errors import RegistryError
from nbkit.project import find_project
from nbkit.registry.problems import Problems
from nbkit.registry.yaml_lines import read_document, shown_path

FILE_NAME = "cloud_functions.yaml"
_FIXES = {
    "version": 'write it in quotes, such as "1.0"',
    "functions": "write a list of functions, each with name, generation, trigger and purpose",
    "name": "write the function's name, such as self_heal",
    "generation": "write 1 or 2",
    "trigger": "write what starts it, such as topic nba-grading-trigger",
    "purpose": "write a sentence",
    "moved_on": 'write the day of the move, such as "2026-01-20", or leave it out',
}


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} will not do; {_FIXES['moved_on']}") from None


class CloudFunction(BaseModel):
    """One function; `moved_on` is the day on which it came to Gen2, where that was recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    generation: Literal[1, 2]
    trigger: Annotated[str, Field(min_length=1)]
    purpose: Annotated[str, Field(min_length=1)]
    moved_on: Annotated[date, BeforeValidator(_day)] | None = None

    @model_validator(mode="after")
    def _moved_to_gen2(self) -> Self:
        if self.moved_on is not None and self.generation == 1:
            raise ValueError("moved_on is the day of the move to generation 2; this one is on 1")
        return self

    def is_gen2(self, day: date) -> bool:
        """Whether it was on Gen2 at the end of a day."""
        return self.generation == 2 and (self.moved_on is None or self.moved_on <= day)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Annotated[str, Field(min_length=1)]
    functions: list[Any]


def load_cloud_functions(path: Path | None = None) -> tuple[CloudFunction, ...]:
    """Read and check `registry/cloud_functions.yaml`, in its order.

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
    """
    document = read_document(path or find_project().registry / FILE_NAME)
    values = document.values
    if not isinstance(values, dict):
        raise RegistryError(
            f"{shown_path(document.path)}:1: this file is a mapping with version and functions."
        )
    problems = Problems(document, fixes=_FIXES, defaulted=())
    problems.model(_File, values, ())
    entries = values.get("functions")
    found: list[CloudFunction] = []
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        function = problems.model(CloudFunction, entry, ("functions", i))
        if function is None:
            continue
        if any(function.name == other.name for other in found):
            problems.add(("functions", i, "name"), "is there twice; remove one")
        found.append(function)
    problems.raise_any()
    return tuple(found)
