"""What a monitor looks at in a series: its level, its steps, its scatter, its peaks, its hour.

Each view is a column as long as the series, in which large means strange; what is large for this
series is judged elsewhere (`tails.py`). Every entry uses the points up to its own and none after:
windows trail, expanding statistics and seasonal forecasts end before the point or the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
DAY_S = 86_400
SLOT_S = 1_800
# A seasonal forecast is looked at where it has beaten the level of the last points by this much:
# on a series without a rhythm its error is the larger one (√2 × the scatter), never a fifth less.
SEASONAL_GAIN = 0.8


@dataclass(frozen=True, kw_only=True)
class View:
    """One way of looking at a series. `has_units`: the view is measured in those of the values."""

    name: str
    strangeness: Floats
    has_units: bool = True


def views_of(values: Floats, seconds: Floats) -> list[View]:
    """All views of finite `values` at never-falling `seconds` since the epoch (UTC)."""
    series = pd.Series(values)
    step = series.diff()
    level = series.rolling(300, min_periods=50).median()
    long_level = series.rolling(600, min_periods=100).median()
    peak = series.rolling(72, min_periods=72).max()
    found = [
        *_both_ways("value", series),
        *_both_ways("step", step),
        *_both_ways("departure", series - series.ewm(halflife=3).mean().shift(1)),
        *_both_ways("level of 12", series.rolling(12).median() - level.shift(12)),
        *_both_ways("level of 48", series.rolling(48).mean() - long_level.shift(48)),
        View(name="4 high", strangeness=_array(series.rolling(4).min() - level.shift(4))),
        View(name="4 low", strangeness=_array(level.shift(4) - series.rolling(4).max())),
        # Peaks that should come and do not, or rise: usual for loads that come in jobs.
        *_both_ways("peak", peak - peak.rolling(600, min_periods=100).median().shift(72)),
        *_both_ways("scatter", _scatter(step), has_units=False),
        View(name="standstill", strangeness=_standstill(step), has_units=False),
    ]
    local_error = (series - series.rolling(200, min_periods=10).median().shift(1)).abs()
    for name, forecast in _forecasts(series, seconds):
        residual = (series - forecast).where(_explains(series - forecast, local_error))
        found += [
            *_both_ways(f"{name}", residual),
            *_both_ways(f"{name}, 12", residual.rolling(12, min_periods=6).mean()),
            *_both_ways(f"{name}, 48", residual.rolling(48, min_periods=24).mean()),
        ]
    return found


def usual_step(values: Floats) -> Floats:
    """At each point, the median of all steps so far that were no standstill; 0 before the first."""
    step = pd.Series(values).diff().abs()
    return _array(step.where(step > 0).expanding(1).median().fillna(0.0))


def _both_ways(name: str, column: pd.Series, *, has_units: bool = True) -> tuple[View, View]:
    array = _array(column)
    return (
        View(name=f"{name} high", strangeness=array, has_units=has_units),
        View(name=f"{name} low", strangeness=-array, has_units=has_units),
    )


def _scatter(step: pd.Series) -> pd.Series:
    """The log of the mean step in 36 points, which a lone standstill does not send to −∞."""
    size = step.abs()
    mean = size.rolling(36).mean() + 0.02 * size.expanding(20).mean()
    return mean.where(mean > 0).transform(np.log)


def _standstill(step: pd.Series) -> Floats:
    """The log of how many points the value has not moved."""
    here = np.arange(step.size)
    moved = np.maximum.accumulate(np.where(step.to_numpy() == 0, 0, here))
    return np.log1p((here - moved).astype(np.float64))


def _forecasts(series: pd.Series, seconds: Floats) -> tuple[tuple[str, pd.Series], ...]:
    """What earlier days, and the same weekday of earlier weeks, had at this half-hour."""
    day = np.floor_divide(seconds, DAY_S).astype(np.int64)
    slot = (np.mod(seconds, DAY_S) // SLOT_S).astype(np.int64)
    table = series.groupby([day, slot]).median().unstack()
    row = np.searchsorted(table.index.to_numpy(), day)
    column = np.searchsorted(table.columns.to_numpy(), slot)
    daily = table.rolling(7, min_periods=3).median().shift(1)
    weeks = np.stack([table.reindex(table.index - 7 * k).to_numpy() for k in (1, 2, 3)])
    # The median of two or three, without the warnings of nanmedian on empty slices.
    known = np.isfinite(weeks).sum(axis=0)
    ordered = np.sort(weeks, axis=0)
    weekly = np.where(known == 3, ordered[1], (ordered[0] + ordered[1]) / 2)
    weekly[known < 2] = np.nan
    return (
        ("day", pd.Series(daily.to_numpy()[row, column])),
        ("week", pd.Series(weekly[row, column])),
    )


def _explains(residual: pd.Series, local_error: pd.Series) -> pd.Series:
    """Where the forecast has clearly been the better one over up to 1,500 earlier points."""
    own = residual.abs().rolling(1500, min_periods=150).mean()
    other = local_error.where(residual.notna()).rolling(1500, min_periods=150).mean()
    return (own < SEASONAL_GAIN * other).shift(1, fill_value=False)


def _array(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=np.float64)
