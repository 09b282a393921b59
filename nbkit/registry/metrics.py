"""What was promised, as data: `registry/metrics.yaml`, and the target that each metric has."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbkit.errors import InputError
from nbkit.project import find_project
from nbkit.registry.entries import read_entries
from nbkit.registry.problems import nearest

FILE_NAME = "metrics.yaml"
Measure = Literal[
    "success_share",
    "alerting_share",
    "notebook_minutes",
    "zero_record_runs",
    "window_failures",
    "functions_on_gen2",
]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
# The keys that a measure cannot do without, beyond those of every metric.
_NEEDS: dict[Measure, tuple[str, ...]] = {
    "success_share": ("phase",),
    "alerting_share": ("phase",),
    "notebook_minutes": ("notebook",),
    "zero_record_runs": (),
    "window_failures": ("weekday", "hours"),
    "functions_on_gen2": (),
}
_FIXES = {
    "version": 'write it in quotes, such as "1.0"',
    "metrics": "write a list of metrics; see docs/scorecard.md",
    "name": "write small letters, digits and _, such as phase5_success",
    "title": "write what people call it, such as Phase 5 success rate",
    "measure": f"write one of {', '.join(_NEEDS)}",
    "target": "write {below: 2} or {at_least: 0.95}",
    "changed_at": 'write a moment with its zone, such as "2026-01-14T00:00:00Z"',
    "before_days": "write whole days, such as 30",
    "hours": "write the first and the last hour (UTC), such as [0, 3]",
    "weekday": "write a day, such as Monday",
    "of": "write all, or work (runs that had something to do)",
    "severity": "write info, warning or critical",
    "published": "write {value: 22.3, source: where it stands}",
}


def _moment(value: object) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{value!r} will not do; {_FIXES['changed_at']}")
    return moment


def _hours(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Target(_Strict):
    """Either a ceiling (`below`) or a floor (`at_least`)."""

    below: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.below is None) == (self.at_least is None):
            raise ValueError("a target is either {below: …} or {at_least: …}")
        return self

    @property
    def value(self) -> float:
        return self.below if self.below is not None else self.at_least or 0.0


class Published(_Strict):
    """A figure that somebody published; it is quoted, never computed with."""

    value: float
    source: str


class Metric(_Strict):
    """One promise: what is measured, what it should become, and since when something was done.

    `severity` is that of a target that is missed. `of` says what a success share divides by: all
    finished runs, or those with something to do.
    `hours` are the first and the last hour (UTC) of a weekly window.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Annotated[str, Field(min_length=1)]
    measure: Measure
    target: Target
    changed_at: Annotated[datetime, BeforeValidator(_moment)]
    before_days: Annotated[int, Field(ge=1, le=730)]
    severity: Literal["info", "warning", "critical"] = "warning"
    phase: str | None = None
    of: Literal["all", "work"] = "all"
    notebook: str | None = None
    weekday: Weekday | None = None
    hours: Annotated[tuple[int, int] | None, BeforeValidator(_hours)] = None
    published: Published | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        lacking = [key for key in _NEEDS[self.measure] if getattr(self, key) is None]
        if lacking:
            raise ValueError(f"a metric of measure {self.measure} needs {' and '.join(lacking)}")
        if self.hours and not 0 <= self.hours[0] <= self.hours[1] <= 23:
            raise ValueError(f"hours {list(self.hours)} will not do; {_FIXES['hours']}")
        return self


def load_metrics(path: Path | None = None) -> tuple[Metric, ...]:
    """Read and check `registry/metrics.yaml`, in its order.

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
    """
    return read_entries(
        path or find_project().registry / FILE_NAME, "metrics", Metric, fixes=_FIXES
    )


def metric_named(name: str, metrics: tuple[Metric, ...]) -> Metric:
    """The metric of that name.

    Raises:
        InputError: none; names the nearest one, or all.
    """
    for metric in metrics:
        if metric.name == name:
            return metric
    known = [metric.name for metric in metrics]
    hint = nearest(name, known).removeprefix("; ").capitalize()
    raise InputError(
        f"No metric `{name}` in registry/{FILE_NAME}. "
        f"{hint or 'There are: ' + ', '.join(known) + '.'}"
    )
