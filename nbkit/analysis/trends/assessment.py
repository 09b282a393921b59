"""One processor's daily history, judged as of its last row: has it become worse, and since when?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.robust import Floats
from nbkit.analysis.trends.failure_rates import MIN_FAILURES, RateShift, rate_shift
from nbkit.analysis.trends.segmentation import change_points
from nbkit.analysis.trends.shifts import (
    MIN_BASELINE,
    Shift,
    level_shift,
    spread_shift,
    weekday_effects,
)

Flags = npt.NDArray[np.bool_]
Metric = Literal["duration", "failure_rate", "records"]
Kind = Literal["step", "drift", "variance", "failure_rate", "records"]
Status = Literal["alert", "fine", "insufficient"]
_CONFIRMED = 21  # rows: three weeks of a new level
COLUMNS = ("date", "runs", "failures", "p95_duration", "records_p50")


@dataclass(frozen=True, kw_only=True)
class AssessmentRules:
    """An alert needs all of: significance, a relative effect, an absolute floor, persistence.

    `alpha` is the chance of a false alert a processor and day, all tests together.
    """

    alpha: float = 0.005
    min_ratio: float = 1.15  # duration against its baseline
    min_seconds: float = 0.25
    min_spread: float = 1.8  # standard deviation against its baseline
    min_rate_ratio: float = 1.5
    min_rate_points: float = 0.01
    max_records: float = 0.7  # records against their baseline


@dataclass(frozen=True, kw_only=True)
class Change:
    """A worsening of one metric.

    `effect` is a ratio to the baseline (duration, spread, records) or a difference of shares
    (failure rate), between `low` and `high` at 95 %. `p_value` is corrected for the scan over
    onsets, not for the number of tests. `baseline` and `recent` in seconds, shares or records.
    """

    kind: Kind
    metric: Metric
    since: date
    effect: float
    low: float
    high: float
    p_value: float
    baseline: float
    recent: float
    explained_by_volume: bool = False


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The verdict on one history. `changes` holds every worsening that passed, the surest first;
    `since`, `kind`, `effect` and `confidence` are those of the first.

    `confidence` is 1 minus the chance of such a change in a history in which nothing happens.
    `status` is `insufficient` where too few days or runs are known: that is not `fine`.
    """

    status: Status
    changes: tuple[Change, ...] = ()
    confidence: float | None = None
    days: int = 0

    @property
    def alert(self) -> bool:
        return self.status == "alert"

    @property
    def since(self) -> date | None:
        return self.changes[0].since if self.changes else None

    @property
    def kind(self) -> Kind | None:
        return self.changes[0].kind if self.changes else None

    @property
    def effect(self) -> float | None:
        return self.changes[0].effect if self.changes else None


def assess(history: pd.DataFrame, *, rules: AssessmentRules | None = None) -> Assessment:
    """Judge a history as of its last row.

    Args:
        history: one row per day in any order: `date`, `runs` (those that had something to do),
            `failures` (real ones), `p95_duration` (seconds), `records_p50`. Days that are missing
            or have no runs are off-days: absent, not zero. NaN is not known.

    Returns:
        Four tests (duration's level and scatter, failure rate, records), Bonferroni-corrected.

    Raises:
        ValueError: a column is missing, or a day comes twice.
    """
    rules = rules or AssessmentRules()
    frame = _checked(history)
    days = pd.DatetimeIndex(frame["date"])
    tests: list[tuple[float, Change | None]] = []

    known = _known(frame["p95_duration"])
    if known.any():
        logs, adjusted = _adjusted(frame["p95_duration"], days, known)
        first = logs.size - _since_new_level(adjusted).size
        logs, adjusted, seen = logs[first:], adjusted[first:], days[known][first:]
        level, spread = level_shift(adjusted, direction=1), spread_shift(adjusted)
        if level is not None:
            records = frame["records_p50"].to_numpy(dtype=np.float64, na_value=np.nan)[known]
            tests.append((level.p, _slower(level, logs, records[first:], seen, rules)))
        if spread is not None:
            tests.append((spread.p, _unsteady(spread, seen, rules)))
    rate = rate_shift(
        frame["runs"].to_numpy(dtype=np.int64), frame["failures"].to_numpy(dtype=np.int64)
    )
    if rate is not None:
        tests.append((rate.p, _failing(rate, days, rules)))
    known = _known(frame["records_p50"])
    if known.any():
        _, adjusted = _adjusted(frame["records_p50"], days, known)
        fall = level_shift(_since_new_level(adjusted), direction=-1)
        if fall is not None:
            tests.append((fall.p, _fewer(fall, days[known], rules)))

    if not tests:
        return Assessment(status="insufficient", days=len(frame))
    found = [c for p, c in tests if c is not None and p * len(tests) <= rules.alpha]
    if not found:
        return Assessment(status="fine", days=len(frame))
    if any(change.kind in ("step", "drift") for change in found):
        # Days on both sides of a step scatter: that is the step, told once.
        found = [change for change in found if change.kind != "variance"]
    found.sort(key=lambda change: change.p_value)
    return Assessment(
        status="alert",
        changes=tuple(found),
        confidence=1 - min(1.0, found[0].p_value * len(tests)),
        days=len(frame),
    )


def _checked(history: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in COLUMNS if name not in history.columns]
    if missing:
        raise ValueError(f"a history needs the columns {list(COLUMNS)}; {missing} are missing")
    frame = history.assign(date=pd.to_datetime(history["date"]))
    if frame["date"].duplicated().any():
        day = frame["date"][frame["date"].duplicated()].iloc[0]
        raise ValueError(f"a history has one row per day; {day:%Y-%m-%d} comes twice")
    frame = frame[frame["runs"].fillna(0) > 0].sort_values("date")
    return frame.assign(failures=frame["failures"].fillna(0))


def _known(values: pd.Series) -> Flags:
    array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.isfinite(array) & (array > 0), dtype=np.bool_)


def _adjusted(values: pd.Series, days: pd.DatetimeIndex, known: Flags) -> tuple[Floats, Floats]:
    """Logarithms, and the same with the weekdays evened out."""
    logs = np.log(values.to_numpy(dtype=np.float64, na_value=np.nan)[known])
    weekdays = days[known].day_of_week.to_numpy(dtype=np.int64)
    learned = max(logs.size - 7, 0)
    return logs, logs - weekday_effects(logs[:learned], weekdays[:learned])[weekdays]


def _since_new_level(adjusted: Floats) -> Floats:
    """What follows the last change that has been confirmed: an old level says nothing of what is
    normal now, and a change that has stood for `_CONFIRMED` rows and more is normal."""
    settled = [
        at for at in change_points(adjusted[:-MIN_BASELINE]) if adjusted.size - at >= _CONFIRMED
    ]
    return adjusted[settled[-1] :] if settled else adjusted


def _slower(
    shift: Shift, logs: Floats, records: Floats, days: pd.DatetimeIndex, rules: AssessmentRules
) -> Change | None:
    ratio, usual = float(np.exp(shift.effect)), float(np.exp(shift.baseline))
    if not shift.persists or ratio < rules.min_ratio or usual * (ratio - 1) < rules.min_seconds:
        return None
    change = _by_ratio(shift, days, "drift" if shift.is_drift else "step", "duration", usual)
    return replace(change, explained_by_volume=_volume_explains(logs, records, shift))


def _by_ratio(
    shift: Shift, days: pd.DatetimeIndex, kind: Kind, metric: Metric, usual: float
) -> Change:
    """A change of a logarithm, told as a ratio to what is usual."""
    ratio = float(np.exp(shift.effect))
    return Change(
        kind=kind,
        metric=metric,
        since=days[-shift.rows].date(),
        effect=ratio,
        low=float(np.exp(shift.low)),
        high=float(np.exp(shift.high)),
        p_value=shift.p,
        baseline=usual,
        recent=usual * ratio,
    )


def _volume_explains(logs: Floats, records: Floats, shift: Shift) -> bool:
    """Whether as many more records came as would make the runs that much longer, at most in
    proportion, as the baseline's own days show."""
    known = np.isfinite(records) & (records > 0)
    recent, before = known.copy(), known.copy()
    recent[: -shift.rows] = False
    before[-shift.rows :] = False
    if recent.sum() < 2 or before.sum() < 10:
        return False
    amount = np.log(records[before])
    centred = amount - amount.mean()
    total = float(centred @ centred)
    slope = float(centred @ (logs[before] - logs[before].mean())) / total if total > 0 else 0.0
    more = float(np.median(np.log(records[recent])) - np.median(amount))
    return min(max(slope, 0.0), 1.0) * more > 0.6 * shift.effect


def _unsteady(shift: Shift, days: pd.DatetimeIndex, rules: AssessmentRules) -> Change | None:
    if not shift.persists or float(np.exp(shift.effect)) < rules.min_spread:
        return None
    return _by_ratio(shift, days, "variance", "duration", 1.0)


def _failing(shift: RateShift, days: pd.DatetimeIndex, rules: AssessmentRules) -> Change | None:
    risen = shift.rate - shift.baseline
    if (
        not shift.persists
        or shift.failures < MIN_FAILURES
        or shift.rate < rules.min_rate_ratio * shift.baseline
        or risen < rules.min_rate_points
    ):
        return None
    return Change(
        kind="failure_rate",
        metric="failure_rate",
        since=days[-shift.rows].date(),
        effect=risen,
        low=shift.low,
        high=shift.high,
        p_value=shift.p,
        baseline=shift.baseline,
        recent=shift.rate,
    )


def _fewer(shift: Shift, days: pd.DatetimeIndex, rules: AssessmentRules) -> Change | None:
    ratio, usual = float(np.exp(shift.effect)), float(np.exp(shift.baseline))
    if not shift.persists or ratio > rules.max_records:
        return None
    return _by_ratio(shift, days, "records", "records", usual)
