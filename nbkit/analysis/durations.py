"""How long successful runs take, beside what is usual for the processor."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from nbkit.analysis.profiles import profiles_by


@dataclass(frozen=True)
class DurationShift:
    """Durations of a processor's successful runs in seconds: lately, and in its baseline.

    `ratio` is recent P95 over baseline P95. `over_limit` counts the recent runs that took longer
    than `factor` times the baseline's P95. None: too few runs on one side to say.
    """

    processor: str
    runs: int
    baseline_runs: int
    p50: float
    p95: float
    p99: float
    baseline_p50: float | None
    baseline_p95: float | None
    ratio: float | None
    over_limit: int | None


def duration_shifts(
    recent: pd.DataFrame,
    baseline: pd.DataFrame,
    *,
    factor: float = 2.0,
    min_baseline_runs: int = 20,
) -> tuple[DurationShift, ...]:
    """Compare recent duration histograms with a baseline, processor by processor.

    Args:
        recent, baseline: daily histograms (processor_name, metric, outcome, bucket, runs) of
            windows that do not overlap.
        factor: a run is slow when it takes longer than `factor` × baseline P95 (the platform's
            published rule: 2 × P95 warns).
        min_baseline_runs: below this the baseline is not quoted.

    Returns:
        One shift per processor with a recent success, the largest ratio first; those without a
        baseline come last.
    """
    usual = profiles_by(_durations(baseline), ["processor_name"])
    shifts = []
    for key, lately in profiles_by(_durations(recent), ["processor_name"]).items():
        p50, p95, p99 = (lately.quantile(q) or 0.0 for q in (0.5, 0.95, 0.99))
        before = usual.get(key)
        known = before is not None and before.count >= min_baseline_runs
        base50 = before.quantile(0.5) if before is not None and known else None
        base95 = before.quantile(0.95) if before is not None and known else None
        shifts.append(
            DurationShift(
                processor=key[0],
                runs=lately.count,
                baseline_runs=before.count if before is not None else 0,
                p50=p50,
                p95=p95,
                p99=p99,
                baseline_p50=base50,
                baseline_p95=base95,
                ratio=p95 / base95 if base95 else None,
                over_limit=lately.count_above(factor * base95) if base95 else None,
            )
        )
    return tuple(sorted(shifts, key=lambda s: (s.ratio is None, -(s.ratio or 0), s.processor)))


def _durations(histograms: pd.DataFrame) -> pd.DataFrame:
    return histograms[(histograms["metric"] == "duration_s") & (histograms["outcome"] == "success")]
