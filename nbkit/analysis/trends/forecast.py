"""When a limit is reached if the drift of the last weeks goes on, and when that cannot be said.

A line is fitted to daily values (`drift_line`; durations on the log scale: so many percent a day,
from the day on which the drift began). Where the
drift is sure, the line's crossing with the limit is the forecast, and its interval is Fieller's
(1954): all days on which the line may lie at the limit, given how unsure both its height and its
slope are. Everything else is an answer too: `NoForecast` names the reason.

Its limits: the interval holds if the drift stays as it is, and says nothing of the chance that it
ends or bends; days count alike however many runs they had; weekday effects are noise here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil, exp, floor, isfinite, log

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.trends.drift_line import fit_line
from nbkit.registry import ProcessorRegistry

_Floats = npt.NDArray[np.float64]

DRIFT_CONFIDENCE = 0.99  # stricter than the interval: 55 healthy processors are asked every day
HORIZON_DAYS = 180
_PRESENT = 5  # values whose median stands for the present, whatever the shape before


class NoForecast(StrEnum):
    """Why there is no date."""

    NOT_ENOUGH_HISTORY = "not enough history"
    ALREADY_REACHED = "the limit is already reached"
    NO_DRIFT = "no drift towards the limit that is surely more than chance"
    STEP = "a step rather than a drift: only the values since the step tell of one"
    OVER = "the drift has ended: the last values are level"
    BEYOND_HORIZON = "not within the horizon"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The day on which the line reaches the limit, or why there is none.

    `level` is where the line is on the last day with a value, in the unit of the values.
    `change` a day, with its interval `change_low` to `change_high`: relative on the log scale (0.01
    is one percent a day), else in the unit of the values. They are None without enough history, and
    where there is a step instead of a line.

    `days` values carry the line, from `first_day` to `last_day`: outliers are left out, and days
    before the drift began.

    `on` is None together with `earliest` and `latest`, and `why_not` says why. With a date,
    `latest` is None where the interval reaches beyond the horizon. Both are at `confidence`.
    """

    limit: float
    on: date | None
    earliest: date | None
    latest: date | None
    confidence: float
    why_not: NoForecast | None
    level: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    days: int
    first_day: date | None
    last_day: date | None

    @property
    def sentence(self) -> str:
        """`reached on 2026-03-04, between 2026-02-20 and 2026-03-29 (90 %)`, or why not."""
        if self.why_not == NoForecast.ALREADY_REACHED:
            return str(self.why_not)
        if self.on is None:
            return f"no forecast: {self.why_not}"
        until = f"and {self.latest}" if self.latest else "and a day beyond the horizon"
        return f"reached on {self.on}, between {self.earliest} {until} ({self.confidence:.0%})"


def forecast_limit(
    days: Sequence[date] | pd.Series | pd.DatetimeIndex,
    values: Sequence[float] | pd.Series | _Floats,
    *,
    limit: float,
    since: date | None = None,
    log_scale: bool = True,
    confidence: float = 0.9,
    horizon_days: int = HORIZON_DAYS,
) -> Forecast:
    """When daily values that rise reach a limit.

    Args:
        days: a date a value, each at most once, in any order; off-days and missing days are absent.
        values: what is measured; NaN counts as absent, and on the log scale zero and less too.
        limit: in the unit of the values; above them, for falling values are no danger.
        since: only values from this day on: the last regime's first day, where there was a step.
        log_scale: for durations and records, which grow by percent.
        confidence: of the interval.
        horizon_days: after the last value; what lies further away is no forecast.

    Raises:
        ValueError: days and values of different number, a day that comes twice, a limit that has
            no logarithm, a confidence that is not between 0 and 1.
    """
    if not 0 < confidence < 1 or horizon_days < 1 or not isfinite(limit):
        raise ValueError(
            f"no forecast of {limit} at confidence {confidence} within {horizon_days} days"
        )
    if log_scale and limit <= 0:
        raise ValueError(f"a limit of {limit} has no logarithm")
    series = _daily(days, values, since=since, log_scale=log_scale)
    line = fit_line(series)
    first, last = _ends(series)

    def answer(
        why_not: NoForecast | None,
        crossing: tuple[date, date, date | None] | tuple[None, None, None] = (None, None, None),
    ) -> Forecast:
        told = None if why_not == NoForecast.STEP else line
        half = told.half_width(confidence) if told else 0.0
        return Forecast(
            limit=limit,
            on=crossing[0],
            earliest=crossing[1],
            latest=crossing[2],
            confidence=confidence,
            why_not=why_not,
            level=_unit(told.height, log_scale) if told else None,
            change=_change(told.slope, log_scale) if told else None,
            change_low=_change(told.slope - half, log_scale) if told else None,
            change_high=_change(told.slope + half, log_scale) if told else None,
            days=line.days if line else len(series),
            first_day=last - timedelta(days=line.since_days) if line and last else first,
            last_day=last,
        )

    if line is None or last is None:
        return answer(NoForecast.NOT_ENOUGH_HISTORY)
    goal = log(limit) if log_scale else limit
    if series.iloc[-_PRESENT:].median() >= goal:
        return answer(NoForecast.ALREADY_REACHED)
    if line.is_left or line.is_step:
        return answer(NoForecast.STEP)
    if line.height >= goal:
        return answer(NoForecast.ALREADY_REACHED)
    if line.slope <= line.half_width(max(confidence, DRIFT_CONFIDENCE)):
        return answer(NoForecast.NO_DRIFT)
    if line.is_over:
        return answer(NoForecast.OVER)
    after = (goal - line.height) / line.slope
    if after > horizon_days:
        return answer(NoForecast.BEYOND_HORIZON)
    low, high = line.crossing(goal, confidence)
    return answer(
        None,
        (
            last + timedelta(days=ceil(after)),
            last + timedelta(days=max(floor(low), 0)),
            last + timedelta(days=ceil(high)) if high <= horizon_days else None,
        ),
    )


def timeout_forecasts(
    daily: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    since: Mapping[str, date] | None = None,
    confidence: float = 0.9,
    horizon_days: int = HORIZON_DAYS,
) -> dict[str, Forecast]:
    """When the P95 of each registered processor's duration reaches its timeout.

    Reached means that about one run in twenty is ended by it. Only successes are timed: close to
    the timeout those that it ended are missing, and the P95 lags behind the drift.

    Args:
        daily: `nbkit.analysis.daily.daily_histories`: processor_name, date, p95_duration (seconds).
        since: by processor, the first day of its last regime.

    Returns:
        By processor, in registry order; processors without a row are absent.
    """
    rows = dict(list(daily.groupby("processor_name", sort=False, observed=True)))
    return {
        processor.name: forecast_limit(
            own["date"],
            own["p95_duration"],
            limit=processor.timeout_seconds,
            since=(since or {}).get(processor.name),
            confidence=confidence,
            horizon_days=horizon_days,
        )
        for processor in registry.processors
        if (own := rows.get(processor.name)) is not None
    }


def _daily(
    days: Sequence[date] | pd.Series | pd.DatetimeIndex,
    values: Sequence[float] | pd.Series | _Floats,
    *,
    since: date | None,
    log_scale: bool,
) -> pd.Series:
    """Known values by day, the days rising, on the scale of the fit."""
    value = np.asarray(values, dtype=np.float64)
    if len(days) != value.size:
        raise ValueError(f"{len(days)} days and {value.size} values")
    index = pd.DatetimeIndex(pd.to_datetime(pd.Series(list(days)))).normalize()
    if not index.is_unique:
        raise ValueError(f"the day {index[index.duplicated()][0]:%Y-%m-%d} comes twice")
    known = np.isfinite(value) & ((value > 0) | (not log_scale))
    if since is not None:
        start = since.date() if isinstance(since, datetime) else since
        known &= np.asarray(index >= pd.Timestamp(start))
    value, index = value[known], index[known]
    return pd.Series(np.log(value) if log_scale else value, index=index).sort_index()


def _ends(series: pd.Series) -> tuple[date | None, date | None]:
    if series.empty:
        return None, None
    days = pd.DatetimeIndex(series.index)
    return days[0].date(), days[-1].date()


def _unit(height: float, log_scale: bool) -> float:
    return exp(height) if log_scale else height


def _change(slope: float, log_scale: bool) -> float:
    return exp(slope) - 1 if log_scale else slope
