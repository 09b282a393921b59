"""From when to when was it wrong? An alert is entered on strong evidence and left only when the
days are as usual again (a Schmitt trigger: Schmitt 1938), so that it does not flap.

A pure function of the history: the last days are judged anew, each as if it were the last, and no
state is kept anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.onset_scan import LOOKBACK, Ints


@dataclass(frozen=True, kw_only=True)
class Spell:
    """Rows: the onset, the day on which it became an alert, and the last day on which it was off.
    `index` is the number of its onset in the scan, `effect` how far off it was, `p` the least."""

    index: int
    onset: int
    entered: int
    last: int
    effect: float
    p: float
    has_ended: bool = False


class Scan(Protocol):
    """One metric's scan over onsets, as of each of the last days.

    `days`: row numbers. `p`: one-sided, corrected for the scan. `best`: the index of the onset.
    """

    @property
    def days(self) -> Ints: ...
    @property
    def p(self) -> Floats: ...
    @property
    def best(self) -> Ints: ...

    def onset(self, index: int) -> int:
        """The row of an onset."""

    def effect(self, index: int, day: int) -> float | None:
        """How far off the days since the onset are; None where that is too little to matter, or
        where most of the last days are as usual again."""

    def is_over(self, spell: Spell, day: int) -> bool:
        """Whether the last days are as usual again."""


def spells(scan: Scan, *, enter: float) -> tuple[Spell, ...]:
    """The spells that an observer would have called alerts, the oldest first; the last may go on.

    Args:
        enter: the p value at which an alert begins.
    """
    found: list[Spell] = []
    current: Spell | None = None
    for place, day in enumerate(scan.days.tolist()):
        p, index = float(scan.p[place]), int(scan.best[place])
        if current is not None:
            if day - current.onset >= LOOKBACK:
                # It has stood so long that it is the new normal, and no news.
                current = None
            elif scan.is_over(current, day):
                found.append(replace(current, has_ended=True))
                current = None
            else:
                current = replace(current, last=day, p=min(p, current.p))
            continue
        if p > enter:
            continue
        effect = scan.effect(index, day)
        if effect is not None:
            current = Spell(
                index=index, onset=scan.onset(index), entered=day, last=day, effect=effect, p=p
            )
    if current is not None:
        found.append(current)
    return tuple(found)
