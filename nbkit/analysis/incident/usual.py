"""A window beside the same hours of the weeks before: what is unusual, by an honest test.

Same weekday and same hours, because the platform's work has a weekly shape: a Monday night is to
be held against Monday nights. Four such windows are few, so the test asks what a fifth may look
like given these four (`count_model`, `share_model`: over-dispersion is not known, and is not taken
for none; all processors together tell how wild weeks are), and the tests of all processors are
corrected together (Benjamini & Hochberg 1995).

One week that stands out by itself among the others was an incident of its own. It is left out, or
last week's outage would hide this week's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import betainc

from nbkit.analysis.anomalies.predictive import CountModel, count_model, share_model
from nbkit.analysis.false_discovery import benjamini_hochberg
from nbkit.analysis.profiles import Profile, middle_of
from nbkit.analysis.rates import is_real_failure
from nbkit.analysis.robust import Floats
from nbkit.failures import EXPECTED, FailureCategory

SUCCESS = FailureCategory.SUCCESS.value
_EXPECTED = [category.value for category in EXPECTED]
# Below this chance a week is no week like the others. It is left out only where three remain.
_STANDS_OUT = 1e-4
_FEWEST_WEEKS = 2
_SLOW_QUANTILE = 0.95
_FEWEST_TIMED = 20
_PRIOR_PROCESSORS = 3  # that many processors' word is needed to outweigh what is held beforehand


@dataclass(frozen=True, kw_only=True)
class Count:
    """How often something happened in the window, and in the same hours `before` (the latest week
    first). `low` to `high` holds 95 % of what a further week may bring; all None where fewer than
    two weeks are known. `left_out` is the week (1: the latest) that stood out by itself.

    `p_more` and `p_fewer` are the chances of as many and of as few; `q` is the false discovery
    rate at which the smaller of the two is believed.
    """

    now: int
    before: tuple[int, ...]
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    left_out: int | None = None
    p_more: float = 1.0
    p_fewer: float = 1.0
    q: float = 1.0

    @property
    def p(self) -> float:
        """Two-sided."""
        return min(1.0, 2 * min(self.p_more, self.p_fewer))

    @property
    def is_more(self) -> bool:
        return self.p_more < self.p_fewer


@dataclass(frozen=True, kw_only=True)
class Slowness:
    """Durations of the successes, in seconds. `over` of `timed` took longer than the P95 of the
    same hours before, where one in twenty does."""

    p95_s: float | None
    usual_p95_s: float | None
    timed: int
    over: int
    p: float = 1.0
    q: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SameHours:
    """One processor (or all: `processor` is empty) now and in the same hours of the weeks before.

    `real` failures should not have been; `expected` ones had nothing to do.
    """

    processor: str
    runs: Count
    real: Count
    expected: Count
    durations: Slowness


def same_hours(counts: pd.DataFrame, *, weeks: int) -> tuple[SameHours, ...]:
    """Compare the window with the weeks before.

    Args:
        counts: rows of the query `same_hours`, classified: processor_name, weeks_back (0: the
            window), category, duration_bucket, runs.
        weeks: how many weeks back are known: those before the history begins are not zero, they
            are absent.

    Returns:
        All processors together, then each, by name.
    """
    counts = counts.assign(
        any=True, real=is_real_failure(counts), expected=counts["category"].isin(_EXPECTED)
    )
    counts = counts[counts["weeks_back"] <= weeks]
    named = [("", counts)]
    named += [
        (str(name), own) for name, own in counts.groupby("processor_name", sort=True, observed=True)
    ]
    tallies = {
        what: [_weekly(own[own[what]], weeks) for _, own in named]
        for what in ("any", "real", "expected")
    }
    common = {
        what: common_wildness(weekly[1:] for weekly in tally[1:]) for what, tally in tallies.items()
    }
    rows = []
    for at, (name, own) in enumerate(named):
        runs, real, expected = (
            predicted(tally[at][0], tally[at][1:], wildness=common[what])
            for what, tally in tallies.items()
        )
        timed = _slowness(own[own["category"] == SUCCESS]) if name else _NOT_TIMED
        rows.append(
            SameHours(processor=name, runs=runs, real=real, expected=expected, durations=timed)
        )
    return tuple(_corrected(rows))


def predicted(now: int, before: Sequence[int], *, wildness: Floats | None = None) -> Count:
    """What a further window like `before` may bring, and how unlikely `now` is among such.

    With nothing before at all the rate is only known to be small (Jeffreys' prior: half an event
    in as many windows).

    Args:
        wildness: how common each over-dispersion is among processors, from `common_wildness`.
    """
    if len(before) < _FEWEST_WEEKS:
        return Count(now=now, before=tuple(before))
    common = _unknown_wildness() if wildness is None else wildness
    kept, left_out = _without_outlier(before, common)
    more, fewer, bounds = _tails(now, kept, common)
    usual, low, high = bounds
    return Count(
        now=now,
        before=tuple(before),
        usual=usual,
        low=low,
        high=high,
        left_out=left_out,
        p_more=more,
        p_fewer=fewer,
    )


def common_wildness(weeks: Iterable[Sequence[int]]) -> Floats:
    """How often each over-dispersion occurs among the weeks of many processors (empirical Bayes,
    by EM): four weeks of one are far too few to tell whether its weeks are alike."""
    prior = _unknown_wildness()
    evidence = [_by_size(_model(before)) for before in weeks if len(before) > 1 and any(before)]
    if not evidence:
        return prior
    likelihood = np.array(evidence)
    shares = prior
    for _ in range(30):
        member = likelihood * shares
        member /= member.sum(axis=1, keepdims=True)
        shares = (member.sum(axis=0) + _PRIOR_PROCESSORS * prior) / (
            len(evidence) + _PRIOR_PROCESSORS
        )
    return shares


def _unknown_wildness() -> Floats:
    """Before anything is known: wild weeks are likelier than four that agree would have it."""
    sizes = np.unique(_model([1, 1]).sizes)
    weights = 1 / np.sqrt(sizes)
    return np.asarray(weights / weights.sum())


def _model(before: Sequence[int]) -> CountModel:
    return count_model(np.asarray(before, dtype=np.int64))


def _by_size(model: CountModel) -> Floats:
    """How well each over-dispersion explains the weeks."""
    _, place = np.unique(model.sizes, return_inverse=True)
    return np.asarray(np.bincount(place, weights=model.weights), dtype=np.float64)


def _without_outlier(before: Sequence[int], common: Floats) -> tuple[list[int], int | None]:
    kept = list(before)
    if len(before) <= _FEWEST_WEEKS + 1:
        return kept, None
    at = max(range(len(kept)), key=lambda week: kept[week])
    rest = kept[:at] + kept[at + 1 :]
    if _tails(kept[at], rest, common)[0] >= _STANDS_OUT:
        return kept, None
    return rest, at + 1


def _tails(
    now: int, before: Sequence[int], common: Floats
) -> tuple[float, float, tuple[float, float, float]]:
    """Chance of as many, of as few, and (mean, low, high) of a further window."""
    if any(before):
        model = _model(before)
        _, place = np.unique(model.sizes, return_inverse=True)
        weights = model.weights * common[place]
        model = replace(model, weights=weights / weights.sum())
        fewer, more = model.tails(now)
        return more, fewer, model.bounds()
    stays = len(before) / (len(before) + 1)
    more = float(betainc(now, 0.5, 1 - stays)) if now else 1.0
    fewer = float(betainc(0.5, now + 1, stays))
    high = next(k for k in range(100) if betainc(0.5, k + 1, stays) >= 0.975)
    return more, fewer, (0.0, 0.0, float(high))


def _weekly(own: pd.DataFrame, weeks: int) -> list[int]:
    """Runs in the window, then in each week before."""
    sums = own.groupby("weeks_back", observed=True)["runs"].sum()
    return [int(sums.get(week, 0)) for week in range(weeks + 1)]


_NOT_TIMED = Slowness(p95_s=None, usual_p95_s=None, timed=0, over=0)


def _slowness(successes: pd.DataFrame) -> Slowness:
    timed = successes[successes["duration_bucket"].notna()].astype({"duration_bucket": "int64"})
    now, before = timed[timed["weeks_back"] == 0], timed[timed["weeks_back"] > 0]
    runs = int(now["runs"].sum())
    p95_s, usual_s = _p95(now), _p95(before)
    if usual_s is None or not runs or int(before["runs"].sum()) < _FEWEST_TIMED:
        return Slowness(p95_s=p95_s, usual_p95_s=usual_s, timed=runs, over=0)
    slow = timed[timed["duration_bucket"].map(middle_of) > usual_s]
    over = slow.groupby("weeks_back", observed=True)["runs"].sum()
    total = timed.groupby("weeks_back", observed=True)["runs"].sum()
    weeks = [week for week in total.index if week > 0]
    model = share_model(
        np.array([int(over.get(week, 0)) for week in weeks], dtype=np.int64),
        np.array([int(total[week]) for week in weeks], dtype=np.int64),
    )
    hits = int(over.get(0, 0))
    return Slowness(
        p95_s=p95_s,
        usual_p95_s=usual_s,
        timed=runs,
        over=hits,
        p=model.tail(hits, runs),
    )


def _p95(timed: pd.DataFrame) -> float | None:
    if timed.empty:
        return None
    return Profile.of_buckets(timed["duration_bucket"], timed["runs"]).quantile(_SLOW_QUANTILE)


def _corrected(rows: Sequence[SameHours]) -> Iterable[SameHours]:
    """All processors' tests of one kind stand beside each other; the sum of all has its own."""
    each = rows[1:]
    q = {
        name: _q([getattr(row, name).p for row in each])
        for name in ("runs", "real", "expected", "durations")
    }
    whole = rows[0]
    yield replace(
        whole,
        runs=replace(whole.runs, q=whole.runs.p),
        real=replace(whole.real, q=whole.real.p),
        expected=replace(whole.expected, q=whole.expected.p),
    )
    for at, row in enumerate(each):
        yield replace(
            row,
            runs=replace(row.runs, q=q["runs"][at]),
            real=replace(row.real, q=q["real"][at]),
            expected=replace(row.expected, q=q["expected"][at]),
            durations=replace(row.durations, q=q["durations"][at]),
        )


def _q(p_values: Sequence[float]) -> Sequence[float]:
    return [float(value) for value in benjamini_hochberg(p_values)] if p_values else []


def by_processor(rows: Iterable[SameHours]) -> Mapping[str, SameHours]:
    """Without the sum of all."""
    return {row.processor: row for row in rows if row.processor}
