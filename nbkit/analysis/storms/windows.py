"""Hours in which more fails than usual: bursts that came once, and windows that come every week.

Each series (all failures, all real ones, and either for each processor; also all runs, and runs
about dates far away) is scanned with windows of one hour to three days. A window counts where its
sum is improbable under a negative binomial about the usual level (over-dispersed: runs come in
days and batches), where it is believed after Benjamini–Hochberg over all windows of all series,
and where it is large: twice the usual, and `LEAST_EXCESS` failures beyond it. The usual level is
that of the series' middle days, so that neither a storm nor a weekly one moves it.

Scan statistics: Kulldorff (1997). Over-dispersion from the spread of the sums themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betainc

from nbkit.analysis.false_discovery import benjamini_hochberg
from nbkit.analysis.storms.runs import mark_failures

Floats = npt.NDArray[np.float64]
Measure = Literal["failures", "real", "runs", "far_dates"]

HOUR = timedelta(hours=1)
LENGTHS = (1, 2, 4, 8, 16, 32, 64)  # hours
WEEK = 168
ALL = "*"  # the series of all processors
LEAST_EXCESS = 45.0
LEAST_RATIO = 2.0
FALSE_DISCOVERY = 0.001
LEAST_WEEKS = 3
# A series that bursts on more days than this, and not weekly, has a habit and no incident.
HABIT_DAYS = 5


@dataclass(frozen=True, kw_only=True)
class Span:
    """[start, end), on whole hours when found, to the minute once it is refined."""

    start: datetime
    end: datetime

    def overlap(self, other: Span) -> timedelta:
        return max(min(self.end, other.end) - max(self.start, other.start), timedelta())

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class FoundWindow:
    """Too much in some hours.

    Attributes:
        spans: one, or one for each week in which it came, oldest first.
        processors: whose own series shows it; empty where only the sum does.
        is_of_all: whether the sum over all processors shows it.
        measures: what there was too much of.
        seen, usual: sum of the strongest series over the spans, and its usual level.
        q: least false discovery rate at which the strongest window is believed.
        weekly: it comes on the same weekday and hours.
    """

    spans: tuple[Span, ...]
    processors: tuple[str, ...]
    is_of_all: bool
    measures: frozenset[Measure]
    seen: float
    usual: float
    q: float
    weekly: bool

    @property
    def is_theirs(self) -> bool:
        """Whether it is a window of its processors, and not of all together."""
        return bool(self.processors) and not self.is_of_all


@dataclass(frozen=True)
class _Series:
    name: str
    measure: Measure
    seen: Floats
    usual: Floats


@dataclass(frozen=True)
class _Hit:
    series: _Series
    first: int
    last: int  # exclusive
    seen: float
    usual: float
    p: float
    gain: float  # log likelihood ratio
    q: float = 1.0


def find_windows(counts: pd.DataFrame, *, start: datetime, end: datetime) -> list[FoundWindow]:
    """All windows of [start, end), the largest excess first.

    Args:
        counts: classified storm counts (processor_name, status, category, ended_hour, runs,
            far_date_runs).
        start, end: aware; taken at their whole hours.
    """
    first = pd.Timestamp(start).floor("h")
    hours = int((pd.Timestamp(end).ceil("h") - first) / pd.Timedelta(HOUR))
    if counts.empty or hours < 48:
        return []
    series = _series(mark_failures(counts), first, hours)
    weekly = _weekly_hits(series, first, hours)
    once = _single_hits(series, hours)
    once = [hit for hit in once if not any(_explained(hit, span) for span in weekly)]
    once = _without_habits(once)
    found = [_joined(group, first, weekly=True) for group in _groups_weekly(weekly)]
    found += [_joined([[hit] for hit in group], first, weekly=False) for group in _groups(once)]
    return sorted(found, key=lambda window: window.usual - window.seen)


def _series(counts: pd.DataFrame, first: pd.Timestamp, hours: int) -> list[_Series]:
    at = ((counts["ended_hour"] - first) // pd.Timedelta(HOUR)).to_numpy(dtype=np.int64)
    inside = (at >= 0) & (at < hours)
    counts, at = counts[inside], at[inside]
    codes, names = pd.factorize(counts["processor_name"])
    runs = counts["runs"].to_numpy(dtype=np.float64)
    failed = runs * counts["is_failure"].to_numpy(dtype=np.float64)
    real = failed * ~counts["is_expected"].to_numpy(dtype=bool)
    far = counts["far_date_runs"].to_numpy(dtype=np.float64)
    found = []
    for measure, weights in (
        ("failures", failed),
        ("real", real),
        ("runs", runs),
        ("far_dates", far),
    ):
        table = np.zeros((len(names), hours))
        np.add.at(table, (codes, at), weights)
        rows = [(ALL, table.sum(axis=0))]
        if measure in ("failures", "real"):
            rows += list(zip(map(str, names), table, strict=True))
        found += [
            _Series(name, measure, seen, usual_level(seen, first.hour))  # type: ignore[arg-type]
            for name, seen in rows
            if seen.sum() >= LEAST_EXCESS
        ]
    return found


def usual_level(seen: Floats, hour_of_first: int) -> Floats:
    """What a series usually has in each of its hours: the level of its middle days, shaped like its
    ordinary day. Days with a storm are at the top of the order, and do not count.
    """
    hours = seen.size
    padded = np.full(((hours + hour_of_first + 23) // 24) * 24, np.nan)
    padded[hour_of_first : hour_of_first + hours] = seen
    days = padded.reshape(-1, 24)
    known = ~np.isnan(days)
    whole = known.sum(axis=1) >= 12
    means = np.array(
        [np.nanmean(day) if ok else np.nan for day, ok in zip(days, whole, strict=True)]
    )
    order = np.argsort(means[whole], kind="stable")
    middle = np.flatnonzero(whole)[order][order.size // 10 : max(int(order.size * 0.65), 1)]
    level = float(np.mean(means[middle])) if middle.size else float(np.nanmean(seen))
    # The shape of a day, over the middle days; a little of an even day, for hours seldom seen.
    total = np.nansum(days[middle], axis=0)
    smooth = 0.25 * np.roll(total, 1) + 0.5 * total + 0.25 * np.roll(total, -1)
    even = np.full(24, max(smooth.mean(), 1e-9))
    weight = smooth.sum() / (smooth.sum() + 48.0)
    shape = weight * smooth / max(smooth.mean(), 1e-9) + (1 - weight) * even / even.mean()
    floor = 0.25 / 24
    ordinary: Floats = np.maximum(level * shape, floor)
    return ordinary[(np.arange(hours) + hour_of_first) % 24]


def _sums(values: Floats, length: int) -> Floats:
    running: Floats = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(running[length:] - running[:-length])


def _dispersion(seen: Floats, usual: Floats, length: int) -> float:
    """How much more than Poisson the sums spread, as the square of a coefficient of variation.

    The highest are left out: as many as a weekly storm of that length would make high. So what
    bursts oftener than weekly counts as the series' own unrest.
    """
    ratio = seen / usual
    kept = ratio <= np.quantile(ratio, 1 - np.clip(2 * length / WEEK, 0.03, 0.4))
    excess = np.sum((seen[kept] - usual[kept]) ** 2 - usual[kept]) / np.sum(usual[kept] ** 2)
    return float(max(excess, 0.03))


def _single_hits(series: Sequence[_Series], hours: int) -> list[_Hit]:
    return _believed(
        [
            (each, length, _sums(each.seen, length), _sums(each.usual, length))
            for each in series
            for length in LENGTHS
            if length <= hours // 3
        ]
    )


def _believed(scans: list[tuple[_Series, int, Floats, Floats]]) -> list[_Hit]:
    """Of all windows of all series those that stand the tests; of one series none overlap."""
    if not scans:
        return []
    tails = []
    for _, length, seen, usual in scans:
        spread = 1 / _dispersion(seen, usual, length)
        # P(X >= seen) of the negative binomial; scipy.stats has it too, but takes long to import.
        tails.append(betainc(seen, spread, usual / (spread + usual)))
    q_values = np.split(
        benjamini_hochberg(np.clip(np.concatenate(tails), 0, 1)),
        np.cumsum([tail.size for tail in tails])[:-1],
    )
    by_series: dict[int, list[_Hit]] = {}
    for (each, length, seen, usual), tail, q in zip(scans, tails, q_values, strict=True):
        large = (seen - usual >= LEAST_EXCESS) & (seen >= LEAST_RATIO * usual)
        for at in np.flatnonzero(large & (q <= FALSE_DISCOVERY)):
            s, u = float(seen[at]), float(usual[at])
            gain = s * np.log(s / u) - (s - u)
            by_series.setdefault(id(each), []).append(
                _Hit(each, int(at), int(at) + length, s, u, float(tail[at]), gain, float(q[at]))
            )
    kept = []
    for hits in by_series.values():
        chosen: list[_Hit] = []
        for hit in sorted(hits, key=lambda hit: -hit.gain):
            if all(hit.last <= other.first or hit.first >= other.last for other in chosen):
                chosen.append(hit)
        kept += [_trimmed(hit) for hit in chosen]
    return kept


def _trimmed(hit: _Hit) -> _Hit:
    """Without hours at its ends that see no more than usual."""
    own = hit.series.seen[hit.first : hit.last] > 1.3 * hit.series.usual[hit.first : hit.last]
    inside = np.flatnonzero(own)
    first, last = hit.first + int(inside[0]), hit.first + int(inside[-1]) + 1
    seen = float(hit.series.seen[first:last].sum())
    return replace(
        hit, first=first, last=last, seen=seen, usual=float(hit.series.usual[first:last].sum())
    )


def _weekly_hits(series: Sequence[_Series], first: pd.Timestamp, hours: int) -> list[list[_Hit]]:
    """Windows of the week, each as the hits of the weeks in which it came."""
    offset = first.weekday() * 24 + first.hour
    weeks = (offset + hours + WEEK - 1) // WEEK
    if hours < LEAST_WEEKS * WEEK:
        return []
    folded = []
    for each in series:
        if each.measure == "far_dates":
            continue
        seen, usual = _folded(each.seen, offset, weeks), _folded(each.usual, offset, weeks)
        # Twice round, so that a window may lie across the turn of the week.
        around = _Series(
            each.name, each.measure, np.tile(seen, 2), np.tile(np.maximum(usual, 1e-3), 2)
        )
        folded.append((each, around))
    scans = [
        (around, length, _sums(around.seen, length), _sums(around.usual, length))
        for _, around in folded
        for length in LENGTHS
    ]
    own = {id(around): each for each, around in folded}
    found = []
    for hit in _believed(scans):
        if hit.first >= WEEK:
            continue
        came = _weeks_of(hit, own[id(hit.series)], offset=offset, weeks=weeks, hours=hours)
        if came:
            found.append(came)
    return found


def _weeks_of(hit: _Hit, series: _Series, *, offset: int, weeks: int, hours: int) -> list[_Hit]:
    """The weeks in which a window of the week came; none where they are too few to be a habit of
    the week: one great burst makes no weekly window."""
    came = []
    for week in range(-1, weeks + 1):
        begin = max(week * WEEK + hit.first - offset, 0)
        end = min(week * WEEK + hit.last - offset, hours)
        if end <= begin:
            continue
        seen = float(series.seen[begin:end].sum())
        usual = float(series.usual[begin:end].sum())
        if seen >= 1.5 * usual + 4:
            gain = seen * float(np.log(max(seen, 1.0) / usual)) - (seen - usual)
            came.append(_Hit(series, begin, end, seen, usual, hit.p, gain, hit.q))
    if not came:
        return []
    since = round((hours - came[0].first) / WEEK + 0.49)
    excess = [one.seen - one.usual for one in came]
    lasting = len(came) >= LEAST_WEEKS and len(came) >= 0.6 * since
    return came if lasting and sum(excess) >= 1.5 * max(excess) else []


def _folded(values: Floats, offset: int, weeks: int) -> Floats:
    padded = np.zeros(weeks * WEEK)
    padded[offset : offset + values.size] = values
    return np.asarray(padded.reshape(weeks, WEEK).sum(axis=0))


def _explained(hit: _Hit, weekly: list[_Hit]) -> bool:
    """Whether a single burst is one time of a weekly window: it meets one, and its own series has
    as much, or nearly, in the same hours of most other weeks."""
    length = hit.last - hit.first
    if not any(
        one.series.name in (ALL, hit.series.name)
        and min(hit.last, one.last) - max(hit.first, one.first) >= 0.5 * length
        for one in weekly
    ):
        return False
    hours = hit.series.seen.size
    others = [
        float((hit.series.seen - hit.series.usual)[begin : begin + length].sum())
        for begin in range(hit.first % WEEK, hours - length + 1, WEEK)
        if begin != hit.first
    ]
    alike = sum(other >= 0.3 * (hit.seen - hit.usual) for other in others)
    return alike >= 0.5 * len(others)


def _without_habits(hits: list[_Hit]) -> list[_Hit]:
    """Without series that burst on many days: that is how they are. A burst of twice the size of
    its fellows is kept."""
    kept = []
    for hit in hits:
        fellows = [other for other in hits if other.series is hit.series]
        days = {other.first // 24 for other in fellows}
        typical = float(np.median([other.seen - other.usual for other in fellows]))
        if len(days) <= HABIT_DAYS or hit.seen - hit.usual >= 2 * typical:
            kept.append(hit)
    return kept


def _groups(hits: list[_Hit]) -> list[list[_Hit]]:
    """Bursts of several series that are one: they cover the same hours, or the burst of one
    processor lies within that of all."""
    groups: list[list[_Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.series.name != ALL, -hit.gain)):
        home = next((group for group in groups if any(_same(hit, other) for other in group)), None)
        if home is None:
            groups.append([hit])
        else:
            home.append(hit)
    return groups


def _same(hit: _Hit, other: _Hit) -> bool:
    shared = min(hit.last, other.last) - max(hit.first, other.first)
    if shared >= -1 and hit.series is other.series:
        return True
    if shared <= 0:
        return False
    lengths = sorted((hit.last - hit.first, other.last - other.first))
    if shared >= 0.5 * lengths[1] or hit.series.name == other.series.name:
        return True
    outer = max(hit, other, key=lambda each: each.last - each.first)
    return outer.series.name == ALL and shared >= 0.5 * lengths[0]


def _groups_weekly(weekly: list[list[_Hit]]) -> list[list[list[_Hit]]]:
    groups: list[list[list[_Hit]]] = []
    for came in sorted(
        weekly, key=lambda came: (came[0].series.name != ALL, -sum(h.gain for h in came))
    ):
        home = next(
            (g for g in groups if any(_same(a, b) for other in g for a in came for b in other)),
            None,
        )
        if home is None:
            groups.append([came])
        else:
            home.append(came)
    return groups


def _joined(group: list[list[_Hit]], first: pd.Timestamp, *, weekly: bool) -> FoundWindow:
    """One window of the hits of several series."""
    hits = [hit for came in group for hit in came]
    leader = max(group, key=lambda came: sum(hit.gain for hit in came))
    if not weekly:
        # The scan cuts a long storm into pieces of its longest window.
        leader = [hit for hit in hits if hit.series is leader[0].series]
    spans: list[tuple[int, int]] = []
    for begin, end in sorted((hit.first, hit.last) for hit in leader):
        if spans and begin <= spans[-1][1] + (1 if weekly else 12):
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((begin, end))
    return FoundWindow(
        spans=tuple(
            Span(
                start=(first + pd.Timedelta(hours=begin)).to_pydatetime(),
                end=(first + pd.Timedelta(hours=end)).to_pydatetime(),
            )
            for begin, end in spans
        ),
        processors=tuple(sorted({hit.series.name for hit in hits} - {ALL})),
        is_of_all=any(hit.series.name == ALL for hit in hits),
        measures=frozenset(hit.series.measure for hit in hits),
        seen=sum(hit.seen for hit in leader),
        usual=sum(hit.usual for hit in leader),
        q=min(hit.q for hit in leader),
        weekly=weekly,
    )
