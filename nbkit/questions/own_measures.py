"""Metrics that the run history does not hold: nbkit's own runs, and the functions' generation."""

from __future__ import annotations

from datetime import datetime, timedelta

from nbkit.analysis.day_clusters import quantile_of
from nbkit.analysis.measures import Form, Measured, standing_of
from nbkit.analysis.profiles import profiles_by
from nbkit.errors import WarehouseMissing
from nbkit.project import find_project
from nbkit.registry.cloud_functions import CloudFunction, load_cloud_functions
from nbkit.registry.metrics import Metric
from nbkit.warehouse import open_warehouse


def notebook_minutes(
    metric: Metric,
    *,
    start: datetime,
    end: datetime,
    as_of: datetime,
    runs_url: str | None = None,
) -> Measured:
    """The median run of a notebook in minutes, from the record of nbkit's own runs.

    Args:
        runs_url: a warehouse URL; default `NBKIT_RUNS`, else the project's own file. Where there is
            none yet, nothing was measured.
    """
    try:
        with open_warehouse(runs_url or find_project().runs_url()) as own:
            frame = own.query("daily_histograms", start=start, end=max(end, start), as_of=as_of)
    except WarehouseMissing:
        return _nothing("minutes", "run")
    name = f"notebook:{metric.notebook}"
    timed = frame[(frame["processor_name"] == name) & (frame["metric"] == "duration_s")]
    days = list(profiles_by(timed, ["day"]).values())
    median = quantile_of(days, 0.5)
    if median.value is None:
        return _nothing("minutes", "run")
    low, high = (None if each is None else each / 60 for each in (median.low, median.high))
    return Measured(
        form="minutes",
        value=median.value / 60,
        low=low,
        high=high,
        count=sum(day.count for day in days),
        unit="run",
        standing=standing_of(low, high, metric.target),
    )


def gen2_functions(
    metric: Metric,
    *,
    start: datetime,
    end: datetime,
    functions: tuple[CloudFunction, ...] | None = None,
) -> Measured:
    """How many Cloud Functions were on Gen2 before the end of the window; counted, so certain.
    Where none is listed, nothing was measured."""
    listed = functions if functions is not None else load_cloud_functions()
    if end <= start or not listed:
        return _nothing("functions", "function")
    day = (end - timedelta(microseconds=1)).date()
    count = sum(function.is_gen2(day) for function in listed)
    return Measured(
        form="functions",
        value=count,
        low=count,
        high=count,
        count=len(listed),
        unit="function",
        standing=standing_of(count, count, metric.target),
    )


def _nothing(form: Form, unit: str) -> Measured:
    return Measured(
        form=form,
        value=None,
        low=None,
        high=None,
        count=0,
        unit=unit,
        standing="not enough runs",
    )
