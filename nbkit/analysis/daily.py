"""One row per processor and day: the table that baselines, anomalies and trends are judged on.

A day without a run has no row, and a day on which every run was expected to have nothing to do
has `runs` 0: an off-day is absent, never a zero.
"""

from __future__ import annotations

import pandas as pd

from nbkit.analysis.profiles import quantiles_by
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
        counts: classified hourly counts, as `daily_outcomes` takes them.
        histograms: daily histograms: processor_name, day, metric, outcome, bucket, runs.

    Returns:
        `COLUMNS`, sorted by processor and date (datetime64, midnight, the UTC day in which runs
        ended). `runs` = `successes` + `failures` (real ones); `expected` failures stand apart.
        Durations in seconds and records are of successful runs, NaN where no run had any.
    """
    table = daily_outcomes(counts).rename_axis(index={"day": "date"})
    table["runs"] = table["successes"] + table["failures"]
    return (
        table.join(_quantiles(histograms), how="left")
        .reset_index()[list(COLUMNS)]
        .astype({"date": "datetime64[ns]"})
    )


def daily_outcomes(counts: pd.DataFrame, *, by: str = "processor_name") -> pd.DataFrame:
    """How the runs of each UTC day ended.

    Args:
        counts: classified hourly counts: `by`, hour, category, runs, zero_record_runs,
            missing_record_runs.

    Returns:
        Indexed by `by` and `day` (datetime64, midnight): successes, failures (real), expected, and
        of the successes those that are `counted` (say how many records they wrote) and
        `zero_records`.
    """
    real = is_real_failure(counts)
    success = counts["category"] == FailureCategory.SUCCESS.value
    runs, zeros, missing = (
        counts[name].astype("int64") for name in ("runs", "zero_record_runs", "missing_record_runs")
    )
    return (
        pd.DataFrame(
            {
                by: counts[by].astype("str"),
                "day": pd.to_datetime(counts["hour"], utc=True).dt.tz_localize(None).dt.normalize(),
                "successes": runs.where(success, 0),
                "failures": runs.where(real, 0),
                "expected": runs.where(~real & ~success, 0),
                "counted": (runs - missing).where(success, 0),
                "zero_records": zeros.where(success, 0),
            }
        )
        .groupby([by, "day"], sort=True, observed=True)
        .sum()
    )


def _quantiles(histograms: pd.DataFrame) -> pd.DataFrame:
    own = histograms[histograms["outcome"] == "success"]
    is_records = own["metric"] == "records"
    durations = _by_day(own[~is_records], {q: f"{name}_duration" for name, q in QUANTILES.items()})
    records = _by_day(own[is_records], {0.5: "records_p50"})
    return durations.join(records, how="outer")


def _by_day(histograms: pd.DataFrame, names: dict[float, str]) -> pd.DataFrame:
    found = quantiles_by(histograms, ["processor_name", "day"], list(names))
    found["date"] = pd.to_datetime(found["day"].astype("str")).dt.normalize()
    return found.rename(columns=names).set_index(["processor_name", "date"])[list(names.values())]
