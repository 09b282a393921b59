"""Failures in bulk: a sweep of stuck rows, a backfill, and trouble that nothing explains."""

from __future__ import annotations

import numpy as np

from worlds.hazards import Chance
from worlds.scene import DAY, Scene, day_of
from worlds.storm import Messages, Storm, cast, log_uniform, runtime, wanted
from worlds.work import Work


def cleanup_artifact(rng: np.random.Generator, scene: Scene) -> Storm:
    """A sweep marks rows as failed that have stood open for hours or days. Nothing failed then."""
    actors = cast(rng, scene, 10, 81)
    count = int(wanted(rng, 8_000) / len(scene.spans))
    age = log_uniform(rng, 8, 150) * 3600
    takes = float(rng.choice([0.0, 1.0, 5.0, 20.0]))
    messages = Messages(scene)
    works = []
    for begin, _ in scene.spans:
        # Only what is there: rows cannot be older than the history.
        oldest = max(begin - age, scene.start + 1)
        for start in np.sort(rng.uniform(oldest, begin - 4.5 * 3600, max(count, 30))):
            works.append(
                Work(
                    processor=actors[int(rng.integers(len(actors)))],
                    start=float(start),
                    duration=0.0,
                    data_day=day_of(start),
                    scheduled=bool(rng.random() < 0.5),
                    message=messages.new(),
                    swept_at=begin + float(rng.uniform(0, takes)),
                    cause="cleanup_artifact",
                )
            )
    return Storm("cleanup_artifact", works, settings={"age_h": age / 3600, "takes_s": takes})


def backfill(rng: np.random.Generator, scene: Scene) -> Storm:
    """Somebody replays old dates in bulk; much of what they need is not there."""
    actors = cast(rng, scene, 1, 30)
    fails = float(rng.uniform(0.25, 0.98))
    hours = sum(end - begin for begin, end in scene.spans) / 3600
    total = min(wanted(rng) / fails, 40_000, hours * 3600 * 3)
    back = log_uniform(rng, 20, 1500)
    wide = log_uniform(rng, 10, 400)
    marked = bool(rng.random() < 0.7)
    by = str(rng.choice(["manual", "api"]))
    luck = Chance(fails, ("gap",), quick_s=float(rng.uniform(1, 20)))
    typical = runtime(rng, 3, 90)
    works = []
    for begin, end in scene.spans:
        count = max(int(total / len(scene.spans)), 40)
        workers = int(rng.integers(1, 9))
        at = np.linspace(begin, end, count, endpoint=False) + rng.uniform(0, workers, count)
        for number, moment in enumerate(np.sort(at)):
            works.append(
                Work(
                    processor=actors[number % len(actors)],
                    start=float(moment),
                    duration=typical * float(np.exp(rng.normal(0, 0.4))),
                    data_day=int(begin // DAY - back - wide * (1 - number / count)),
                    hazards=(luck,),
                    source=by,
                    by="manual",
                    backfill=marked,
                    cause="backfill",
                )
            )
    return Storm("backfill", works, settings={"fails": fails, "back_days": back})


def unknown(rng: np.random.Generator, scene: Scene) -> Storm:
    """More failures than usual of every kind, everywhere, with none of the tell-tales."""
    actors = cast(rng, scene, 10, 60)
    fails = float(rng.uniform(0.4, 0.9))
    total = wanted(rng, 8_000) / fails
    luck = Chance(fails, ("random",), quick_s=20.0)
    typical = runtime(rng)
    works = []
    for begin, end in scene.spans:
        for moment in np.sort(rng.uniform(begin, end, int(total / len(scene.spans)))):
            works.append(
                Work(
                    processor=actors[int(rng.integers(len(actors)))],
                    start=float(moment),
                    duration=typical * float(np.exp(rng.normal(0, 0.4))),
                    data_day=day_of(moment),
                    hazards=(luck,),
                    cause="unknown",
                )
            )
    return Storm("unknown", works, settings={"fails": fails})
