"""From classified hourly counts to the units that a metric is judged by: days, or weekly windows.

A unit counts only where it lies whole in the window and the history knows of it: a day on which no
run of any processor ended was not observed, and is not a day of zero. No more were the hours before
the history begins, or the records of a day whose successes do not say how many they had.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from nbkit.analysis.count_rates import count_rate
from nbkit.analysis.day_clusters import share_of
from nbkit.analysis.proportions import Standing
from nbkit.analysis.rates import is_real_failure, phases_of
from nbkit.failures import FailureCategory
from nbkit.registry import ProcessorRegistry
from nbkit.registry.metrics import WEEKDAYS, Metric, Target

Form = Literal["share", "count", "minutes", "functions"]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One day (or one week's window): `hits` of `total`; `total` is 1 for counts."""

    day: date
    hits: int
    total: int

    @property
    def value(self) -> float | None:
        return self.hits / self.total if self.total else None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a metric was in a window: `value` between `low` and `high` (95 %).

    `value` is None where nothing was observed. `count` says of how many `unit`s. The form `count`
    is a rate a unit, `share` a fraction; `functions` are counted and certain.
    """

    form: Form
    value: float | None
    low: float | None
    high: float | None
    count: int
    unit: str
    standing: Standing
    units: tuple[Unit, ...] = ()


def units_of(metric: Metric, counts: pd.DataFrame, registry: ProcessorRegistry) -> list[Unit]:
    """The metric by day or weekly window, in order of time.

    Args:
        counts: classified hourly counts of whole days: processor_name, phase, hour, category, runs,
            zero_record_runs, missing_record_runs. A failure belongs to the hour in which it ended.

    Raises:
        ValueError: the metric is not measured from counts.
    """
    marked = _marked(metric, counts, registry)
    daily = marked.groupby("day")[["hits", "total"]].sum()
    daily = daily[daily["total"] > 0] if _is_share(metric) else daily.assign(total=1)
    if metric.measure == "zero_record_runs":
        daily = daily[daily.index.isin(days_with_records(counts))]
    if metric.weekday is not None and metric.hours is not None and len(daily):
        days = pd.DatetimeIndex(daily.index)
        opened = days + pd.Timedelta(hours=metric.hours[0])
        begins = pd.to_datetime(counts["hour"], utc=True).min().tz_convert(None)
        daily = daily[(days.day_of_week == WEEKDAYS.index(metric.weekday)) & (opened >= begins)]
    return [
        Unit(day=day.date(), hits=int(hits), total=int(total))
        for day, hits, total in zip(daily.index, daily["hits"], daily["total"], strict=True)
    ]


def by_processor(
    metric: Metric,
    counts: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    start: datetime,
    end: datetime,
) -> dict[str, Unit]:
    """The metric's hits and totals of each processor between two moments, those without are absent.

    `day` is that of `start`.
    """
    marked = _marked(metric, counts, registry)
    first, last = (pd.Timestamp(each).tz_convert(None) for each in (start, end))
    own = marked[(marked["day"] >= first) & (marked["day"] + pd.Timedelta(days=1) <= last)]
    sums = own.groupby("processor_name", observed=True)[["hits", "total"]].sum()
    kept = sums[(sums["total"] if _is_share(metric) else sums["hits"]) > 0]
    return {
        str(name): Unit(day=start.date(), hits=int(hits), total=int(total))
        for name, hits, total in zip(kept.index, kept["hits"], kept["total"], strict=True)
    }


def days_with_records(counts: pd.DataFrame) -> pd.DatetimeIndex:
    """The UTC days that the history knows of, but for those whose successes all leave open how many
    records they had.

    Args:
        counts: hourly counts: hour, status, runs, missing_record_runs.
    """
    success = counts["status"] == "success"
    days = pd.to_datetime(counts["hour"], utc=True).dt.tz_convert(None).dt.normalize()
    runs = counts["runs"].astype("int64").where(success, 0)
    missing = counts["missing_record_runs"].astype("int64").where(success, 0)
    summed = pd.DataFrame({"runs": runs, "missing": missing}).groupby(days).sum()
    known = summed.index[(summed["runs"] == 0) | (summed["missing"] < summed["runs"])]
    return pd.DatetimeIndex(known)


def _is_share(metric: Metric) -> bool:
    return metric.measure in ("success_share", "alerting_share")


def _marked(metric: Metric, counts: pd.DataFrame, registry: ProcessorRegistry) -> pd.DataFrame:
    """Of each row: processor, day, and how many of its runs are hits, and are counted at all."""
    hours = pd.to_datetime(counts["hour"], utc=True)
    success = counts["category"] == FailureCategory.SUCCESS.value
    real = is_real_failure(counts)
    runs = counts["runs"].astype("int64")
    counted = pd.Series(True, index=counts.index)
    match metric.measure:
        case "success_share" | "alerting_share":
            counted = phases_of(counts, registry) == metric.phase
            if metric.of == "work":
                counted &= success | real
            # Before the change every failure alerted, whatever it meant; since then real ones do.
            alerts = ~success & ((hours < pd.Timestamp(metric.changed_at)) | real)
            hits = runs.where(success if metric.measure == "success_share" else alerts, 0)
        case "zero_record_runs":
            hits = counts["zero_record_runs"].astype("int64").where(success, 0)
        case "window_failures":
            assert metric.hours is not None  # the registry sees to it
            hits = runs.where(~success & hours.dt.hour.between(*metric.hours), 0)
        case _:
            raise ValueError(f"{metric.measure} is not measured from counts of runs")
    return pd.DataFrame(
        {
            "processor_name": counts["processor_name"].astype("str"),
            "day": hours.dt.tz_localize(None).dt.normalize(),
            "hits": hits.where(counted, 0),
            "total": runs.where(counted, 0),
        }
    )


def measured(metric: Metric, units: list[Unit], *, start: datetime, end: datetime) -> Measured:
    """The metric over the units that lie whole between `start` and `end` (aware)."""
    length = timedelta(days=1)
    own = tuple(
        unit
        for unit in units
        if start <= (at := datetime(*unit.day.timetuple()[:3], tzinfo=start.tzinfo))
        and at + length <= end
    )
    hits = np.array([unit.hits for unit in own], dtype=np.int64)
    if _is_share(metric):
        totals = np.array([unit.total for unit in own], dtype=np.int64)
        share = share_of(hits, totals)
        low, high = (share.low, share.high) if share.total else (None, None)
        return Measured(
            form="share",
            value=share.rate,
            low=low,
            high=high,
            count=share.total,
            unit="run",
            standing=standing_of(low, high, metric.target),
            units=own,
        )
    rate = count_rate(hits)
    low, high = (rate.low, rate.high) if rate.units else (None, None)
    return Measured(
        form="count",
        value=rate.rate,
        low=low,
        high=high,
        count=rate.units,
        unit="week" if metric.measure == "window_failures" else "day",
        standing=standing_of(low, high, metric.target),
        units=own,
    )


def standing_of(low: float | None, high: float | None, target: Target) -> Standing:
    """An interval against a floor or a ceiling: only said where it does not hold both sides.

    A bound is None where nothing bounds the value on that side.
    """
    reached = low is not None and low >= target.value
    below = high is not None and high < target.value
    if not (reached or below):
        return "not enough runs"
    return "met" if reached == (target.at_least is not None) else "not met"
