"""When a cron expression happens in a time zone, also in the nights when the clocks change.

The rule is cron's own (Debian, cronie): an expression that names its hours and minutes happens once
for each time it names: a time that the clock jumps over happens at the first moment after the jump,
one that the clock shows twice happens the first time. An expression whose minute or hour begins
with `*` goes by elapsed time: it happens whenever the clock shows such a time, so never within a
jump and twice where the clock shows it twice.

`cronsim` reads the expression and knows the calendar; which instant a wall time means is decided
here, for it must be the same instant from wherever one asks (cronsim answers with an earlier one
when asked within the repeated hour, and twice with 03:00 for `0,30 2 * * *`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_ANY_TIME = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time to parse with
# Clocks do not change twice within so short a time.
_STRIDE = timedelta(days=7)


@dataclass(frozen=True)
class Cron:
    """A cron expression of five fields and the IANA zone whose clock it reads.

    A day of the week may say which one of the month: `MON#1` is the first Monday. Day of month and
    day of week exclude one another: together they mean "either" to some schedulers and "both" to
    others.

    Raises:
        ValueError: not such an expression, no such zone, or a date that never comes.
    """

    expression: str
    zone: str

    def __post_init__(self) -> None:
        _check(self.expression)
        try:
            _ = self.time_zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{self.zone!r} is not a time zone; write one such as America/New_York or UTC"
            ) from None

    @cached_property
    def time_zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def goes_by_elapsed_time(self) -> bool:
        """Whether it follows the clock also through a repeated hour (see the module's rule)."""
        minute, hour, *_ = self.expression.split()
        return minute.startswith("*") or hour.startswith("*")

    def after(self, moment: datetime) -> datetime:
        """The first moment later than `moment`, in UTC."""
        moment = _whole_second(moment)
        return self._elapsed(moment) if self.goes_by_elapsed_time else self._named(moment)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The moments later than `start` and not later than `end`, in UTC, oldest first."""
        moment = self.after(start)
        while moment <= end:
            yield moment
            moment = self.after(moment)

    def local(self, moment: datetime) -> datetime:
        """`moment` on the clock of the zone."""
        return moment.astimezone(self.time_zone)

    def _named(self, moment: datetime) -> datetime:
        for wall in CronSim(self.expression, _wall(self.local(moment))):
            instant = self._instant(wall)
            # Within the repeated hour, its times lie behind: they were meant the first time.
            if instant > moment:
                return instant
        raise AssertionError("checked when it was made")

    def _instant(self, wall: datetime) -> datetime:
        """The instant that a wall time means: its first, or the first after the jump over it."""
        early = wall.replace(tzinfo=self.time_zone, fold=0).astimezone(UTC)
        if _wall(self.local(early)) == wall:
            return early
        # In a jump, fold=1 reads the clock of after it, which gives an instant before it.
        before = wall.replace(tzinfo=self.time_zone, fold=1).astimezone(UTC)
        return self._change(before, early)

    def _elapsed(self, moment: datetime) -> datetime:
        """Goes from one change of the clock to the next: between them wall time is linear."""
        at, since = moment, _wall(self.local(moment))
        while True:
            offset = self._offset(at)
            instant = (next(CronSim(self.expression, since)) - offset).replace(tzinfo=UTC)
            seen = min(instant, at + _STRIDE)
            if self._offset(seen) != offset:
                at = self._change(at, seen)
                # The change itself may be a moment of the expression.
                since = _wall(self.local(at)) - timedelta(seconds=1)
            elif seen == instant:
                return instant
            else:
                at, since = seen, _wall(self.local(seen))

    def changes(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The instants after `start`, up to `end`, from which the zone has another offset."""
        at, end = _whole_second(start), _whole_second(end)
        while at < end:
            seen = min(at + _STRIDE, end)
            if self._offset(seen) != self._offset(at):
                at = self._change(at, seen)
                yield at
            else:
                at = seen

    def _change(self, before: datetime, after: datetime) -> datetime:
        """The instant between the two from which the offset is no longer that of `before`."""
        offset = self._offset(before)
        low, high = 0, int((after - before).total_seconds())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(before + timedelta(seconds=middle)) == offset:
                low = middle
            else:
                high = middle
        return before + timedelta(seconds=high)

    def _offset(self, moment: datetime) -> timedelta:
        offset = self.local(moment).utcoffset()
        assert offset is not None
        return offset


def _whole_second(moment: datetime) -> datetime:
    """In UTC. Clocks change, and jobs happen, at whole seconds; searching for a change between
    others would end beside it."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _wall(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None, fold=0)


def _check(expression: str) -> None:
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError(
            f"{expression!r} is not a cron expression of five fields (minute, hour, day of month, "
            'month, day of week); write one such as "0 7 * * *"'
        )
    if "L" in f"{fields[2]}{fields[4]}".upper():
        raise ValueError(f"{expression!r}: L (last) is not known to all schedulers; name the day")
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError(
            f"{expression!r} names days of the month and of the week, which means either of them "
            'to cron; leave one as *. The first Monday of a month is "MON#1"'
        )
    try:
        next(CronSim(expression, _ANY_TIME))
    except CronSimError as error:
        raise ValueError(
            f"{expression!r} is not a cron expression ({error}); write one such as "
            '"0 7 * * *" (minute, hour, day of month, month, day of week)'
        ) from None
    except StopIteration:
        raise ValueError(f"{expression!r} never comes; correct the day or the month") from None
