"""One row per processor and day: the table that baselines, anomalies and trends are judged on.

A day without a run has no row, and a day on which every run was expected to have nothing to do
has `runs` 0: an off-day is absent, never a zero.
"""

from __future__ import annotations

import pandas as pd

from nbkit.analysis.profiles import profiles_by
from nbkit.analysis.rates import is_real_failure
from nbkit.failures import FailureCategory

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
COLUMNS = (
    "processor_name",
    "date",
    "runs",
    "failures",
    "expected",
    "successes",
    "zero_records",
    "p50_duration",
    "p95_duration",
    "p99_duration",
    "records_p50",
)


def daily_histories(counts: pd.DataFrame, histograms: pd.DataFrame) -> pd.DataFrame:
    """Merge the two warehouse shapes into daily rows.

    Args:
        counts: classified hourly counts: processor_name, hour, category, runs, zero_record_runs.
        histograms: daily histograms: processor_name, day, metric, outcome, bucket, runs.

    Returns:
        `COLUMNS`, sorted by processor and date (datetime64, midnight, the UTC day in which runs
        ended). `runs` = `successes` + `failures` (real ones); `expected` failures stand apart.
        Durations in seconds and records are of successful runs, NaN where no run had any.
    """
    real = is_real_failure(counts)
    success = counts["category"] == FailureCategory.SUCCESS.value
    runs = counts["runs"].astype("int64")
    table = (
        pd.DataFrame(
            {
                "processor_name": counts["processor_name"].astype("str"),
                "date": pd.to_datetime(counts["hour"], utc=True)
                .dt.tz_localize(None)
                .dt.normalize(),
                "successes": runs.where(success, 0),
                "failures": runs.where(real, 0),
                "expected": runs.where(~real & ~success, 0),
                "zero_records": counts["zero_record_runs"].astype("int64").where(success, 0),
            }
        )
        .groupby(["processor_name", "date"], sort=True, observed=True)
        .sum()
    )
    table["runs"] = table["successes"] + table["failures"]
    return (
        table.join(_quantiles(histograms), how="left")
        .reset_index()[list(COLUMNS)]
        .astype({"date": "datetime64[ns]"})
    )


def _quantiles(histograms: pd.DataFrame) -> pd.DataFrame:
    own = histograms[histograms["outcome"] == "success"]
    rows = []
    for (name, day, metric), profile in profiles_by(
        own, ["processor_name", "day", "metric"]
    ).items():
        if metric == "records":
            rows.append((name, day, "records_p50", profile.quantile(0.5)))
        else:
            rows += [
                (name, day, f"{q}_duration", profile.quantile(at)) for q, at in QUANTILES.items()
            ]
    wanted = [f"{q}_duration" for q in QUANTILES] + ["records_p50"]
    long = pd.DataFrame(rows, columns=["processor_name", "date", "measure", "value"])
    long["date"] = pd.to_datetime(long["date"]).dt.normalize()
    wide = long.pivot(index=["processor_name", "date"], columns="measure", values="value")
    return wide.reindex(columns=wanted).astype("float64")
