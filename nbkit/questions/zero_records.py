"""Which successes recorded nothing, of whom, and is that more or less than it used to be?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.count_rates import CountRate, RateRatio, count_rate, rate_ratio
from nbkit.analysis.measures import days_with_records
from nbkit.analysis.zero_records import ZeroRecords, zero_records, zero_records_by_processor
from nbkit.errors import ParameterError
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

Days = tuple[date, date]


@dataclass(frozen=True, kw_only=True)
class ZeroRecordReport:
    """Zero-record runs of some days, beside those of a baseline.

    `days` and `baseline_days` are the first UTC day and the first one after the last. `ratio` is of
    the rates a day; None where one side observed nothing.
    """

    days: Days
    baseline_days: Days
    rate: CountRate
    baseline: CountRate
    ratio: RateRatio | None
    total: ZeroRecords
    processors: tuple[ZeroRecords, ...]


def zero_record_report(
    warehouse: Warehouse | str,
    *,
    days: Days,
    baseline_days: Days,
    as_of: datetime,
    processor: str = "",
) -> ZeroRecordReport:
    """Count the zero-record runs that ended on whole UTC days.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        days, baseline_days: the first day, and the first one that no longer counts.
        processor: a pattern (`Bdl*`); empty for all.

    Raises:
        ParameterError: a window without a day.
        WarehouseError: the history could not be read.
    """
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return zero_record_report(
                opened, days=days, baseline_days=baseline_days, as_of=as_of, processor=processor
            )
    for start, stop in (days, baseline_days):
        if stop <= start:
            raise ParameterError(f"No whole UTC day lies from {start} up to {stop}.")
    runs, counts = _read(warehouse, days, as_of, processor)
    _, usual = _read(warehouse, baseline_days, as_of, processor)
    return ZeroRecordReport(
        days=days,
        baseline_days=baseline_days,
        rate=count_rate(counts),
        baseline=count_rate(usual),
        ratio=rate_ratio(usual, counts),
        total=zero_records(runs),
        processors=zero_records_by_processor(runs),
    )


def _read(
    warehouse: Warehouse, days: Days, as_of: datetime, pattern: str
) -> tuple[pd.DataFrame, list[int]]:
    """The zero-record runs, and how many there were on each day of which that is known."""
    start, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days)
    runs = warehouse.query("zero_record_runs", start=start, end=end, as_of=as_of)
    if pattern:
        runs = runs[_matching(runs, pattern)]
    counts = warehouse.query("hourly_counts", start=start, end=end, as_of=as_of)
    if pattern:
        # The history knows of a day that has runs of anybody, but records are each one's own.
        others = ~_matching(counts, pattern)
        counts = counts.assign(status=counts["status"].mask(others, ""))
    ended = runs["ended_at"].dt.date.value_counts()
    return runs, [int(ended.get(day.date(), 0)) for day in days_with_records(counts)]


def _matching(rows: pd.DataFrame, pattern: str) -> npt.NDArray[np.bool_]:
    return np.array([fnmatchcase(str(n), pattern) for n in rows["processor_name"]], dtype=np.bool_)
