"""Runs that started before their input was there, and messages that can never succeed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.storms.workload import Asked, Bools, Floats, Ints, Workload

_APART_S = 1e7
_SUCCESS_COSTS = 2
_MOSTLY = 0.5
_MOST_OF = 0.8
_MIXED = 0.1  # share of other outcomes among the failures of a block that may be chance
# A message that failed so often, without end, while others went through.
_OFTEN, _VERY_OFTEN = 6, 20
_FEW = 15  # such messages of one window: more of them share a cause that passes
_OTHERS_WELL = 0.5
_RECOVERED_AFTER = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """When the input of each item was missing; an item is a processor, a date and a window.

    Attributes:
        of: by run, its item.
        absent_s: by item; minus infinity: before anything was seen. Infinite: it was never missing.
        since_s, until_s: it came between these; `until_s` is infinite where it never came.
        failures: by item, how many runs failed on it.
        blocked: by run, it failed on it.
    """

    of: Ints
    absent_s: Floats
    since_s: Floats
    until_s: Floats
    failures: Ints
    blocked: Bools


def find_blocks(workload: Workload, waits: Bools) -> Blocks:
    """Items whose runs fail until a moment and then succeed (or never do).

    Args:
        waits: by run, it failed because its input was missing, as far as one can tell.
    """
    _, of = np.unique(workload.item * workload.windows + workload.window, return_inverse=True)
    size = int(of.max()) + 1 if of.size else 0
    start = workload.start_s
    waits = waits & ~workload.swept
    well = ~workload.failed & ~workload.swept
    first, last, gain = _longest_waits(of, start, waits, well, workload.swept)
    within = (start >= first[of]) & (start <= last[of])
    failures = np.bincount(of[waits & within], minlength=size)
    waited = np.bincount(of[waits], minlength=size)
    # One failure is luck, and so are those that come and go.
    clean = (failures > 1) & (gain >= (1 - _MIXED) * failures) & (failures >= _MOST_OF * waited)
    before, after = np.full(size, -np.inf), np.full(size, np.inf)
    early, late = well & (start < first[of]), well & (start > last[of])
    np.maximum.at(before, of[early], start[early])
    np.minimum.at(after, of[late], start[late])
    absent = np.where(np.isfinite(before), first, -np.inf)
    return Blocks(
        of=of,
        absent_s=np.where(clean, absent, np.inf),
        since_s=np.where(clean, last, -np.inf),
        until_s=np.where(clean, after, -np.inf),
        failures=np.where(clean, failures, 0),
        blocked=waits & within & clean[of],
    )


def _longest_waits(
    of: Ints, start: Floats, waits: Bools, well: Bools, swept: Bools
) -> tuple[Floats, Floats, Ints]:
    """By item, the stretch in which its runs wait for input and nothing else happens: the interval
    with the largest sum (Kadane) of 1 for each wait and less for any other outcome."""
    size = int(of.max()) + 1 if of.size else 0
    order = np.flatnonzero(~swept)
    order = order[np.lexsort((start[order], of[order]))]
    item, at = of[order], start[order]
    score = np.where(waits[order], 1, np.where(well[order], -_SUCCESS_COSTS, -1))
    total = np.cumsum(score)
    # Items fall by more than any sum, so that a running minimum starts anew with each of them.
    fall = item * (2 * _SUCCESS_COSTS * (order.size + 1))
    before = total - score - fall
    lowest = np.minimum.accumulate(before)
    begin = np.maximum.accumulate(np.where(before == lowest, np.arange(order.size), 0))
    gain = total - fall - lowest
    best = np.lexsort((-np.arange(order.size), gain, item))
    last_of = np.flatnonzero(np.append(item[best][1:] != item[best][:-1], True))
    best = best[last_of] if order.size else best
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    top = np.zeros(size, dtype=np.int64)
    some = gain[best] > 0
    best = best[some]
    first[item[best]], last[item[best]] = at[begin[best]], at[best]
    top[item[best]] = gain[best]
    return first, last, top


def known_to_readiness(workload: Workload, blocks: Blocks) -> Bools:
    """By item, whether a check before the start knows that the input cannot be there yet.

    It does where the input came later. What never came is known too where most of the window's
    missing inputs did come; otherwise it is what polls and backfills ask for in vain, at any time.
    """
    waited = blocks.failures > 0
    came = waited & np.isfinite(blocks.until_s)
    window = np.zeros(waited.size, dtype=np.int64)
    window[blocks.of] = workload.window
    missing = np.bincount(window[blocks.of[blocks.blocked]], minlength=workload.windows)
    found = np.bincount(
        window[blocks.of[blocks.blocked & came[blocks.of]]], minlength=workload.windows
    )
    return came | (found >= _MOSTLY * np.maximum(missing, 1))[window]


def find_hopeless(asked: Asked, workload: Workload, blocked: Bools, message_of: Ints) -> Bools:
    """Messages that can never succeed: few, failing again and again while others go through."""
    size = asked.start_s.size
    held = np.zeros(size, dtype=bool)
    held[message_of[blocked & (message_of >= 0)]] = True
    suspect = (asked.deliveries >= _OFTEN) & ~asked.succeeded & ~held
    if not suspect.any():
        return suspect
    window = asked.window
    windows = workload.windows
    number = np.bincount(window[suspect], minlength=windows)
    recovered = asked.succeeded & (asked.deliveries > _RECOVERED_AFTER)
    passing = np.bincount(window[recovered], minlength=windows) >= 0.5 * number
    others = ~suspect
    place = (asked.processor * windows + window) * _APART_S + asked.start_s
    order = np.argsort(place[others], kind="stable")
    sorted_place = place[others][order]
    good = np.concatenate([[0], np.cumsum(asked.succeeded[others][order])])
    low = np.searchsorted(sorted_place, place, side="left")
    high = np.searchsorted(sorted_place, place - asked.start_s + asked.last_s, side="right")
    share = (good[high] - good[low]) / np.maximum(high - low, 1)
    well = (high > low) & (share >= _OTHERS_WELL)
    few = number[window] <= _FEW
    return np.asarray(suspect & few & (well | (asked.deliveries >= _VERY_OFTEN)) & ~passing[window])
