"""Worlds in which nothing is wrong, though much may fail: no finding above info is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from worlds.hazards import Chance
from worlds.life import Load
from worlds.scene import DAY, Scene, day_of, marks
from worlds.storm import cast, log_uniform, runtime
from worlds.work import Work


@dataclass(frozen=True)
class Calm:
    """A scene, how much work there is in it, and work that looks like a storm and is none."""

    scene: Scene
    load: Load
    works: tuple[Work, ...] = ()


Benign = Callable[[np.random.Generator, Scene], Calm]


def busy_sundays(rng: np.random.Generator, scene: Scene) -> Calm:
    """Three to eight times the work every Sunday, and the same share of it fails."""
    week = [1.0] * 7
    week[6] = float(rng.uniform(2.5, 8))
    if rng.random() < 0.4:
        week[0] = float(rng.uniform(1.2, 3))
    return Calm(scene, Load(weekday=tuple(week)))


def busy_burst(rng: np.random.Generator, scene: Scene) -> Calm:
    """One day, or a few hours, with several times the work."""
    begin, _ = scene.spans[-1]
    length = log_uniform(rng, 2, 24) * 3600
    return Calm(scene, Load(burst=(begin, begin + length, float(rng.integers(3, 8)))))


def no_data_noise(rng: np.random.Generator, scene: Scene) -> Calm:
    """Most runs of many processors find nothing to do, every day."""
    nothing = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.6, 0.97))
    return Calm(scene, Load(nothing=nothing))


def evening_polls(rng: np.random.Generator, scene: Scene) -> Calm:
    """Polls every few minutes of every evening, most of which find nothing; more on Sundays."""
    week = [1.0] * 7
    if rng.random() < 0.5:
        week[6] = float(rng.uniform(1.5, 4))
    load = Load(
        weekday=tuple(week),
        nothing=(float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.7, 0.97))),
        polls=int(rng.choice([15, 20, 30])),
    )
    return Calm(scene, load)


def single_failures(rng: np.random.Generator, scene: Scene) -> Calm:
    """Lone failures at random moments."""
    return Calm(replace(scene, noise=float(rng.uniform(0.005, 0.05))), Load(nothing=(0.0, 0.0)))


def ordinary_days(rng: np.random.Generator, scene: Scene) -> Calm:
    """The daily cycle, with a steady share of failures up to thirty in a hundred."""
    return Calm(replace(scene, noise=float(rng.uniform(0.05, 0.3))), Load())


def growing_season(rng: np.random.Generator, scene: Scene) -> Calm:
    """Work grows to a multiple over the weeks; the share that fails does not."""
    return Calm(scene, Load(growth=float(rng.uniform(1.5, 4))))


def healthy_marks(rng: np.random.Generator, scene: Scene) -> Calm:
    """Dozens of jobs start at the same marks every week, and there is room for all of them."""
    actors = cast(rng, scene, 10, 81)
    jobs = int(log_uniform(rng, 20, 100))
    interval = int(rng.choice([10, 15, 30]))
    luck = Chance(scene.noise, ("random",))
    typical = runtime(rng)
    works = [
        Work(
            processor=actors[job % len(actors)],
            start=mark + float(rng.uniform(0, 2)),
            duration=typical * float(np.exp(rng.normal(0, 0.3))),
            data_day=day_of(mark),
            hazards=(luck,),
            scheduled=True,
            source="scheduler",
            by="scheduler",
        )
        for begin, end in scene.spans
        for mark in marks(f"*/{interval} * * * *", begin, end)
        for job in range(jobs)
    ]
    return Calm(scene, Load(), tuple(works))


def healthy_backfill(rng: np.random.Generator, scene: Scene) -> Calm:
    """A bulk replay of old dates of which no larger share fails than of any other day's work."""
    actors = cast(rng, scene, 1, 20)
    begin, end = scene.spans[-1]
    luck = Chance(scene.noise, ("gap",))
    typical = runtime(rng)
    back = int(log_uniform(rng, 30, 900))
    count = int(log_uniform(rng, 300, 6_000))
    works = [
        Work(
            processor=actors[number % len(actors)],
            start=begin + (end - begin) * number / count,
            duration=typical * float(np.exp(rng.normal(0, 0.3))),
            data_day=int(begin // DAY) - back + number % 60,
            hazards=(luck,),
            source="manual",
            by="manual",
            backfill=True,
        )
        for number in range(count)
    ]
    return Calm(scene, Load(), tuple(works))


BENIGN: dict[str, Benign] = {
    "busy_sundays": busy_sundays,
    "busy_burst": busy_burst,
    "no_data_noise": no_data_noise,
    "evening_polls": evening_polls,
    "single_failures": single_failures,
    "ordinary_days": ordinary_days,
    "growing_season": growing_season,
    "healthy_marks": healthy_marks,
    "healthy_backfill": healthy_backfill,
}
