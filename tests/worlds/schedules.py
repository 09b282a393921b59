"""Causes that begin with clocks: jobs that collide, a quota met by bursts or by plain demand."""

from __future__ import annotations

import numpy as np

from worlds.hazards import Chance, Quota, Shared
from worlds.redelivery import Redelivery
from worlds.scene import Scene, day_of, draw_policy, marks
from worlds.storm import Messages, Storm, cast, log_uniform, runtime, wanted
from worlds.work import Work

INTERVALS = (3, 5, 10, 15, 20, 30, 60)  # minutes between the marks of a schedule


def scheduler_collision(
    rng: np.random.Generator, scene: Scene, *, policy: Redelivery | None = None
) -> Storm:
    """Many jobs start at one mark and starve what they share.

    `policy`: how failures are redelivered; default: hardly or not at all.
    """
    actors = cast(rng, scene, 10, 81)
    hours = sum(end - begin for begin, end in scene.spans) / 3600
    tight = rng.uniform(0.15, 0.7)
    fitting = [each for each in INTERVALS if each <= hours / len(scene.spans) * 60 / 2]
    interval = int(rng.choice(fitting or INTERVALS[:1]))
    jobs = wanted(rng) / (1 - tight) / max(hours * 60 / interval, 1)
    jobs = int(np.clip(jobs, max(12, len(actors)), 120))
    # The work itself fits: it is its starting all at once that does not.
    typical = min(runtime(rng, 10, 400), interval * 60 * min(0.5, rng.uniform(0.3, 0.9) * tight))
    shared = Shared(
        capacity=max(int(jobs * tight), 3),
        rejects=bool(rng.random() < 0.5),
        timeout_s=float(np.clip(typical * rng.uniform(2, 5), 20, interval * 60 * 0.9)),
        steep=float(rng.uniform(0.7, 1.5)),
    )
    own_jitter = 0.0 if rng.random() < 0.6 else float(rng.uniform(1, 12))
    if policy is None:
        policy = draw_policy(rng, attempts=(2, 3)) if rng.random() < 0.6 else None
    offset = 0 if rng.random() < 0.7 else int(rng.integers(interval))
    cron = f"{offset % 60}-59/{interval} * * * *" if interval < 60 else f"{offset % 60} * * * *"
    luck = Chance(min(scene.noise, 0.1), ("random",))
    messages = Messages(scene)
    offsets = rng.uniform(0.0, 2.0, jobs) + own_jitter * rng.random(jobs)
    lengths = typical * np.exp(rng.normal(0, 0.3, jobs))
    attends = rng.uniform(0.8, 1.0)
    works = []
    for begin, end in scene.spans:
        for mark in marks(cron, begin, end):
            for job in np.flatnonzero(rng.random(jobs) < attends):
                works.append(
                    Work(
                        processor=actors[job % len(actors)],
                        start=float(mark + offsets[job]),
                        duration=float(lengths[job]),
                        data_day=day_of(mark),
                        hazards=(luck, shared),
                        scheduled=True,
                        message=messages.new() if policy else None,
                        policy=policy,
                        source="scheduler",
                        by="scheduler",
                        cause="scheduler_collision",
                    )
                )
    return Storm(
        "scheduler_collision",
        works,
        settings={
            "jobs": jobs,
            "interval_min": interval,
            "capacity": shared.capacity,
            "rejects": str(shared.rejects),
            "typical_s": typical,
            "timeout_s": shared.timeout_s,
        },
    )


def rate_limit(rng: np.random.Generator, scene: Scene) -> Storm:
    """An outside service grants so many calls a minute. Demand comes in bursts, or is too high."""
    actors = cast(rng, scene, 1, 12)
    hours = sum(end - begin for begin, end in scene.spans) / 3600
    limit = int(log_uniform(rng, 2, 40))
    # Failures in all = (demand - limit) a minute: no more than some 40,000 starts in a world.
    over = wanted(rng) / (hours * 60)
    over = min(over, 40_000 / (hours * 60) - limit) if over + limit > 600 / hours else over
    over = max(over, limit * 0.5)
    quota = Quota(
        limit=limit,
        sliding=bool(rng.random() < 0.3),
        quick_s=float(rng.uniform(0.5, 4)),
    )
    policy = draw_policy(rng, attempts=(2, 5)) if rng.random() < 0.5 else None
    again = 1.0 + (0.6 * ((policy.attempts or 2) - 1) if policy else 0.0)
    bursts = bool(rng.random() < 0.5)
    luck = Chance(min(scene.noise, 0.05), ("random",))
    messages = Messages(scene)
    typical = runtime(rng, 2, 40)
    interval = float(rng.choice([1, 2, 3, 5, 10, 15])) * 60
    works = []
    for begin, end in scene.spans:
        if bursts:
            size = max(int((over * interval / 60) / again) + limit, limit + 2)
            at = np.concatenate(
                [
                    mark + rng.uniform(0, 3, size)
                    for mark in np.arange(np.ceil(begin / 60) * 60, end, interval)
                ]
                or [np.zeros(0)]
            )
        else:
            at = rng.uniform(begin, end, int((limit + over / again) * (end - begin) / 60))
        for moment in np.sort(at):
            works.append(
                Work(
                    processor=actors[int(rng.integers(len(actors)))],
                    start=float(moment),
                    duration=typical * float(np.exp(rng.normal(0, 0.3))),
                    data_day=day_of(moment),
                    hazards=(luck, quota),
                    scheduled=bursts,
                    message=messages.new() if policy else None,
                    policy=policy,
                    source="scheduler" if bursts else "pubsub",
                    by="scheduler" if bursts else "workflow",
                    cause="rate_limit",
                )
            )
    return Storm(
        "rate_limit",
        works,
        settings={"limit": limit, "bursts": str(bursts), "interval_s": interval},
    )
