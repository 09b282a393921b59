"""What the registry says about a phase and a processor; strict, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Generic, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    model_validator,
)

from nbkit.registry.deadlines import Deadline, parse_deadline


class Criticality(StrEnum):
    """What the platform loses without it, the worst first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


Frequency = Literal["continuous", "hourly", "daily", "weekly", "monthly", "on_demand"]


def _one_of(known: tuple[str, ...], value: object) -> str | None:
    """None if `value` is one of them, else what is wrong with it."""
    if value in known:
        return None
    near = get_close_matches(str(value).lower(), [k.lower() for k in known], n=1)
    hint = next((f"; did you mean {k}?" for k in known if near and k.lower() == near[0]), "")
    return f"{value!r} is not one of {', '.join(known)}{hint}"


def _criticality(value: object) -> object:
    if problem := _one_of(tuple(Criticality), value):
        raise ValueError(problem)
    return Criticality(str(value))


def _frequency(value: object) -> object:
    if problem := _one_of(get_args(Frequency), value):
        raise ValueError(problem)
    return value


def _deadline(value: object) -> object:
    if value is None or isinstance(value, Deadline):
        return value
    return parse_deadline(str(value))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RecordRange(_Model):
    """How many records one date should bring, both ends included."""

    min: Annotated[int, Field(ge=0)]
    max: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _in_order(self) -> RecordRange:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; swap them")
        return self


Name = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]
# YAML has lists where frozen values are tuples; what is in them stays strict.
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Level = Annotated[Criticality, BeforeValidator(_criticality)]
Often = Annotated[Frequency, BeforeValidator(_frequency)]
Due = Annotated[InstanceOf[Deadline] | None, BeforeValidator(_deadline)]
Seconds = Annotated[int, Field(gt=0)]
Bucket = Annotated[str, Field(pattern=r"^gs://[^/\s]+/\S*$")]
Table = Annotated[str, Field(pattern=r"^([\w-]+\.)?[\w-]+\.[\w-]+$")]

T = TypeVar("T")


class Default(_Model, Generic[T]):
    """A value for what no document states about a processor, and why it is that."""

    value: T
    source: Name


class PhaseDefaults(_Model):
    """What holds for the processors of a phase unless they state otherwise.

    A field without a default must be stated by every processor of the phase.
    """

    description: Default[str] | None = None
    criticality: Default[Level] | None = None
    expected_frequency: Default[Often] | None = None
    sla_completion_time: Default[Due] | None = None
    timeout_seconds: Default[Seconds] | None = None
    expected_record_range: Default[RecordRange | None] | None = None
    owner: Default[Name] | None = None


class Phase(_Model):
    """One stage of the pipeline. `aliases` are the labels that older runs carry; a phase outside
    the numbered chain has no `number`."""

    name: Name
    title: Name
    number: Annotated[int, Field(ge=0)] | None = None
    aliases: Names = ()
    defaults: PhaseDefaults = PhaseDefaults()


class Processor(_Model):
    """One processor or exporter, complete: what the file states, else its phase's defaults.

    `dependents` are derived from the dependencies of the others. `expected_record_range` and
    `sla_completion_time` are None where nobody has stated one.
    """

    name: Name
    phase: Name
    description: str = ""
    sport: Name | None = None
    criticality: Level
    dependencies: Names = ()
    dependents: Names = ()
    expected_frequency: Often
    sla_completion_time: Due
    timeout_seconds: Seconds
    expected_record_range: RecordRange | None
    bigquery_table: Table | None = None
    gcs_source_pattern: Bucket | None = None
    gcs_output: Bucket | None = None
    owner: Name
    default_sources: Annotated[Mapping[str, str], Field(exclude=True)] = MappingProxyType({})

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.timeout_seconds)

    @property
    def is_exporter(self) -> bool:
        """Whether it publishes files rather than a table."""
        return self.gcs_output is not None

    def is_default(self, field: str) -> bool:
        """Whether nobody states this value and the phase's default stands in."""
        return field in self.default_sources

    def source(self, field: str) -> str | None:
        """Why the default is what it is; None for a value that is stated."""
        return self.default_sources.get(field)

    def deadline(self, data_date: date) -> datetime | None:
        """The moment in UTC by which data of that date is promised; None without a promise."""
        return self.sla_completion_time.at(data_date) if self.sla_completion_time else None


DEFAULTED_KEYS = tuple(PhaseDefaults.model_fields)
