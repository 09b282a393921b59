"""Deadlines as the documents write them: a time of day, a zone, and the day it falls on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# "ET" follows daylight saving, as the people who write it mean it. EST and EDT do not, and are
# refused: half of the year they are a mistake.
ZONES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "UTC": "UTC",
}
_FIXED = {"EST": "ET", "EDT": "ET", "CST": "CT", "CDT": "CT", "MST": "MT", "MDT": "MT"}
_FIXED |= {"PST": "PT", "PDT": "PT"}
_WRITTEN = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)\s*(?P<half>[AP]M)?\s+(?P<zone>[A-Za-z][\w/+-]*)"
    r"(?:\s+\(?(?P<day>same|next) day\)?)?",
    re.IGNORECASE,
)
_EXAMPLES = '"03:00 AM ET", "17:00 America/New_York same day"'


@dataclass(frozen=True)
class Deadline:
    """By when the data of a date must be there: `time` in `zone` (an IANA name), `days_after`
    days after that date. `text` is what was written."""

    time: time
    zone: str
    days_after: int
    text: str

    def at(self, data_date: date) -> datetime:
        """The moment in UTC by which data of that date is due.

        Right across clock changes. A time that the change skips is counted from before it (02:30
        in the gap is 03:30 after it); of a time that comes twice the first one counts.
        """
        day = data_date + timedelta(days=self.days_after)
        return datetime.combine(day, self.time, ZoneInfo(self.zone)).astimezone(UTC)

    def next_after(self, moment: datetime) -> tuple[date, datetime]:
        """The first deadline not before an aware `moment`: the data's date, and the moment in
        UTC."""
        local = moment.astimezone(ZoneInfo(self.zone)).date()
        data_date = local - timedelta(days=self.days_after)
        due = self.at(data_date)
        if due < moment:
            data_date += timedelta(days=1)
            due = self.at(data_date)
        return data_date, due

    def __str__(self) -> str:
        """Unambiguous: `03:00 ET, the day after`."""
        short = next((s for s, zone in ZONES.items() if zone == self.zone), self.zone)
        days = {0: "the same day", 1: "the day after"}
        when = days.get(self.days_after, f"{self.days_after} days after")
        return f"{self.time:%H:%M} {short}, {when}"


def parse_deadline(text: str) -> Deadline:
    """Read `03:00 AM ET`, `17:00 America/New_York same day`, `12:00 AM ET (next day)`.

    Without "same day" or "next day" a time before noon is that of the next day: games are played
    in the evening, so nothing about a date can be due in its own morning.

    Raises:
        ValueError: not a time, or no such zone; says how to write it.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time with a zone; write it like {_EXAMPLES}")
    hour, minute = int(match["hour"]), int(match["minute"])
    if minute > 59 or hour > 23:
        raise ValueError(f"{text!r} is not a time of day; write it like {_EXAMPLES}")
    half = (match["half"] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(
                f"{text!r} has hour {hour} with {half}; write {hour:02}:{minute:02} without {half}"
            )
        hour = hour % 12 + (12 if half == "PM" else 0)
    day = (match["day"] or ("next" if hour < 12 else "same")).lower()
    return Deadline(
        time=time(hour, minute),
        zone=_zone(match["zone"]),
        days_after=1 if day == "next" else 0,
        text=text.strip(),
    )


def _zone(written: str) -> str:
    if written.upper() in _FIXED:
        plain = _FIXED[written.upper()]
        raise ValueError(
            f"{written!r} does not follow daylight saving; write {plain} ({ZONES[plain]})"
        )
    zone = ZONES.get(written.upper(), written)
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"{written!r} is not a time zone; use {', '.join(ZONES)} or an IANA name such as "
            "America/New_York"
        ) from None
    return zone
