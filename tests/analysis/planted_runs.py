"""Runs made up for a test, as the two frames that the warehouse would give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from nbkit.analysis.profiles import bucket_of

MONDAY = date(2025, 12, 15)


def run(
    name: str,
    day: int,
    *,
    seconds: float = 10.0,
    records: int | None = 100,
    category: str = "success",
    hour: int = 12,
) -> dict[str, Any]:
    """One run that ended `day` days after a Monday."""
    return {
        "processor_name": name,
        "ended": datetime(MONDAY.year, MONDAY.month, MONDAY.day, hour, tzinfo=UTC)
        + timedelta(days=day),
        "seconds": seconds,
        "records": records,
        "category": category,
    }


def frames(runs: Sequence[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Classified hourly counts, and daily histograms."""
    table = pd.DataFrame(runs)
    good = table["category"] == "success"
    counts = (
        table.assign(
            hour=table["ended"].dt.floor("h"),
            zero_record_runs=(good & (table["records"] == 0)).astype("int64"),
            missing_record_runs=(good & table["records"].isna()).astype("int64"),
            runs=1,
        )
        .groupby(["processor_name", "hour", "category"])[
            ["runs", "zero_record_runs", "missing_record_runs"]
        ]
        .sum()
        .reset_index()
    )
    long = pd.concat(
        [
            table.assign(metric="duration_s", value=table["seconds"]),
            table.assign(metric="records", value=table["records"]),
        ]
    ).dropna(subset=["value"])
    value = long["value"].to_numpy(dtype=np.float64)
    positive = value > 0
    bucket = pd.array([pd.NA] * len(long), dtype="Int64")
    bucket[positive] = bucket_of(value[positive])
    histograms = (
        long.assign(
            day=long["ended"].dt.date,
            outcome=np.where(long["category"] == "success", "success", "failure"),
            bucket=bucket,
            runs=1,
        )
        .groupby(["processor_name", "day", "metric", "outcome", "bucket"], dropna=False)["runs"]
        .sum()
        .reset_index()
    )
    return counts, histograms
