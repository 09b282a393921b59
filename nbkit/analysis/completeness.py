"""Did each date get the records that it should have?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import pandas as pd

from nbkit.registry import ProcessorRegistry

State = Literal["below", "within", "above", "none", "unknown"]


@dataclass(frozen=True)
class Completeness:
    """The best successful run of a processor for one date, beside what is expected.

    `low` and `high` come from the registry (`stated`), else from the central nine tenths of the
    processor's own earlier dates. `records` is None where no run of that date succeeded (`none`),
    or no success says how many records it had (`unknown`).
    """

    processor: str
    data_date: date
    records: int | None
    low: int
    high: int
    stated: bool
    state: State


def completeness(
    records: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    today: date,
    days: int = 3,
    min_history: int = 10,
) -> tuple[Completeness, ...]:
    """Compare the latest finished dates with the registry's ranges, or with history where the
    registry states none.

    Args:
        records: one row per processor and data_date: runs, success_runs, best_records.
        today: dates from this one on are not complete yet and are not judged.
        days: how many finished dates are judged.
        min_history: earlier dates with records needed before history may set the range.

    Returns:
        One row per processor and judged date in which it ran; the newest date first.
    """
    frame = records.assign(data_date=pd.to_datetime(records["data_date"]).dt.date)
    frame = frame[frame["data_date"] < today]
    first = today - timedelta(days=days)
    rows = []
    for name, own in frame.groupby("processor_name", sort=True):
        expected = _expected(str(name), own[own["data_date"] < first], registry, min_history)
        if expected is None:
            continue
        low, high, stated = expected
        for row in own[own["data_date"] >= first].to_dict("records"):
            best = None if pd.isna(row["best_records"]) else int(row["best_records"])
            rows.append(
                Completeness(
                    str(name),
                    row["data_date"],
                    best,
                    low,
                    high,
                    stated,
                    _state(best, low, high, succeeded=bool(row["success_runs"])),
                )
            )
    return tuple(sorted(rows, key=lambda r: (r.data_date, r.processor), reverse=True))


def _expected(
    name: str, earlier: pd.DataFrame, registry: ProcessorRegistry, min_history: int
) -> tuple[int, int, bool] | None:
    processor = registry.get_processor(name)
    stated = processor.expected_record_range if processor else None
    if stated is not None:
        return stated.min, stated.max, True
    usual = earlier["best_records"].dropna().astype("int64")
    usual = usual[usual > 0]
    # A processor that often has nothing to do says nothing by having nothing today.
    if len(usual) < min_history or len(usual) < 0.9 * len(earlier):
        return None
    return int(usual.quantile(0.05)), int(usual.quantile(0.95)), False


def _state(records: int | None, low: int, high: int, *, succeeded: bool) -> State:
    if records is None and succeeded:
        return "unknown"
    if not records:
        return "none"
    if records < low:
        return "below"
    return "above" if records > high else "within"
