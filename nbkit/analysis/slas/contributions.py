"""Who spends the error budget, and what it would take to keep a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from nbkit.analysis.slas.completion import DateCompletion, down_spans
from nbkit.analysis.slas.measured import Measured
from nbkit.registry.slas import Measure


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one processor (of availability: one phase) adds to what was bad.

    Attributes:
        bad: in the unit of the target. Of dates those that waited for this processor last.
        budgets: as a part of the whole budget of the time; above 1 it overspends it alone.
        without: the share that would be good if all of it had been; None where that is not known
            (time in which several phases were late).
    """

    name: str
    bad: int
    budgets: float
    without: float | None


def contributions(
    measured: Measured, *, start: datetime, end: datetime
) -> tuple[Contribution, ...]:
    """Who the bad of [start, end) comes from, the most first; none where nothing was bad, or where
    nobody can be named (a source, freshness)."""
    own = measured.within(start, end)
    total = int(own["total"].sum())
    if not total:
        return ()
    budget = (1 - measured.target.objective) * total
    good = int(own["good"].sum())
    if measured.target.measure is Measure.AVAILABILITY:
        return _by_phase(measured, budget, start, end)
    bad = (own["total"] - own["good"]).groupby(own["processor"], sort=True).sum()
    return tuple(
        Contribution(
            name=str(name),
            bad=int(amount),
            budgets=float(amount) / budget,
            without=(good + int(amount)) / total,
        )
        for name, amount in bad.sort_values(ascending=False, kind="stable").items()
        if amount > 0 and name
    )


def _by_phase(
    measured: Measured, budget: float, start: datetime, end: datetime
) -> tuple[Contribution, ...]:
    phases = {each.phase for each in measured.dates}
    found: list[Contribution] = []
    for phase in sorted(phases):
        own = [each for each in measured.dates if each.phase == phase]
        held = sum(
            (
                max(min(b, end) - max(a, start), timedelta())
                for a, b in down_spans([own], as_of=end)
            ),
            timedelta(),
        )
        minutes = round(held / timedelta(minutes=1))
        if minutes:
            found.append(
                Contribution(name=phase, bad=minutes, budgets=minutes / budget, without=None)
            )
    return tuple(sorted(found, key=lambda each: -each.bad))


def earlier_by(
    dates: Sequence[DateCompletion], objective: float, *, as_of: datetime
) -> timedelta | None:
    """How much earlier every date would have to be complete for `objective` of them to be in time.

    Zero where they are; None where too many are not complete at all, or there is no date.
    """
    if not dates:
        return None
    late = sorted((each.lateness(as_of), each.done_at is None) for each in dates)
    lateness, never = late[ceil(round(objective * len(late), 9)) - 1]
    return None if never else lateness
