"""What is getting worse, and what comes of it if it goes on: timeouts and deadlines ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from nbkit.analysis.trends.change import AssessmentRules, Change
from nbkit.analysis.trends.deadline_risk import DeadlineRisk, deadline_risks
from nbkit.analysis.trends.early_warning import EarlyWarning, EarlyWarnings, early_warnings
from nbkit.analysis.trends.forecast import Forecast, timeout_forecasts
from nbkit.registry import MarkedSpans, ProcessorRegistry

# The first days of a drift lie within the noise, so that its onset is found late (decision 10).
_HIDDEN = timedelta(days=2)
_TOGETHER = 3  # processors that change on one day: fewer are a coincidence


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Everything that is known of a day about what is getting worse.

    `day` is the last whole UTC day, the one that all is judged as of. `timeouts` and `deadlines`
    are by processor: of all that have runs, warned or not. `daily` are the daily histories that it
    rests on, without marked days.
    """

    day: date
    warnings: EarlyWarnings
    timeouts: Mapping[str, Forecast]
    deadlines: Mapping[str, DeadlineRisk]
    daily: pd.DataFrame

    @property
    def worse(self) -> tuple[tuple[EarlyWarning, Change], ...]:
        """Each change of each warned processor, in the order of the warnings."""
        return tuple((w, c) for w in self.warnings.warnings for c in w.assessment.changes)

    @property
    def recovered(self) -> tuple[tuple[EarlyWarning, Change], ...]:
        """Each change that is as usual again, also of processors that something else ails."""
        own = (*self.warnings.warnings, *self.warnings.recovered)
        return tuple((w, c) for w in own for c in w.assessment.recovered)

    def onset_shared(self) -> tuple[date, int] | None:
        """The day on which most warned processors changed, and how many, where that is no
        coincidence: then one cause comes before many."""
        onsets = Counter(
            since for w in self.warnings.warnings if (since := w.assessment.since) is not None
        )
        if not onsets:
            return None
        day, number = max(onsets.items(), key=lambda item: (item[1], item[0]))
        together = number >= _TOGETHER and 3 * number >= len(self.warnings.warnings)
        return (day, number) if together else None


def outlook(
    daily: pd.DataFrame,
    works: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    as_of: datetime,
    marked: MarkedSpans | None = None,
    rules: AssessmentRules | None = None,
) -> Outlook:
    """Judge all processors as of the last whole UTC day before `as_of`.

    A step begins a new regime: forecasts are made from the days since.

    Args:
        daily: rows of `nbkit.analysis.daily.daily_histories`; days after the last whole one are
            not seen.
        works: rows of the query `work_states`.
        marked: days that belong in no baseline.

    Raises:
        ValueError: a naive `as_of`, or columns are missing.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of is a moment without time zone ({as_of}); make it UTC")
    day = as_of.astimezone(UTC).date() - timedelta(days=1)
    marked = marked or MarkedSpans()
    seen = marked.without(daily[daily["date"] <= pd.Timestamp(day)], day="date")
    warnings = early_warnings(seen, registry, as_of=day, most=len(registry) or 1, rules=rules)
    regimes = _regimes(warnings)
    return Outlook(
        day=day,
        warnings=warnings,
        timeouts=_timeouts(seen, registry, regimes),
        deadlines=deadline_risks(
            marked.without(works, day="data_date"), registry, as_of=as_of, since=regimes
        ),
        daily=seen,
    )


def _regimes(warnings: EarlyWarnings) -> dict[str, date]:
    """By processor, the first day from which its duration is one line."""
    return {
        warning.processor: change.since - (_HIDDEN if change.kind == "drift" else timedelta(0))
        for warning in warnings.warnings
        for change in warning.assessment.changes
        if change.kind in ("step", "drift")
    }


def _timeouts(
    daily: pd.DataFrame, registry: ProcessorRegistry, regimes: Mapping[str, date]
) -> dict[str, Forecast]:
    """Forecasts within the regime; where that has too few days for a date, the line itself looks
    for its beginning."""
    found = timeout_forecasts(daily, registry, since=regimes)
    undated = [name for name in regimes if name in found and found[name].on is None]
    again = timeout_forecasts(daily[daily["processor_name"].isin(undated)], registry)
    return found | {name: each for name, each in again.items() if each.on is not None}
