"""What the platform promises: targets, burn alerts and response times, from `registry/slas.yaml`.

Every problem of the file is told at once, with its line and the fix. Phases, processors and
deadlines are checked against the processor registry: a deadline that both files state must be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    model_validator,
)

from nbkit.errors import RegistryError
from nbkit.project import find_project
from nbkit.registry.deadlines import Deadline, parse_deadline
from nbkit.registry.graph import ProcessorRegistry
from nbkit.registry.models import Level, Name
from nbkit.registry.problems import Problems, nearest
from nbkit.registry.yaml_lines import read_document, shown_path

FILE_NAME = "slas.yaml"
NEXT_BUSINESS_DAY = "next business day"


class Measure(StrEnum):
    """How a target is measured, all but the last from run history.

    Time counts for `availability` and `freshness`, things that happen for the others.
    """

    AVAILABILITY = "availability"
    ON_TIME = "on_time"
    SUCCESS_RATE = "success_rate"
    NOT_BLOCKING = "not_blocking"
    FRESHNESS = "freshness"
    SOURCE = "source"

    @property
    def is_time(self) -> bool:
        return self in (Measure.AVAILABILITY, Measure.FRESHNESS)


# Keys beside those that every target has: (must stand, may stand).
_KEYS: dict[Measure, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Measure.AVAILABILITY: ((), ()),
    Measure.ON_TIME: (("phase", "by"), ("criticality",)),
    Measure.SUCCESS_RATE: (("phase",), ()),
    Measure.NOT_BLOCKING: (("phase",), ()),
    Measure.FRESHNESS: (("phase", "processor", "max_age_hours"), ()),
    Measure.SOURCE: (("source",), ("phase",)),
}
_OWN_KEYS = ("phase", "by", "criticality", "processor", "max_age_hours", "source")

_FIXES = {
    "version": 'write it in quotes, such as "1.0"',
    "last_updated": 'write a date, such as "2026-01-15"',
    "time_zone": "write an IANA zone, such as America/New_York",
    "period_days": "write whole days above 0, such as 30",
    "targets": "write a list of targets; see docs/slas.md",
    "responses": "write a list with severity, title, respond and resolve; see docs/slas.md",
    "name": "write small letters, digits and _, such as phase_5_on_time",
    "title": "write what people call it, such as Phase 5 on time",
    "measure": f"write one of {', '.join(Measure)}",
    "objective": "write the share that must be good, above 0 and below 1, such as 0.95",
    "unit": "write what is counted, such as runs",
    "stated": "write the words of the document that states it",
    "assumed": "write what the document leaves open, and how it is read here",
    "phase": "write a phase's name, such as phase_2_raw",
    "by": 'write a time with a zone, such as "11:00 PM ET same day"',
    "criticality": "write CRITICAL, HIGH, MEDIUM or LOW",
    "processor": "write a class name, such as MLFeatureStoreProcessor",
    "max_age_hours": "write hours above 0, such as 12",
    "source": "write key, good and total; see docs/slas.md",
    "key": "write small letters, digits and _, such as hit_rate",
    "good": "write what counts as good",
    "total": "write what counts in all",
    "burn_alerts": "write a list of alerts; see docs/slas.md",
    "rate": "write how many times too fast the budget burns, from 1, such as 14.4",
    "long_minutes": "write whole minutes above 0, such as 60",
    "short_minutes": "write whole minutes above 0, such as 5",
    "severity": "write P0 to P3 for an incident, critical, warning or info for an alert",
    "respond": f'write a length such as "15 minutes", or {NEXT_BUSINESS_DAY}',
    "resolve": f'write a length such as "2 days", or {NEXT_BUSINESS_DAY}',
}
_LENGTH = re.compile(r"(\d+) (minute|hour|day|week)s?")


def _length(value: object) -> object:
    if value == NEXT_BUSINESS_DAY or isinstance(value, timedelta):
        return value
    match = _LENGTH.fullmatch(str(value))
    if not match or int(match[1]) == 0:
        raise ValueError(
            f'{value!r} is not a length; write it like "15 minutes", "2 hours", "2 days" or '
            f'"1 week", or {NEXT_BUSINESS_DAY}'
        )
    return timedelta(**{f"{match[2]}s": int(match[1])})


def _by(value: object) -> object:
    return value if isinstance(value, Deadline) else parse_deadline(str(value))


def _measure(value: object) -> object:
    if value not in tuple(Measure):
        hint = nearest(value, Measure)
        raise ValueError(f"{value!r} is not one of {', '.join(Measure)}{hint}")
    return Measure(str(value))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone; {_FIXES['time_zone']}") from None
    return value


Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Length = Annotated[InstanceOf[timedelta] | str, BeforeValidator(_length)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Model):
    """Where a target's figures come from that run history does not hold: the rows of
    `nba_orchestration.sla_measurements` whose `sla` is `key`. `good` and `total` say what its two
    counts of a day are."""

    key: Word
    good: Name
    total: Name


class Target(_Model):
    """One promise: `objective` is the share of `unit` that must be good.

    `stated` is the document's own wording, `assumed` what it leaves open. The keys below them
    belong to some measures only. `criticality`: the work of a date is complete when every processor
    of the phase that is at least so critical is done; None for all of them.
    """

    name: Word
    title: Name
    measure: Annotated[Measure, BeforeValidator(_measure)]
    objective: Annotated[float, Field(gt=0, lt=1)]
    unit: Name
    stated: Name
    assumed: Name | None = None
    phase: Name | None = None
    by: Annotated[InstanceOf[Deadline] | None, BeforeValidator(_by)] = None
    criticality: Level | None = None
    processor: Name | None = None
    max_age_hours: Annotated[float, Field(gt=0)] | None = None
    source: Source | None = None

    @property
    def max_age(self) -> timedelta | None:
        return None if self.max_age_hours is None else timedelta(hours=self.max_age_hours)


class Response(_Model):
    """How soon an incident of a severity is answered and solved."""

    severity: Annotated[str, Field(pattern=r"^P[0-3]$")]
    title: Name
    respond: Length
    resolve: Length


class BurnAlert(_Model):
    """Alert when the budget burns at `rate` times the speed that just spends it within the period,
    over the long window and still over the short one."""

    name: Word
    rate: Annotated[float, Field(ge=1)]
    long_minutes: Annotated[int, Field(gt=0)]
    short_minutes: Annotated[int, Field(gt=0)]
    severity: Literal["critical", "warning", "info"]

    @model_validator(mode="after")
    def _in_order(self) -> BurnAlert:
        if self.short_minutes >= self.long_minutes:
            raise ValueError("its short window is not shorter than its long one; swap them")
        return self

    @property
    def long(self) -> timedelta:
        return timedelta(minutes=self.long_minutes)

    @property
    def short(self) -> timedelta:
        return timedelta(minutes=self.short_minutes)


class _File(_Model):
    version: Name
    last_updated: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    time_zone: Annotated[str, AfterValidator(_zone)]
    period_days: Annotated[int, Field(gt=0)]
    burn_alerts: list[Any]
    targets: list[Any]
    responses: list[Any]


@dataclass(frozen=True, kw_only=True)
class Slas:
    """All targets in the order of the file. Values are frozen; build one with `load_slas`."""

    targets: tuple[Target, ...]
    responses: tuple[Response, ...]
    burn_alerts: tuple[BurnAlert, ...]
    zone: ZoneInfo
    period: timedelta
    last_updated: str
    source: Path

    def target(self, name: str) -> Target:
        """Raises KeyError: there is none of that name."""
        return {target.name: target for target in self.targets}[name]

    def of(self, measure: Measure) -> tuple[Target, ...]:
        return tuple(target for target in self.targets if target.measure is measure)


def load_slas(registry: ProcessorRegistry, path: Path | None = None) -> Slas:
    """Read and check a file of SLAs (default: the project's `registry/slas.yaml`).

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix; also
            where it disagrees with the processor registry.
        ProjectNotFound: no path given, and the working directory is in no project.
    """
    document = read_document(path or find_project().registry / FILE_NAME)
    values = document.values
    if not isinstance(values, dict):
        raise RegistryError(
            f"{shown_path(document.path)}:1: SLAs are a mapping with version, targets and "
            "responses; see docs/slas.md."
        )
    problems = Problems(document, fixes=_FIXES, defaulted=())
    head = problems.model(_File, values, ())
    targets = [
        target
        for i, entry in enumerate(_entries(values, "targets"))
        if (target := problems.model(Target, _with_floats(entry), ("targets", i)))
        and _fits(target, i, registry, problems)
    ]
    responses = [
        response
        for i, entry in enumerate(_entries(values, "responses"))
        if (response := problems.model(Response, entry, ("responses", i)))
    ]
    alerts = [
        alert
        for i, entry in enumerate(_entries(values, "burn_alerts"))
        if (alert := problems.model(BurnAlert, _with_floats(entry), ("burn_alerts", i)))
    ]
    _once(_entries(values, "targets"), "targets", "name", problems)
    _once(_entries(values, "burn_alerts"), "burn_alerts", "name", problems)
    _once(_entries(values, "responses"), "responses", "severity", problems)
    problems.raise_any()
    assert head is not None
    return Slas(
        targets=tuple(targets),
        responses=tuple(responses),
        burn_alerts=tuple(sorted(alerts, key=lambda alert: -alert.rate)),
        zone=ZoneInfo(head.time_zone),
        period=timedelta(days=head.period_days),
        last_updated=head.last_updated,
        source=document.path,
    )


def _entries(values: dict[str, Any], key: str) -> list[Any]:
    found = values.get(key)
    return found if isinstance(found, list) else []


def _with_floats(entry: Any) -> Any:
    """Whole numbers will do where a share or hours are meant."""
    if not isinstance(entry, dict):
        return entry
    whole = {
        key: float(entry[key])
        for key in ("objective", "max_age_hours", "rate")
        if isinstance(entry.get(key), int) and not isinstance(entry.get(key), bool)
    }
    return {**entry, **whole}


def _fits(target: Target, index: int, registry: ProcessorRegistry, problems: Problems) -> bool:
    """Whether a target has the keys of its measure, and names what is registered."""
    place = ("targets", index)
    must, may = _KEYS[target.measure]
    given = [key for key in _OWN_KEYS if getattr(target, key) is not None]
    found: list[tuple[str, str]] = []
    for key in must:
        if key not in given:
            found.append((key, f"is missing; measure {target.measure} needs it: {_FIXES[key]}"))
    for key in given:
        if key not in (*must, *may):
            found.append((key, f"does not belong to measure {target.measure}; remove it"))
    known = [phase.name for phase in registry.phases]
    if target.phase is not None and target.phase not in known:
        found.append(("phase", f"{target.phase!r} is not a phase{nearest(target.phase, known)}"))
    elif target.by is not None and target.phase is not None:
        theirs = registry.phase(target.phase).defaults.sla_completion_time
        if theirs and theirs.value and not _same(theirs.value, target.by):
            found.append(
                (
                    "by",
                    f"{target.by} is not what {shown_path(registry.source)} has for "
                    f"{target.phase} ({theirs.value}); a deadline is one: change either",
                )
            )
    if target.processor is not None and target.processor not in registry:
        names = [p.name for p in registry.processors]
        hint = nearest(target.processor, names)
        found.append(("processor", f"{target.processor!r} is not registered{hint}"))
    for key, message in found:
        problems.add((*place, key), message)
    return not found


def _same(one: Deadline, other: Deadline) -> bool:
    return (one.time, one.zone, one.days_after) == (other.time, other.zone, other.days_after)


def _once(entries: Iterable[Any], section: str, key: str, problems: Problems) -> None:
    first: dict[str, int] = {}
    for i, entry in enumerate(entries):
        name = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(name, str) and first.setdefault(name, i) != i:
            problems.add(
                (section, i, key), f"{name} is there twice, first as entry {first[name] + 1}"
            )
