"""A job's times as cron lines for schedulers that know less than we do.

Not every scheduler knows time zones, `MON#1`, or what to do in the nights when the clocks change.
What one cannot say is said too often rather than too rarely, and `nbkit schedule run JOB
--only-if-due`, which every exported line runs, does nothing when the job is not due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim

from nbkit.errors import InputError
from nbkit.schedule.cron import Cron

_DAY = 24 * 60
# Zones change their rules; what holds within a year from now is what is exported.
_YEAR = timedelta(days=366)
TEN_YEARS = 10 * _YEAR


@dataclass(frozen=True)
class Line:
    """A cron expression that every scheduler reads alike, and the zone it is meant in."""

    expression: str
    zone: str

    @property
    def is_utc(self) -> bool:
        return self.zone == "Etc/UTC"


@dataclass(frozen=True)
class Fields:
    """What an expression names. `weekdays`: 0 is Sunday; `weeks`: which ones of the month."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    weeks: frozenset[int]


def fields(cron: Cron) -> Fields:
    """The sets behind an expression; every one full where it says `*`."""
    parsed = CronSim(cron.expression, datetime(2000, 1, 1))  # noqa: DTZ001 - only to parse
    days = [day if isinstance(day, tuple) else (day, 0) for day in parsed.weekdays]
    return Fields(
        minutes=frozenset(parsed.minutes),
        hours=frozenset(parsed.hours),
        days=frozenset(day for day in parsed.days if isinstance(day, int)),
        months=frozenset(parsed.months),
        weekdays=frozenset(day % 7 for day, _ in days),
        # One weekday of every week beside another of one week: then no week is left out.
        weeks=frozenset() if any(not w for _, w in days) else frozenset(w for _, w in days),
    )


def zone_line(cron: Cron) -> Line:
    """The expression in its own zone: every Monday where it says the first one."""
    minute, hour, day, month, weekday = cron.expression.split()
    if weekday != "*":
        weekday = _written(fields(cron).weekdays, range(7))
    return Line(f"{minute} {hour} {day} {month} {weekday}", cron.zone)


def safe_lines(cron: Cron, *, now: datetime) -> tuple[Line, ...]:
    """Lines for a scheduler with time zones whose behaviour is not cron's when clocks change: in
    the job's zone unless one of its times falls into such a night, else in UTC."""
    if touches_a_change(cron, now, now + TEN_YEARS):
        return utc_lines(cron, now=now)
    return (zone_line(cron),)


def touches_a_change(cron: Cron, start: datetime, end: datetime) -> bool:
    """Whether the clock of the zone jumps over, or shows twice, a time of the expression."""
    second = timedelta(seconds=1)
    for change in cron.changes(start, end):
        before = cron.local(change - second).replace(tzinfo=None) + second
        after = cron.local(change).replace(tzinfo=None)
        low, high = min(before, after), max(before, after)
        if next(CronSim(cron.expression, low - second)) < high:
            return True
    return False


def utc_lines(cron: Cron, *, now: datetime) -> tuple[Line, ...]:
    """Lines in UTC that name each of its moments with every offset the zone has within a year.

    Lines of different offsets stay apart: which of them started a run then says, however late the
    start, which hour was meant.
    """
    named = fields(cron)
    texts = {text: None for offset in _offsets(cron, now) for text in _moved(named, offset)}
    return tuple(Line(text, "Etc/UTC") for text in texts)


def _moved(named: Fields, offset: int) -> list[str]:
    """The expressions in UTC for a clock that is `offset` minutes ahead of it."""
    hours_of: dict[tuple[str, int], set[int]] = {}
    for minute in named.minutes:
        for hour in named.hours:
            moved = hour * 60 + minute - offset
            key = (_days(named, moved // _DAY), moved % 60)
            hours_of.setdefault(key, set()).add(moved % _DAY // 60)
    minutes_of: dict[tuple[str, frozenset[int]], set[int]] = {}
    for (days, minute), hours in hours_of.items():
        minutes_of.setdefault((days, frozenset(hours)), set()).add(minute)
    texts = [
        f"{_written(minutes, range(60))} {_written(hours, range(24))} {days}"
        for (days, hours), minutes in minutes_of.items()
    ]
    return sorted(texts)


def meant_moment(cron: Cron, line: str, now: datetime) -> datetime | None:
    """The moment at which an exported UTC line last came, however late its start is; None where
    another of the job's lines had come for the same run before.

    Raises:
        InputError: the line is not one of those that are exported for the job.
    """
    lines = [Cron(each.expression, "UTC") for each in utc_lines(cron, now=now)]
    expression = " ".join(line.split())
    if expression not in [each.expression for each in lines]:
        known = ", ".join(repr(each.expression) for each in lines)
        raise InputError(
            f"--started-by {line!r}: not a line of this job ({known}). Export the schedule again."
        )
    came = _latest(Cron(expression, "UTC"), now)
    meant = _latest(cron, came)
    second = timedelta(seconds=1)
    for other in lines:
        first = other.after(meant - second)
        if first < came:
            return None
        if first == came:  # of several lines for this instant the first one counts
            return came if other.expression == expression else None
    raise AssertionError("the line itself comes at that instant")


def _latest(cron: Cron, now: datetime) -> datetime:
    """The last moment not after `now`."""
    back = timedelta(days=1)
    while True:
        found = list(cron.between(now - back, now))
        if found:
            return found[-1]
        back *= 4


def _offsets(cron: Cron, now: datetime) -> list[int]:
    """The offsets from UTC in minutes that the zone has within a year before and after now."""
    start = now - _YEAR
    moments = [start, *cron.changes(start, now + _YEAR)]
    found = {cron.local(moment).utcoffset() or timedelta() for moment in moments}
    return sorted((round(offset.total_seconds() / 60) for offset in found), reverse=True)


def _days(named: Fields, moved: int) -> str:
    """Day of month, month and day of week of lines that lie `moved` days from the job's day."""
    if not moved:
        days, months, weekdays = named.days, named.months, named.weekdays
    else:
        days = frozenset(other for day in named.days for other in _beside(day, moved))
        # The day before the first is in another month.
        whole = len(named.days) == 31 and len(named.months) == 12
        crosses = bool(days & {1} if moved > 0 else days & {28, 29, 30, 31})
        months = frozenset(range(1, 13)) if whole or crosses else named.months
        weekdays = frozenset((day + moved) % 7 for day in named.weekdays)
    return " ".join(
        (
            _written(days, range(1, 32)),
            _written(months, range(1, 13)),
            _written(weekdays, range(7)),
        )
    )


def _beside(day: int, moved: int) -> set[int]:
    """The days of month that can lie a day after (before) a day: more than one at a month's end."""
    if moved > 0:
        return ({day + 1} if day < 31 else set()) | ({1} if day >= 28 else set())
    return {day - 1} if day > 1 else {28, 29, 30, 31}


def _written(values: Iterable[int], whole: range) -> str:
    """A set as a cron field, as short as it is usually written."""
    listed = sorted(values)
    if listed == list(whole):
        return "*"
    step = listed[1] - listed[0] if len(listed) > 2 else 0
    if step > 1 and listed == list(range(whole.start, whole.stop, step)):
        return f"*/{step}"
    if step == 1 and listed == list(range(listed[0], listed[-1] + 1)):
        return f"{listed[0]}-{listed[-1]}"
    return ",".join(map(str, listed))
