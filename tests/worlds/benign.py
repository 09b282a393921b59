"""Worlds in which nothing is wrong, though much may fail: no finding above info is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from worlds.life import Load
from worlds.scene import Scene
from worlds.storm import log_uniform

Benign = Callable[[np.random.Generator, Scene], tuple[Scene, Load]]


def busy_sundays(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """Three to eight times the work every Sunday, and the same share of it fails."""
    week = [1.0] * 7
    week[6] = float(rng.uniform(2.5, 8))
    if rng.random() < 0.4:
        week[0] = float(rng.uniform(1.2, 3))
    return scene, Load(weekday=tuple(week))


def busy_burst(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """One day, or a few hours, with several times the work."""
    begin, _ = scene.spans[-1]
    length = log_uniform(rng, 2, 24) * 3600
    return scene, Load(burst=(begin, begin + length, float(rng.integers(3, 8))))


def no_data_noise(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """Most runs of many processors find nothing to do, every day."""
    return scene, Load(nothing=(float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.6, 0.97))))


def evening_polls(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """Polls every few minutes of every evening, most of which find nothing; more on Sundays."""
    week = [1.0] * 7
    if rng.random() < 0.5:
        week[6] = float(rng.uniform(1.5, 4))
    return scene, Load(
        weekday=tuple(week),
        nothing=(float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.7, 0.97))),
        polls=int(rng.choice([15, 20, 30])),
    )


def single_failures(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """Lone failures at random moments."""
    return replace(scene, noise=float(rng.uniform(0.005, 0.05))), Load(nothing=(0.0, 0.0))


def ordinary_days(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """The daily cycle, with a steady share of failures up to thirty in a hundred."""
    return replace(scene, noise=float(rng.uniform(0.05, 0.3))), Load()


def growing_season(rng: np.random.Generator, scene: Scene) -> tuple[Scene, Load]:
    """Work grows to a multiple over the weeks; the share that fails does not."""
    return scene, Load(growth=float(rng.uniform(1.5, 4)))


BENIGN: dict[str, Benign] = {
    "busy_sundays": busy_sundays,
    "busy_burst": busy_burst,
    "no_data_noise": no_data_noise,
    "evening_polls": evening_polls,
    "single_failures": single_failures,
    "ordinary_days": ordinary_days,
    "growing_season": growing_season,
}
