"""Has a daily figure become less steady, and since when?

Whether is told by a likelihood ratio (`evidence`), how much by the mean of the square roots of the
absolute deviations, which are nearly normal for normal noise (Cressie & Hawkins 1980), bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.onset_scan import (
    LOOKBACK,
    Onsets,
    Usual,
    Windows,
    best_by_day,
)
from nbkit.analysis.trends.spells import Spell

_BOUND = 6.0  # standard deviations: what one day can say at most
_OFF = 1.5  # standard deviations: a day further out is unusual


@dataclass(frozen=True, kw_only=True)
class ScatterScan:
    """Growth of the scatter, by onset, as of each of the last days. Effects are logarithms of
    ratios of standard deviations."""

    seen: Windows
    normal: Usual
    now: Floats
    before: Floats
    least: float
    onsets: Onsets

    def effect(self, index: int, day: int) -> float | None:
        rows = self._rows(index, day)
        off = self.normal.since[index, :rows]
        ratio = self.ratio(index, day)
        far = np.abs(off[-7:]) > _OFF
        # On both sides: one alone is a level, which has its own test.
        wide = np.abs(off) > _OFF
        high = (wide & (off > 0)).sum()
        both = min(high, wide.sum() - high) >= max(1, 0.2 * wide.sum())
        persists = far.sum() >= max(2, 0.4 * far.size)
        return ratio if ratio >= self.least and both and persists else None

    def is_over(self, spell: Spell, day: int) -> bool:
        rows = self._rows(spell.index, day)
        off = self.normal.since[spell.index, :rows]
        return bool((np.abs(off[-7:]) > _OFF).mean() < 0.25)

    def until(self, spell: Spell) -> int:
        """The last row that is far off."""
        far = np.abs(self.normal.since[spell.index, : self._rows(spell.index, spell.last)]) > _OFF
        return spell.onset + int(np.flatnonzero(far)[-1]) if far.any() else spell.last

    def interval(self, index: int, rows: int) -> float:
        """Half of the width of the 95 % interval of the effect."""
        spread = float(self.before[index, 1])
        error = spread * np.sqrt(1.3 / rows + 1 / float(self.seen.size[index]))
        return float(2 * 1.96 * error / max(float(self.now[index, rows - 1]), 1e-9))

    def ratio(self, index: int, day: int) -> float:
        """Logarithm of the ratio of the scatter since an onset to that before it."""
        rows = self._rows(index, day)
        usual = max(float(self.before[index, 0]), 1e-9)
        return float(2 * np.log(max(float(self.now[index, rows - 1]), 1e-9) / usual))

    def _rows(self, index: int, day: int) -> int:
        return min(day - int(self.seen.onsets[index]) + 1, LOOKBACK)


def scatter_scan(
    seen: Windows, normal: Usual, evidence: Floats, size: int, *, least: float
) -> ScatterScan:
    """Scan for the most convincing growth of the scatter that goes on to each day.

    Args:
        normal: what is usual before each onset.
        evidence: for a growth, by onset and rows since it.
        size: how many rows there are.
        least: the smallest effect that matters.
    """
    known = seen.before_known
    rough = np.where(known, np.sqrt(np.minimum(np.abs(normal.before), _BOUND)), 0.0)
    mean = rough.sum(axis=1) / seen.size
    squares = np.where(known, (rough - mean[:, None]) ** 2, 0.0).sum(axis=1)
    deviation = np.sqrt(squares / (seen.size - 1))
    rows = np.cumsum(seen.since_known, axis=1, dtype=np.int64)
    since = np.where(seen.since_known, np.sqrt(np.minimum(np.abs(normal.since), _BOUND)), 0.0)
    return ScatterScan(
        seen=seen,
        normal=normal,
        now=np.cumsum(since, axis=1) / np.maximum(rows, 1),
        before=np.column_stack([mean, deviation]),
        least=least,
        onsets=best_by_day(evidence, seen, size),
    )
