"""The ordinary life of a world: every processor's runs, with the failures that happen anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from worlds.fixes import NO_FIX, Fix
from worlds.scene import DAY, Scene

# Share of a day's work by hour UTC: games end between 02 and 06, the morning has the reports.
CYCLE = np.array(
    [3, 4, 6, 7, 7, 6, 5, 4, 3, 3, 5, 6, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4], dtype=float
)


@dataclass(frozen=True)
class Load:
    """How much work there is. 1.0: as always.

    Attributes:
        weekday: factor by weekday of the date in UTC (Monday 0).
        burst: one span with so many times the work.
        growth: factor at the end of the history; it grows evenly to it.
        nothing: share of the processors whose runs mostly find nothing to do, and how mostly.
        polls: those processors poll at marks, this many minutes apart, in the evening.
    """

    weekday: tuple[float, ...] = (1.0,) * 7
    burst: tuple[float, float, float] | None = None
    growth: float = 1.0
    nothing: tuple[float, float] = (0.15, 0.8)
    polls: int = 0


@dataclass
class Life:
    """Ordinary runs as arrays of one length; times in seconds since 1970."""

    processor: np.ndarray
    start: np.ndarray
    end: np.ndarray
    fault: np.ndarray
    number: np.ndarray
    message: np.ndarray
    scheduled: np.ndarray
    day: np.ndarray
    names: Sequence[str] = field(default_factory=list)


def live(scene: Scene, *, rows: int, load: Load | None = None, fix: Fix = NO_FIX) -> Life:
    """About so many runs. With a fix deployed the same runs meet the same luck."""
    load = load or Load()
    rng = scene.rng(11)
    people = scene.processors
    busy = np.exp(rng.normal(0, 0.8, len(people)))
    days = (scene.end - scene.start) / DAY
    per_day = busy / busy.sum() * rows / days
    idle = rng.random(len(people)) < load.nothing[0]
    # Real failures: around the world's noise, each processor at a level of its own.
    wrong = np.clip(scene.noise * np.exp(rng.normal(0, 0.5, len(people))), 0, 0.6)
    typical = np.exp(rng.normal(np.log(35), 0.6, len(people)))
    by_schedule = rng.random(len(people)) < 0.5
    first_day = np.floor(scene.start / DAY) * DAY
    counts_of_days = int(np.ceil((scene.end - first_day) / DAY))
    # Games a day: what all message-driven work follows.
    games = rng.gamma(9, 1 / 9, counts_of_days)
    parts = []
    for index in range(len(people)):
        own = scene.rng(12, index)
        level = per_day[index] * games ** (0.0 if by_schedule[index] else 1.0)
        level = level * _factors(load, first_day, counts_of_days, scene)
        if by_schedule[index]:
            # The same minutes every day; a busy day has more of them.
            slots = max(round(per_day[index]), 1)
            minutes = np.sort(
                own.choice(288, size=min(slots, 288), replace=False, p=_by_slot()) * 300.0
            )
            repeat = np.maximum(np.rint(level / per_day[index]).astype(int), 0)
            keep = own.random((counts_of_days, len(minutes))) < min(per_day[index] / slots, 1.0)
            at = (first_day + np.arange(counts_of_days)[:, None] * DAY + minutes)[keep]
            extra = np.broadcast_to(repeat[:, None], keep.shape)[keep]
            at = np.repeat(at, extra)
            spread = own.uniform(0, 1, len(at))
            same = np.r_[False, at[1:] == at[:-1]] if len(at) else np.zeros(0, bool)
            at = at + np.where(same, 300 * spread, 2 * spread)
        else:
            counts = own.poisson(level)
            hours = own.choice(24, size=counts.sum(), p=CYCLE / CYCLE.sum())
            at = first_day + np.repeat(np.arange(counts_of_days), counts) * DAY
            at = at + (hours + own.random(len(hours))) * 3600
        if load.polls and idle[index]:
            evening = (
                first_day
                + np.arange(counts_of_days)[:, None] * DAY
                + np.arange(23 * 3600, 30 * 3600, load.polls * 60)
            )
            thick = own.random(evening.shape) < np.minimum(
                _factors(load, first_day, counts_of_days, scene)[:, None] / 4, 1
            )
            at = np.concatenate([at, evening[thick] + own.uniform(0, 2, thick.sum())])
        if load.burst is not None:
            begin, end, times = load.burst
            inside = at[(at >= begin) & (at < end)]
            more = np.repeat(inside, max(round(times) - 1, 0))
            at = np.concatenate([at, more + own.uniform(-900, 900, len(more))])
        parts.append(
            _runs(
                scene,
                own,
                index,
                np.sort(at),
                by_schedule[index],
                typical[index],
                wrong[index],
                load.nothing[1] if idle[index] else 0.02,
                fix,
            )
        )
    joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    inside = (joined[1] >= scene.start) & (joined[1] < scene.end)
    processor, start, end, fault, number, message, scheduled = (part[inside] for part in joined)
    day = ((start - DAY / 2) // DAY).astype(int)
    return Life(processor, start, end, fault, number, message, scheduled, day, people)


def _runs(
    scene: Scene,
    rng: np.random.Generator,
    index: int,
    at: np.ndarray,
    scheduled: bool,
    typical: float,
    wrong: float,
    nothing: float,
    fix: Fix,
) -> tuple[np.ndarray, ...]:
    """First attempts at these moments, and what redelivery makes of those that fail."""
    count = len(at)
    moved = rng.random(count)
    if fix.jitter_s and scheduled:
        at = at + fix.jitter_s * moved
    message = index * 10_000_000 + np.arange(count)
    policy = fix.policy(scene.policy)
    assert policy is not None
    columns: list[list[np.ndarray]] = [[] for _ in range(7)]
    bad = wrong
    limit = 1 if scheduled else min(policy.attempts or 3, 3)
    for number in range(1, limit + 1):
        luck, length = rng.random(len(at)), np.exp(rng.normal(0, 0.3, len(at)))
        which, wait = rng.random(len(at)), rng.random(len(at))
        failed = luck < bad
        empty = ~failed & (luck < bad + nothing)
        fault = np.where(failed, "random", np.where(empty, "no_data", ""))
        end = at + typical * length * np.where(failed, 0.3 + which, np.where(empty, 0.2, 1.0))
        for column, values in zip(
            columns,
            (
                np.full(len(at), index),
                at,
                end,
                fault,
                np.full(len(at), number),
                message,
                np.full(len(at), scheduled),
            ),
            strict=True,
        ):
            column.append(values)
        delays = np.array([policy.delay_s(number, w) for w in wait[failed]])
        at, message = end[failed] + delays, message[failed]
        bad, nothing = 0.3, 0.0
        if not len(at):
            break
    return tuple(np.concatenate(column) for column in columns)


def _by_slot() -> np.ndarray:
    weights = np.repeat(CYCLE, 12)
    return weights / weights.sum()


def _factors(load: Load, first_day: float, days: int, scene: Scene) -> np.ndarray:
    """How much work each day (UTC) has, beside an ordinary one."""
    starts = first_day + np.arange(days) * DAY
    weekday = ((starts // DAY).astype(int) + 3) % 7
    factor = np.array(load.weekday)[weekday]
    share = (starts - scene.start) / (scene.end - scene.start)
    return factor * (1 + (load.growth - 1) * np.clip(share, 0, 1))
