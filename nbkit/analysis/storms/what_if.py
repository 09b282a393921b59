"""What each fix would have done to the failures of a window, by playing the window again.

A prediction is only made where the replay without any fix comes to the failures that were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from nbkit.analysis.storms.fixes import NOTHING, Fix, named_fixes
from nbkit.analysis.storms.gather import gather
from nbkit.analysis.storms.laws import Law, infer
from nbkit.analysis.storms.load import Measure
from nbkit.analysis.storms.redelivery import Redeliveries, learn
from nbkit.analysis.storms.replay import play
from nbkit.analysis.storms.workload import Asked, Floats, Workload, messages_of

FITS_WITHIN = 0.10
_MOST_RUNS = 30_000  # beyond it a sample of the messages is played
_ENOUGH_PLAYED = 250_000  # runs of all fixes and repetitions together
_LEAST_REPEATS, _MOST_REPEATS = 3, 8
_TRIES, _NEAR_ENOUGH = 5, 0.05
# What a replay does not know of itself: measured on simulated worlds (docs/decisions/0016).
_ALWAYS_UNSURE = 0.03
_UNSURE_BY_MISFIT = 0.5
_UNSURE_BY_GUESS = 0.4  # of redelivery, where no run names its message


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a fix is predicted to do, each with bounds that hold nine times in ten.

    Attributes:
        failures: in the windows, over the analysed weeks.
        reduction: the share of today's failures that it saves; negative where it adds some.
    """

    fix: Fix
    failures: int
    failures_low: int
    failures_high: int
    reduction: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that the replay goes by, in words, and how much it is about."""

    law: str
    told: str


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """Predictions for a window.

    Attributes:
        observed: failures in the windows.
        replayed: failures of the replay without a fix; low and high over its repetitions.
        fits: it is within a tenth of what was seen; without it there are no effects.
        effects: by fix, in the order asked for.
        reasons: why runs fail, as the replay has it.
        scheduled: share of the first starts that a schedule made.
        sampled: the share of the messages that was played.
    """

    observed: int
    replayed: float
    replayed_low: float
    replayed_high: float
    fits: bool
    effects: tuple[Effect, ...]
    reasons: tuple[Reason, ...]
    scheduled: float
    sampled: float

    @property
    def misfit(self) -> float:
        """Of the replay without a fix, as a share of what was seen."""
        return self.replayed / self.observed - 1 if self.observed else 0.0

    def effect(self, name: str) -> Effect | None:
        return next((each for each in self.effects if each.fix.name == name), None)

    @property
    def best(self) -> Effect | None:
        """The single fix that surely saves most; None where none surely saves a tenth."""
        single = [each for each in self.effects if each.fix.name in ("jitter", "backoff", "window")]
        best = max(single, key=lambda each: each.low, default=None)
        return best if best and best.low >= 0.1 else None

    def evidence(self) -> dict[str, Any]:
        """For a finding: the predictions by fix, and how well the replay fits."""
        found: dict[str, Any] = {
            "calibration": {
                "observed": self.observed,
                "replayed": round(self.replayed),
                "misfit": round(self.misfit, 4),
                "fits": self.fits,
            }
        }
        for each in self.effects:
            found[each.fix.name] = {
                "failures": each.failures,
                "failures_low": each.failures_low,
                "failures_high": each.failures_high,
                "reduction": round(each.reduction, 4),
                "reduction_low": round(each.low, 4),
                "reduction_high": round(each.high, 4),
            }
        return found


def what_if(
    runs: pd.DataFrame,
    windows: Sequence[tuple[datetime, datetime]],
    *,
    as_of: datetime,
    fixes: Sequence[Fix] | None = None,
    sampled: float = 1.0,
) -> WhatIf:
    """Play the windows again, with each fix and without.

    The replay is a simulation of its own rows: which messages came when, why deliveries fail
    (`laws`), how failed ones come back (`redelivery`). A failure belongs to the window in which it
    ends. The same runs give the same predictions.

    Args:
        runs: classified, of the windows and around them (`gather`).
        windows: start and end of each.
        sampled: the share of the messages whose runs these are: counts are told of all.
        fixes: default: the three of the contract, what Pub/Sub can do, and combinations.
    """
    workload = gather(runs, windows, as_of=as_of)
    asked_fixes = tuple(named_fixes() if fixes is None else fixes)
    observed = round(int(workload.failures_by_window().sum()) / sampled)
    part, share = _sample(workload)
    share *= sampled
    if not observed or not part.runs:
        return WhatIf(
            observed=observed, replayed=0.0, replayed_low=0.0, replayed_high=0.0,
            fits=False, effects=(), reasons=(), scheduled=0.0, sampled=share,
        )  # fmt: skip
    asked, message_of = messages_of(part)
    law = infer(part, asked, message_of)
    again = learn(part, asked, message_of, law.hopeless)
    swept = int((part.swept & part.within).sum())
    repeats = int(
        np.clip(
            _ENOUGH_PLAYED // (part.runs * (len(asked_fixes) + 1)), _LEAST_REPEATS, _MOST_REPEATS
        )
    )
    seed = int(observed + 7 * part.runs)
    scale = _calibrated(part, asked, law, again, repeats, seed) if law.curve else 1.0
    every = (NOTHING, *asked_fixes)
    played = play(part, asked, law, again, every, repeats=repeats, seed=seed, load_scale=scale)
    totals = played.failures.sum(axis=2) + swept  # no fix changes what a sweep closes
    seen = int(part.failures_by_window().sum())
    part_of = observed / max(seen, 1)
    misfit = float(totals[0].mean()) / max(seen, 1) - 1
    fits = abs(misfit) <= FITS_WITHIN
    guessed = float(1 - part.named[part.failed & part.within].mean()) if seen else 0.0
    return WhatIf(
        observed=observed,
        replayed=float(totals[0].mean()) * part_of,
        replayed_low=float(totals[0].min()) * part_of,
        replayed_high=float(totals[0].max()) * part_of,
        fits=fits,
        effects=tuple(
            _effect(fix, totals[0], own, misfit=misfit, guessed=guessed, observed=observed)
            for fix, own in zip(asked_fixes, totals[1:], strict=True)
        )
        if fits
        else (),
        reasons=_reasons(law, part, swept),
        scheduled=float(asked.scheduled[asked.attempt == 0].mean()) if asked.start_s.size else 0.0,
        sampled=share,
    )


def _calibrated(
    part: Workload, asked: Asked, law: Law, again: Redeliveries, repeats: int, seed: int
) -> float:
    """The scale of load with which the replay comes nearest to what was seen, in a few tries.

    Steps of time and drawn durations shift the load that a start meets; where a little more load
    makes many more failures, and these more load, that shows.
    """
    seen = int((part.failures_by_window()).sum() - (part.swept & part.within).sum())
    scale, tried = 1.0, list[tuple[float, float]]()
    for _ in range(_TRIES):
        played = play(
            part, asked, law, again, (NOTHING,), repeats=repeats, seed=seed, load_scale=scale
        )
        misfit = float(played.failures.sum(axis=2).mean()) / max(seen, 1) - 1
        tried.append((misfit, scale))
        if abs(misfit) < _NEAR_ENOUGH:
            break
        under = max((each for each in tried if each[0] < 0), default=None)
        over = min((each for each in tried if each[0] > 0), default=None)
        if under and over:  # regula falsi; an avalanche says no more than that it was too much
            above = min(over[0], -under[0])
            part_of = above / (above - under[0])
            scale = over[1] + part_of * (under[1] - over[1])
        else:
            scale *= float(np.clip(1 - 0.7 * misfit, 0.9, 1.1))
    _, best = min(tried, key=lambda each: abs(each[0]))
    return best


def _effect(
    fix: Fix, before: Floats, after: Floats, *, misfit: float, guessed: float, observed: int
) -> Effect:
    reduction = 1 - float(after.mean()) / max(float(before.mean()), 1.0)
    each = 1 - after / np.maximum(before, 1.0)
    spread = 2 * float(each.std(ddof=1)) if each.size > 1 else 0.0
    # Where nothing changes in any repetition, nothing is unsure.
    touched = bool((after != before).any())
    unsure = spread + (_ALWAYS_UNSURE + _UNSURE_BY_MISFIT * abs(misfit) if touched else 0.01)
    if fix.backoff is not None:
        unsure += _UNSURE_BY_GUESS * guessed
    low, high = reduction - unsure, min(reduction + unsure, 1.0)
    return Effect(
        fix=fix,
        failures=round(observed * (1 - reduction)),
        failures_low=round(observed * (1 - high)),
        failures_high=round(observed * (1 - low)),
        reduction=reduction,
        low=low,
        high=high,
    )


def _sample(workload: Workload) -> tuple[Workload, float]:
    """Not too many runs: all deliveries of a part of the messages. Load is told in the same thinner
    measure when it is learnt and when it is played, so it needs no correction."""
    if workload.runs <= _MOST_RUNS:
        return workload, 1.0
    share = _MOST_RUNS / workload.runs
    # A multiplicative hash (Knuth): whatever the order of messages, an even part of them.
    place = (workload.message.astype(np.uint64) * np.uint64(2_654_435_761)) % np.uint64(1 << 32)
    return workload.chosen(place < np.uint64(int(share * (1 << 32)))), share


def _reasons(law: Law, workload: Workload, swept: int) -> tuple[Reason, ...]:
    """What the replay goes by, for people."""
    found = []
    if swept:
        found.append(Reason(law="swept", told=f"{swept:,} rows were closed by a sweep"))
    hopeless = int(law.hopeless.sum())
    if hopeless:
        found.append(
            Reason(law="hopeless", told=f"{hopeless:,} messages never succeed while others do")
        )
    waiting = int(np.count_nonzero(law.absent_s < np.inf))
    if waiting:
        known = int(np.count_nonzero(law.known & (law.absent_s < np.inf)))
        found.append(
            Reason(
                law="input",
                told=f"{waiting:,} messages found their input missing; of {known:,} of them a "
                "check before the start would have known",
            )
        )
    if law.outages:
        longest = max(law.outages, key=lambda each: each.end_s - each.start_s)
        minutes = (longest.end_s - longest.start_s) / 60
        found.append(
            Reason(
                law="outage",
                told=f"{len(law.outages)} intervals in which most runs fail, whatever the load; "
                f"the longest takes {minutes:,.0f} min",
            )
        )
    if law.curve is not None:
        half = int(np.searchsorted(law.curve.excess, 0.5 * law.curve.excess[-1]))
        found.append(
            Reason(
                law="load",
                told=f"load: half as many fail as at worst ({law.curve.excess[-1]:.0%}) with "
                f"{half:,} {_MEASURED[law.curve.measure]}",
            )
        )
    usual = float(workload.failed[law.quiet].mean()) if law.quiet.any() else 0.0
    found.append(Reason(law="luck", told=f"{usual:.0%} of the other runs fail without a pattern"))
    return tuple(found)


_MEASURED = {
    Measure.RUNNING: "runs under way",
    Measure.SERVED: "successful runs under way",
    Measure.STARTS: "starts in the minute before",
    Measure.GRANTED: "successful starts in the minute before",
    Measure.GRANTED_CLOCK: "successful starts in the minute of the clock",
}
