"""The platform's Cloud Functions and their generation, as data: `registry/cloud_functions.yaml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbkit.project import find_project
from nbkit.registry.entries import read_entries

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


def load_cloud_functions(path: Path | None = None) -> tuple[CloudFunction, ...]:
    """Read and check `registry/cloud_functions.yaml`, in its order; a project without that file
    lists none.

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
    """
    if path is None:
        path = find_project().registry / FILE_NAME
        if not path.exists():
            return ()
    return read_entries(path, "functions", CloudFunction, fixes=_FIXES)
