"""Has a daily figure moved to another level, and since when?

Figures are taken as logarithms, weekdays are evened out; what the days since an onset say is a
likelihood ratio (`evidence`), in which a lone outlier is one day only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nbkit.analysis.robust import Floats, deviation
from nbkit.analysis.trends.onset_scan import (
    FEWEST,
    LOOKBACK,
    MIN_BASELINE,
    Ints,
    Onsets,
    Usual,
    Windows,
)
from nbkit.analysis.trends.spells import RETURNED, Spell

_CLIP = 3.5  # of log-likelihood: what one day can say at most of a return


@dataclass(frozen=True, kw_only=True)
class LevelScan:
    """Rises (`direction` 1) or falls (-1) of a series, by onset, as of each of the last days."""

    values: Floats
    seen: Windows
    normal: Usual
    direction: int
    matters: Callable[[float, float], bool]
    onsets: Onsets

    def effect(self, index: int, day: int) -> float | None:
        level = float(self.normal.level[index])
        off = self._off(index, int(self.seen.onsets[index]), day)
        effect = float(np.median(off))
        last = off[-5:] > effect / 2
        persists = effect > 0 and last.mean() > 0.5 and last[-2:].any()
        return effect if persists and self.matters(self.direction * effect, level) else None

    def is_over(self, spell: Spell, day: int) -> bool:
        """The last two days or more are by far more likely at the old level than at the new."""
        scale = float(self.normal.scale[spell.index])
        off = self._off(spell.index, spell.onset, day) / scale
        effect = min(spell.effect, float(np.median(off)) * scale) / scale
        if effect <= 0:
            return True
        for_old = np.clip(effect * (effect / 2 - off), -_CLIP, _CLIP)[::-1]
        return bool((np.cumsum(for_old)[1:] > RETURNED).any())

    def until(self, spell: Spell) -> int:
        """The last row that lies nearer to the new level than to the old."""
        rows = np.arange(spell.onset, spell.last + 1)
        off = self.direction * (self.values[rows] - self.normal.level[spell.index])
        far = rows[off > spell.effect / 2]
        return int(far[-1]) if far.size else spell.last

    def interval(self, index: int, rows: int) -> float:
        """Half of the width of the 95 % interval of the effect."""
        memory, before = float(self.normal.memory[index]), int(self.seen.size[index])
        error = _inflation(memory, rows) / rows + _inflation(memory, before) / before
        return float(1.96 * self.normal.scale[index] * np.sqrt(error))

    def _off(self, index: int, onset: int, day: int) -> Floats:
        return np.asarray(
            self.direction * (self.values[onset : day + 1] - self.normal.level[index])
        )


def _inflation(memory: Floats | float, size: Floats | Ints | int) -> Floats:
    """How much larger than of independent days the variance of a mean of `size` AR(1) days is."""
    size = np.maximum(size, 1)
    ratio = (1 + memory) / (1 - memory) - 2 * memory * (1 - memory**size) / (
        size * (1 - memory) ** 2
    )
    return np.asarray(np.maximum(ratio, 1.0))


def dated(scan: LevelScan, spell: Spell, last: int) -> tuple[int, bool]:
    """The row of the onset by likelihood (bounded squares) of a spell that goes on to row `last`,
    and whether a ramp fits clearly better than a step."""
    known = scan.seen.before_known[spell.index]
    rows = np.concatenate(
        [scan.seen.before[spell.index][known][::-1], np.arange(spell.onset, last + 1)]
    )
    signed = scan.direction * scan.values[rows]
    steps = np.diff(signed)
    scale = max(deviation(steps - np.median(steps)) / np.sqrt(2), 0.01)

    def cost(rest: Floats) -> float:
        return float(np.minimum((rest / scale) ** 2, 16.0).sum())

    as_step, as_ramp = {}, {}
    for count in range(FEWEST, min(LOOKBACK, signed.size - MIN_BASELINE) + 1):
        before, after = signed[:-count], signed[-count:]
        level = np.median(before)
        left = cost(before - level)
        as_step[count] = left + cost(after - np.median(after))
        if count >= 5:
            climb = np.arange(1.0, count + 1)
            slope = float(np.median((after - level) / climb))
            as_ramp[count] = left + cost(after - level - slope * climb)
    step = min(as_step, key=lambda count: as_step[count], default=1)
    ramp = min(as_ramp, key=lambda count: as_ramp[count], default=step)
    if as_ramp and as_step[step] - as_ramp[ramp] > 4.0:
        return int(rows[-ramp]), True
    return int(rows[-step]), False
