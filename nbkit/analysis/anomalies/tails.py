"""How rarely a series does what it does now, judged by its own past peaks.

Points that follow each other are alike, so that counting points above a mark counts one event many
times. The past is therefore kept as the largest value of each block of points. Above a high
quantile of these, a generalised Pareto tail is fitted (peaks over threshold: Pickands 1975; as a
stream detector: Siffer et al., SPOT, KDD 2017), so that rates below one in the number of blocks
can be told, and a series whose spikes are large asks more of the next one.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
TAIL_SHARE = 4  # a quarter of the blocks is the tail, as long as there are few
TAIL_MOST = 60
REMEMBERED = 1_000
# The shape says how heavy a tail is; from few peaks it is mostly noise, so it is drawn towards
# a little heavier than exponential, by the weight of ten peaks.
SHAPE, SHAPE_WEIGHT, SHAPE_MOST = 0.15, 10.0, 0.6
LEAST_RATE = 1e-30


class PeakHistory:
    """The peaks of several columns in blocks that are past.

    The latest two very rare peaks of a column are held back: they enter at the height of the
    largest usual one, and in full once a third has come. One incident does not hide the next;
    what keeps coming is usual.
    """

    def __init__(self, columns: int, *, held_back: int = 2) -> None:
        self._peaks = np.full((columns, REMEMBERED), -np.inf)
        self._blocks = 0
        self._held: list[deque[float]] = [deque() for _ in range(columns)]
        self._held_back = held_back

    @property
    def active(self) -> int:
        """How many columns have said anything so far."""
        return int(np.isfinite(self._peaks).any(axis=1).sum())

    def remember(self, peaks: Floats, *, is_rare: npt.NDArray[np.bool_]) -> None:
        """Add a block's peaks (one a column; NaN: the column said nothing)."""
        peaks = np.where(np.isnan(peaks), -np.inf, peaks)
        for column in np.flatnonzero(is_rare):
            held = self._held[column]
            held.append(float(peaks[column]))
            full = len(held) > self._held_back
            peaks[column] = held.popleft() if full else self._peaks[column].max()
        self._peaks[:, self._blocks % REMEMBERED] = peaks
        self._blocks += 1

    def rates(self, values: Floats, *, least_scale: Floats, least_blocks: int) -> Floats:
        """The share of blocks expected to reach each value: 1 where it is nothing special.

        Args:
            values: points × columns.
            least_scale: per column, the least scale of the tail, in the column's units.
            least_blocks: a column with fewer past blocks says nothing.
        """
        rates = np.ones(values.shape)
        own = self._peaks[:, : min(self._blocks, REMEMBERED)]
        blocks = np.isfinite(own).sum(axis=1)
        known = np.flatnonzero(blocks >= least_blocks)
        if known.size == 0:
            return rates
        count = blocks[known]
        size = np.clip(count // TAIL_SHARE, 4, TAIL_MOST)
        depth = min(2 * int(size.max()) + 1, own.shape[1])
        top = -np.sort(np.partition(-own[known], depth - 1, axis=1)[:, :depth], axis=1)
        rows = np.arange(known.size)
        start = top[rows, size]
        scale, shape = _pareto(top, start, size)
        # Whole numbers and constants leave a tail without width: their own unit stands in.
        below = start - top[rows, np.minimum(2 * size, count - 1)]
        scale = np.maximum(scale, 0.05 * below + least_scale[known])
        scale = np.where(scale > 0, scale, np.finfo(float).tiny ** 0.5)
        with np.errstate(invalid="ignore", over="ignore"):
            beyond = np.maximum(values[:, known] - start, 0) / scale
            tail = size / count * (1 + shape * beyond) ** (-1 / shape)
        rates[:, known] = np.where(beyond > 0, np.maximum(tail, LEAST_RATE), 1.0)
        return rates


def _pareto(top: Floats, start: Floats, size: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Scale and shape of the excesses over `start` by probability-weighted moments (Hosking &
    Wallis 1987), the shape drawn towards `SHAPE` and the scale refitted to the mean excess."""
    order = np.arange(1, top.shape[1] + 1)
    inside = order <= size[:, None]
    excess = np.where(inside, top - start[:, None], 0.0)
    weight = np.where(inside, (order - 0.35) / size[:, None], 0.0)
    # einsum and not a matrix product: the same sums whatever the number of columns
    mean = np.einsum("vk->v", excess) / size
    weighted = np.einsum("vk,vk->v", weight, excess) / size
    gap = mean - 2 * weighted
    raw = np.where(gap > 0, 2 - mean / np.where(gap > 0, gap, 1.0), 0.0)
    shape = (size * np.clip(raw, -1, 1) + SHAPE_WEIGHT * SHAPE) / (size + SHAPE_WEIGHT)
    shape = np.clip(shape, 0.01, SHAPE_MOST)
    return mean * (1 - shape), shape
