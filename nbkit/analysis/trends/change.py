"""A worsening of one metric, and what is asked of one before it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Metric = Literal["duration", "failure_rate", "records", "runs"]
Kind = Literal["step", "drift", "variance", "failure_rate", "records", "runs"]


@dataclass(frozen=True, kw_only=True)
class AssessmentRules:
    """An alert needs all of: significance, a relative effect, an absolute floor, persistence.

    `alpha` is the chance that a false alert begins, a processor and day, all tests together.
    """

    alpha: float = 0.0045
    min_ratio: float = 1.15  # duration against its baseline
    min_seconds: float = 0.25
    min_spread: float = 1.8  # standard deviation against its baseline
    min_rate_ratio: float = 1.5
    min_rate_points: float = 0.01
    max_records: float = 0.7  # records against their baseline
    min_more_records: float = 3.0  # a season that begins doubles them; a loop does more
    max_fewer_runs: float = 0.6  # runs a day against their baseline
    min_more_runs: float = 1.8
    min_runs: float = 2.0  # runs a day, that they must differ by


@dataclass(frozen=True, kw_only=True)
class Change:
    """A worsening of one metric.

    `effect` is a ratio to the baseline (duration, spread, records, runs) or a difference of shares
    (failure rate), between `low` and `high` at 95 %. `p_value` is corrected for the scan over
    onsets, not for the number of tests. `baseline` and `recent` in seconds, shares, records or
    runs a day. `until` is the last day of a change that has recovered, None of one that goes on.
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
    until: date | None = None
