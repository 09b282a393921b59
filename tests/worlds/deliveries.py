"""Causes that live on messages: redelivery that multiplies, poison, a healer that republishes."""

from __future__ import annotations

import numpy as np

from worlds.hazards import Chance, Hazard, Malformed, Outage, Purge, Shared
from worlds.redelivery import Redelivery
from worlds.scene import Scene, day_of, draw_policy
from worlds.storm import Messages, Storm, cast, log_uniform, runtime, wanted
from worlds.work import Work


def retry_amplification(rng: np.random.Generator, scene: Scene) -> Storm:
    """A passing fault, and many messages that are delivered again and again until it has passed.

    In some worlds the resource behind it is also small, so that the retries keep it overloaded
    after the fault has gone (a metastable failure: Bronson et al., HotOS 2021).
    """
    actors = cast(rng, scene, 10, 81)
    length = float(np.median([end - begin for begin, end in scene.spans]))
    policy = draw_policy(rng, attempts=None if rng.random() < 0.6 else (6, 30), longest=(120, 3600))
    if policy.max_s > length / 3:
        policy = Redelivery(
            min_s=policy.min_s,
            max_s=max(length / 3, 60.0),
            jitter=policy.jitter,
            attempts=policy.attempts,
            ack_deadline_s=policy.ack_deadline_s,
        )
    hangs = bool(rng.random() < 0.35)
    lasts = (20.0, 240.0) if hangs else (0.5, 15.0)
    per_message = _deliveries(policy, length, lasts)
    # Faults that end early let late messages off: half of them, on average, see half of it.
    total = int(np.clip(wanted(rng) / max(per_message * 0.7, 1), 40, 12_000))
    away = Outage(
        spans=scene.spans,
        fault="hang" if hangs else "unavailable",
        lasts_s=lasts,
        share=float(rng.choice([1.0, 1.0, rng.uniform(0.85, 1.0)])),
    )
    typical = runtime(rng, 5, 120)
    hazards: tuple[Hazard, ...] = (away,)
    metastable = bool(rng.random() < 0.3)
    if metastable:
        per_s = total / len(scene.spans) / length
        hazards = (
            away,
            Shared(
                capacity=max(int(per_s * typical * rng.uniform(1.5, 6)), 4),
                rejects=True,
                timeout_s=max(typical * 3, 30),
            ),
        )
    hazards = (*hazards, Chance(min(scene.noise, 0.1), ("random",)))
    messages = Messages(scene)
    early = rng.uniform(0.02, 0.4)  # most are there when the fault begins, or come during it
    works = []
    for begin, end in scene.spans:
        count = max(int(total / len(scene.spans) * rng.uniform(0.8, 1.2)), 8)
        at = np.where(
            rng.random(count) < 0.5,
            begin + (end - begin) * early * rng.random(count),
            rng.uniform(begin - 0.1 * (end - begin), end, count),
        )
        for moment in np.sort(at):
            works.append(
                Work(
                    processor=actors[int(rng.integers(len(actors)))],
                    start=float(moment),
                    duration=typical * float(np.exp(rng.normal(0, 0.3))),
                    data_day=day_of(moment),
                    hazards=hazards,
                    message=messages.new(),
                    policy=policy,
                    cause="retry_amplification",
                )
            )
    return Storm(
        "retry_amplification",
        works,
        settings={
            "min_s": policy.min_s,
            "max_s": policy.max_s,
            "jitter": policy.jitter,
            "attempts": policy.attempts or 0,
            "hangs": str(hangs),
            "metastable": str(metastable),
        },
    )


def _deliveries(policy: Redelivery, length: float, lasts: tuple[float, float]) -> float:
    """How often a message that came at the beginning is delivered within the fault."""
    spent, count = 0.0, 0
    while spent < length and not policy.gives_up_after(count) and count < 5_000:
        count += 1
        spent += sum(lasts) / 2 + policy.delay_s(count, 0.5)
    return count


def poison_message(rng: np.random.Generator, scene: Scene) -> Storm:
    """A few messages that can never succeed, delivered until somebody purges them."""
    actors = cast(rng, scene, 1, 4)
    length = float(np.median([end - begin for begin, end in scene.spans]))
    policy = draw_policy(rng, attempts=None, longest=(60, 900))
    # Two hundred failures need so many messages at that pace.
    few = int(np.clip(np.ceil(260 * policy.max_s / length / len(scene.spans)), 1, 12))
    count = int(rng.integers(few, max(few + 1, 9)))
    pace = min(260 / count / len(scene.spans), 400.0)
    policy = Redelivery(
        min_s=min(policy.min_s, policy.max_s),
        max_s=min(policy.max_s, max(length / pace, 15.0)),
        jitter=policy.jitter,
        attempts=None,
    )
    bad = Malformed("malformed", (0.3, log_uniform(rng, 1, 20)))
    messages = Messages(scene)
    works = []
    for begin, end in scene.spans:
        for _ in range(count):
            moment = begin + float(rng.uniform(0, min(0.15 * (end - begin), 3600)))
            works.append(
                Work(
                    processor=actors[int(rng.integers(len(actors)))],
                    start=moment,
                    duration=5.0,
                    data_day=day_of(moment) - int(rng.integers(0, 4)),
                    hazards=(Purge(end), bad),
                    message=messages.new(),
                    policy=policy,
                    cause="poison_message",
                )
            )
    return Storm(
        "poison_message",
        works,
        settings={"messages": count, "min_s": policy.min_s, "max_s": policy.max_s},
    )


def republish_loop(rng: np.random.Generator, scene: Scene) -> Storm:
    """A healer believes that work is missing and publishes it again at every one of its marks."""
    actors = cast(rng, scene, 2, 30)
    length = float(np.median([end - begin for begin, end in scene.spans]))
    choices = [each for each in (5, 10, 15, 15, 30, 60) if each * 60 * 4 <= length] or [5]
    period = float(rng.choice(choices)) * 60
    fails = float(rng.uniform(0.45, 1.0))
    marks_in_all = max(length / period, 1) * len(scene.spans)
    batch = int(np.clip(wanted(rng, 20_000) / marks_in_all / fails, 8, 250))
    spread = float(rng.choice([2, 10, 30, min(60, period / 5)]))
    messages = Messages(scene)
    typical = runtime(rng, 3, 60)
    policy = draw_policy(rng, attempts=(2, 2)) if rng.random() < 0.3 else None
    broken = Chance(fails, ("again",), quick_s=float(rng.uniform(1, 8)))
    luck = Chance(min(scene.noise, 0.05), ("random",))
    same = rng.random() < 0.7  # the same batch each time; otherwise a sample of a larger stock
    works, trigger = [], 0
    for begin, end in scene.spans:
        first = np.ceil(begin / period) * period
        stock = [
            (actors[int(rng.integers(len(actors)))], day_of(begin) - int(rng.integers(0, 5)))
            for _ in range(batch if same else 3 * batch)
        ]
        for processor, day in dict.fromkeys(stock):
            works.append(  # the work's first run, which succeeds, hours before
                Work(
                    processor=processor,
                    start=float(first - rng.uniform(1, 20) * 3600),
                    duration=typical,
                    data_day=day,
                    message=messages.new(),
                    storm=False,
                )
            )
        for mark in np.arange(first, end, period):
            trigger += 1
            chosen = range(batch) if same else rng.choice(len(stock), batch, replace=False)
            for pick in chosen:
                processor, day = stock[int(pick)]
                works.append(
                    Work(
                        processor=processor,
                        start=float(mark + rng.uniform(0, spread)),
                        duration=typical * float(np.exp(rng.normal(0, 0.3))),
                        data_day=day,
                        hazards=(broken, luck),
                        scheduled=True,
                        trigger=trigger,
                        message=messages.new(),
                        policy=policy,
                        by="retry",
                        parent=None,
                        cause="republish_loop",
                    )
                )
    return Storm(
        "republish_loop",
        works,
        settings={"period_s": period, "batch": batch, "fails": fails, "spread_s": spread},
    )
