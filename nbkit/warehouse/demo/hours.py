"""In which hours runs start: failures over the week so that the published peaks hold, successes
evenly along a processor's own rhythm."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nbkit.warehouse.demo.calendar import micros
from nbkit.warehouse.demo.distributions import Floats, Ints, spread
from nbkit.warehouse.demo.facts import MAIN_END, MAIN_START, DemoFacts

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = (MAIN_END - MAIN_START).days + 1
HOUR_US = 3_600_000_000
_FIRST_WEEKDAY = MAIN_START.weekday()
# No other hour may look like a peak: the smallest published one has 3,772 failures.
_ORDINARY_CEILING = 2900.0
# A processor named for an hour's trouble is likelier to fail in it, the more so the rarer it fails
# at all; of the others only the three that fail by the ten thousand keep their share there.
_NAMED = 200_000.0
_BYSTANDER = 0.1
_GIANT = 20_000


def week_cell(hour_index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Hour of the week (0: Monday 00:00 UTC) of an hour counted from the period's start."""
    return (hour_index + _FIRST_WEEKDAY * 24) % 168


def failure_hours(
    facts: DemoFacts,
    failures: Ints,
    peaks: list[dict[str, Any]],
    *,
    taken: Ints,
    scale: float,
    rng: np.random.Generator,
) -> Ints:
    """How many failures of each processor start in each hour of the main period.

    Iterative proportional fitting of processor × hour of the week: rows are the failures still to
    be placed (exact), columns the published peaks (less what is `taken`) and a smooth rest.

    Args:
        failures: failures to place, by processor.
        taken: failures already placed (planted, swept) by hour of the week, 168 values.
        scale: size of this history beside the published one.

    Returns:
        processor × hour of the period (31 × 24 columns).
    """
    weights = np.array([np.tile(p.hours, 7) for p in facts.processors], dtype=np.float64)
    weights += 0.02
    fixed = np.full(168, np.nan)
    for peak in peaks:
        cell = WEEKDAYS.index(peak["weekday"]) * 24 + peak["hour"]
        fixed[cell] = max(peak["failures"] * scale - taken[cell], 0)
        named = [facts.index(name) for name in peak["processors"]]
        weights[(failures < _GIANT * scale), cell] *= _BYSTANDER
        for row in named:
            weights[row, cell] *= np.clip(_NAMED * scale / max(failures[row], 1), 5, 2_000)
    table = weights * (failures / weights.sum(axis=1))[:, None]
    rest = np.isnan(fixed)
    ordinary = table.sum(axis=0)[rest]
    columns = fixed.copy()
    remaining = failures.sum() - np.nansum(fixed)
    for _ in range(20):
        ordinary *= remaining / ordinary.sum()
        ordinary = np.minimum(ordinary, _ORDINARY_CEILING * scale)
    columns[rest] = ordinary
    for _ in range(200):
        table *= (columns / np.maximum(table.sum(axis=0), 1e-9))[None, :]
        table *= (failures / np.maximum(table.sum(axis=1), 1e-9))[:, None]
    whole = np.array([_round_row(row, int(n)) for row, n in zip(table, failures, strict=True)])
    by_hour = np.zeros((len(facts.processors), DAYS * 24), dtype=np.int64)
    cells = week_cell(np.arange(DAYS * 24))
    loads = np.exp(rng.normal(0, 0.15, DAYS))
    for cell in range(168):
        own = np.flatnonzero(cells == cell)
        shares = loads[own // 24]
        for row in np.flatnonzero(whole[:, cell]).tolist():
            # Each processor has its own good and bad dates beside those that all share.
            by_hour[row, own] = spread(
                int(whole[row, cell]), shares * rng.uniform(0.8, 1.2, own.size)
            )
    return by_hour


def _round_row(row: Floats, total: int) -> Ints:
    """Systematic rounding: the running sums are rounded, so that neighbours share the error."""
    edges = np.rint(np.cumsum(row) * (total / max(row.sum(), 1e-9))).astype(np.int64)
    whole: Ints = np.diff(edges, prepend=0)
    return whole


def steady_starts(
    n: int,
    hours: tuple[float, ...],
    *,
    first_us: int,
    days: int,
    day_weights: Floats,
    rng: np.random.Generator,
) -> Ints:
    """`n` sorted hour starts (microseconds) spread evenly along a daily rhythm, so that a regular
    processor has no gap that looks like a silence."""
    weights = np.outer(day_weights, np.asarray(hours, dtype=np.float64)).ravel()
    cumulative = np.cumsum(weights) / weights.sum()
    points = (np.arange(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1)
    return first_us + np.minimum(np.searchsorted(cumulative, points), days * 24 - 1) * HOUR_US


def main_starts(
    n: int,
    hours: tuple[float, ...],
    weekdays: dict[str, dict[str, float]] | None,
    *,
    scale: float,
    rng: np.random.Generator,
) -> Ints:
    """Hour starts of the successes of one processor in the main period; where a number of runs is
    published for a weekday, exactly that many fall on it."""
    day_of_week = (np.arange(DAYS) + _FIRST_WEEKDAY) % 7
    fixed = {WEEKDAYS.index(d): round(w["n"] * scale) for d, w in (weekdays or {}).items()}
    others = np.isin(day_of_week, list(fixed), invert=True).astype(np.float64)
    parts = [(n - sum(fixed.values()), others)]
    parts += [(count, (day_of_week == day).astype(np.float64)) for day, count in fixed.items()]
    return np.sort(
        np.concatenate(
            [
                steady_starts(
                    count, hours, first_us=micros(MAIN_START), days=DAYS, day_weights=w, rng=rng
                )
                for count, w in parts
            ]
        )
    )
