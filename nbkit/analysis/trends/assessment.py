"""One processor's daily history, judged as of its last row: has it become worse, and since when?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pandas as pd

from nbkit.analysis.trends.change import AssessmentRules, Change, Kind
from nbkit.analysis.trends.daily_history import Span, daily_history
from nbkit.analysis.trends.metric_tests import metric_tests
from nbkit.analysis.trends.spells import spells

Status = Literal["alert", "recovered", "fine", "insufficient"]
# An alert must not go because a chance rise within it has ended: only what was far less of a chance
# than the scatter takes its place.
_FAR_LESS = 1e-4
RECENT = 14  # rows: a recovery that is older is no news
_Told = tuple[float, Change]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The verdict on one history.

    `status` is `alert` where something is worse now, `recovered` where something was worse within
    the last 14 days with runs and is as usual again, `fine`, or `insufficient` where too few days
    or runs are known: that is not `fine`. `changes` holds every worsening that goes on, the surest
    first; `recovered` those that have passed, the latest first. `since`, `kind`, `effect` and
    `until` are those of the first of `changes`, else of the first of `recovered`.

    `confidence` is 1 minus the chance of such a change in a history in which nothing happens.
    """

    status: Status
    changes: tuple[Change, ...] = ()
    recovered: tuple[Change, ...] = ()
    confidence: float | None = None
    days: int = 0

    @property
    def alert(self) -> bool:
        return self.status == "alert"

    @property
    def since(self) -> date | None:
        return self._first.since if self._first else None

    @property
    def until(self) -> date | None:
        return self._first.until if self._first else None

    @property
    def kind(self) -> Kind | None:
        return self._first.kind if self._first else None

    @property
    def effect(self) -> float | None:
        return self._first.effect if self._first else None

    @property
    def _first(self) -> Change | None:
        return next(iter(self.changes + self.recovered), None)


def assess(
    history: pd.DataFrame,
    *,
    marked: Iterable[Span] = (),
    rules: AssessmentRules | None = None,
) -> Assessment:
    """Judge a history as of its last row.

    Args:
        history: one row per day in any order: `date`, `runs` (those that had something to do),
            `failures` (real ones), `p95_duration` (seconds), `records_p50`. Days that are missing
            or have no runs are off-days: absent, not zero. NaN is not known.
        marked: first and last days of spans that a person has marked as not normal (an incident, a
            backfill; None: without end on that side): they neither say what is normal nor raise
            an alert, as if they had been off-days.

    Returns:
        Tests of duration (level and scatter), failure rate, records and the number of runs, each
        with its share of `rules.alpha`. An alert is left later than it is entered (`spells`).

    Raises:
        ValueError: a column is missing, a day comes twice, or a marked span ends before it starts.
    """
    rules = rules or AssessmentRules()
    own = daily_history(history, marked=marked)
    tests = metric_tests(own, rules)
    if not tests:
        return Assessment(status="insufficient", days=own.count)
    whole = sum(test.share for test in tests)
    found: list[_Told] = []
    for test in tests:
        if test.scan is None:
            continue
        share = test.share / whole
        for spell in spells(test.scan, enter=rules.alpha * share):
            age = int(test.scan.onsets.days[-1]) - spell.last
            if not spell.has_ended or age <= RECENT:
                found.append((min(1.0, spell.p / share), test.tell(spell)))
    found = _told_once(found)
    ongoing = [told for told in found if told[1].until is None]
    ended = [told for told in found if told[1].until is not None]
    ongoing.sort(key=lambda told: told[0])
    ended.sort(key=lambda told: told[1].until or told[1].since, reverse=True)
    first = next(iter(ongoing + ended), None)
    return Assessment(
        status="alert" if ongoing else "recovered" if ended else "fine",
        changes=tuple(change for _, change in ongoing),
        recovered=tuple(change for _, change in ended),
        confidence=1 - first[0] if first else None,
        days=own.count,
    )


def _told_once(found: list[_Told]) -> list[_Told]:
    """Days on both sides of a step, or of its end, scatter, and of scattered days some few are a
    step: the likelier of the two is told."""
    levels = [told for told in found if told[1].kind in ("step", "drift")]
    scatters = [
        told
        for told in found
        if told[1].kind == "variance"
        and not any(
            _meet(told, level)
            and level[1].p_value <= told[1].p_value * (1.0 if level[1].until is None else _FAR_LESS)
            for level in levels
        )
    ]

    def is_scatter(told: _Told) -> bool:
        return any(
            _meet(told, other)
            and other[1].p_value < told[1].p_value
            and (other[1].until is None or told[1].until is not None)
            for other in scatters
        )

    levels = [told for told in levels if not is_scatter(told)]
    others = [told for told in found if told[1].kind not in ("step", "drift", "variance")]
    return levels + scatters + others


def _meet(one: _Told, other: _Told) -> bool:
    """Whether they have days in common."""
    a, b = one[1], other[1]
    return (a.until is None or a.until >= b.since) and (b.until is None or b.until >= a.since)
