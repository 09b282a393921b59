"""Intervals in which nearly everything fails, however little is asked: found by their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.storms.workload import Bools, Floats, Ints

_MOST = 4  # intervals of one window that are looked for
_SHORTEST_BINS = 3
_MOST_BINS = 600
# Log likelihood that an interval must add: its two edges and its level are three parameters.
_WORTH = 12.0
_CLEARLY_WORSE = 0.25
_TINY = 1e-3
_ENOUGH = 20


@dataclass(frozen=True, kw_only=True)
class Outage:
    """From `start_s` to `end_s` of a window runs fail with these chances.

    `first` is that of a first delivery: some of them do not touch what is broken. `again` is that
    of a redelivery: its message does.
    """

    window: int
    start_s: float
    end_s: float
    first: float
    again: float
    runs: int


def find_outages(
    window: Ints,
    start_s: Floats,
    failed: Floats,
    attempt: Ints,
    expected: Floats,
    *,
    windows: int,
) -> tuple[Outage, ...]:
    """Intervals in which more fails than expected: a scan for the likeliest one, again and again.

    Args:
        window, start_s, failed, attempt: of runs; `attempt` counts deliveries from 0.
        expected: the chance to fail that is explained already.
    """
    found: list[Outage] = []
    for number in range(windows):
        own = np.flatnonzero(window == number)
        own = own[np.argsort(start_s[own], kind="stable")]
        taken = np.zeros(own.size, dtype=bool)
        for _ in range(_MOST):
            rest = own[~taken]
            best = _likeliest(start_s[rest], failed[rest], expected[rest])
            if best is None:
                break
            first, last = best
            inside = rest[first:last]
            found.append(
                Outage(
                    window=number,
                    start_s=_between(start_s[rest], first),
                    end_s=_between(start_s[rest], last),
                    first=_share(failed[inside], attempt[inside] == 0),
                    again=_share(failed[inside], _later(attempt[inside])),
                    runs=int(inside.size),
                )
            )
            taken[np.flatnonzero(~taken)[first:last]] = True
    return tuple(found)


def _likeliest(start_s: Floats, failed: Floats, expected: Floats) -> tuple[int, int] | None:
    """The interval (as positions, the last exclusive) that explains most, if it explains enough."""
    if start_s.size < 8:
        return None
    width = max(60.0, (start_s[-1] - start_s[0]) / _MOST_BINS)
    bins = ((start_s - start_s[0]) / width).astype(np.int64)
    size = int(bins[-1]) + 1
    chance = np.clip(expected, _TINY, 1 - _TINY)
    already = failed * np.log(chance) + (1 - failed) * np.log(1 - chance)

    def sums(values: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(np.bincount(bins, values, minlength=size))])

    n, f, e, known = (sums(v) for v in (np.ones(start_s.size), failed, chance, already))
    low, high = np.triu_indices(size + 1, k=_SHORTEST_BINS)
    runs, fails = n[high] - n[low], f[high] - f[low]
    usual = (e[high] - e[low]) / np.maximum(runs, 1)
    share = np.clip(fails / np.maximum(runs, 1), _TINY, 1 - _TINY)
    worth = fails * np.log(share) + (runs - fails) * np.log(1 - share)
    worth -= known[high] - known[low]
    worth[(share - usual < _CLEARLY_WORSE) | (runs < 5)] = -np.inf
    best = int(np.argmax(worth)) if worth.size else 0
    if not worth.size or worth[best] < _WORTH:
        return None
    first, last = int(n[low[best]]), int(n[high[best]])
    # To the run: neither edge of an interval of failures is a success.
    bad = np.flatnonzero(failed[first:last] > 0)
    return first + int(bad[0]), first + int(bad[-1]) + 1


def _later(attempt: Ints) -> Bools:
    """Redeliveries, rather the second and later ones: what comes so far does touch what is broken,
    while the first ones hold the messages that failed by chance."""
    for least in (3, 2):
        if (attempt >= least).sum() >= _ENOUGH:
            return np.asarray(attempt >= least)
    return np.asarray(attempt >= 1)


def _share(failed: Floats, chosen: Bools) -> float:
    """The share of the chosen that failed; few are pulled towards that of all."""
    return float((failed[chosen].sum() + failed.mean()) / (chosen.sum() + 1))


def _between(start_s: Floats, place: int) -> float:
    """The middle between the starts on either side of a position."""
    if place == 0:
        return float(start_s[0]) - 1.0
    if place == start_s.size:
        return float(start_s[-1]) + 1.0
    return float(start_s[place - 1] + start_s[place]) / 2
