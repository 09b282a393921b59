"""The clockwork: starts in order of time, each meets its hazards, failures are delivered again."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from worlds.fixes import NO_FIX, Fix
from worlds.hazards import PURGED
from worlds.work import Attempt, Work

_TABLE = 1 << 16


def play(works: Sequence[Work], *, seed: int, until: float, fix: Fix = NO_FIX) -> list[Attempt]:
    """Every run of the works that started before `until`, in order of their start.

    The luck of a work's n-th attempt depends on the seed, the work and n alone.
    """
    rng = np.random.default_rng([seed, 77])
    dice = rng.random(_TABLE + 4).tolist()
    moved = rng.random(4096).tolist()
    for hazard in {id(each): each for work in works for each in work.hazards}.values():
        hazard.reset()
    queue: list[tuple[float, int, int]] = []
    for index, work in enumerate(works):
        start = work.start
        if fix.jitter_s and work.scheduled:
            trigger = work.trigger if work.trigger >= 0 else index
            # A multiplicative hash: neighbours must not share their luck.
            start += fix.jitter_s * moved[(trigger * 2654435761 >> 7) % 4096]
        queue.append((_allowed(work, start, fix), index, 1))
    heapq.heapify(queue)
    attempts: list[Attempt] = []
    while queue:
        now, index, number = heapq.heappop(queue)
        if now >= until:
            continue
        work = works[index]
        if work.swept_at is not None:
            attempts.append(Attempt(index, number, now, work.swept_at, "swept"))
            continue
        at = (index * 40503 + number * 7919 + seed) % _TABLE
        luck = (dice[at], dice[at + 1], dice[at + 2])
        fault, lasts = "", work.duration
        for hazard in work.hazards:
            fate = hazard.meet(work, now, luck)
            if fate is not None:
                fault, lasts = fate
                break
        if fault == PURGED:
            continue
        end = now + lasts
        attempts.append(Attempt(index, number, now, end, fault))
        policy = fix.policy(work.policy)
        if not fault or work.message is None or policy is None or policy.gives_up_after(number):
            continue
        lost = min(end, now + policy.ack_deadline_s)
        again = lost + policy.delay_s(number, dice[at + 3])
        heapq.heappush(queue, (_allowed(work, again, fix), index, number + 1))
    return attempts


def _allowed(work: Work, start: float, fix: Fix) -> float:
    if not fix.window:
        return start
    allowed = max(start, work.ready_at)
    if fix.window_in_outages and work.outage and work.outage[0] <= allowed < work.outage[1]:
        return work.outage[1]
    return allowed
