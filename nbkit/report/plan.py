"""What a run will be, decided and checked before anything starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbkit.errors import ParameterError
from nbkit.params import (
    AS_OF,
    WAREHOUSE,
    Setting,
    Value,
    parse_moment,
    read_assignments,
    read_parameters,
    read_values,
    resolve,
)
from nbkit.project import WAREHOUSE_VARIABLE, Project
from nbkit.report.notebooks import Source
from nbkit.report.provenance import without_credentials

_FILE = "duckdb:///"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A notebook with all its values.

    Attributes:
        warehouse: the URL that will be read, without credentials, relative to the project where
            it lies in it: for people.
        environment: what the kernel's environment has beside this process's.
        label: name of the parameter set: the stem of its file, "" where values were typed.
    """

    source: Source
    as_of: datetime
    parameters: Mapping[str, Value]
    warehouse: str
    environment: Mapping[str, str]
    params_file: Path | None
    label: str


def make_plan(
    source: Source,
    *,
    project: Project,
    now: datetime,
    params_file: Path | None = None,
    assignments: Sequence[str] = (),
    as_of: str = "",
    warehouse: str = "",
) -> Plan:
    """Choose the parameter file, merge all values and check them.

    Without `params_file` it is `params/<notebook>/demo.yaml` while the demo warehouse is used, else
    `production.yaml`, where there is one. Without any `as_of` it is `now`, to the minute.

    Raises:
        ParameterError: every problem that was found, in one message.
    """
    declared = read_parameters(source.content, where=source.name)
    if AS_OF not in {parameter.name for parameter in declared}:
        raise ParameterError(
            f"{source.name} has no parameter `{AS_OF}`: every report says which moment it is "
            f'about. Add {AS_OF} = "2026-01-13T12:00:00Z" to its parameters cell.'
        )
    uses_demo = not warehouse and project.uses_demo()
    file = params_file or _usual_file(project, source.name, demo=uses_demo)
    clock = now.replace(second=0, microsecond=0).isoformat()
    options = [Setting(AS_OF, as_of, "--as-of")] if as_of else []
    if warehouse:
        options.append(Setting(WAREHOUSE, _rooted(warehouse, project), "--warehouse"))
    problems: list[str] = []
    settings = [
        Setting(AS_OF, clock, "the clock"),
        *(_tried(lambda: read_values(file), problems) if file else ()),
        *_tried(lambda: read_assignments(assignments), problems),
        *options,
    ]
    try:
        values = resolve(declared, settings, where=source.name)
    except ParameterError as error:
        raise ParameterError("\n".join([*problems, str(error)])) from None
    if problems:
        raise ParameterError("\n".join(problems))
    from_environment = os.environ.get(WAREHOUSE_VARIABLE, "")
    url = str(values.get(WAREHOUSE) or "") or project.warehouse_url()
    return Plan(
        source=source,
        as_of=parse_moment(str(values[AS_OF])),
        parameters=values,
        warehouse=_readable(url, project),
        environment=(
            {WAREHOUSE_VARIABLE: _rooted(from_environment, project)} if from_environment else {}
        ),
        params_file=file,
        label=file.stem if file and not assignments else "",
    )


def _tried(read: Callable[[], tuple[Setting, ...]], problems: list[str]) -> tuple[Setting, ...]:
    try:
        return read()
    except ParameterError as error:
        problems.append(str(error))
        return ()


def _usual_file(project: Project, name: str, *, demo: bool) -> Path | None:
    file = project.params / name / ("demo.yaml" if demo else "production.yaml")
    return file if file.is_file() else None


def _rooted(url: str, project: Project) -> str:
    """A relative DuckDB file is meant from where the command was typed, but the kernel works in
    the project's root."""
    path = url.removeprefix(_FILE)
    if not url.startswith(_FILE) or path.startswith("/") or Path.cwd() == project.root:
        return url
    return f"{_FILE}{Path.cwd() / path}"


def _readable(url: str, project: Project) -> str:
    url = without_credentials(url)
    return url.replace(f"{_FILE}{project.root}/", _FILE, 1)
