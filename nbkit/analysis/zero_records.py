"""Successes that recorded nothing: which were false alarms, which healed, which nobody explains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from nbkit.analysis.proportions import Proportion, proportion


@dataclass(frozen=True, kw_only=True)
class ZeroRecords:
    """Zero-record runs of one processor, or of all.

    `healed`: a later run of the same date had data. `covered`: only an earlier one had. Both are
    false alarms: the date has its data. `open`: no run of the date ever had any, which is a loss,
    or a date on which there was nothing to have.

    `heals_in` is the median time from the run to the one with data, None where none healed.
    `open_dates` are the data dates of the open ones, in order.
    """

    subject: str
    runs: int
    healed: int
    covered: int
    heals_in: timedelta | None
    open_dates: tuple[date, ...]

    @property
    def open(self) -> int:
        return self.runs - self.healed - self.covered

    @property
    def false_alarms(self) -> Proportion:
        """The share whose date has data: a lower bound, as dates without games are among the
        others."""
        return proportion(self.healed + self.covered, self.runs)


def zero_records(runs: pd.DataFrame, *, subject: str = "all processors") -> ZeroRecords:
    """Sort the rows of the query `zero_record_runs`.

    Args:
        runs: data_date, ended_at, data_before_at, data_after_at (null where there is none).
    """
    healed = runs["data_after_at"].notna()
    covered = ~healed & runs["data_before_at"].notna()
    waits = (runs["data_after_at"] - runs["ended_at"])[healed]
    dates = pd.to_datetime(runs["data_date"][~healed & ~covered].astype("str"))
    return ZeroRecords(
        subject=subject,
        runs=len(runs),
        healed=int(healed.sum()),
        covered=int(covered.sum()),
        heals_in=None if waits.empty else timedelta(seconds=waits.dt.total_seconds().median()),
        open_dates=tuple(day.date() for day in sorted(dates.unique())),
    )


def zero_records_by_processor(runs: pd.DataFrame) -> tuple[ZeroRecords, ...]:
    """The same for each processor, the one with most open runs first, then with most runs."""
    found = [
        zero_records(own, subject=str(name))
        for name, own in runs.groupby("processor_name", observed=True, sort=True)
    ]
    return tuple(sorted(found, key=lambda each: (-each.open, -each.runs, each.subject)))
