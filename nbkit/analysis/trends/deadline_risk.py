"""How likely a processor is to miss its next deadline, and when it will if its drift goes on.

The work of a date is done with its first success, as `nbkit.analysis.readiness` has it: later runs
are polls and backfills. How late it was is measured against the registry's `sla_completion_time`
of that date, so that clock changes do not matter. Without a drift the chance of a miss is the share
of the last dates that missed. With one, those dates' distances from the line are laid around
where the line will be: what was just in time a month ago may be late tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from nbkit.analysis.proportions import Proportion, proportion
from nbkit.analysis.trends.drift_line import fit_line
from nbkit.analysis.trends.forecast import (
    DRIFT_CONFIDENCE,
    HORIZON_DAYS,
    Forecast,
    forecast_limit,
)
from nbkit.failures import EXPECTED, classify_history
from nbkit.registry import Deadline, ProcessorRegistry

ENOUGH_DATES = 7
_EXPECTED = [category.value for category in EXPECTED]


@dataclass(frozen=True, kw_only=True)
class DeadlineRisk:
    """The next deadline not yet met, the chance that it is missed, and the past ones.

    `probability` lies between `low` and `high` at `confidence`. By `share` it is `missed.rate`,
    by `drift` it takes account of the trend; all are None below `ENOUGH_DATES` judged dates.

    `missed` counts misses (as its successes) among the last judged dates. `usual_lateness` is the
    median, negative for early; None where no date finished. `reached` says when the line passes the
    deadline, in seconds after it; its days are data dates.
    """

    next_date: date
    next_due: datetime
    missed: Proportion
    basis: Literal["share", "drift"] | None
    probability: float | None
    low: float | None
    high: float | None
    confidence: float
    usual_lateness: timedelta | None
    reached: Forecast


def deadline_risk(
    finishes: pd.DataFrame,
    deadline: Deadline,
    *,
    as_of: datetime,
    since: date | None = None,
    recent: int = 30,
    confidence: float = 0.9,
    horizon_days: int = HORIZON_DAYS,
) -> DeadlineRisk:
    """The risk of one processor.

    Args:
        finishes: `finish_times` of it: data_date, finished_at (UTC; null: not finished by `as_of`).
            A date that is absent was an off-day.
        as_of: aware; dates that are due later are not judged.
        since: only dates from this one on: the last regime's first, where there was a step.
        recent: of how many last dates the share is taken.

    Raises:
        ValueError: a naive `as_of`, a date that comes twice, a `recent` below one.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of is a moment without time zone ({as_of}); make it UTC")
    if recent < 1:
        raise ValueError(f"a share of the last {recent} dates is none")
    rows = _rows(finishes, deadline)
    judged = rows[rows["due"] <= as_of]
    if since is not None:
        judged = judged[judged.index >= pd.Timestamp(since)]
    late = judged["late_s"]
    timed = late[np.isfinite(late)]
    last = late.iloc[-recent:]
    missed = proportion(int((last > 0).sum()), len(last), confidence=confidence)

    next_date, next_due = deadline.next_after(as_of)
    done = set(rows.index[np.isfinite(rows["late_s"])])
    while pd.Timestamp(next_date) in done:
        next_date += timedelta(days=1)
        next_due = deadline.at(next_date)

    basis: Literal["share", "drift"] | None = "share" if len(late) >= ENOUGH_DATES else None
    chance: tuple[float | None, float | None, float | None] = (None, None, None)
    if basis:
        chance = (missed.rate, missed.low, missed.high)
        if drifting := _chance_by_drift(last, timed, next_date, confidence):
            basis, chance = "drift", drifting
    return DeadlineRisk(
        next_date=next_date,
        next_due=next_due,
        missed=missed,
        basis=basis,
        probability=chance[0],
        low=chance[1],
        high=chance[2],
        confidence=confidence,
        usual_lateness=timedelta(seconds=round(timed.median())) if len(timed) else None,
        reached=forecast_limit(
            pd.DatetimeIndex(timed.index),
            timed,
            limit=0.0,
            log_scale=False,
            confidence=confidence,
            horizon_days=horizon_days,
        ),
    )


def deadline_risks(
    works: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    as_of: datetime,
    since: Mapping[str, date] | None = None,
    confidence: float = 0.9,
) -> dict[str, DeadlineRisk]:
    """The risk of each registered processor that has a deadline, in registry order.

    Args:
        works: rows of the query `work_states`, of at least `ENOUGH_DATES` dates before `as_of`.
        since: by processor, the first date of its last regime.

    Returns:
        By processor; those without a row are absent.

    Raises:
        ValueError: a naive `as_of`.
    """
    finishes = finish_times(works)
    by_name = dict(list(finishes.groupby("processor_name", sort=False, observed=True)))
    return {
        processor.name: deadline_risk(
            own,
            processor.sla_completion_time,
            as_of=as_of,
            since=(since or {}).get(processor.name),
            confidence=confidence,
        )
        for processor in registry.processors
        if processor.sla_completion_time is not None
        and (own := by_name.get(processor.name)) is not None
    }


def finish_times(works: pd.DataFrame) -> pd.DataFrame:
    """When the work of each date was done, off-days left out.

    Args:
        works: rows of the query `work_states`.

    Returns:
        processor_name, data_date (datetime64), finished_at (UTC, null where no run succeeded). A
        date without a success whose last end was expected (no data available) is an off-day.
    """
    judged = classify_history(works) if len(works) else works.assign(category=None)
    done = judged["first_succeeded_at"].notna()
    own = judged[done | ~judged["category"].isin(_EXPECTED) | (judged["open_runs"] > 0)]
    return pd.DataFrame(
        {
            "processor_name": own["processor_name"].astype("str"),
            "data_date": pd.to_datetime(own["data_date"].astype("str")),
            "finished_at": pd.to_datetime(own["first_succeeded_at"], utc=True),
        }
    ).reset_index(drop=True)


def _rows(finishes: pd.DataFrame, deadline: Deadline) -> pd.DataFrame:
    """By date, rising: when it was due, and how many seconds late it was (infinite: never done)."""
    days = pd.DatetimeIndex(pd.to_datetime(finishes["data_date"].astype("str"))).normalize()
    if not days.is_unique:
        raise ValueError(f"the date {days[days.duplicated()][0]:%Y-%m-%d} comes twice")
    due = pd.to_datetime(
        pd.Series([deadline.at(day.date()) for day in days], dtype="object"), utc=True
    )
    finished = pd.to_datetime(finishes["finished_at"], utc=True).reset_index(drop=True)
    late = (finished - due).dt.total_seconds().fillna(np.inf)
    return pd.DataFrame({"due": due.array, "late_s": late.array}, index=days).sort_index()


def _chance_by_drift(
    last: pd.Series, timed: pd.Series, next_date: date, confidence: float
) -> tuple[float, float, float] | None:
    """Chance of a miss on the next date with its interval, where there is a drift; else None."""
    line = fit_line(timed)
    if line is None or line.is_step or line.is_left:
        return None
    if abs(line.slope) <= line.half_width(max(confidence, DRIFT_CONFIDENCE)):
        return None
    end = pd.DatetimeIndex(timed.index)[-1]
    on_line = line.height + line.slope * np.asarray((pd.DatetimeIndex(last.index) - end).days)
    off_line = last.to_numpy(dtype=np.float64) - on_line
    after = (pd.Timestamp(next_date) - end).days
    early, late = line.height_interval(after, confidence)

    def share(height: float) -> Proportion:
        return proportion(int((off_line + height > 0).sum()), len(last), confidence=confidence)

    middle = share((early + late) / 2)
    # The line may be lower or higher, and the distances from it are a sample: both widen it.
    return middle.successes / middle.total, share(early).low, share(late).high
