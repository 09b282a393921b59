"""How the chance to fail grows with load: measures of load, and a curve fitted to what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nbkit.analysis.storms.workload import Bools, Floats, Ints, Workload

MINUTE_S = 60.0
_APART_S = 1e7  # between windows that lie on one axis
_LEVELS = 120  # loads are told apart as finely as so many quantiles of them
_SURE = 1e-4  # no chance is taken for smaller than this, or nearer to one


class Measure(StrEnum):
    """What a start finds before it.

    What is shared tells them apart: instances that reject when all are busy (served), a pool that
    slows down with everybody in it (running), a quota over the last minute or over the minute of
    the clock (granted, granted_clock), or simply many starts (starts).
    """

    RUNNING = "running"
    SERVED = "served"
    STARTS = "starts"
    GRANTED = "granted"
    GRANTED_CLOCK = "granted_clock"

    @property
    def only_successes(self) -> bool:
        return self not in (Measure.RUNNING, Measure.STARTS)

    @property
    def is_quota(self) -> bool:
        """It counts what a quota grants."""
        return self in (Measure.GRANTED, Measure.GRANTED_CLOCK)

    @property
    def until_end(self) -> bool:
        """A run counts until it ends, not for a minute."""
        return self in (Measure.RUNNING, Measure.SERVED)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadCurve:
    """What load adds to the chance to fail.

    Attributes:
        measure: what is counted.
        sharers: which processors make the load and suffer from it.
        excess: by load (its index; beyond the last the same): the chance that load alone makes a
            run fail. Never falls.
        error: its standard error.
        gain: how much likelier the runs are with the curve than without (log likelihood).
    """

    measure: Measure
    sharers: Bools
    excess: Floats
    error: Floats
    gain: float


def load_before(workload: Workload, sharers: Bools, measure: Measure) -> Ints:
    """What each run found when it started, of the runs of the sharers."""
    at = workload.window * _APART_S + workload.start_s
    counted = sharers[workload.processor] & ~workload.swept
    if measure.only_successes:
        counted = counted & ~workload.failed
    begun: Ints = np.cumsum(counted) - counted  # runs are in the order of their start
    if measure.until_end:
        ends = np.sort((workload.window * _APART_S + workload.end_s)[counted])
        # What never ended no longer holds anything after a day.
        gone = np.searchsorted(np.minimum(ends, at[-1] + _APART_S), at, side="right")
    else:
        since = np.floor(at / MINUTE_S) * MINUTE_S
        if measure is not Measure.GRANTED_CLOCK:
            since = at - MINUTE_S
        gone = np.searchsorted(at[counted], since, side="left")
    return np.asarray(np.maximum(begun - gone, 0), dtype=np.int64)


def fit_curve(load: Ints, failed: Bools, *, measure: Measure, sharers: Bools) -> LoadCurve:
    """Isotonic regression of failing on load (Barlow et al. 1972).

    Args:
        load, failed: of the sharers' runs, without those that failed for another known reason.
    """
    edges = np.unique(np.quantile(load, np.linspace(0, 1, _LEVELS)).astype(np.int64))
    level = np.searchsorted(edges, load, side="right") - 1
    runs = np.bincount(level).astype(np.float64)
    fails = np.bincount(level, weights=failed).astype(np.float64)
    middle = np.bincount(level, weights=load) / np.maximum(runs, 1)
    known = runs > 0
    runs, fails, middle = runs[known], fails[known], middle[known]
    share = never_falling(fails / runs, runs)
    flat = np.full(runs.size, fails.sum() / runs.sum())
    gain = _sum_of(fails, runs, share) - _sum_of(fails, runs, flat)
    floor = _floor(share, runs)
    pooled = np.array([runs[share == value].sum() for value in share])
    at = np.arange(int(middle[-1]) + 1)
    # Between the loads that were seen a step stays a step: the curve holds its last known value.
    place = np.maximum(np.searchsorted(middle, at, side="right") - 1, 0)
    over = np.clip((share - floor) / max(1 - floor, _SURE), 0, 1)
    return LoadCurve(
        measure=measure,
        sharers=sharers,
        excess=over[place],
        error=np.sqrt(share * (1 - share) / pooled + 0.25 / pooled**2)[place],
        gain=gain,
    )


def never_falling(values: Floats, weights: Floats) -> Floats:
    """The nearest sequence that never falls, by weighted squares: neighbours that fall are pooled
    until none does (Barlow et al. 1972). scipy.optimize has it too, but takes long to import.

    Args:
        weights: positive.
    """
    means: list[float] = []
    sums: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        length = 1
        while means and means[-1] >= value:
            total = sums[-1] + weight
            value = (means.pop() * sums.pop() + value * weight) / total
            weight, length = total, length + lengths.pop()
        means.append(value)
        sums.append(weight)
        lengths.append(length)
    return np.repeat(np.array(means), lengths)


def log_likelihood(fails: Floats, runs: Floats, chance: Floats) -> Floats:
    """Of so many failures of so many runs each, but for a constant; chances between 0 and 1."""
    return np.asarray(fails * np.log(chance) + (runs - fails) * np.log(1 - chance))


def _sum_of(fails: Floats, runs: Floats, share: Floats) -> float:
    return float(log_likelihood(fails, runs, np.clip(share, _SURE, 1 - _SURE)).sum())


def _floor(share: Floats, runs: Floats) -> float:
    """The chance to fail where load is lowest: of the lowest loads with a twentieth of the runs."""
    few = int(np.searchsorted(np.cumsum(runs), 0.05 * runs.sum())) + 1
    return float(np.average(share[:few], weights=runs[:few]))
