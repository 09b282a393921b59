"""How much likelier are the failures since an onset if their rate has risen than if it has not?

Daily counts are beta-binomial (Skellam 1948). Rate and concentration are not fitted: every pair of
a grid weighs as much as the days before the onset make it likely, so few runs before it make for a
careful verdict, and where days vary more than chance each of them says less.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.onset_scan import BASELINE, SEARCHED, Flags, Ints, Windows

_ODDS = 0.002 * np.sqrt(2.0) ** np.arange(24)  # to 5.8: a rate of 85 %
_RISES = (2, 3, 4)  # places on that grid: odds times 2, 2.8 and 4
_CONCENTRATIONS = np.array([30.0, 100.0, 400.0, 3000.0])
_BURST = 0.01  # of the days have any share of failures: a burst is not a new rate
_TINY = np.finfo(np.float64).tiny
_TABLED = 2048  # runs a day: of more, the functions are computed anew

_RATES = np.tile(_ODDS / (1 + _ODDS), _CONCENTRATIONS.size)
_CONCENTRATION = np.repeat(_CONCENTRATIONS, _ODDS.size)


def rate_evidence(runs: Ints, failures: Ints, seen: Windows, asked: Flags) -> Floats:
    """Logarithms of likelihood ratios by onset and rows since it; -inf where not `asked`, and late
    where nothing has spoken for a rise by then.

    Args:
        runs, failures: one entry per day with runs, oldest first.
        seen: windows of days all of which may say what is normal.
    """
    chances = _log_chances(runs, np.minimum(failures, runs))
    total = np.concatenate([np.zeros((1, chances.shape[1])), np.cumsum(chances, axis=0)])
    before = total[seen.onsets] - total[np.maximum(seen.onsets - BASELINE, 0)]
    usual = np.exp(before - before.max(axis=1, keepdims=True))
    usual /= usual.sum(axis=1, keepdims=True)
    by_rate = usual.reshape(-1, _CONCENTRATIONS.size, _ODDS.size)
    risen = np.zeros_like(by_rate)
    for places in _RISES:
        risen[:, :, places:] += by_rate[:, :, :-places] / len(_RISES)
    risen = risen.reshape(usual.shape)
    evidence = np.full(asked.shape, -np.inf)

    def compare(asked: Flags) -> None:
        onset, row = np.nonzero(asked)
        since = total[seen.onsets[onset] + row + 1] - total[seen.onsets[onset]]
        since = np.exp(since - since.max(axis=1, keepdims=True))
        if_risen = np.einsum("ij,ij->i", since, risen[onset])
        if_usual = np.einsum("ij,ij->i", since, usual[onset])
        evidence[onset, row] = np.log(if_risen + _TINY) - np.log(if_usual + _TINY)

    early = np.arange(asked.shape[1]) < SEARCHED
    compare(asked & early)
    # What has never been likelier than none is no alert, and need not be followed.
    hopeful = evidence.max(axis=1, keepdims=True) > 0
    compare(asked & ~early & hopeful)
    return evidence


def _log_chances(runs: Ints, failures: Ints) -> Floats:
    """Of each day's failures (first axis), under every rate and concentration."""
    passed = runs - failures
    ways = gammaln(runs + 1) - gammaln(failures + 1) - gammaln(passed + 1)
    told = _rising(failures, _RATES * _CONCENTRATION)
    told = told + _rising(passed, (1 - _RATES) * _CONCENTRATION)
    told += ways[:, None] - _rising(runs, _CONCENTRATIONS).repeat(_ODDS.size, axis=1)
    return np.asarray(np.log((1 - _BURST) * np.exp(told) + (_BURST / (runs + 1.0))[:, None]))


def _rising(counts: Ints, start: Floats) -> Floats:
    """log(Γ(start + count) / Γ(start)) of every count and start."""
    if counts.size and counts.max() >= _TABLED:
        return np.asarray(gammaln(counts[:, None] + start) - gammaln(start))
    return np.asarray(_table(start.tobytes())[counts])


@lru_cache(maxsize=4)  # the three that are used
def _table(start: bytes) -> Floats:
    own = np.frombuffer(start)
    steps = np.log(np.arange(_TABLED - 1)[:, None] + own)
    return np.concatenate([np.zeros((1, own.size)), np.cumsum(steps, axis=0)])
