"""When the work of each date was complete, and how late that was.

A work is one processor and one date; it is done with its first success, as
`nbkit.analysis.readiness` has it. A phase is complete for a date when every processor that counts
(its target says which) is done. Who had nothing to do does not count for that date. Who ran on
other dates and not at all on one on which its sport was worked on does: no message came, and the
work is as missing as if it had failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from nbkit.failures import EXPECTED, classify_history
from nbkit.registry import Criticality, Processor, ProcessorRegistry
from nbkit.registry.slas import Measure, Slas, Target

_EXPECTED = [category.value for category in EXPECTED]
_RANK = {level: rank for rank, level in enumerate(Criticality)}
Span = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the runs of one processor for one date came to. `done_at` is its first success; `idle`:
    it had nothing to do."""

    processor: str
    data_date: date
    done_at: datetime | None
    idle: bool


@dataclass(frozen=True, kw_only=True)
class DateCompletion:
    """One date of one phase: when it was `due`, and when complete (None: not yet).

    `last` are the processors that it waited for: the one that was done last, or those not done yet.
    """

    phase: str
    data_date: date
    due: datetime
    done_at: datetime | None
    last: tuple[str, ...]

    def lateness(self, as_of: datetime) -> timedelta:
        """How long after it was due it was done, or has been waited for; never negative."""
        return max((self.done_at or as_of) - self.due, timedelta())

    @property
    def is_late(self) -> bool:
        """Of a date that is due: whether it was not complete by then."""
        return self.done_at is None or self.done_at > self.due


class Works:
    """The works of a stretch of dates, by processor and date."""

    def __init__(self, frame: pd.DataFrame, registry: ProcessorRegistry) -> None:
        """Args:
        frame: rows of the query `work_states`.
        """
        self.registry = registry
        self.by_processor: dict[str, dict[date, Work]] = {}
        judged = classify_history(frame) if len(frame) else frame
        for row in judged.to_dict("records"):
            name = str(row["processor_name"])
            if name not in registry:
                continue
            day = date.fromisoformat(str(row["data_date"])[:10])
            first = row["first_succeeded_at"]
            done = None if pd.isna(first) else first.to_pydatetime()
            self.by_processor.setdefault(name, {})[day] = Work(
                processor=name,
                data_date=day,
                done_at=done,
                idle=done is None and not row["open_runs"] and row["category"] in _EXPECTED,
            )

    def worked(self, counted: Iterable[Processor]) -> dict[str | None, set[date]]:
        """The dates on which any of these succeeded, by sport; None: any sport."""
        found: dict[str | None, set[date]] = {None: set()}
        for processor in counted:
            works = self.by_processor.get(processor.name, {}).values()
            days = {work.data_date for work in works if work.done_at is not None}
            found.setdefault(processor.sport, set()).update(days)
            found[None] |= days
        return found


def counted(target: Target, registry: ProcessorRegistry) -> tuple[Processor, ...]:
    """The processors that a target's phase is complete with."""
    assert target.phase is not None
    own = registry.by_phase(target.phase)
    if target.criticality is None:
        return own
    return tuple(p for p in own if _RANK[p.criticality] <= _RANK[target.criticality])


def completions(
    works: Works, slas: Slas, *, as_of: datetime
) -> dict[str, tuple[DateCompletion, ...]]:
    """Every date of every phase that is due by `as_of` and had work, in order, by target.

    A phase none of whose processors has a row in `works` has no dates.
    """
    targets = slas.of(Measure.ON_TIME)
    by_target = {target.name: counted(target, works.registry) for target in targets}
    worked = works.worked(p for own in by_target.values() for p in own)
    return {
        target.name: tuple(_dates(target, by_target[target.name], works, worked, as_of))
        for target in targets
    }


def _dates(
    target: Target,
    processors: Sequence[Processor],
    works: Works,
    worked: dict[str | None, set[date]],
    as_of: datetime,
) -> Iterable[DateCompletion]:
    assert target.by is not None
    assert target.phase is not None
    states: dict[date, list[Work]] = {}
    for processor in processors:
        own = works.by_processor.get(processor.name)
        if not own:
            continue
        first = min(own)
        asked = set(own)
        if processor.expected_frequency in ("daily", "hourly", "continuous"):
            asked |= {day for day in worked.get(processor.sport, set()) if day >= first}
        for day in asked:
            state = own.get(day) or Work(
                processor=processor.name, data_date=day, done_at=None, idle=False
            )
            if not state.idle:
                states.setdefault(day, []).append(state)
    for day, found in sorted(states.items()):
        due = target.by.at(day)
        if due > as_of:
            continue
        open_ = tuple(sorted(w.processor for w in found if w.done_at is None))
        ends = sorted((w.done_at, w.processor) for w in found if w.done_at is not None)
        yield DateCompletion(
            phase=target.phase,
            data_date=day,
            due=due,
            done_at=None if open_ else ends[-1][0],
            last=open_ or (ends[-1][1],),
        )


def down_spans(dates: Iterable[Sequence[DateCompletion]], *, as_of: datetime) -> tuple[Span, ...]:
    """When any phase was past a deadline with neither that date nor a later one complete; merged,
    in order."""
    spans: list[Span] = []
    for own in dates:
        recovered = as_of
        for each in reversed(own):
            recovered = min(each.done_at or as_of, recovered)
            if recovered > each.due:
                spans.append((each.due, recovered))
    return merged(spans)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in spans that do not overlap, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def blocking(works: Works, slas: Slas, target: Target, *, as_of: datetime) -> pd.DataFrame:
    """Of the works of a phase that others need and that ran, those done when they were needed.

    Returns:
        processor, at (when it was needed, UTC), good, total: a row a work that was needed by
        `as_of`, in order.
    """
    deadlines = {t.phase: t.by for t in slas.of(Measure.ON_TIME) if t.by is not None}
    assert target.phase is not None
    rows = []
    for processor in works.registry.by_phase(target.phase):
        if not processor.dependents:
            continue
        needing = {works.registry.processor(name).phase for name in processor.dependents}
        later = [deadlines[phase] for phase in needing - {target.phase} if phase in deadlines]
        own = deadlines.get(target.phase)
        for work in works.by_processor.get(processor.name, {}).values():
            by = own.at(work.data_date) if own else None
            # Predictions of a date are made from the data of the date before: a deadline that is
            # earlier than the phase's own is another date's.
            dues = [due for d in later if by is None or (due := d.at(work.data_date)) >= by]
            needed = min(dues, default=by)
            if work.idle or needed is None or needed > as_of:
                continue
            good = work.done_at is not None and work.done_at <= needed
            rows.append((processor.name, needed, int(good), 1))
    frame = pd.DataFrame(rows, columns=["processor", "at", "good", "total"])
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    return frame.sort_values(["at", "processor"], ignore_index=True)
