"""The platform's own trend rules, by the names under which it asked for them.

They compare the last week with the 30 days before it by a fixed ratio. They stand beside
`nbkit.analysis.trends.assess`, which finds more and sooner, for whoever knows them: a number that
is 2x is easily explained. Their quantiles are those of all runs of a window, merged, never a mean
of daily ones; the baseline ends where the recent window begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pandas as pd

from nbkit.analysis.profiles import Profile
from nbkit.registry import Criticality, ProcessorRegistry

Trend = Literal["DEGRADING", "INCREASING_FAILURES"]

ENOUGH_TIMED_RUNS = 5  # below it, the P95 is the slowest run by another name
ENOUGH_JUDGED_RUNS = 20  # below it, a single failure is over 5 %
ENOUGH_BASELINE_RUNS = 20


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """What one rule says of one processor.

    `recent` and `baseline` are P95 seconds or failure rates (0 to 1), None without any run;
    `ratio` is None where the baseline is zero. `insufficient` says why nothing can be said, and is
    None where the rule was applied: no alert of an insufficient result is no all-clear.
    """

    processor: str
    alert: bool
    severity: Literal["WARNING"] | None
    trend: Trend | None
    message: str
    recent: float | None
    baseline: float | None
    recent_runs: int
    baseline_runs: int
    insufficient: str | None

    @property
    def ratio(self) -> float | None:
        if self.recent is None or not self.baseline:
            return None
        return self.recent / self.baseline


@dataclass(frozen=True, kw_only=True)
class QualityTrends:
    """Both rules on every critical processor, in registry order."""

    results: tuple[RuleResult, ...]

    @property
    def warnings(self) -> tuple[RuleResult, ...]:
        return tuple(result for result in self.results if result.alert)

    @property
    def insufficient(self) -> tuple[RuleResult, ...]:
        """What could not be judged."""
        return tuple(result for result in self.results if result.insufficient)


def detect_performance_degradation(
    histograms: pd.DataFrame,
    processor_name: str,
    *,
    as_of: date,
    days: int = 7,
    baseline_days: int = 30,
    factor: float = 2.0,
) -> RuleResult:
    """Whether the P95 of the last days is over `factor` × the P95 of the days before them.

    Args:
        histograms: daily histograms: processor_name, day, metric, outcome, bucket, runs. Only the
            durations of successes are read.
        as_of: the last day that is seen, included (of a moment, its UTC day).
        days: length of the recent window; `baseline_days` that of the one before it.

    Raises:
        ValueError: a window without a day.
    """
    recent, baseline = _windows(as_of, days, baseline_days)
    own = histograms[
        (histograms["processor_name"] == processor_name)
        & (histograms["metric"] == "duration_s")
        & (histograms["outcome"] == "success")
    ]
    day = pd.to_datetime(own["day"].astype("str"))
    lately, before = (
        Profile.of_buckets(rows["bucket"], rows["runs"])
        for rows in (own[day.between(*recent)], own[day.between(*baseline)])
    )
    now, usual = lately.quantile(0.95), before.quantile(0.95)
    lacking = _lacking(lately.count, ENOUGH_TIMED_RUNS, before.count, "successful runs")
    alert = bool(not lacking and now is not None and usual is not None and now > factor * usual)
    if lacking:
        message = f"{processor_name}: not enough history for its duration ({lacking})"
    elif alert:
        message = f"{processor_name} taking {factor:g}x normal time ({now:.1f}s vs {usual:.1f}s)"
    else:
        message = f"{processor_name} taking its normal time ({now:.1f}s vs {usual:.1f}s)"
    return RuleResult(
        processor=processor_name,
        alert=alert,
        severity="WARNING" if alert else None,
        trend="DEGRADING" if alert else None,
        message=message,
        recent=now,
        baseline=usual,
        recent_runs=lately.count,
        baseline_runs=before.count,
        insufficient=lacking,
    )


def detect_failure_spike(
    daily: pd.DataFrame,
    processor_name: str,
    *,
    as_of: date,
    days: int = 7,
    baseline_days: int = 30,
    factor: float = 1.5,
    floor: float = 0.05,
) -> RuleResult:
    """Whether the failure rate of the last days is over `factor` × the earlier one, and `floor`.

    Only real failures count: a run that found nothing to do is neither a failure nor a run. After
    a baseline without a failure the floor alone decides.

    Args:
        daily: `nbkit.analysis.daily.daily_histories`: processor_name, date, runs, failures.
        as_of: the last day that is seen, included (of a moment, its UTC day).
        days: length of the recent window; `baseline_days` that of the one before it.

    Raises:
        ValueError: a window without a day.
    """
    recent, baseline = _windows(as_of, days, baseline_days)
    own = daily[daily["processor_name"] == processor_name]
    (runs, failures), (runs_before, failures_before) = (
        (int(rows["runs"].sum()), int(rows["failures"].sum()))
        for rows in (own[own["date"].between(*recent)], own[own["date"].between(*baseline)])
    )
    now = failures / runs if runs else None
    usual = failures_before / runs_before if runs_before else None
    lacking = _lacking(runs, ENOUGH_JUDGED_RUNS, runs_before, "runs")
    alert = bool(
        not lacking
        and now is not None
        and usual is not None
        and now > factor * usual
        and now > floor
    )
    if lacking:
        message = f"{processor_name}: not enough history for its failure rate ({lacking})"
    elif alert:
        message = f"{processor_name} failure rate spiking ({now:.1%} vs {usual:.1%})"
    else:
        message = f"{processor_name} failure rate not spiking ({now:.1%} vs {usual:.1%})"
    return RuleResult(
        processor=processor_name,
        alert=alert,
        severity="WARNING" if alert else None,
        trend="INCREASING_FAILURES" if alert else None,
        message=message,
        recent=now,
        baseline=usual,
        recent_runs=runs,
        baseline_runs=runs_before,
        insufficient=lacking,
    )


def check_quality_trends(
    daily: pd.DataFrame,
    histograms: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    as_of: date,
    days: int = 7,
    baseline_days: int = 30,
) -> QualityTrends:
    """Both rules for all processors that the registry calls CRITICAL.

    Args:
        daily, histograms: as the two rules take them, of any processors.
        as_of: the last day that is seen, included (of a moment, its UTC day).

    Raises:
        ValueError: a window without a day.
    """
    results: list[RuleResult] = []
    for processor in registry.get_by_criticality(Criticality.CRITICAL):
        results += [
            detect_performance_degradation(
                histograms, processor.name, as_of=as_of, days=days, baseline_days=baseline_days
            ),
            detect_failure_spike(
                daily, processor.name, as_of=as_of, days=days, baseline_days=baseline_days
            ),
        ]
    return QualityTrends(results=tuple(results))


_Window = tuple[pd.Timestamp, pd.Timestamp]


def _windows(as_of: date, days: int, baseline_days: int) -> tuple[_Window, _Window]:
    """First and last day of the recent window, and of the baseline before it."""
    if days < 1 or baseline_days < 1:
        raise ValueError(f"a window needs a day: days={days}, baseline_days={baseline_days}")
    if isinstance(as_of, datetime):
        as_of = (as_of.astimezone(UTC) if as_of.tzinfo else as_of).date()
    first = as_of - timedelta(days=days - 1)
    return (
        (pd.Timestamp(first), pd.Timestamp(as_of)),
        (pd.Timestamp(first - timedelta(days=baseline_days)), pd.Timestamp(first) - _DAY),
    )


_DAY = pd.Timedelta(days=1)


def _lacking(recent: int, enough: int, baseline: int, what: str) -> str | None:
    """What of the history is missing; None where there is enough."""
    if recent < enough:
        return f"{recent} recent {what}, {enough} needed"
    if baseline < ENOUGH_BASELINE_RUNS:
        return f"{baseline} {what} in the baseline, {ENOUGH_BASELINE_RUNS} needed"
    return None
