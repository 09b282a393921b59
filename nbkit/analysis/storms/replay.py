"""The window played again under the inferred laws, with and without fixes: a simulation by steps.

All fixes, repetitions and windows are played side by side, as lanes: the same step of time is taken
in all of them at once, so that numpy does the work. Within a lane runs meet each other's load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from nbkit.analysis.storms.fixes import Backoff, Fix
from nbkit.analysis.storms.laws import BANDS, Law, band_of
from nbkit.analysis.storms.load import Measure
from nbkit.analysis.storms.redelivery import DEPTH, UNCOUNTED, Redeliveries
from nbkit.analysis.storms.workload import Asked, Bools, Floats, Ints, Workload

_STEPS_S = (2.0, 5.0, 10.0, 30.0)  # they divide a minute
_DICE = 1 << 16
_MOST_STEPS = 5_000
_COARSE_STEPS = 60
_BANDS = len(BANDS) + 1
_KINDS = 2 * _BANDS  # of durations: failed or not, and how much load was felt
_HELD_S = 60.0  # a start that was held comes within a minute of its input
_ACK_S = 600.0  # a run that is busy for longer is taken for lost (the platform's ack deadline)
_MOST_SPREAD = 2.0
_TURNS = 4  # of finding who fails by load within a step
_FREE_RETRIES = 10  # a client may always try so often (SRE Book ch. 22)


@dataclass(frozen=True, kw_only=True, eq=False)
class Played:
    """Failures that ended in the windows: (fixes, repetitions, windows); runs likewise."""

    failures: Ints
    runs: Ints


def play(
    workload: Workload,
    asked: Asked,
    law: Law,
    redeliveries: Redeliveries,
    fixes: Sequence[Fix],
    *,
    repeats: int,
    seed: int,
    load_scale: float = 1.0,
) -> Played:
    """Play the windows again, each fix `repeats` times.

    `load_scale`: every load counts for so much: what steps of time do to it is set right by it.
    """
    lanes = _Lanes(workload, asked, law, redeliveries, fixes, repeats, seed)
    lanes.load_scale = load_scale
    return lanes.play()


class _Luck(IntEnum):
    """What a number is drawn for. The luck of a message's n-th delivery is the same whatever is
    deployed (common random numbers), so that fixes differ by what they do."""

    FAILS = 0
    LASTS = 1
    RETURNS = 2
    GAP = 3
    START = 4
    INPUT = 5
    HELD = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class _Policies:
    """How messages come back, by fix: whether the policy is changed, and to what."""

    changed: Bools
    least_s: Floats
    most_s: Floats
    jittered: Bools
    attempts: Ints

    @classmethod
    def of(cls, fixes: Sequence[Fix]) -> _Policies:
        backoffs = [each.backoff or Backoff() for each in fixes]
        return cls(
            changed=np.array([each.backoff is not None for each in fixes]),
            least_s=np.array([each.least_s for each in backoffs]),
            most_s=np.array([each.most_s for each in backoffs]),
            jittered=np.array([each.jittered for each in backoffs]),
            attempts=np.array(
                [UNCOUNTED if each.attempts is None else each.attempts for each in fixes]
            ),
        )


class _Lanes:
    """The state of all lanes. A lane is (fix · repeats + repetition) · windows + window."""

    def __init__(
        self,
        workload: Workload,
        asked: Asked,
        law: Law,
        redeliveries: Redeliveries,
        fixes: Sequence[Fix],
        repeats: int,
        seed: int,
    ) -> None:
        self.dice = np.random.default_rng(seed).random(_DICE)
        self.workload, self.asked, self.law, self.again = workload, asked, law, redeliveries
        self.fixes, self.repeats = fixes, repeats
        self.lanes = len(fixes) * repeats * workload.windows
        self.lead_s = workload.lead_s
        self.end_s = float(workload.end_of_s.max())
        self.failed = np.zeros(self.lanes, dtype=np.int64)
        self.done = np.zeros(self.lanes, dtype=np.int64)
        self.load_scale = 1.0
        self.policy = _Policies.of(fixes)
        per = repeats * workload.windows
        self.budget = np.repeat(np.array([f.retry_budget or 0.0 for f in fixes]), per)
        self.limited = np.repeat(np.array([f.retry_budget is not None for f in fixes]), per)
        self.begun = np.zeros(self.lanes, dtype=np.int64)
        self.retried = np.zeros(self.lanes, dtype=np.int64)
        self._draw_worlds()
        self._ask()
        self._durations()

    def _draw_worlds(self) -> None:
        """What is uncertain about the laws differs from repetition to repetition."""
        per = self.repeats * self.workload.windows
        self.fix_of = np.repeat(np.arange(len(self.fixes)), per)
        # The same repetition of every fix meets the same laws.
        spread = np.tile(_even_normal(self.repeats), len(self.fixes))
        self.spread = np.repeat(spread, self.workload.windows)
        self.window_of = np.tile(np.arange(self.workload.windows), len(self.fixes) * self.repeats)
        curve = self.law.curve
        if curve is not None:
            # A load that harms nobody is not taken for harmful in half of the repetitions.
            error = np.minimum(curve.error, curve.excess)
            moved = curve.excess + self.spread[:, None] * error
            self.excess = np.clip(np.maximum.accumulate(moved, axis=1), 0, 1)
        places: list[list[int]] = [[] for _ in range(self.workload.windows)]
        for number, outage in enumerate(self.law.outages):
            places[outage.window].append(number)
        depth = max((len(each) for each in places), default=0)
        self.outage = np.full((self.workload.windows, depth, 3), np.nan)
        for window, numbers in enumerate(places):
            for column, number in enumerate(numbers):
                each = self.law.outages[number]
                worst = max(each.first, each.again)
                self.outage[window, column] = (each.start_s, each.end_s, worst)

    def _ask(self) -> None:
        """Which messages start when, in which lane."""
        asked, law = self.asked, self.law
        messages = asked.start_s.size
        variants = len(self.fixes) * self.repeats
        self.message = np.tile(np.arange(messages), variants)
        variant = np.repeat(np.arange(variants), messages)
        self.lane = variant * self.workload.windows + asked.window[self.message]
        # Of the same message in the same repetition, whatever the fix.
        self.twin = (variant % self.repeats) * messages + self.message
        everybody = np.arange(self.message.size)
        start = asked.start_s[self.message].copy()
        jitter = np.array([f.jitter_s for f in self.fixes])[variant // self.repeats]
        moved = asked.scheduled[self.message] & (jitter > 0)
        start[moved] += (jitter * self._luck(everybody, 0, _Luck.START))[moved]
        luck = self._luck(everybody, 0, _Luck.INPUT)
        since, until = law.since_s[self.message], law.until_s[self.message]
        finite = np.isfinite(until) & np.isfinite(since)
        between = np.where(finite, until, 0) - np.where(finite, since, 0)
        self.until = np.where(finite, np.where(finite, since, 0) + luck * between, until)
        self.absent = law.absent_s[self.message]
        holds = np.array([f.holds for f in self.fixes])[variant // self.repeats]
        self.held = holds & law.known[self.message]
        self.start = start
        self.attempt = asked.attempt[self.message]

    def _luck(self, e: Ints, attempt: Ints | int, purpose: _Luck) -> Floats:
        place = self.twin[e] * 40_503 + np.asarray(attempt) * 7_919 + int(purpose) * 104_729
        return np.asarray(self.dice[place % _DICE])

    def _durations(self) -> None:
        """Durations to draw from, by processor, outcome, and whether load was felt."""
        w, law = self.workload, self.law
        usable = np.flatnonzero(~w.swept & np.isfinite(w.end_s))
        kind = _BANDS * w.failed[usable] + law.load_band[usable]
        cell = w.processor[usable] * _KINDS + kind
        order = np.argsort(cell, kind="stable")
        length = (w.end_s - w.start_s)[usable][order]
        cells = w.processors * _KINDS
        first = np.searchsorted(cell[order], np.arange(cells), side="left")
        count = np.bincount(cell, minlength=cells)
        # What a processor never had lasts as long as with the others.
        pools, whole = [length], length.size
        for each in range(_KINDS):
            pool = length[kind[order] == each]
            if not pool.size:
                pool = length[kind[order] // _BANDS == each // _BANDS]
            pool = pool if pool.size else np.array([1.0])
            missing = np.flatnonzero(count[each::_KINDS] == 0) * _KINDS + each
            first[missing], count[missing] = whole, pool.size
            pools.append(pool)
            whole += pool.size
        self.length_s = np.concatenate(pools)
        self.length_first, self.length_count = first, count

    def play(self) -> Played:
        order = np.argsort(self.start, kind="stable")
        start = self.start[order]
        self.step_s = step_s = self._step()
        steps = int(np.ceil((self.lead_s + self.end_s) / step_s))
        self._load_ready(steps)
        edges = -self.lead_s + step_s * np.arange(steps + 1)
        fresh = np.searchsorted(start, edges)
        fresh[0] = 0
        later: list[tuple[Ints, Floats]] = []
        near = (np.zeros(0, dtype=np.int64), np.zeros(0))
        for step in range(steps):
            if step % _COARSE_STEPS == 0:
                far = np.concatenate([np.zeros(0), *(t for _, t in later)])
                who = np.concatenate([np.zeros(0, dtype=np.int64), *(e for e, _ in later)])
                soon = far < edges[min(step + _COARSE_STEPS, steps)]
                near = (np.append(near[0], who[soon]), np.append(near[1], far[soon]))
                later = [(who[~soon], far[~soon])]
            self._tick(step)
            end = edges[step + 1]
            e = order[fresh[step] : fresh[step + 1]]
            t = start[fresh[step] : fresh[step + 1]]
            due = near[1] < end
            if due.any():
                e, t = np.append(e, near[0][due]), np.append(t, near[1][due])
                near = (near[0][~due], near[1][~due])
            coarse_end = edges[min((step // _COARSE_STEPS + 1) * _COARSE_STEPS, steps)]
            while e.size:
                e, t = self._attempt(e, t, step)
                soon = t < coarse_end
                later.append((e[~soon], t[~soon]))
                e, t = e[soon], t[soon]
                now = t < end
                if not now.all():
                    near = (np.append(near[0], e[~now]), np.append(near[1], t[~now]))
                e, t = e[now], t[now]
        shape = (len(self.fixes), self.repeats, self.workload.windows)
        return Played(failures=self.failed.reshape(shape), runs=self.done.reshape(shape))

    def _step(self) -> float:
        """Without a curve all is played in one step. With one, a step is short beside a run."""
        if self.law.curve is None and not self.limited.any():
            return self.lead_s + self.end_s
        typical = float(np.median(self.length_s)) / 3
        coarsest = (self.lead_s + self.end_s) / _MOST_STEPS
        allowed = [each for each in _STEPS_S if each >= coarsest] or [_STEPS_S[-1]]
        return max((each for each in allowed if each <= typical), default=allowed[0])

    def _load_ready(self, steps: int) -> None:
        self.load = np.zeros(self.lanes, dtype=np.int64)
        self.leaving = np.zeros((steps + 2, self.lanes), dtype=np.int32) if steps > 1 else None

    def _tick(self, step: int) -> None:
        """What leaves the load when a step begins."""
        if self.leaving is not None:
            self.load -= self.leaving[step]

    def _attempt(self, e: Ints, t: Floats, step: int) -> tuple[Ints, Floats]:
        """Starts of messages `e` at `t`; what is delivered again, and when."""
        law = self.law
        message, lane = self.message[e], self.lane[e]
        processor = self.asked.processor[message]
        missing = (t >= self.absent[e]) & (t < self.until[e])
        waiting = missing & self.held[e]
        held = e[waiting]
        held_t = self.until[held] + _HELD_S * self._luck(held, 0, _Luck.HELD)
        kept = np.isfinite(held_t)
        held, held_t = held[kept], held_t[kept]
        if waiting.any():
            go = ~waiting
            e, t, message, lane = e[go], t[go], message[go], lane[go]
            processor, missing = processor[go], missing[go]
        attempt = self.attempt[e]
        chance = np.where(attempt == 0, law.first[processor], law.again[processor])
        suffers = law.sharers[processor]
        window = self.window_of[lane]
        exposed = suffers & law.touches[message]
        for column in range(self.outage.shape[1]):
            begin, end, share = self.outage[window, column].T
            down = exposed & (t >= begin) & (t < end)
            chance = np.where(down, np.maximum(chance, share), chance)
        chance[missing | law.hopeless[message]] = 1.0
        band = np.zeros(e.size, dtype=np.int64)
        luck = self._luck(e, attempt, _Luck.FAILS)
        if law.curve is not None:
            excess = self._excess(t, lane, processor, chance, luck)
            chance, band = 1 - (1 - chance) * (1 - excess), band_of(excess)
        failed = luck < chance
        length = self._length(e, attempt, processor, failed, band)
        over = t + length
        inside = self.workload.inside(over, window)
        self.failed += np.bincount(lane[inside & failed], minlength=self.lanes)
        self.done += np.bincount(lane[inside], minlength=self.lanes)
        if law.curve is not None:
            self._enter_load(lane, processor, failed, over, step)
        self.attempt[e] = attempt + 1
        again, after = self._redelivered(e, t, length, failed, message, processor, attempt)
        return np.append(again, held), np.append(after, held_t)

    def _excess(
        self, t: Floats, lane: Ints, processor: Ints, chance: Floats, luck: Floats
    ) -> Floats:
        """What the load that each start finds adds to its chance to fail.

        Where only successes are load, who fails within the step is found by turns: each of them
        sets more of the starts right, from the first on.
        """
        curve = self.law.curve
        assert curve is not None
        if not t.size:
            return np.zeros(0)
        order = np.lexsort((t, lane))
        own = lane[order]
        first = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
        sizes = np.diff(np.append(first, own.size))
        shares, suffers = curve.sharers[processor], self.law.sharers[processor]
        by_success = curve.measure.only_successes
        counted = shares & (luck >= chance) if by_success else shares
        excess = np.zeros(t.size)
        for _ in range(_TURNS if by_success else 1):
            each = counted[order].astype(np.int64)
            before = np.cumsum(each) - each
            rank = before - np.repeat(before[first], sizes)
            found = np.empty(t.size, dtype=np.int64)
            found[order] = self.load_scale * (self.load[own] + rank)
            felt = self.excess[lane, np.clip(found, 0, self.excess.shape[1] - 1)]
            excess = np.where(suffers, felt, 0.0)
            if by_success:
                counted = shares & (luck >= 1 - (1 - chance) * (1 - excess))
        return excess

    def _enter_load(
        self, lane: Ints, processor: Ints, failed: Bools, over: Floats, step: int
    ) -> None:
        curve = self.law.curve
        assert curve is not None
        assert self.leaving is not None
        counts = curve.sharers[processor]
        if curve.measure.only_successes:
            counts = counts & ~failed
        lane, over = lane[counts], over[counts]
        last = self.leaving.shape[0] - 1
        minute = int(60 / self.step_s)
        if curve.measure.until_end:
            leaves = np.rint((over + self.lead_s) / self.step_s).astype(np.int64)
            leaves = np.clip(leaves, step + 1, last)
        elif curve.measure is Measure.GRANTED_CLOCK:
            leaves = np.full(lane.size, min((step // minute + 1) * minute, last))
        else:
            leaves = np.full(lane.size, min(step + minute, last))
        np.add.at(self.leaving, (leaves, lane), 1)
        self.load += np.bincount(lane, minlength=self.lanes)

    def _length(self, e: Ints, attempt: Ints, processor: Ints, failed: Bools, band: Ints) -> Floats:
        cell = processor * _KINDS + _BANDS * failed + band
        luck = self._luck(e, attempt, _Luck.LASTS)
        place = self.length_first[cell] + (luck * self.length_count[cell]).astype(np.int64)
        return np.asarray(self.length_s[place])

    def _redelivered(
        self,
        e: Ints,
        t: Floats,
        length: Floats,
        failed: Bools,
        message: Ints,
        processor: Ints,
        attempt: Ints,
    ) -> tuple[Ints, Floats]:
        again, policy = self.again, self.policy
        attempts = policy.attempts[self.fix_of[self.lane[e]]]
        limited = self.limited.any()
        # Only failures can come again; where a retry budget counts, it sees the others too.
        here = np.arange(e.size) if limited else np.flatnonzero(failed)
        limit = np.minimum(again.limit[message[here]], attempts[here])
        number = attempt[here] + 1
        chance = again.chance[processor[here], np.minimum(number - 1, DEPTH - 1)]
        # Where it is known after how many deliveries a message was given up, it comes until then.
        sure = self.law.hopeless[message[here]] | (again.limit[message[here]] < UNCOUNTED)
        sure |= number < again.least[message[here]]
        chance = np.where(number >= limit, 0.0, np.where(sure, 1.0, chance))
        comes = failed[here] & (self._luck(e[here], number - 1, _Luck.RETURNS) < chance)
        if limited:
            comes &= self._within_budget(e, attempt, comes)
        come = here[comes]
        e, t, attempt = e[come], t[come], attempt[come]
        fix = self.fix_of[self.lane[e]]
        lost = t + length[come]
        luck = self._luck(e, attempt, _Luck.GAP)
        least = policy.least_s[fix]
        most = np.minimum(policy.most_s[fix], least * 2.0 ** np.minimum(attempt, 60))
        drawn = np.where(policy.jittered[fix], least + luck * np.maximum(most - least, 0), most)
        changed = policy.changed[fix]
        gap = np.where(changed, drawn, again.gap(processor[come], attempt, luck))
        after = np.where(changed, np.minimum(lost, t + _ACK_S), lost) + gap
        stays = (after < self.end_s) & (after < again.stops_s[message[come]])
        return e[stays], after[stays]

    def _within_budget(self, e: Ints, attempt: Ints, asked_for: Bools) -> Bools:
        """Which redeliveries a retry budget grants, in the order in which they are asked for."""
        lane = self.lane[e]
        self.begun += np.bincount(lane[attempt == 0], minlength=self.lanes)
        left = np.where(
            self.limited, self.budget * self.begun + _FREE_RETRIES - self.retried, np.inf
        )
        granted = np.ones(e.size, dtype=bool)
        limited = asked_for & self.limited[lane]
        if limited.any():
            order = np.flatnonzero(limited)
            order = order[np.argsort(lane[order], kind="stable")]
            own = lane[order]
            first = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
            rank = np.arange(own.size) - np.repeat(first, np.diff(np.append(first, own.size)))
            granted[order] = rank < left[own]
            self.retried += np.bincount(lane[limited & granted], minlength=self.lanes)
        return granted


def _even_normal(number: int) -> Floats:
    """So many draws of a standard normal distribution, spread evenly: its middle and both sides."""
    from scipy.special import ndtri

    return np.asarray(
        np.clip(ndtri((np.arange(number) + 0.5) / number), -_MOST_SPREAD, _MOST_SPREAD)
    )
