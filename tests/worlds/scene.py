"""When a world takes place: its weeks, who runs, how much fails anyway, its storm's times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from cronsim import CronSim

from worlds import names
from worlds.redelivery import Redelivery

DAY = 86_400.0
WEEK = 7 * DAY
NEW_YORK = ZoneInfo("America/New_York")
# Four to seven weeks fit into each without a change of New York's clock: a weekly window that moves
# by an hour is a trap of its own, and not the cause under test.
SEASONS = ((datetime(2025, 11, 3, tzinfo=UTC), 62), (datetime(2026, 3, 9, tzinfo=UTC), 170))


@dataclass(frozen=True)
class Scene:
    """Times are seconds since 1970 (UTC).

    Attributes:
        start, end: the history; `end` is the moment that the report is about.
        processors: all that have an ordinary life here.
        noise: the share of ordinary runs that fail, in the middle of the processors.
        policy: the retry policy of the platform's ordinary subscriptions.
        spans: when the storm blows, planned; one if it does not recur.
    """

    seed: int
    start: float
    end: float
    processors: tuple[str, ...]
    noise: float
    policy: Redelivery
    spans: tuple[tuple[float, float], ...]

    @property
    def weekly(self) -> bool:
        return len(self.spans) > 1

    def rng(self, *salt: int) -> np.random.Generator:
        """Random numbers for one purpose, the same in every replay of the world."""
        return np.random.default_rng([self.seed, *salt])


def draw_scene(
    rng: np.random.Generator,
    *,
    seed: int,
    hours: tuple[float, float],
    weekly: bool,
    people: tuple[int, int] = (12, 110),
) -> Scene:
    """A scene with a storm of so many hours, log-uniform between the bounds."""
    season, room = SEASONS[int(rng.integers(len(SEASONS)))]
    weeks = int(rng.integers(4, 8))
    first = season + timedelta(days=int(rng.integers(0, max(room - weeks * 7 - 9, 1))))
    length = float(np.exp(rng.uniform(*np.log(hours)))) * 3600
    # Storms begin on a quarter of an hour more often than not: schedules do.
    into_day = float(rng.integers(0, 96)) * 900 if rng.random() < 0.7 else rng.uniform(0, DAY)
    last = first.timestamp() + (weeks - 1) * WEEK + float(rng.integers(0, 7)) * DAY + into_day
    spans = []
    for back in range(weeks if weekly else 1):
        begin = last - back * WEEK
        shift, stretch = 0.0, 1.0
        if weekly and rng.random() < 0.3:
            shift, stretch = rng.uniform(-300, 300), rng.uniform(0.85, 1.15)
        spans.append((begin + shift, begin + shift + length * stretch))
    if weekly and rng.random() < 0.25:
        spans = spans[: max(4, len(spans) - 2)]  # it began within the history
    end = spans[0][1] + rng.uniform(1.5, 30) * 3600
    if not weekly and rng.random() < 0.25:
        end += rng.uniform(1, 5) * DAY
    return Scene(
        seed=seed,
        start=end - weeks * WEEK - rng.uniform(0, 3) * DAY,
        end=float(np.ceil(end / 60) * 60),
        processors=tuple(names.choose(rng, int(rng.integers(people[0], people[1] + 1)))),
        noise=float(np.exp(rng.uniform(*np.log((0.01, 0.30))))),
        policy=draw_policy(rng, attempts=(2, 5)),
        spans=tuple(sorted(spans)),
    )


def draw_policy(
    rng: np.random.Generator,
    *,
    attempts: tuple[int, int] | None,
    shortest: tuple[float, float] = (10, 60),
    longest: tuple[float, float] = (600, 3600),
) -> Redelivery:
    """A retry policy; `attempts` None: without end."""
    spread = rng.choice([0.0, 0.0, 0.1, 1.0])
    return Redelivery(
        min_s=float(rng.choice([10, 20, 30, 60]).clip(*shortest)),
        max_s=float(np.exp(rng.uniform(*np.log(longest)))),
        factor=2.0,
        jitter=float(spread),
        attempts=None if attempts is None else int(rng.integers(attempts[0], attempts[1] + 1)),
        ack_deadline_s=float(rng.choice([600, 600, 60])),
    )


def marks(cron: str, start: float, end: float, zone: ZoneInfo = NEW_YORK) -> list[float]:
    """When a schedule fires in [start, end), seconds since 1970."""
    # cronsim gives what comes after its start, so it starts a moment earlier.
    moment = datetime.fromtimestamp(start, zone) - timedelta(seconds=1)
    found = []
    for mark in CronSim(cron, moment):
        at = mark.timestamp()
        if at >= end:
            break
        if at >= start:
            found.append(at)
    return found


def day_of(moment: float) -> int:
    """The date that data processed at a moment is about: yesterday's until noon UTC."""
    return int((moment - DAY / 2) // DAY)
