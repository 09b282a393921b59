"""When did it begin? The days since each candidate onset beside the days before it, for each of the
last days as if it were the last.

The baseline of an onset is what lies strictly before it: never the days under test. All candidates
of all days are computed at once, so that a verdict that depends on the verdicts of the days before
it (`spells`) costs no more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from nbkit.analysis.robust import MAD_TO_DEVIATION, Floats

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

LOOKBACK = 28  # rows: a change that was found and is older than this is the new normal
BASELINE = 70  # rows before the onset that say what is normal
MIN_BASELINE = 10
REPLAY = 36  # of the last rows are judged as if each were the last
SEARCHED = 14  # rows: an older onset is not looked for: that would cost evidence (measured)
# Of a likelihood ratio L, searched over onsets, with noise that is estimated: in 900 simulated
# clean histories one that mattered began on a day with a chance of about 0.035 L^-0.75.
_LOG_CHANCE, _SURENESS = np.log(0.035), 0.75
FEWEST = 2  # rows since the onset: one alone may be an outlier
_CUT = 3.0  # robust standard deviations, to which the baseline's days are drawn in


@dataclass(frozen=True, kw_only=True)
class Windows:
    """For each candidate onset (first axis): the rows before it, latest first, and the rows since
    it, in order. `before_known` and `since_known` say which of them count."""

    onsets: Ints
    before: Ints
    before_known: Flags
    since: Ints
    since_known: Flags

    @cached_property
    def size(self) -> Ints:
        return np.asarray(self.before_known.sum(axis=1), dtype=np.int64)


def windows(normal: Flags) -> Windows | None:
    """The windows of every onset that matters to the last `REPLAY` rows.

    Args:
        normal: rows that may say what is normal.

    Returns:
        None where no onset has `MIN_BASELINE` rows before it and `FEWEST` since it.
    """
    return _windows_of_all(normal.size) if normal.all() else _windows(normal)


@lru_cache(maxsize=64)  # most histories of a platform have one of a few lengths
def _windows_of_all(size: int) -> Windows | None:
    return _windows(np.ones(size, dtype=bool))


def _windows(normal: Flags) -> Windows | None:
    size = normal.size
    rows = np.flatnonzero(normal)
    onsets = np.arange(max(size - REPLAY - LOOKBACK, MIN_BASELINE), size - FEWEST + 1)
    place = np.searchsorted(rows, onsets)
    enough = place >= MIN_BASELINE
    onsets, place = onsets[enough], place[enough]
    if not onsets.size:
        return None
    at = place[:, None] - 1 - np.arange(min(BASELINE, int(place.max())))
    since = onsets[:, None] + np.arange(LOOKBACK)
    return Windows(
        onsets=onsets,
        before=rows[np.maximum(at, 0)],
        before_known=at >= 0,
        since=np.minimum(since, size - 1),
        since_known=since < size,
    )


@dataclass(frozen=True, kw_only=True)
class Usual:
    """Winsorised mean and standard deviation before each onset (as sure as the median, but for the
    outliers: Huber 1964), and how much of a day's deviation the next day keeps. `before` and
    `since` are the deviations of each row from it, in standard deviations; 0 of rows not known."""

    level: Floats
    scale: Floats
    memory: Floats
    before: Floats
    since: Floats


def usual(values: Floats, noise: Floats, seen: Windows, *, floor: float = 0.01) -> Usual:
    """What is normal before each onset.

    Args:
        noise: standard deviation of each row, relative to that of the others.
        floor: the least standard deviation that is believed.
    """
    known, size = seen.before_known, seen.size
    own = np.where(known, values[seen.before], np.nan)
    weight = np.where(known, 1 / noise[seen.before] ** 2, 0.0)
    level = _median(own, size)
    rest = np.abs(own - level[:, None]) / noise[seen.before]
    scale = np.maximum(MAD_TO_DEVIATION * _median(rest, size), floor)
    total, degrees = weight.sum(axis=1), np.maximum(size - 1, 1)
    own = np.where(known, own, 0.0)
    for _ in range(2):
        reach = _CUT * scale[:, None] * noise[seen.before]
        cut = np.clip(own, level[:, None] - reach, level[:, None] + reach)
        level = (cut * weight).sum(axis=1) / total
        squares = (weight * (cut - level[:, None]) ** 2).sum(axis=1)
        scale = np.maximum(np.sqrt(squares / degrees), floor)
    unit = scale[:, None]
    before = np.where(known, (own - level[:, None]) / (unit * noise[seen.before]), 0.0)
    since = (values[seen.since] - level[:, None]) / (unit * noise[seen.since])
    return Usual(
        level=level,
        scale=scale,
        memory=_memory(np.clip(before, -_CUT, _CUT), size),
        before=before,
        since=np.where(seen.since_known, since, 0.0),
    )


def _median(rows: Floats, size: Ints) -> Floats:
    """The median of each row's first `size` numbers, the rest being NaN."""
    ordered = np.sort(rows, axis=1)
    line = np.arange(size.size)
    middle = ordered[line, (size - 1) // 2] + ordered[line, size // 2]
    return np.asarray(middle / 2)


def _memory(before: Floats, size: Ints) -> Floats:
    """As `robust.autocorrelation`, of each row."""
    squares = np.maximum((before**2).sum(axis=1), 1e-12)
    raw = (before[:, 1:] * before[:, :-1]).sum(axis=1) / squares
    return np.asarray(np.clip(raw + (1 + 4 * np.maximum(raw, 0)) / size, 0.0, 0.85))


@dataclass(frozen=True, kw_only=True)
class Onsets:
    """The evidence for every candidate, and the best of each of the last days.

    `evidence` by onset and number of rows since it, less one: logarithms of likelihood ratios; -inf
    where there is no verdict. `days` are row numbers, `p` the p values of their best candidates,
    corrected for the scan, and `best` the indices of those.
    """

    rows: Ints
    evidence: Floats
    days: Ints
    p: Floats
    best: Ints

    def p_value(self, index: int, day: int) -> float:
        """Of one candidate as of a day."""
        return float(_chance(self.evidence[index, day - int(self.rows[index])]))

    def best_after(self, row: int, day: int) -> tuple[float, int]:
        """The p value and the index of the best candidate after a row, as of a day."""
        since = day - self.rows
        able = np.flatnonzero((self.rows > row) & (since >= FEWEST - 1) & (since < SEARCHED))
        if not able.size:
            return 1.0, 0
        index = int(able[np.argmax(self.evidence[able, since[able]])])
        return self.p_value(index, day), index


def best_by_day(evidence: Floats, seen: Windows, size: int) -> Onsets:
    """The best of the candidates, as of each of the last `REPLAY` of `size` rows."""
    rows = seen.onsets
    days = np.arange(max(size - REPLAY, int(rows[0]) + FEWEST - 1), size)
    count = days[:, None] - rows  # rows since the onset, less one
    inside = (count >= FEWEST - 1) & (count < SEARCHED)
    line = np.arange(rows.size)
    table = np.where(inside, evidence[line, np.clip(count, 0, SEARCHED - 1)], -np.inf)
    best = np.argmax(table, axis=1)
    top = table[np.arange(days.size), best]
    return Onsets(rows=rows, evidence=evidence, days=days, p=_chance(top), best=best)


def _chance(evidence: Floats) -> Floats:
    """How often a history in which nothing happens begins to show so much evidence, a day."""
    return np.asarray(np.exp(np.minimum(_LOG_CHANCE - _SURENESS * evidence, 0.0)))
