"""A straight line through daily values, and how sure it is.

The median of pairwise slopes (Theil 1950, Sen 1968) starts; days further than 4 robust standard
deviations from it are left out (one-off outliers); the autocorrelation of the rest is estimated
from neighbouring values, corrected for the bias that detrending causes (Marriott & Pope 1954), and
generalised least squares with AR(1) noise gives the line. Its degrees of freedom shrink with the
autocorrelation.

Values that were level and then began to drift have their line since the bend. Values that one step
describes better than a line are marked (`is_step`): whoever extrapolates a step as a drift is wrong
every day anew. So are drifts that have ended (`is_over`). Shapes are compared by BIC: a step or a
bend pays for its free place.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from nbkit.analysis.robust import deviation, running_median

_Floats = npt.NDArray[np.float64]

ENOUGH_DAYS = 14
_MOST_DAYS = 365  # older values say little of the present drift, and slopes go with the square
_OUTLIER = 4.0
_MOST_AUTOCORRELATION = 0.9
_SHORTEST_SIDE = 3  # values on either side of a step
_LEVEL_DAYS = 7  # values before a bend or after it, from which a level can be told
_PLACE_PENALTY = 2.0  # BIC counts one a parameter; a free place is worth more (measured)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Height on the last day, slope a day, and their covariances, on the scale of the values.

    `days` values carry it, the first of them `since_days` before the last day. `is_step`: one step
    describes them better. `is_over`: they drifted and then stayed level, which describes them
    better. `is_left`: the last values all lie far off, as lone outliers do not.
    """

    height: float
    slope: float
    var_height: float
    var_slope: float
    covariance: float
    degrees: float
    autocorrelation: float
    days: int
    since_days: int
    is_step: bool
    is_over: bool
    is_left: bool

    def half_width(self, confidence: float) -> float:
        """How far the true slope may be from `slope`."""
        return self._t(confidence) * sqrt(self.var_slope)

    def height_interval(self, after: float, confidence: float) -> tuple[float, float]:
        """Between which heights the line lies, so many days after the last one."""
        at = self.height + self.slope * after
        spread = self.var_height + 2 * after * self.covariance + after * after * self.var_slope
        half = self._t(confidence) * sqrt(max(spread, 0.0))
        return at - half, at + half

    def crossing(self, limit: float, confidence: float) -> tuple[float, float]:
        """Days after the last one between which the line meets `limit` (Fieller 1954).

        Raises:
            ValueError: the slope may be zero at that confidence: the line may never meet it.
        """
        t2, gap = self._t(confidence) ** 2, self.height - limit
        a = self.slope**2 - t2 * self.var_slope
        if a <= 0:
            raise ValueError(f"the slope {self.slope} is not surely other than zero")
        b = gap * self.slope - t2 * self.covariance
        c = gap * gap - t2 * self.var_height
        root = sqrt(max(b * b - a * c, 0.0))
        return (-b - root) / a, (-b + root) / a

    def _t(self, confidence: float) -> float:
        return float(stdtrit(self.degrees, 0.5 + confidence / 2))


def fit_line(values: pd.Series) -> Line | None:
    """The line of the last year's values; None of less than `ENOUGH_DAYS`.

    Args:
        values: finite floats by day (DatetimeIndex, rising, each day once). Durations are given
            as logarithms, so that the slope is relative. Absent days are no values.
    """
    values = values.iloc[-_MOST_DAYS:]
    if len(values) < ENOUGH_DAYS:
        return None
    days = pd.DatetimeIndex(values.index)
    time = np.asarray((days - days[-1]).days, dtype=np.float64)
    value = values.to_numpy(dtype=np.float64)
    begin = _bend(time, value)
    return _fitted(time[begin:], value[begin:])


def _fitted(time: _Floats, value: _Floats) -> Line:
    rest = value - _median_slope(time, value) * time
    usual = np.abs(rest - np.median(rest)) <= _OUTLIER * _scale(rest)
    is_left = not usual[-_SHORTEST_SIDE:].any()
    time, value, rest = time[usual], value[usual], rest[usual]
    count = time.size
    phi = _autocorrelation(rest)
    white = _whitened(np.column_stack([np.ones(count), time, value]), phi)
    design, target = white[:, :2], white[:, 2]
    inverse = np.linalg.inv(design.T @ design)
    best = inverse @ design.T @ target
    covariance = inverse * float(((target - design @ best) ** 2).sum()) / (count - 2)
    return Line(
        height=float(best[0]),
        slope=float(best[1]),
        var_height=float(covariance[0, 0]),
        var_slope=float(covariance[1, 1]),
        covariance=float(covariance[0, 1]),
        degrees=max(count * (1 - phi) / (1 + phi) - 2, 2.0),
        autocorrelation=phi,
        days=count,
        since_days=round(-time[0]),
        is_step=_is_better(time, value, phi, _steps(count)),
        is_over=_is_better(time, value, phi, _plateaus(time)),
        is_left=is_left,
    )


def _is_better(time: _Floats, value: _Floats, phi: float, shapes: _Floats) -> bool:
    """Whether the best of `shapes` describes the values better than a line, and than a level."""
    if not shapes.shape[1]:
        return False
    price = log(value.size)
    about_line = _gain(value, phi, shapes, over=time[:, None])
    phi = min(phi, _autocorrelation_about(value, shapes))
    squares = _squares(value, phi, shapes)
    is_seen = _ratio(squares[0], squares[1:].min(), value.size) > 2 * _PLACE_PENALTY * price
    return is_seen and max(about_line, _gain(value, phi, shapes, over=time[:, None])) > price


def _bend(time: _Floats, value: _Floats) -> int:
    """The index at which level values began to drift; 0 where a simpler shape says as much."""
    count = value.size
    places = np.arange(_LEVEL_DAYS, count - ENOUGH_DAYS + 1)
    if not places.size:
        return 0
    value = _without_spikes(value)
    bends = np.maximum(time[:, None] - time[places], 0.0)
    phi = _autocorrelation_about(value, bends)
    price = _PLACE_PENALTY * log(count)
    squares = _squares(value, phi, bends)
    is_better = (
        _ratio(squares[0], squares[1:].min(), count) > 2 * price
        and _gain(value, phi, bends, over=time[:, None]) > price
        and _gain(value, phi, bends, over=_steps(count)) > 2
    )
    return int(places[squares[1:].argmin()]) if is_better else 0


def _median_slope(time: _Floats, value: _Floats) -> float:
    first, second = np.triu_indices(time.size, k=1)
    return float(np.median((value[second] - value[first]) / (time[second] - time[first])))


def _scale(rest: _Floats) -> float:
    """The robust standard deviation; infinite where most values are equal, for then there is no
    telling how far out an outlier is."""
    return deviation(rest - np.median(rest)) or np.inf


def _without_spikes(value: _Floats) -> _Floats:
    """Values drawn to within 4 standard deviations of the median of their neighbours."""
    middle = running_median(value, 2)
    reach = _OUTLIER * _scale(value - middle)
    return middle + np.clip(value - middle, -reach, reach)


def _autocorrelation(rest: _Floats) -> float:
    """Between neighbours; what detrending takes from it, about (2 + 4φ) / n, is given back."""
    rest = rest - rest.mean()
    squares = float(rest @ rest)
    if squares == 0:
        return 0.0
    found = float(rest[1:] @ rest[:-1]) / squares
    return float(np.clip((rest.size * found + 2) / (rest.size - 4), 0.0, _MOST_AUTOCORRELATION))


def _autocorrelation_about(value: _Floats, shapes: _Floats) -> float:
    """Of the noise about the best of `shapes`: about a line, the shape would pass for noise."""
    best = int(_squares(value, 0.0, shapes)[1:].argmin())
    known = np.column_stack([np.ones(value.size), shapes[:, best]])
    return _autocorrelation(value - known @ np.linalg.lstsq(known, value, rcond=None)[0])


def _whitened(columns: _Floats, phi: float) -> _Floats:
    """Columns whose AR(1) noise has become independent (Prais & Winsten 1954)."""
    white = columns.copy()
    white[1:] -= phi * columns[:-1]
    white[0] *= sqrt(1 - phi * phi)
    return white


def _steps(count: int) -> _Floats:
    """A column for each place of a step."""
    places = np.arange(_SHORTEST_SIDE, count - _SHORTEST_SIDE + 1)
    return (np.arange(count)[:, None] >= places).astype(np.float64)


def _plateaus(time: _Floats) -> _Floats:
    """A column for each day on which a drift may have ended."""
    return np.minimum(time[:, None], time[_SHORTEST_SIDE:-_LEVEL_DAYS])


def _squares(value: _Floats, phi: float, shapes: _Floats) -> _Floats:
    """What a level leaves of the values, then what a level and each column of `shapes` leave."""
    white = _whitened(np.column_stack([np.ones(value.size), value, shapes]), phi)
    level = white[:, 0] / np.linalg.norm(white[:, 0])
    rest = white[:, 1:] - np.outer(level, level @ white[:, 1:])
    target, rest = rest[:, 0], rest[:, 1:]
    explained = (target @ rest) ** 2 / (rest**2).sum(axis=0)
    total = target @ target
    return np.concatenate([[total], np.maximum(total - explained, 0.0)])


def _gain(value: _Floats, phi: float, shapes: _Floats, *, over: _Floats) -> float:
    """Twice the gain in log-likelihood of the best of `shapes` over the best of `over`."""
    better, worse = _squares(value, phi, shapes), _squares(value, phi, over)
    return _ratio(worse[1:].min(), better[1:].min(), value.size)


def _ratio(worse: float, better: float, count: int) -> float:
    # Values without noise: what is left is rounding, and says nothing about the shape.
    tiny = 1e-18
    return count * log((worse + tiny) / (better + tiny))
