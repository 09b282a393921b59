"""From when to when was it wrong? An alert is entered on strong evidence and left only when the
days are as usual again (a Schmitt trigger: Schmitt 1938), so that it does not flap.

A pure function of the history: the last days are judged anew, each as if it were the last, and no
state is kept anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from nbkit.analysis.trends.onset_scan import LOOKBACK, Onsets

RETURNED = 3.0  # log-likelihood by which the last days must be as usual: 20 to 1
_LEAVE = 1.5  # times the p value at which an alert is entered


@dataclass(frozen=True, kw_only=True)
class Spell:
    """Rows: the onset, the day on which it became an alert, the last day on which it was one, and
    the last that was off, None of one that goes on. `index` is the number of its onset in the scan,
    `effect` how far off it was when it became an alert, `p` the least."""

    index: int
    onset: int
    entered: int
    last: int
    effect: float
    p: float
    until: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.until is not None


class Scan(Protocol):
    """One metric's scan over onsets, as of each of the last days."""

    @property
    def onsets(self) -> Onsets: ...

    def effect(self, index: int, day: int) -> float | None:
        """How far off the days since an onset are; None where that is too little to matter, or
        where most of the last days are as usual again."""

    def is_over(self, spell: Spell, day: int) -> bool:
        """Whether the last days are as usual again."""

    def until(self, spell: Spell) -> int:
        """The last row that is off."""


def spells(scan: Scan, *, enter: float) -> tuple[Spell, ...]:
    """The spells that an observer would have called alerts, the oldest first; the last may go on.

    Args:
        enter: the p value at which an alert begins.
    """
    found: list[Spell] = []
    current: Spell | None = None
    passed = -1  # the row up to which everything has been told
    onsets = scan.onsets
    for place, day in enumerate(onsets.days.tolist()):
        if current is not None:
            if day - current.onset >= LOOKBACK:
                # It has stood so long that it is the new normal, and no news.
                passed, current = current.last, None
            elif scan.is_over(current, day):
                passed = scan.until(current)
                found.append(replace(current, until=passed))
                current = None
            elif onsets.p_value(current.index, day) > _LEAVE * enter:
                # It has neither gone away nor been borne out: it was chance.
                current = None
            else:
                p = min(onsets.p_value(current.index, day), current.p)
                current = replace(current, last=day, p=p)
            continue
        p, index = float(onsets.p[place]), int(onsets.best[place])
        if p > enter:
            continue
        if onsets.rows[index] <= passed:
            p, index = onsets.best_after(passed, day)
            if p > enter:
                continue
        effect = scan.effect(index, day)
        if effect is not None:
            onset = int(onsets.rows[index])
            current = Spell(index=index, onset=onset, entered=day, last=day, effect=effect, p=p)
    if current is not None:
        found.append(current)
    return tuple(found)
