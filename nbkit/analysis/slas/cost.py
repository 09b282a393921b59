"""What runs cost in compute time, and what came of it.

A row's duration is from its start to its end. A run that hung was ended by a sweep, days later: its
duration is the sweep's, not the machine's. So a failed run counts for its timeout at most, which is
the longest that it may have been at work; the rest is time in which its row stood open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from nbkit.analysis.rates import OTHER_PHASE, between, is_real_failure, phases_of
from nbkit.failures import FailureCategory
from nbkit.registry import ProcessorRegistry

HARD_TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Hours of one phase (or processor): of successes, of runs with nothing to do, of real
    failures (at most their timeouts), and those in which rows stood open after that.

    `untimed` runs have no duration and are in none of them.
    """

    name: str
    useful_h: float
    idle_h: float
    wasted_h: float
    open_h: float
    runs: int
    untimed: int

    @property
    def total_h(self) -> float:
        return self.useful_h + self.idle_h + self.wasted_h


def costs(
    counts: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    start: datetime,
    end: datetime,
    by_processor: bool = False,
) -> tuple[Cost, ...]:
    """The cost of the runs that ended within [start, end), the most wasted first.

    Args:
        counts: classified hourly counts: processor_name, phase, hour, category, runs, duration_s,
            timed_runs.
    """
    own = between(counts, start, end)
    names = own["processor_name"].astype("str") if by_processor else phases_of(own, registry)
    timeouts = {p.name: p.timeout.total_seconds() for p in registry.processors}
    timeout = own["processor_name"].map(timeouts).fillna(HARD_TIMEOUT.total_seconds())
    hours = pd.to_numeric(own["duration_s"]).fillna(0).astype("float64") / 3_600
    real = is_real_failure(own)
    success = own["category"] == FailureCategory.SUCCESS.value
    timed = pd.to_numeric(own["timed_runs"]).fillna(0).astype("float64")
    at_work = hours.clip(upper=timed * timeout.astype("float64") / 3_600)
    frame = pd.DataFrame(
        {
            "name": names,
            "useful_h": hours.where(success, 0.0),
            "idle_h": hours.where(~success & ~real, 0.0),
            "wasted_h": at_work.where(real, 0.0),
            "open_h": (hours - at_work).where(real, 0.0),
            "runs": own["runs"].astype("int64"),
            "untimed": own["runs"].astype("int64") - timed.astype("int64"),
        }
    )
    summed = frame.groupby("name", sort=True)[list(frame.columns[1:])].sum().reset_index()
    ranked = summed.sort_values("wasted_h", ascending=False, kind="stable")
    titles = {phase.name: phase.title for phase in registry.phases} | {
        OTHER_PHASE: "Not registered"
    }
    return tuple(
        Cost(
            name=titles.get(str(row["name"]), str(row["name"])),
            **{key: float(row[key]) for key in ("useful_h", "idle_h", "wasted_h", "open_h")},
            runs=int(row["runs"]),
            untimed=int(row["untimed"]),
        )
        for row in ranked.to_dict("records")
    )
