"""Times in which an SLA was broken from outside, from `registry/sla_exceptions.yaml`.

They change no figure by themselves: reports show what each target came to with and without them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, model_validator

from nbkit.errors import RegistryError
from nbkit.registry.graph import ProcessorRegistry
from nbkit.registry.models import Name, Names
from nbkit.registry.problems import Problems, nearest
from nbkit.registry.slas import Slas
from nbkit.registry.yaml_lines import read_document, shown_path

FILE_NAME = "sla_exceptions.yaml"
_EXAMPLE = '"2026-01-12T18:00:00Z"'
_FIXES = {
    "version": 'write it in quotes, such as "1.0"',
    "exceptions": "write a list of exceptions; [] for none",
    "name": "write a short name, such as gamebook-outage",
    "targets": "write a list of names of registry/slas.yaml",
    "processors": "write a list of processor names, or leave it out for all of them",
    "start": f"write a moment with its zone, such as {_EXAMPLE}",
    "end": f"write a moment with its zone, such as {_EXAMPLE}",
    "reason": "write what happened",
    "evidence": "write a link, or where it is written down",
    "approved_by": "write who says that it counts as an exception",
}


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return value
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a moment; write it like {_EXAMPLE}") from None
    if found.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; write it like {_EXAMPLE}")
    return found.astimezone(UTC)


Moment = Annotated[InstanceOf[datetime], BeforeValidator(_moment)]


class SlaException(BaseModel):
    """One such time, from `start` to before `end`. `processors` are those whose runs it covers;
    empty for all of the target's."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Name
    targets: Annotated[Names, Field(min_length=1)]
    processors: Names = ()
    start: Moment
    end: Moment
    reason: Name
    evidence: Name
    approved_by: Name

    @model_validator(mode="after")
    def _in_order(self) -> SlaException:
        if self.end <= self.start:
            raise ValueError("its end is not after its start; swap them")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Name
    exceptions: list[Any]


def load_sla_exceptions(
    slas: Slas, registry: ProcessorRegistry, path: Path | None = None
) -> tuple[SlaException, ...]:
    """Read and check a file of exceptions (default: `sla_exceptions.yaml` beside the SLAs; none
    where there is no such file).

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
    """
    file = path or slas.source.with_name(FILE_NAME)
    if path is None and not file.exists():
        return ()
    document = read_document(file)
    values = document.values
    if not isinstance(values, dict):
        raise RegistryError(
            f"{shown_path(file)}:1: exceptions are a mapping with version and exceptions; see "
            "docs/slas.md."
        )
    problems = Problems(document, fixes=_FIXES, defaulted=())
    problems.model(_File, values, ())
    listed = values.get("exceptions")
    found = []
    targets = [target.name for target in slas.targets]
    names = [processor.name for processor in registry.processors]
    for i, entry in enumerate(listed if isinstance(listed, list) else []):
        exception = problems.model(SlaException, entry, ("exceptions", i))
        if exception is None:
            continue
        found.append(exception)
        for key, given, known in (
            ("targets", exception.targets, targets),
            ("processors", exception.processors, names),
        ):
            for at, name in enumerate(given):
                if name not in known:
                    problems.add(
                        ("exceptions", i, key, at), f"{name!r} is not known{nearest(name, known)}"
                    )
    problems.raise_any()
    return tuple(found)
