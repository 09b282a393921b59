"""Runs that started before their input was there, and messages that can never succeed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.storms.load import log_likelihood
from nbkit.analysis.storms.workload import Asked, Bools, Floats, Ints, Workload

_APART_S = 1e7
_SUCCESS_COSTS = 2
_LARGELY = 1 / 3
_MOST_OF = 0.8
_MIXED = 0.1  # share of other outcomes among the failures of a block that may be chance
_SELDOM = 0.02  # of an item's runs wait by chance; no chance is taken for smaller
_TURNS = 3
# Log likelihood that a stretch must add to the item's own rate: two edges and a chance.
_WORTH = 8.0
_WORTH_ALIKE = 3.0  # where others are such already, a single wait will do
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
        ends: by item, it is seen to begin or to end: runs wait then and do not at other times.
        failures: by item, how many runs failed on it.
        share: by item, how much of its work needs that input; the rest goes well meanwhile.
        spoken: by item, the share of its failures meanwhile that are about that input.
        blocked: by run, it failed on it.
    """

    of: Ints
    absent_s: Floats
    since_s: Floats
    until_s: Floats
    ends: Bools
    failures: Ints
    share: Floats
    spoken: Floats
    blocked: Bools


def find_blocks(workload: Workload, waits: Bools, *, by_words: bool) -> Blocks:
    """Items whose runs fail until a moment and then succeed (or never do).

    Args:
        waits: by run, it failed because its input was missing, as far as one can tell.
        by_words: the runs said so themselves. Then other failures say nothing about the input, and
            runs of an item that go well meanwhile only say that they need another one.
    """
    _, of = np.unique(workload.item * workload.windows + workload.window, return_inverse=True)
    size = int(of.max()) + 1 if of.size else 0
    start = workload.start_s
    waits = waits & ~workload.swept
    well = ~workload.failed & ~workload.swept
    counts = waits | well if by_words else ~workload.swept
    stretch = _clean_stretches(of, start, waits, well, counts)
    ends = stretch.found
    if by_words:
        stretch = stretch.or_else(_mixed_stretches(of, start, waits, well))
        ends = stretch.found
        stretch = stretch.or_else(_endless_stretches(workload, of, waits, well, stretch))
    first, last = stretch.first_s, stretch.last_s
    within = (start >= first[of]) & (start <= last[of])
    failures = np.bincount(of[waits & within], minlength=size)
    others = np.bincount(of[workload.failed & ~waits & within], minlength=size)
    # Where nearly all failures say something else, the few that wait are chance.
    spoken = failures / np.maximum(failures + others, 1)
    found = stretch.found & (spoken >= _MIXED)
    within &= found[of]
    meanwhile = np.bincount(of[well & within], minlength=size)
    before, after = np.full(size, -np.inf), np.full(size, np.inf)
    early, late = well & (start < first[of]), well & (start > last[of])
    np.maximum.at(before, of[early], start[early])
    np.minimum.at(after, of[late], start[late])
    absent = np.where(np.isfinite(before), first, -np.inf)
    return Blocks(
        of=of,
        absent_s=np.where(found, absent, np.inf),
        since_s=np.where(found, last, -np.inf),
        until_s=np.where(found, after, -np.inf),
        ends=ends,
        failures=np.where(found, failures, 0),
        share=failures / np.maximum(failures + meanwhile, 1),
        spoken=spoken,
        blocked=waits & within,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stretches:
    """By item, a stretch of its runs, from one start to another, and whether it is a block."""

    first_s: Floats
    last_s: Floats
    found: Bools

    def or_else(self, other: _Stretches) -> _Stretches:
        return _Stretches(
            first_s=np.where(self.found, self.first_s, other.first_s),
            last_s=np.where(self.found, self.last_s, other.last_s),
            found=self.found | other.found,
        )


def _clean_stretches(
    of: Ints, start: Floats, waits: Bools, well: Bools, counts: Bools
) -> _Stretches:
    """Stretches in which runs wait for input and hardly anything else happens."""
    score = np.where(waits, 1.0, np.where(well, -float(_SUCCESS_COSTS), -1.0))
    first, last, gain = _best_stretches(of, start, score, counts)
    within = (start >= first[of]) & (start <= last[of])
    failures = np.bincount(of[waits & within], minlength=first.size)
    waited = np.bincount(of[waits], minlength=first.size)
    # One failure is luck, and so are those that come and go.
    found = (failures > 1) & (gain >= (1 - _MIXED) * failures) & (failures >= _MOST_OF * waited)
    return _Stretches(first_s=first, last_s=last, found=found)


def _mixed_stretches(of: Ints, start: Floats, waits: Bools, well: Bools) -> _Stretches:
    """Stretches in which runs wait far more often than in the rest of their item: some of its work
    needs an input that is missing, and some does not. The likeliest one, by turns of finding it for
    given chances and of finding the chances."""
    counts = waits | well
    size = int(of.max()) + 1 if of.size else 0
    runs, waited = _counted(of, counts, size), _counted(of, waits, size)
    whole = np.clip(waited / np.maximum(runs, 1), _SELDOM, 1 - _SELDOM)
    inside, outside = np.maximum(whole, 0.5), np.full(size, _SELDOM)
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    n, f = np.zeros(size), np.zeros(size)
    for _ in range(_TURNS):
        p, q = inside[of], outside[of]
        score = np.where(waits, np.log(p / q), np.log((1 - p) / (1 - q)))
        first, last, _ = _best_stretches(of, start, score, counts)
        within = (start >= first[of]) & (start <= last[of])
        n, f = _counted(of, counts & within, size), _counted(of, waits & within, size)
        inside = np.clip(f / np.maximum(n, 1), 2 * _SELDOM, 1 - _SELDOM)
        rest = (waited - f + _SELDOM) / (runs - n + 1)
        outside = np.clip(rest, _SELDOM, inside / 2)
    gain = (
        log_likelihood(f, n, inside)
        + log_likelihood(waited - f, runs - n, outside)
        - log_likelihood(waited, runs, whole)
    )
    return _Stretches(first_s=first, last_s=last, found=(f > 1) & (gain > _WORTH))


def _endless_stretches(
    workload: Workload, of: Ints, waits: Bools, well: Bools, ended: _Stretches
) -> _Stretches:
    """All waits of an item, where nothing shows when its input came, but a third of the storm's
    waits are such that it shows: the others are alike."""
    size = ended.found.size
    start = workload.start_s
    shown = waits & ended.found[of] & (start >= ended.first_s[of]) & (start <= ended.last_s[of])
    each = waits & workload.during
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    if (each & shown).sum() < _LARGELY * max(int(each.sum()), 1):
        return _Stretches(first_s=first, last_s=last, found=np.zeros(size, dtype=bool))
    np.minimum.at(first, of[each], start[each])
    np.maximum.at(last, of[each], start[each])
    within = (start >= first[of]) & (start <= last[of])
    n, f = _counted(of, (waits | well) & within, size), _counted(of, waits & within, size)
    share = np.clip(f / np.maximum(n, 1), _SELDOM, 1 - _SELDOM)
    gain = log_likelihood(f, n, share) - log_likelihood(f, n, np.full(size, _SELDOM))
    return _Stretches(first_s=first, last_s=last, found=gain > _WORTH_ALIKE)


def _counted(of: Ints, chosen: Bools, size: int) -> Floats:
    return np.bincount(of[chosen], minlength=size).astype(np.float64)


def _best_stretches(
    of: Ints, start: Floats, score: Floats, counts: Bools
) -> tuple[Floats, Floats, Floats]:
    """By item, the interval of its runs with the largest sum of scores (Kadane): the first and the
    last start, and the sum."""
    size = int(of.max()) + 1 if of.size else 0
    order = np.flatnonzero(counts)
    order = order[np.lexsort((start[order], of[order]))]
    item, at, own = of[order], start[order], score[order]
    total = np.cumsum(own)
    # Items fall by more than any sum, so that a running minimum starts anew with each of them.
    fall = item * (2 * float(np.abs(own).sum()) + 1)
    before = total - own - fall
    lowest = np.minimum.accumulate(before)
    begin = np.maximum.accumulate(np.where(before == lowest, np.arange(order.size), 0))
    gain = total - fall - lowest
    best = np.lexsort((-np.arange(order.size), gain, item))
    last_of = np.flatnonzero(np.append(item[best][1:] != item[best][:-1], True))
    best = best[last_of] if order.size else best
    first, last, top = np.full(size, np.inf), np.full(size, -np.inf), np.zeros(size)
    best = best[gain[best] > 0]
    first[item[best]], last[item[best]] = at[begin[best]], at[best]
    top[item[best]] = gain[best]
    return first, last, top


def known_to_readiness(blocks: Blocks) -> Bools:
    """By item, whether a check before the start knows that the input cannot be there yet.

    It does where the input came later. What never came is known too where a third of the
    storm's missing inputs did come; otherwise it is what polls and backfills ask for in vain, at
    any time.
    """
    waited = blocks.failures > 0
    came = waited & blocks.ends & np.isfinite(blocks.until_s)
    missing = int(blocks.failures.sum())
    found = int(blocks.failures[came].sum())
    return came | (found >= _LARGELY * max(missing, 1))


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
