"""Storms that have more than one cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from worlds.bulk import backfill
from worlds.deliveries import poison_message, retry_amplification
from worlds.inputs import premature_start, upstream_outage
from worlds.redelivery import Redelivery
from worlds.scene import Scene
from worlds.schedules import rate_limit, scheduler_collision
from worlds.storm import Storm

Mixture = Callable[[np.random.Generator, Scene], Storm]


def collision_with_retries(rng: np.random.Generator, scene: Scene) -> Storm:
    """A collision whose failures come back soon and often, into the next marks."""
    policy = Redelivery(
        min_s=float(rng.choice([10, 20])),
        max_s=float(rng.uniform(60, 600)),
        jitter=float(rng.choice([0.0, 1.0])),
        attempts=None if rng.random() < 0.3 else int(rng.integers(6, 20)),
    )
    found = scheduler_collision(rng, scene, policy=policy)
    return replace(found, others=("retry_amplification",))


def outage_then_backfill(rng: np.random.Generator, scene: Scene) -> Storm:
    """An upstream is down; once it is back somebody replays what was missed long ago as well."""
    first = upstream_outage(rng, scene)
    later = replace(
        scene,
        spans=tuple((end + 1200, end + 1200 + 0.5 * (end - begin)) for begin, end in scene.spans),
    )
    return _together(first, backfill(rng, later))


def poison_and_quota(rng: np.random.Generator, scene: Scene) -> Storm:
    """Poisoned messages eat the capacity, and others meet the quota (2026-02-08)."""
    return _together(poison_message(rng, scene), rate_limit(rng, scene))


def premature_and_collision(rng: np.random.Generator, scene: Scene) -> Storm:
    """Jobs start at one mark, some before their data, some into each other."""
    return _together(premature_start(rng, scene), scheduler_collision(rng, scene))


def outage_and_retries(rng: np.random.Generator, scene: Scene) -> Storm:
    """Two services are away at the same time: a table's writer, and what everybody calls."""
    return _together(upstream_outage(rng, scene), retry_amplification(rng, scene))


def weekly_and_once(rng: np.random.Generator, scene: Scene) -> Storm:
    """Two storms that have nothing to do with each other, days apart; one of them may be weekly."""
    builders = (scheduler_collision, poison_message, premature_start, rate_limit, upstream_outage)
    one, other = rng.choice(len(builders), size=2, replace=False)
    length = float(rng.uniform(1, 6)) * 3600
    # A day and a half to two days before the last, so that no weekly one is near.
    begin = scene.spans[-1][0] - length - float(rng.uniform(36, 60)) * 3600
    once = replace(scene, spans=((begin, begin + length),))
    first, second = builders[one](rng, scene), builders[other](rng, once)
    return replace(
        _together(first, second),
        spans={first.cause: scene.spans, second.cause: once.spans},
    )


def _together(one: Storm, other: Storm) -> Storm:
    """Both; `worlds.world` finds by their failures which is the main one."""
    return Storm(
        one.cause,
        [*one.works, *other.works],
        others=(other.cause,),
        settings={**one.settings, **other.settings},
    )


MIXTURES: dict[str, Mixture] = {
    "collision_with_retries": collision_with_retries,
    "outage_then_backfill": outage_then_backfill,
    "poison_and_quota": poison_and_quota,
    "premature_and_collision": premature_and_collision,
    "outage_and_retries": outage_and_retries,
    "weekly_and_once": weekly_and_once,
}
