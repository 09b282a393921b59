"""Causes that are about inputs: runs that start before theirs exist, or whose upstream is down."""

from __future__ import annotations

import numpy as np

from worlds import names
from worlds.hazards import Chance, InputMissing, Outage, UpstreamDown
from worlds.redelivery import Redelivery
from worlds.scene import Scene, day_of, draw_policy
from worlds.storm import Messages, Storm, cast, log_uniform, runtime, wanted
from worlds.work import Work


def premature_start(rng: np.random.Generator, scene: Scene) -> Storm:
    """Runs start before their data has landed: polls of a schedule, or one message again and again.

    When it lands the same items succeed, and their polls end.
    """
    actors = cast(rng, scene, 10, 60)
    length = float(np.median([end - begin for begin, end in scene.spans]))
    steady = bool(rng.random() < 0.5)
    gaps = [each for each in (3, 5, 10, 15, 20, 30, 60) if each * 60 * 4 <= length] or [3]
    gap = float(rng.choice(gaps)) * 60
    tries = max(length / gap, 1) * len(scene.spans)
    items = int(np.clip(wanted(rng) / tries, len(actors), 1_500))
    typical = runtime(rng, 10, 200)
    missing = InputMissing("early", (0.5, log_uniform(rng, 2, 30)))
    luck = Chance(min(scene.noise, 0.1), ("random",))
    policy = None
    if not steady:
        policy = Redelivery(min_s=gap, max_s=gap, jitter=0.0, attempts=None)
        if rng.random() < 0.4:
            policy = draw_policy(rng, attempts=None, longest=(min(gap, 600), max(gap, 601)))
    messages = Messages(scene)
    lag = float(rng.choice([0.0, 30.0, min(120.0, length / 20)]))
    works = []
    for begin, end in scene.spans:
        for item in range(items):
            processor = actors[item % len(actors)]
            ready = end + lag * float(rng.random())
            first = begin + float(rng.uniform(0, min(gap, length / 4)))
            day = day_of(begin) - (item // len(actors)) % 3
            if steady:
                # Polls of a schedule: at its marks, until the first that succeeds.
                first = float(np.ceil(begin / gap) * gap)
                starts = list(np.arange(first, ready + gap, gap) + rng.uniform(0, 3))
            else:
                starts = [first]
            last = len(starts) - 1
            for number, moment in enumerate(starts):
                works.append(
                    Work(
                        processor=processor,
                        start=float(moment),
                        duration=typical * float(np.exp(rng.normal(0, 0.3))),
                        data_day=day,
                        hazards=(missing, luck),
                        scheduled=steady,
                        message=None if steady else messages.new(),
                        policy=policy,
                        ready_at=ready,
                        source="scheduler" if steady else "pubsub",
                        by="scheduler" if steady else "workflow",
                        cause="premature_start",
                        # The names of inputs are those of the first upstream.
                        names=next(iter(names.registry().get_dependencies(processor)), ""),
                        storm=not steady or number < last or last == 0,
                    )
                )
    return Storm(
        "premature_start",
        works,
        settings={"gap_s": gap, "steady": str(steady), "items": items},
    )


def upstream_outage(rng: np.random.Generator, scene: Scene) -> Storm:
    """One processor is down; what needs its table, directly or through others, fails on it."""
    root = str(rng.choice(names.roots()))
    below = sorted(names.descendants(root))
    direct = sorted(set(below) & set(names.registry().get_dependents(root)))
    count = int(rng.integers(min(len(below), 2), len(below) + 1))
    chosen = sorted({*direct[:2], *map(str, rng.choice(below, size=count, replace=False))})
    chained = bool(rng.random() < 0.25)
    policy = draw_policy(rng, attempts=(2, 3)) if rng.random() < 0.5 else None
    hours = sum(end - begin for begin, end in scene.spans) / 3600
    aim = wanted(rng) / ((len(chosen) + 1) * (policy.attempts or 1 if policy else 1))
    by_schedule = bool(rng.random() < 0.5)
    gap = float(np.clip(hours * 3600 / aim, 4, 1800))
    typical = runtime(rng, 10, 200)
    away = Outage(
        spans=scene.spans,
        fault="hang" if rng.random() < 0.3 else "unavailable",
        lasts_s=(1.0, log_uniform(rng, 5, 120)),
    )
    fails = UpstreamDown((0.5, log_uniform(rng, 2, 20)))
    luck = Chance(min(scene.noise, 0.1), ("random",))
    messages = Messages(scene)
    works: list[Work] = []
    for begin, end in scene.spans:
        length = end - begin
        lag = min(float(rng.uniform(0, 300)), length / 10)
        for who, processor in enumerate((root, *chosen)):
            # The same work before and after: jitter moves as much into the outage as out of it.
            around = max(0.05 * length, 1800.0)
            count = max(int((length + 2 * around) / gap), 2)
            if by_schedule:
                # Marks: several games are worked on at each.
                slot = max(gap, 300.0)
                each = max(round(slot / gap), 1)
                first = np.ceil((begin - around) / 300) * 300
                at = np.repeat(np.arange(first, end + around, slot), each)
                at = at + rng.uniform(0, 4, len(at))
            else:
                at = rng.uniform(begin - around, end + around, count)
            up = set(names.registry().get_dependencies(processor)) & {*chosen, root}
            through = sorted(up)[who % len(up)] if chained and up and root not in up else root
            for moment in np.sort(at):
                works.append(
                    Work(
                        processor=processor,
                        start=float(moment),
                        duration=typical * float(np.exp(rng.normal(0, 0.3))),
                        data_day=day_of(begin),
                        hazards=(away, luck) if who == 0 else (fails, luck),
                        scheduled=by_schedule,
                        message=messages.new() if policy else None,
                        policy=policy,
                        outage=(begin + lag, end + lag) if who else None,
                        names=through,
                        source="scheduler" if by_schedule else "pubsub",
                        by="scheduler" if by_schedule else "workflow",
                        parent=None if who == 0 else through,
                        cause="upstream_outage",
                    )
                )
    return Storm(
        "upstream_outage",
        works,
        settings={"root": root, "below": len(chosen), "chained": str(chained)},
    )
