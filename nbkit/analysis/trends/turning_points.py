"""Where a series steps or turns: the best model of each size, by least squares.

A model is a base (a level, a line, a parabola), steps that stay and kinks of the slope. The best
next change is found for all positions at once from the inner products of all candidates, which
depend on the length only; then each change of the model moves to where it is best, the others
given (coordinate descent), so that the two ends of a plateau find each other. This is multivariate
adaptive regression splines (Friedman 1991) in one dimension, with steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nbkit.analysis.robust import Floats

MIN_SEGMENT = 3
MOST_CHANGES = 6
_POSITIONS = 200
_SWEEPS = 2
_LOOK_AHEAD = 2  # the second end of a plateau shows what the first is worth
_LEVEL, _LINE, _PARABOLA = 0, 1, 2
BASES = ((_LEVEL,), (_LEVEL, _LINE), (_LEVEL, _LINE, _PARABOLA))


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """All columns that a model of a series of this length can have: three of the bases, a step at
    each position, a kink at each position; their inner products, and which go together."""

    columns: Floats
    products: Floats
    squares: Floats
    position: npt.NDArray[np.int64]
    is_kink: npt.NDArray[np.bool_]
    is_step: npt.NDArray[np.bool_]
    go_together: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Model:
    """`base` and `changes` are columns of the `Candidates`; `error` is the sum of squares left."""

    base: tuple[int, ...]
    changes: tuple[int, ...]
    error: float

    @property
    def columns(self) -> list[int]:
        return [*self.base, *self.changes]


def spacing(size: int) -> int:
    """How far apart the positions are that are looked at."""
    return max(-(-size // _POSITIONS), 1)


@lru_cache(maxsize=64)
def candidates(size: int) -> Candidates:
    """Of a series of `size` points, of which each is looked at, or about 200 of them."""
    positions = np.arange(MIN_SEGMENT, size - MIN_SEGMENT + 1, spacing(size))
    time = np.arange(size)[:, None]
    line = (time - (size - 1) / 2) / size
    parabola = line**2 - np.mean(line**2)
    steps = (time >= positions).astype(np.float64)
    kinks = np.maximum(time - positions, 0) / size
    columns = np.concatenate([np.ones((size, 1)), line, parabola, steps, kinks], axis=1)
    # Two kinks close to each other are a step, and one near an end is a line.
    apart = max(4, size // 15)
    index = np.arange(columns.shape[1]) - len(BASES)
    position = np.concatenate([np.zeros(len(BASES), dtype=np.int64), positions, positions])
    is_inner = (position >= apart) & (position <= size - apart)
    is_kink = (index >= positions.size) & is_inner
    distance = np.abs(position[:, None] - position)
    products = columns.T @ columns
    return Candidates(
        columns=columns,
        products=products,
        squares=np.diagonal(products).copy(),
        position=position,
        is_step=(index >= 0) & (index < positions.size),
        is_kink=is_kink,
        go_together=distance >= np.where(is_kink[:, None] | is_kink, apart, MIN_SEGMENT),
    )


def models(series: Floats, known: Candidates, *, least: float) -> Iterator[Model]:
    """The best model of each number of changes: steps from a level, steps and kinks from a line,
    and up to two steps on a parabola. No larger ones where the error is below `least`, or where
    two changes on end have lowered it by less than that."""
    with_series = known.columns.T @ series
    squares = float(series @ series)
    slopes = known.is_step | known.is_kink
    for base, allowed, most in zip(
        BASES, (known.is_step, slopes, known.is_step), (MOST_CHANGES, MOST_CHANGES, 2), strict=True
    ):
        yield from _Search(known, with_series, squares, least, base, allowed).sizes(most)


def residual(series: Floats, model: Model, known: Candidates) -> Floats:
    """What the model leaves of the series."""
    chosen = model.columns
    weights = np.linalg.solve(
        known.products[np.ix_(chosen, chosen)], known.columns[:, chosen].T @ series
    )
    return np.asarray(series - known.columns[:, chosen] @ weights)


@dataclass(frozen=True)
class _Search:
    known: Candidates
    with_series: Floats
    squares: float
    least: float
    base: tuple[int, ...]
    allowed: npt.NDArray[np.bool_]

    def sizes(self, most: int) -> Iterator[Model]:
        changes: list[int] = []
        before, in_vain = np.inf, 0
        for _ in range(most + 1):
            column, gain, error = self._next(changes)
            yield Model(base=self.base, changes=tuple(changes), error=error)
            in_vain = in_vain + 1 if before - error < self.least else 0
            if error <= self.least or in_vain == _LOOK_AHEAD or gain <= 1e-9 * self.squares:
                return
            before = error
            changes = self._settled([*changes, column])

    def _settled(self, changes: list[int]) -> list[int]:
        """Each change moved to its best place, the others given."""
        if len(changes) == 1:
            return changes
        for _ in range(_SWEEPS):
            before = list(changes)
            for i in range(len(changes)):
                column, gain, _ = self._next(changes[:i] + changes[i + 1 :])
                if gain > 0:
                    changes[i] = column
            if changes == before:
                break
        return changes

    def _next(self, changes: list[int]) -> tuple[int, float, float]:
        """The best column to add, by how much it lowers the error, and the error before."""
        known = self.known
        chosen = [*self.base, *changes]
        own = self.with_series[chosen]
        across = known.products[chosen]
        inverse = np.linalg.inv(across[:, chosen])
        mixed = inverse @ across
        left = self.with_series - own @ mixed
        norm = known.squares - np.einsum("ij,ij->j", mixed, across)
        fits = self.allowed & (norm > 1e-7 * known.squares)
        for change in changes:
            fits &= known.go_together[change]
        gain = np.where(fits, left * left / np.where(fits, norm, 1.0), 0.0)
        best = int(gain.argmax())
        return best, float(gain[best]), max(self.squares - float(own @ inverse @ own), 0.0)
