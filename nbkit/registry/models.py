"""What the registry says about a phase and a processor; strict, frozen."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbkit.errors import RegistryError

Name = Annotated[str, Field(min_length=1)]
Frequency = Literal["continuous", "hourly", "daily", "weekly", "monthly", "on_demand"]


class Criticality(StrEnum):
    """What the platform loses without it, the worst first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_ZONES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "UTC": "UTC",
}
_DEADLINE = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)\s*(?P<half>[AP]M)?\s+(?P<zone>[A-Za-z_/]+)"
    r"(?:\s+(?P<offset>same day|next day))?"
)


class Deadline(_Model):
    """A time of day in a zone, so many days after the date that the data is about."""

    time: time
    zone: str
    days_after: int
    text: str

    def at(self, data_date: date) -> datetime:
        """The moment in UTC by which data of that date is promised; right across clock changes."""
        local = datetime.combine(
            data_date + timedelta(days=self.days_after), self.time, ZoneInfo(self.zone)
        )
        return local.astimezone(UTC)

    def __str__(self) -> str:
        return self.text


def parse_deadline(text: object) -> object:
    """Read `03:00 AM ET`, `17:00 America/New_York same day`, `00:00 ET next day`.

    Without "same day" or "next day" a time before noon belongs to the morning after: data of a
    game date cannot be there before its games.
    """
    if not isinstance(text, str):
        return text
    match = _DEADLINE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time; write it like '03:00 AM ET' or '17:00 ET'")
    hour, minute = int(match["hour"]), int(match["minute"])
    if match["half"] and hour <= 12:
        # The documents write 00:xx AM as well as 12:xx AM for the hour after midnight.
        hour = hour % 12 + (12 if match["half"] == "PM" else 0)
    elif match["half"]:
        raise ValueError(f"{text!r} has an hour over 12 with {match['half']}")
    if hour > 23 or minute > 59:
        raise ValueError(f"{text!r} is not a time of day")
    zone = _ZONES.get(match["zone"], match["zone"])
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"{match['zone']!r} is not a time zone; use {', '.join(_ZONES)} or an IANA name "
            "such as America/New_York"
        ) from None
    if match["offset"]:
        days = 1 if match["offset"] == "next day" else 0
    else:
        days = 1 if hour < 12 else 0
    return {"time": time(hour, minute), "zone": zone, "days_after": days, "text": text.strip()}


class RecordRange(_Model):
    """How many records one date should bring, both ends included."""

    min: Annotated[int, Field(ge=0)]
    max: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _in_order(self) -> RecordRange:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; swap them")
        return self


def _criticality(value: object) -> object:
    try:
        return Criticality(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"{value!r} is not one of {', '.join(Criticality)}") from None


class Processor(_Model):
    """One processor or exporter. `defaulted` names the fields that its phase filled in."""

    name: Name
    phase: Name
    description: str = ""
    sport: str = "nba"
    criticality: Annotated[Criticality, BeforeValidator(_criticality)]
    dependencies: tuple[str, ...] = ()
    dependents: tuple[str, ...] | None = None
    expected_frequency: Frequency
    sla_completion_time: Annotated[Deadline, BeforeValidator(parse_deadline)] | None
    timeout_seconds: Annotated[int, Field(gt=0)]
    expected_record_range: RecordRange | None
    bigquery_table: Annotated[str, Field(pattern=r"^[\w-]+(\.[\w-]+){1,2}$")] | None = None
    gcs_source_pattern: Annotated[str, Field(pattern=r"^gs://")] | None = None
    gcs_output: Annotated[str, Field(pattern=r"^gs://")] | None = None
    owner: Name
    defaulted: frozenset[str] = frozenset()

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.timeout_seconds)

    @property
    def is_exporter(self) -> bool:
        return self.gcs_output is not None

    def is_default(self, field: str) -> bool:
        """Whether no document states this value and the phase's default stands in."""
        return field in self.defaulted

    def deadline(self, data_date: date) -> datetime | None:
        """The moment in UTC by which data of that date is promised; None without a promise."""
        return self.sla_completion_time.at(data_date) if self.sla_completion_time else None


class Default(_Model):
    """A value that stands in for what no document states, and where it comes from."""

    value: Any = None
    source: Name


DEFAULTED_FIELDS = (
    "criticality",
    "expected_frequency",
    "sla_completion_time",
    "timeout_seconds",
    "expected_record_range",
    "owner",
)


class Phase(_Model):
    """One stage of the pipeline; `aliases` are labels that older runs carry."""

    name: Name
    title: Name
    number: int | None = None
    aliases: tuple[str, ...] = ()
    defaults: dict[str, Default]

    @model_validator(mode="after")
    def _complete(self) -> Phase:
        missing = [field for field in DEFAULTED_FIELDS if field not in self.defaults]
        unknown = [field for field in self.defaults if field not in DEFAULTED_FIELDS]
        if missing or unknown:
            raise ValueError(
                f"defaults must name exactly {', '.join(DEFAULTED_FIELDS)}"
                + (f"; missing {', '.join(missing)}" if missing else "")
                + (f"; unknown {', '.join(unknown)}" if unknown else "")
            )
        return self


class UnknownProcessor(RegistryError):
    """No processor of that name is registered."""
