"""When which processor ran, and how that ended: few bars, however many runs there were.

The warehouse has added up runs by slot. Neighbouring slots of one processor with one outcome become
one bar, so a lane holds at most as many bars as the window has slots, and ten thousand polls are
one long bar with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import pandas as pd

from nbkit.analysis.incident.messages import SUCCESS
from nbkit.analysis.rates import is_real_failure

MINUTE = 60
_MOST_SLOTS = 180


class Outcome(StrEnum):
    """How runs ended, as a timeline tells it."""

    FAILED = "failed"
    EXPECTED = "nothing to do"
    RUNNING = "still running"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Runs of one processor with one outcome, from the first start to the last end."""

    outcome: Outcome
    start: datetime
    end: datetime
    runs: int


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One processor's bars, by start, and how many runs ended how."""

    processor: str
    bars: tuple[Bar, ...]
    runs: dict[Outcome, int]


def slot_length(start: datetime, end: datetime) -> int:
    """Seconds of a slot: a minute, or as many whole minutes as keep the slots few."""
    minutes = (end - start).total_seconds() / MINUTE
    return MINUTE * max(1, -int(-minutes // _MOST_SLOTS))


def lanes(
    window: pd.DataFrame, names: Sequence[str], *, slot_s: int, end: datetime
) -> tuple[Lane, ...]:
    """The lanes of some processors, in the order given; those without a run are left out.

    Args:
        window: rows of `window_outcomes`, classified: processor_name, slot, category, status, runs,
            first_started_at, last_ended_at.
        slot_s: how long its slots are.
        end: where the bars of open runs end.
    """
    rows = window[window["processor_name"].isin(names)]
    outcome = pd.Series(Outcome.EXPECTED, index=rows.index, dtype="object")
    outcome[is_real_failure(rows) & rows["category"].notna()] = Outcome.FAILED
    outcome[rows["category"] == SUCCESS] = Outcome.SUCCEEDED
    outcome[rows["status"] == "running"] = Outcome.RUNNING
    rows = rows.assign(outcome=outcome, last=rows["last_ended_at"].fillna(pd.Timestamp(end)))
    found = []
    for name in names:
        own = rows[rows["processor_name"] == name]
        if own.empty:
            continue
        bars: list[Bar] = []
        for each in Outcome:
            bars += _bars(own[own["outcome"] == each], each, slot_s)
        totals = own.groupby("outcome", observed=True)["runs"].sum()
        found.append(
            Lane(
                processor=name,
                bars=tuple(sorted(bars, key=lambda bar: (bar.start, bar.outcome))),
                runs={each: int(totals[each]) for each in Outcome if each in totals},
            )
        )
    return tuple(found)


def _bars(own: pd.DataFrame, outcome: Outcome, slot_s: int) -> list[Bar]:
    bars: list[Bar] = []
    reach = timedelta(seconds=slot_s)
    ordered = own.sort_values("first_started_at")[["first_started_at", "last", "runs"]]
    for start, last, runs in ordered.itertuples(index=False, name=None):
        begin, stop = start.to_pydatetime(), last.to_pydatetime()
        if bars and begin <= bars[-1].end + reach:
            before = bars[-1]
            bars[-1] = Bar(
                outcome=outcome,
                start=before.start,
                end=max(before.end, stop),
                runs=before.runs + int(runs),
            )
        else:
            bars.append(Bar(outcome=outcome, start=begin, end=stop, runs=int(runs)))
    return bars
