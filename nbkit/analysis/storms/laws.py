"""Why runs fail around a window, told from the runs alone: the laws that a replay goes by.

What explains a failure is asked in this order: the row was swept; its input was not there; the
message can never succeed; an interval in which everything fails; load; and what is left is bad luck
at the processor's usual rate, one for first deliveries and one for redeliveries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbkit.analysis.storms.blocks import Blocks, find_blocks, find_hopeless, known_to_readiness
from nbkit.analysis.storms.load import LoadCurve, Measure, fit_curve, load_before
from nbkit.analysis.storms.outages import Outage, find_outages
from nbkit.analysis.storms.workload import Asked, Bools, Floats, Ints, Workload

_PULL = 2.0  # how many runs at the common rate a processor's own rate is worth
_WORTH = 12.0  # log likelihood that a curve must add: it has a few free levels
_STEEP = 0.1  # and how much it must add to the chance to fail
HARMLESS = 0.03  # what load adds below this is not felt
# Runs take the longer the more load there is: durations are told apart by what load adds.
BANDS = (HARMLESS, 0.15, 0.35, 0.6)
_BLIND_WORTH = 1.15
_SURE = 1e-4
_BY_WORDS = 0.15
_GOLDEN, _MOSTLY = 0.618034, 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Law:
    """How it comes that runs fail.

    Attributes:
        first, again: by processor, the usual chance that a first delivery fails, and a redelivery.
        hopeless: by message.
        absent_s, since_s, until_s: by message: its input is missing from `absent_s` (infinite: it
            never is) until some time between `since_s` and `until_s` (infinite: it never comes).
        known: by message, a readiness check knows that its input is missing.
        outages: of all windows.
        touches: by message, it needs what is broken in the outages of its window.
        curve: what load adds; None where load explains nothing.
        sharers: by processor, it suffers from outages and load.
        quiet: by run, nothing but luck explains it.
        load_band: by run, how much load it met when it started (0: none that is felt), by `BANDS`.
    """

    first: Floats
    again: Floats
    hopeless: Bools
    absent_s: Floats
    since_s: Floats
    until_s: Floats
    known: Bools
    outages: tuple[Outage, ...]
    touches: Bools
    curve: LoadCurve | None
    sharers: Bools
    quiet: Bools
    load_band: Ints


def infer(workload: Workload, asked: Asked, message_of: Ints) -> Law:
    """The laws behind what was seen."""
    blocks = find_blocks(workload, workload.waits, by_words=True)
    hopeless = find_hopeless(asked, workload, blocks.blocked, message_of)
    of = np.maximum(message_of, 0)
    free = (message_of >= 0) & ~hopeless[of] & ~blocks.blocked
    sharers = _afflicted(workload, free)
    own = free & sharers[workload.processor]
    outages, curve, gain = _outages_or_load(workload, own, sharers)
    more = _more_sharers(workload, free, sharers, outages, curve)
    if (more != sharers).any():
        sharers = more
        own = free & sharers[workload.processor]
        outages, curve, gain = _outages_or_load(workload, own, sharers)
    if curve is not None and not sharers.all():
        everybody = np.ones_like(sharers)
        found = _outages_or_load(workload, free, everybody)
        before = _worth(workload, free, sharers, outages, curve)
        if _worth(workload, free, everybody, found[0], found[1]) > before + _WORTH:
            # Those that fail most were only the unluckiest of all.
            sharers, own, (outages, curve, gain) = everybody, free, found
    if not workload.told[workload.failed].any():
        blind = find_blocks(workload, workload.failed & free, by_words=False)
        if _gain_of(blind, workload, own) > _BLIND_WORTH * gain + _WORTH:
            blocks, outages, curve = blind, (), None
            free &= ~blocks.blocked
    quiet = free & ~(_inside(workload, outages) & sharers[workload.processor])
    band = np.zeros(workload.runs, dtype=np.int64)
    if curve is not None:
        band = band_of(_felt(workload, curve)) * sharers[workload.processor]
    quiet &= band == 0
    first, again = _usual(workload, quiet)
    item = blocks.of[asked.first]
    sharing = free & sharers[workload.processor]
    broken, touches = _touching(workload, outages, message_of, asked, sharing)
    absent_s, since_s, until_s = _own_inputs(workload, blocks, message_of, asked, broken)
    return Law(
        first=first,
        again=again,
        hopeless=hopeless,
        absent_s=absent_s,
        since_s=since_s,
        until_s=until_s,
        known=known_to_readiness(blocks)[item],
        outages=outages,
        # What waits for its own input fails by that, not by the outage behind it.
        touches=touches & (broken | (absent_s == np.inf)),
        curve=curve,
        sharers=sharers,
        quiet=quiet,
        load_band=band,
    )


def band_of(excess: Floats) -> Ints:
    return np.searchsorted(BANDS, excess, side="left")


def _own_inputs(
    workload: Workload, blocks: Blocks, message_of: Ints, asked: Asked, broken: Bools
) -> tuple[Floats, Floats, Floats]:
    """By message, from when its input is missing, and between when and when it comes.

    What a message shows itself counts before what its item shows. One that waited and then went
    well got its input in between. One that only went well while others of its item waited needs
    another input, and so does one that failed on something else (`broken`), unless most of its
    item say so. Of those that show nothing as many do as there are among the others.
    """
    size, of = asked.start_s.size, blocks.of
    item = of[asked.first]
    absent_s, since_s, until_s = (
        each[item] for each in (blocks.absent_s, blocks.since_s, blocks.until_s)
    )
    waits = blocks.blocked & (message_of >= 0)
    well = ~workload.failed & (message_of >= 0)
    last, after = np.full(size, -np.inf), np.full(size, np.inf)
    np.maximum.at(last, message_of[waits], workload.start_s[waits])
    waited = np.isfinite(last)
    later = well & (workload.start_s > last[np.maximum(message_of, 0)])
    np.minimum.at(after, message_of[later], workload.start_s[later])
    own = waited & (after < since_s)
    since_s = np.where(own, last, since_s)
    until_s = np.where(waited, np.minimum(until_s, after), until_s)
    meanwhile = well & (workload.start_s >= blocks.absent_s[of])
    meanwhile &= workload.start_s <= blocks.since_s[of]
    spared = np.zeros(size, dtype=bool)
    spared[message_of[meanwhile]] = True
    # Spread evenly (the golden ratio's multiples), so that the share is met.
    unseen = np.mod(np.arange(size) * _GOLDEN, 1.0) >= blocks.share[item]
    other = broken & (blocks.spoken[item] < _MOSTLY)
    absent_s[~waited & (spared | unseen | other)] = np.inf
    return absent_s, since_s, until_s


def _touching(
    workload: Workload, outages: tuple[Outage, ...], message_of: Ints, asked: Asked, free: Bools
) -> tuple[Bools, Bools]:
    """Messages that failed on what is broken, and those that need it: the same, few of those that
    went well meanwhile, and of the others as many as there are among first deliveries."""
    size = asked.start_s.size
    failed, well = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    share, kept = np.ones(size), np.ones(size)
    for each in outages:
        within = _inside(workload, (each,)) & free
        failed[message_of[within & workload.failed]] = True
        well[message_of[within & ~workload.failed]] = True
        part = float(np.clip(each.first / max(each.again, _SURE), 0, 1))
        lucky = part * (1 - each.again)
        mine = asked.window == each.window
        share[mine] = part
        kept[mine] = lucky / max(lucky + 1 - part, _SURE)
    chance = np.where(failed, 1.0, np.where(well, kept, share))
    return failed, np.asarray(np.mod(np.arange(size) * _GOLDEN, 1.0) < chance)


def _afflicted(workload: Workload, free: Bools) -> Bools:
    """Processors that fail more in the windows than around them; all, where none stands out."""
    runs, fails = _counts(workload, free & workload.during)
    around, missed = _counts(workload, free & workload.around)
    usual = (missed + 0.5) / (around + 5.0)
    afflicted = fails > runs * usual + 2 * np.sqrt(runs * usual * (1 - usual)) + 0.5
    return afflicted if afflicted.any() else np.ones(workload.processors, dtype=bool)


def _counts(workload: Workload, chosen: Bools) -> tuple[Floats, Floats]:
    """By processor, runs and failures."""
    count = workload.processors
    failed = chosen & workload.failed
    return (
        np.bincount(workload.processor[chosen], minlength=count).astype(np.float64),
        np.bincount(workload.processor[failed], minlength=count).astype(np.float64),
    )


def _outages_or_load(
    workload: Workload, own: Bools, sharers: Bools
) -> tuple[tuple[Outage, ...], LoadCurve | None, float]:
    """Intervals or load, or both: first what explains more, then what the other adds to it."""
    if not own.any():
        return (), None, 0.0
    failed = workload.failed.astype(np.float64)
    flat = np.full(workload.runs, failed[own].mean())
    calm = own & workload.around
    usual = (failed[calm].sum() + 1) / (calm.sum() + 20)
    outages = _scan(workload, own, np.full(workload.runs, min(usual, failed[own].mean())))
    inside = _inside(workload, outages)
    by_time = _fitted(workload, own, outages)
    time_gain = _score(failed, by_time, own) - _score(failed, flat, own)
    everybody = np.ones_like(sharers)
    pools = [sharers] if sharers.all() else [sharers, everybody]
    found = [(measure, pool) for measure in Measure for pool in pools]
    likely = _likely_measures(workload, own)
    befores = {(m, p.sum()): load_before(workload, p, m) for m, p in found}

    def best_curve(chosen: Bools) -> LoadCurve | None:
        if chosen.sum() < 30:
            return None
        curves = [
            fit_curve(befores[m, p.sum()][chosen], workload.failed[chosen], measure=m, sharers=p)
            for m, p in found
        ]
        curve = max(curves, key=lambda each: each.gain * likely[each.measure])
        return curve if curve.gain > _WORTH and curve.excess[-1] > _STEEP else None

    curve = best_curve(own)
    if curve is None or curve.gain < time_gain:
        rest = best_curve(own & ~inside)
        return outages, rest, time_gain + (rest.gain if rest else 0.0)
    before = befores[curve.measure, curve.sharers.sum()]
    chance = curve.excess[np.minimum(before, curve.excess.size - 1)]
    more = tuple(o for o in _scan(workload, own, chance) if max(o.first, o.again) > 0.9)
    if more:
        curve = best_curve(own & ~_inside(workload, more)) or curve
    return more, curve, curve.gain


def _likely_measures(workload: Workload, own: Bools) -> dict[Measure, float]:
    """What the failures' own words say about which load counts. Where all bursts are alike every
    measure explains them alike, and these weights decide."""
    failed = own & workload.failed
    told = failed & workload.told
    if not failed.any() or told.sum() < 0.5 * failed.sum():
        return dict.fromkeys(Measure, 1.0)
    quota = workload.quota[told].mean()
    return {
        measure: 1 + _BY_WORDS * (quota if measure.is_quota else 1 - quota) for measure in Measure
    }


def _felt(workload: Workload, curve: LoadCurve) -> Floats:
    """By run, what the load that it found adds to its chance to fail."""
    load = load_before(workload, curve.sharers, curve.measure)
    return np.asarray(curve.excess[np.minimum(load, curve.excess.size - 1)])


def _more_sharers(
    workload: Workload,
    free: Bools,
    sharers: Bools,
    outages: tuple[Outage, ...],
    curve: LoadCurve | None,
) -> Bools:
    """Also processors that hardly stand out, if what was found explains their failures better than
    their own rate does."""
    failed = workload.failed.astype(np.float64)
    runs, fails = _counts(workload, free)
    rate = (fails / np.maximum(runs, 1))[workload.processor]
    quiet = free & workload.around & ~_inside(workload, outages)
    calm_runs, calm_fails = _counts(workload, quiet)
    common = (calm_fails.sum() + 1) / (calm_runs.sum() + 20)
    calm = ((calm_fails + 2 * common) / (calm_runs + 2))[workload.processor]
    own = free & sharers[workload.processor]
    chance = _in_outages(workload, own, outages, calm)
    if curve is not None:
        chance = 1 - (1 - chance) * (1 - _felt(workload, curve))
    p, q = np.clip(chance, _SURE, 1 - _SURE), np.clip(rate, _SURE, 1 - _SURE)
    better = failed * np.log(p / q) + (1 - failed) * np.log((1 - p) / (1 - q))
    gain = np.bincount(workload.processor, weights=better * free, minlength=workload.processors)
    return sharers | (gain > 2) if outages or curve is not None else sharers


def _worth(
    workload: Workload,
    free: Bools,
    sharers: Bools,
    outages: tuple[Outage, ...],
    curve: LoadCurve | None,
) -> float:
    """How likely all runs are where the sharers suffer alike and each of the others has a rate of
    its own, which counts as a parameter (Schwarz 1978)."""
    failed = workload.failed.astype(np.float64)
    suffers = sharers[workload.processor]
    runs, fails = _counts(workload, free)
    chance = (fails / np.maximum(runs, 1))[workload.processor]
    own = free & suffers
    left = _fitted(workload, own, outages)
    if curve is not None:
        excess = _felt(workload, curve)
        inside = _inside(workload, outages)
        # What load leaves to luck.
        calm = own & ~inside & (excess <= HARMLESS)
        luck = (failed[calm].sum() + 0.5) / (calm.sum() + 10.0)
        left = np.where(inside, left, 1 - (1 - luck) * (1 - excess))
    chance = np.where(suffers, left, chance)
    cost = 0.5 * np.log(np.maximum(runs[~sharers], 1)).sum()
    return _score(failed, chance, free) - float(cost)


def _scan(workload: Workload, own: Bools, expected: Floats) -> tuple[Outage, ...]:
    return find_outages(
        workload.window[own],
        workload.start_s[own],
        workload.failed[own].astype(np.float64),
        workload.attempt[own],
        expected[own],
        windows=workload.windows,
    )


def _inside(workload: Workload, outages: tuple[Outage, ...]) -> Bools:
    inside = np.zeros(workload.runs, dtype=bool)
    for each in outages:
        inside |= (
            (workload.window == each.window)
            & (workload.start_s >= each.start_s)
            & (workload.start_s < each.end_s)
        )
    return inside


def _fitted(workload: Workload, own: Bools, outages: tuple[Outage, ...]) -> Floats:
    """The chance to fail by time alone."""
    outside = own & ~_inside(workload, outages)
    rest = workload.failed[outside].mean() if outside.any() else 0.5
    return _in_outages(workload, own, outages, np.full(workload.runs, float(rest)))


def _in_outages(
    workload: Workload, own: Bools, outages: tuple[Outage, ...], chance: Floats
) -> Floats:
    """What first deliveries and redeliveries really met within each outage, else the given
    chance."""
    chance = chance.copy()
    for each in outages:
        within = _inside(workload, (each,))
        for kind in (within & (workload.attempt == 0), within & (workload.attempt > 0)):
            if (own & kind).any():
                chance[kind] = workload.failed[own & kind].mean()
    return chance


def _score(failed: Floats, chance: Floats, own: Bools) -> float:
    p = np.clip(chance[own], _SURE, 1 - _SURE)
    f = failed[own]
    return float((f * np.log(p) + (1 - f) * np.log(1 - p)).sum())


def _gain_of(blocks: Blocks, workload: Workload, own: Bools) -> float:
    """How much likelier the runs are if each item waits for an input of its own; an item costs its
    two edges (Schwarz 1978)."""
    failed = workload.failed.astype(np.float64)
    outside = own & ~blocks.blocked
    chance = np.where(blocks.blocked, 1.0, failed[outside].mean() if outside.any() else 0.5)
    flat = np.full(workload.runs, failed[own].mean() if own.any() else 0.5)
    items = np.unique(blocks.of[blocks.blocked & own]).size
    cost = items * np.log(max(int(own.sum()), 2))
    return _score(failed, chance, own) - _score(failed, flat, own) - float(cost)


def _usual(workload: Workload, quiet: Bools) -> tuple[Floats, Floats]:
    """By processor, how often a first delivery fails where nothing explains it, and a redelivery.
    Few runs are pulled towards what all processors do."""
    rates = []
    for chosen in (quiet & (workload.attempt == 0), quiet & (workload.attempt > 0)):
        runs, fails = _counts(workload, chosen)
        common = (fails.sum() + 0.5) / (runs.sum() + 10.0)
        rates.append((fails + _PULL * common) / (runs + _PULL))
    return rates[0], rates[1]
