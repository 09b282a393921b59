"""Does the day of the week matter, or whether there are games? Only said where chance is ruled out.

Each processor is asked for each metric and each factor, which is some hundred tests; the false
discovery rate is held over all of them (Benjamini & Hochberg 1995). Days are the sample: runs of
one day share their fate, so that a thousand of them do not make a weekday.

A weekday is compared within its own seven days, so that a drift or a new level is nobody's weekday.
Off-days are those of the platform (`off_days`); a processor's own off-day has no duration and no
rate, and is absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.false_discovery import benjamini_hochberg
from nbkit.analysis.off_days import off_days
from nbkit.analysis.profiles import GAMMA

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OFF_DAY_LEVELS = ("game-day", "off-day")
_WEEK = 7
_Z = 1.959964  # 95 %
_SAME = 1e-12  # a variance below it is rounding
_HOLDS = 0.05
_SATURDAY = 5


class SeasonalMetric(StrEnum):
    """What a day is measured by. `FAILURES` is the real share of the runs with something to do."""

    DURATION = "duration"
    RECORDS = "records"
    RUNS = "runs"
    FAILURES = "failure rate"


class Factor(StrEnum):
    WEEKDAY = "weekday"
    OFF_DAY = "off-day"


@dataclass(frozen=True, kw_only=True)
class SeasonalRules:
    """When an effect is said to be one.

    Attributes:
        false_discovery_rate: the share of chance among the effects that are named.
        least_ratio: highest level over lowest one, below which an effect is true and of no use.
        least_points: the same for failure rates, which are compared by difference.
        enough_days: days with a value before a metric is tested at all.
        enough_each: days that each level must have; a level with fewer is left out.
        enough_failures: real failures before their rate is tested.
    """

    false_discovery_rate: float = 0.05
    least_ratio: float = 1.1
    least_points: float = 0.03
    enough_days: int = 14
    enough_each: int = 2
    enough_failures: int = 10


@dataclass(frozen=True, kw_only=True)
class Level:
    """One weekday, or off-days: beside what is usual for the processor.

    `value` is a ratio to the processor's usual day; of failure rates the rate itself. It is shrunk
    towards the usual by how much of the differences the days' own scatter explains (empirical
    Bayes; Efron & Morris 1975), with its 95 % interval.
    """

    name: str
    days: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SeasonalEffect:
    """A factor that explains more of a metric's days than chance does."""

    subject: str
    metric: SeasonalMetric
    factor: Factor
    days: int
    p_value: float
    q_value: float
    levels: tuple[Level, ...]

    @property
    def strength(self) -> float:
        """Highest level over lowest; of failure rates one plus their difference, to rank by."""
        values = [level.value for level in self.levels]
        if self.metric is SeasonalMetric.FAILURES:
            return 1 + max(values) - min(values)
        return max(values) / min(values)


@dataclass(frozen=True, kw_only=True)
class Seasonality:
    """The effects that were found, the strongest first, of how many `tests`."""

    effects: tuple[SeasonalEffect, ...]
    tests: int
    off_days: tuple[date, ...]


@dataclass(frozen=True)
class _Test:
    effect: SeasonalEffect
    matters: bool


def seasonality(
    daily: pd.DataFrame, histograms: pd.DataFrame, *, rules: SeasonalRules | None = None
) -> Seasonality:
    """Test every processor, metric and factor, and name what is not chance.

    Args:
        daily: `nbkit.analysis.daily.daily_histories` of whole UTC days.
        histograms: daily histograms of the same window: processor_name, day, metric, outcome,
            bucket, runs.
    """
    rules = rules or SeasonalRules()
    off = off_days(daily)
    logs = _mean_logs(histograms)
    tests = [
        test
        for name, own in daily[daily["runs"] > 0].groupby("processor_name", sort=True)
        for test in _tests(str(name), own.join(logs, on=["processor_name", "date"]), off, rules)
    ]
    q = benjamini_hochberg([test.effect.p_value for test in tests])
    found = [
        replace(test.effect, q_value=float(value))
        for test, value in zip(tests, q, strict=True)
        if value <= rules.false_discovery_rate and test.matters
    ]
    found.sort(key=lambda effect: (-effect.strength, effect.subject, effect.metric))
    return Seasonality(effects=tuple(found), tests=len(tests), off_days=off)


def _tests(
    name: str, own: pd.DataFrame, off: tuple[date, ...], rules: SeasonalRules
) -> Iterator[_Test]:
    dates = pd.DatetimeIndex(own["date"])
    weekday = np.asarray(dates.day_of_week, dtype=np.int64)
    is_off = dates.isin(pd.DatetimeIndex(list(off))).astype(np.int64)
    day = np.asarray((dates - dates.min()).days, dtype=np.int64)
    runs = own["runs"].to_numpy(dtype=np.float64)
    failures = own["failures"].to_numpy(dtype=np.float64)
    columns = {
        SeasonalMetric.DURATION: own["log_duration"].to_numpy(dtype=np.float64),
        SeasonalMetric.RECORDS: own["log_records"].to_numpy(dtype=np.float64),
        SeasonalMetric.RUNS: np.log(runs),
    }
    for factor, group, names in (
        (Factor.WEEKDAY, weekday, WEEKDAYS),
        (Factor.OFF_DAY, np.asarray(is_off), OFF_DAY_LEVELS),
    ):
        for metric, values in columns.items():
            known = np.isfinite(values)
            days = _enough(group[known], rules)
            if days is None:
                continue
            y, g, at = values[known][days], group[known][days], day[known][days]
            sample = DailyValues.of_values(y, at)
            levels = _ratios(sample, g, names)
            yield _test(name, metric, factor, sample.p_value(g), levels, rules)
        days = _enough(group, rules)
        if days is not None and rules.enough_failures <= failures[days].sum() < runs[days].sum():
            rates = DailyValues.of_rates(failures[days], runs[days])
            levels = _rate_levels(rates, group[days], names)
            p = rates.p_value(group[days])
            yield _test(name, SeasonalMetric.FAILURES, factor, p, levels, rules)


def _test(
    name: str,
    metric: SeasonalMetric,
    factor: Factor,
    p_value: float,
    levels: tuple[Level, ...],
    rules: SeasonalRules,
) -> _Test:
    effect = SeasonalEffect(
        subject=name,
        metric=metric,
        factor=factor,
        days=sum(level.days for level in levels),
        p_value=p_value,
        q_value=1.0,
        levels=levels,
    )
    is_rate = metric is SeasonalMetric.FAILURES
    least = 1 + rules.least_points if is_rate else rules.least_ratio
    return _Test(effect, effect.strength >= least)


def _enough(group: Ints, rules: SeasonalRules) -> npt.NDArray[np.bool_] | None:
    """The days of levels that have enough of them; None where nothing can be compared."""
    sizes = np.bincount(group, minlength=1)
    kept = sizes[group] >= rules.enough_each
    levels = int((sizes >= rules.enough_each).sum())
    return kept if kept.sum() >= rules.enough_days and levels >= 2 else None


@dataclass(frozen=True)
class DailyValues:
    """One value a day, and what it weighs.

    `lost` degrees of freedom went into aligning; `least` is the least variance that a day of weight
    one can have; the farthest days of `skewed` ones lie all on one side.
    """

    values: Floats
    weights: Floats
    lost: int = 0
    least: float = _SAME
    skewed: bool = False

    @classmethod
    def of_values(cls, values: Floats, day: Ints) -> DailyValues:
        """Each day beside the mean of the seven around it, which hold each weekday once: a drift or
        a new level is then no weekday's. At the ends the seven first and the seven last stand in.
        """
        first, last = int(day[0]), int(day[-1])
        middle = np.clip(day, first + _WEEK // 2, max(last - _WEEK // 2, first + _WEEK // 2))
        means = [float(values[np.abs(day - at) <= _WEEK // 2].mean()) for at in middle]
        weeks = int(np.unique(day // _WEEK).size)
        return cls(values - np.array(means), np.ones(values.size), lost=weeks - 1)

    @classmethod
    def of_rates(cls, hits: Floats, totals: Floats) -> DailyValues:
        """Shares with the weights n / (1 + (n − 1)ρ) of the beta-binomial, ρ by moments (Kleinman
        1973).

        A storm of a thousand failing runs is one bad day, not a thousand witnesses against its
        weekday: the more days differ, the nearer they come to weighing the same.
        """
        shares = hits / totals
        unit = max(float(shares.mean() * (1 - shares.mean())), _SAME)
        by_chance = float((1 / totals).mean())
        scatter = float(((shares - shares.mean()) ** 2).sum()) / (hits.size - 1) / unit
        rho = min(max((scatter - by_chance) / max(1 - by_chance, _SAME), 0.0), 1.0)
        weights = totals / (1 + (totals - 1) * rho)
        least = unit * float((weights / totals).mean())
        return cls(shares, weights, least=least, skewed=True)

    def mean(self) -> float:
        return float(np.average(self.values, weights=self.weights))

    def scatter(self, group: Ints) -> float:
        """The variance of a day of weight one about its level."""
        levels, at = np.unique(group, return_inverse=True)
        squares = float((self.weights * (self.values - self.means(at)[at]) ** 2).sum())
        return max(squares / max(group.size - levels.size - self.lost, 1), self.least)

    def p_value(self, group: Ints) -> float:
        """Do the levels differ by more than the days scatter?

        What does not hold at 5 % without the day that is farthest off is that day's, and not its
        weekday's: the p-value is then the one without it, as it always is of skewed values.
        """
        farthest = int(np.argmax(np.abs(self.values - self.mean()) * np.sqrt(self.weights)))
        kept = np.arange(group.size) != farthest
        rest = replace(self, values=self.values[kept], weights=self.weights[kept])
        whole, without = self._p_value(group), rest._p_value(group[kept])
        return whole if without <= _HOLDS and not self.skewed else max(whole, without)

    def _p_value(self, group: Ints) -> float:
        """Of the test whether any levels differ, and of each level (and of the weekend) against the
        others, the smaller one by Bonferroni: mostly it is one weekday that differs."""
        levels = np.unique(group)
        anywhere = self._f_test(group)
        if levels.size == len(OFF_DAY_LEVELS):
            return anywhere
        alone = [self._f_test((group == level).astype(np.int64)) for level in levels]
        alone.append(self._f_test((group >= _SATURDAY).astype(np.int64)))
        return min(1.0, 2 * min(anywhere, len(alone) * min(alone)))

    def _f_test(self, group: Ints) -> float:
        """One-way analysis of variance; of rates the quasi-binomial F test (McCullagh & Nelder
        1989, §4.5). 1 where there is nothing to compare."""
        from scipy.special import fdtrc

        levels, at = np.unique(group, return_inverse=True)
        top, rest = levels.size - 1, group.size - levels.size - self.lost
        if top < 1 or rest < 1:
            return 1.0
        between = float((self.weights * (self.means(at)[at] - self.mean()) ** 2).sum())
        if between <= _SAME:
            return 1.0
        return float(fdtrc(top, rest, between / top / self.scatter(group)))

    def means(self, at: npt.NDArray[np.intp]) -> Floats:
        """The weighted mean of each level, by the number of its level for each day."""
        means: Floats = np.bincount(at, self.weights * self.values) / np.bincount(at, self.weights)
        return means


def _ratios(sample: DailyValues, group: Ints, names: tuple[str, ...]) -> tuple[Level, ...]:
    return tuple(
        replace(
            level,
            value=float(np.exp(level.value)),
            low=float(np.exp(level.low)),
            high=float(np.exp(level.high)),
        )
        for level in _shrunk(sample, group, names)
    )


def _rate_levels(rates: DailyValues, group: Ints, names: tuple[str, ...]) -> tuple[Level, ...]:
    middle = rates.mean()
    return tuple(
        replace(
            level,
            value=min(max(level.value + middle, 0.0), 1.0),
            low=min(max(level.low + middle, 0.0), 1.0),
            high=min(max(level.high + middle, 0.0), 1.0),
        )
        for level in _shrunk(rates, group, names)
    )


def _shrunk(sample: DailyValues, group: Ints, names: tuple[str, ...]) -> tuple[Level, ...]:
    """Each level beside the mean of all days, shrunk towards it by its own uncertainty."""
    levels, at = np.unique(group, return_inverse=True)
    means = sample.means(at) - sample.mean()
    noise = sample.scatter(group) / np.bincount(at, sample.weights)
    signal = max(float((means**2).sum() / max(levels.size - 1, 1) - noise.mean()), 0.0)
    kept = signal / (signal + noise) if signal > 0 else np.zeros(levels.size)
    half = _Z * np.sqrt(kept * noise)
    return tuple(
        Level(
            name=names[int(g)],
            days=int((group == g).sum()),
            value=float(kept[i] * means[i]),
            low=float(kept[i] * means[i] - half[i]),
            high=float(kept[i] * means[i] + half[i]),
        )
        for i, g in enumerate(levels)
    )


def _mean_logs(histograms: pd.DataFrame) -> pd.DataFrame:
    """The mean logarithm of successful runs by processor and day, its outliers pulled in.

    Unlike the median of the day it does not depend on how many runs the day has: busy weekdays
    would else be slow weekdays. A value beyond the P2.5 or P97.5 of all days counts as that.
    """
    own = histograms[(histograms["outcome"] == "success") & histograms["bucket"].notna()]
    columns = {}
    for metric, name in (("duration_s", "log_duration"), ("records", "log_records")):
        rows = own[own["metric"] == metric]
        table = pd.DataFrame(
            {
                "processor_name": rows["processor_name"].astype("str"),
                "date": pd.to_datetime(rows["day"].astype("str")).dt.normalize(),
                "bucket": rows["bucket"].astype("int64"),
                "runs": rows["runs"].astype("int64"),
            }
        ).sort_values(["processor_name", "bucket"])
        by = table.groupby("processor_name")
        rank = by["runs"].cumsum() / by["runs"].transform("sum")
        low = table["bucket"].where(rank >= 0.025).groupby(table["processor_name"]).transform("min")
        top = table["bucket"].where(rank >= 0.975).groupby(table["processor_name"]).transform("min")
        table["log"] = table["bucket"].clip(low, top) * np.log(GAMMA) * table["runs"]
        sums = table.groupby(["processor_name", "date"])[["log", "runs"]].sum()
        columns[name] = sums["log"] / sums["runs"]
    return pd.DataFrame(columns)
