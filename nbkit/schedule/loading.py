"""From `registry/schedule.yaml` to jobs: every problem is told at once, with its line and fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nbkit.errors import InputError, NotebookNotFound, RegistryError
from nbkit.project import Project
from nbkit.registry.problems import Problems, nearest
from nbkit.registry.yaml_lines import read_document, shown_path
from nbkit.report.notebooks import find_notebook
from nbkit.schedule.job import Job

FILE_NAME = "schedule.yaml"

_FIXES = {
    "version": 'write it in quotes, such as "1.0"',
    "jobs": "write a list of jobs; see docs/schedule.md",
    "name": "write small letters, digits and _, at most 40, such as daily_health",
    "notebook": "write the name of a notebook, such as daily_health",
    "params": "write a path from the project's root, such as params/daily_health/production.yaml",
    "cron": 'write five fields in quotes, such as "0 7 * * *"',
    "time_zone": "write an IANA zone, such as America/New_York or UTC",
    "channel": "write slack, slack:#channel, dir:PATH (a preview) or none",
    "owner": "write a team, such as data-platform",
    "timeout": "write a length of time, such as 30m",
    "grace": "write a length of time, such as 6h",
    "enabled": "write true or false",
    "reason": "write why the job is not enabled",
}


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Annotated[str, Field(min_length=1)]
    jobs: list[Any]


@dataclass(frozen=True)
class Schedule:
    """The jobs of a project in the order of the file."""

    jobs: tuple[Job, ...]

    @property
    def enabled(self) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.enabled)

    def job(self, name: str) -> Job:
        """The job of that name.

        Raises:
            InputError: none; names the nearest one, or all.
        """
        found = {job.name: job for job in self.jobs}
        if name not in found:
            hint = nearest(name, found).removeprefix("; ").capitalize()
            raise InputError(
                f"No job `{name}` in registry/{FILE_NAME}. "
                f"{hint or 'There are: ' + ', '.join(found) + '.'}"
            )
        return found[name]


def load_schedule(project: Project) -> Schedule:
    """Read and check `registry/schedule.yaml`, and that the notebooks and parameter files of its
    enabled jobs are there.

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
    """
    document = read_document(project.registry / FILE_NAME)
    if not isinstance(document.values, dict):
        raise RegistryError(
            f"{shown_path(document.path)}:1: a schedule is a mapping with version and jobs; see "
            "docs/schedule.md."
        )
    problems = Problems(document, fixes=_FIXES, defaulted=())
    problems.model(_File, document.values, ())
    entries = document.values.get("jobs")
    jobs = [
        job
        for i, entry in enumerate(entries if isinstance(entries, list) else [])
        if (job := problems.model(Job, entry, ("jobs", i)))
    ]
    _check_names(entries if isinstance(entries, list) else [], problems)
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict) and entry.get("enabled") is not False:
            _check_files(entry, i, project, problems)
    problems.raise_any()
    return Schedule(tuple(jobs))


def _check_names(entries: list[Any], problems: Problems) -> None:
    first: dict[str, int] = {}
    for i, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str) and first.setdefault(name, i) != i:
            problems.add(
                ("jobs", i, "name"), f"is there twice, first as job {first[name] + 1}; rename one"
            )


def _check_files(
    entry: Mapping[str, Any], index: int, project: Project, problems: Problems
) -> None:
    instead = "; or write enabled: false and a reason until it is there"
    notebook, params = entry.get("notebook"), entry.get("params")
    if isinstance(notebook, str) and notebook.strip():
        try:
            find_notebook(project, notebook)
        except NotebookNotFound as error:
            problems.add(("jobs", index, "notebook"), str(error).removesuffix(".") + instead)
    if isinstance(params, str) and not _is_file(project.root / params):
        problems.add(("jobs", index, "params"), f"{params} is not there{instead}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
