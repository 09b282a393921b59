"""How failed messages come again: whether, and after how long, as the runs show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.storms.workload import Asked, Bools, Floats, Ints, Workload

UNCOUNTED = np.int64(1 << 62)  # no limit on the deliveries is known
DEPTH = 64  # deliveries that are told apart; later ones are alike
_UNSEEN_S = 4_000.0  # a failure so near the end of the history may yet come again
_COUNTED = 100  # Pub/Sub gives up after 5 to 100 deliveries; more than that is no limit of its own


@dataclass(frozen=True, kw_only=True, eq=False)
class Redeliveries:
    """What happens after the n-th failure of a message of a processor, n from 0 to DEPTH - 1.

    Attributes:
        chance: (processors, DEPTH): that it is delivered again.
        gaps: (processors, DEPTH) as a ragged array: seconds from the end of a failure to the next
            start. `first` and `count` say where those of a cell lie in `gap_s`.
        stops_s, limit: by message; it was given up then, or after so many deliveries.
        least: by message, how many deliveries it was seen to be worth.
    """

    chance: Floats
    gap_s: Floats
    first: Ints
    count: Ints
    stops_s: Floats
    limit: Ints
    least: Ints

    def gap(self, processor: Ints, attempt: Ints, luck: Floats) -> Floats:
        cell = processor * DEPTH + np.minimum(attempt, DEPTH - 1)
        place = self.first[cell] + (luck * self.count[cell]).astype(np.int64)
        return self.gap_s[place]


def learn(workload: Workload, asked: Asked, message_of: Ints, hopeless: Bools) -> Redeliveries:
    """What the deliveries of the messages show."""
    alive = np.flatnonzero(message_of >= 0)
    order = alive[np.lexsort((workload.start_s[alive], message_of[alive]))]
    same = message_of[order][1:] == message_of[order][:-1]
    has_next = np.zeros(order.size, dtype=bool)
    has_next[:-1] = same
    next_start = np.append(workload.start_s[order][1:], np.inf)
    end = workload.end_s[order]
    failed = workload.failed[order]
    settled = end < workload.known_s[workload.window[order]] - _UNSEEN_S
    seen = has_next | settled
    processor = workload.processor[order]
    depth = np.minimum(workload.attempt[order], DEPTH - 1)
    usable = failed & ~hopeless[message_of[order]]
    # Of a processor whose every failure is too near the end, what was seen has to do.
    late = np.bincount(processor[usable & seen], minlength=workload.processors) == 0
    usable &= seen | late[processor]
    chance = _chances(processor, depth, has_next, usable, workload.processors)
    again = failed & has_next
    gap = np.subtract(next_start, end, out=np.zeros(end.size), where=has_next)
    gap = np.maximum(gap, 0.0)
    gap_s, first, count = _pools(processor[again], depth[again], gap[again], workload.processors)
    stops_s, limit = _ends(workload, asked, hopeless)
    return Redeliveries(
        chance=chance,
        gap_s=gap_s,
        first=first,
        count=count,
        stops_s=stops_s,
        limit=limit,
        least=asked.attempt + asked.deliveries,
    )


def _chances(processor: Ints, depth: Ints, again: Bools, usable: Bools, count: int) -> Floats:
    """By processor and depth; where it was never seen, as elsewhere at that depth, and where nobody
    saw that depth, as at the depth before."""
    cell = processor * DEPTH + depth
    size = count * DEPTH
    tried = np.bincount(cell[usable], minlength=size).reshape(count, DEPTH).astype(np.float64)
    came = np.bincount(cell[usable & again], minlength=size).reshape(count, DEPTH)
    all_tried, all_came = tried.sum(axis=0), came.sum(axis=0)
    known = np.flatnonzero(all_tried > 0)
    if not known.size:
        return np.zeros((count, DEPTH))
    place = np.maximum(np.searchsorted(known, np.arange(DEPTH), side="right") - 1, 0)
    common = (all_came / np.maximum(all_tried, 1))[known[place]]
    # Without a single redelivery a processor has none.
    never = (came.sum(axis=1) == 0) & (tried.sum(axis=1) > 0)
    chance = np.where(tried > 0, came / np.maximum(tried, 1), common)
    chance[never] = 0.0
    return np.asarray(chance)


def _pools(processor: Ints, depth: Ints, gap: Floats, count: int) -> tuple[Floats, Ints, Ints]:
    """The gaps of each processor and depth; without any, those of all processors at this depth; and
    where nobody came so far, those of the nearest depth below."""
    if not gap.size:
        # Nobody saw a redelivery: none will be asked for.
        cells = count * DEPTH
        return np.full(1, 60.0), np.zeros(cells, dtype=np.int64), np.ones(cells, dtype=np.int64)
    order = np.lexsort((processor, depth))
    all_first = np.searchsorted(depth[order], np.arange(DEPTH), side="left")
    all_count = np.bincount(depth, minlength=DEPTH)
    known = np.flatnonzero(all_count)
    nearest = known[np.maximum(np.searchsorted(known, np.arange(DEPTH), side="right") - 1, 0)]
    all_first, all_count = all_first[nearest], all_count[nearest]
    own_order = np.lexsort((depth, processor))
    cell = (processor * DEPTH + depth)[own_order]
    own_first = np.searchsorted(cell, np.arange(count * DEPTH), side="left")
    own_count = np.bincount(cell, minlength=count * DEPTH)
    enough = own_count > 0
    return (
        np.concatenate([gap[order], gap[own_order]]),
        np.where(enough, own_first + gap.size, np.tile(all_first, count)),
        np.where(enough, own_count, np.tile(all_count, count)),
    )


def _ends(workload: Workload, asked: Asked, hopeless: Bools) -> tuple[Floats, Ints]:
    """When or after how many deliveries messages end that never succeeded.

    Most were counted out: their number of deliveries stays as it was. Of hopeless ones that is only
    so where several ended after the same number; otherwise somebody ended them, or their retention
    did, at a time that another backoff would not have changed.
    """
    size = asked.start_s.size
    stops = np.full(size, np.inf)
    limit = np.full(size, UNCOUNTED)
    total = asked.attempt + asked.deliveries
    mean_gap = (asked.last_s - asked.start_s) / np.maximum(asked.deliveries - 1, 1)
    known_s = workload.known_s[asked.window]
    over = ~asked.succeeded & (asked.last_s + 2 * mean_gap + 60 < known_s)
    settled = over & (asked.last_s + _UNSEEN_S < known_s)
    each, number = np.unique(total[hopeless], return_counts=True)
    common = each[(number >= 2) & (number >= 0.5 * hopeless.sum()) & (each <= _COUNTED)]
    counted = np.where(hopeless, over & np.isin(total, common), settled)
    limit[counted] = total[counted]
    timed = hopeless & ~counted & over
    stops[timed] = asked.last_s[timed] + 1.0
    return stops, limit
