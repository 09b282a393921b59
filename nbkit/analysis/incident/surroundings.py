"""What else changed around a window: revisions, triggers, sources, newcomers, first failures.

A change near a failure is a lead, not a cause. Deploys land before what they break, so changes are
looked for from an hour before the window on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from nbkit.analysis.rates import is_real_failure

LEAD = timedelta(hours=1)
# A processor that has not failed for a week, and then does.
_LONG_WELL = timedelta(days=7)
_ENOUGH_RUNS = 10

_SETTINGS = {
    "trigger_source": "trigger source",
    "triggered_by": "trigger",
    "execution_host": "host",
    "data_source_primary": "data source",
}


@dataclass(frozen=True, kw_only=True)
class Surrounding:
    """One thing that is there in the window and was not in the baseline before it.

    `what` is its kind (revision, trigger, …), `subject` the service or processor; `before` is what
    stood there last, None where nothing did. `runs` are those with the new value.
    """

    what: str
    subject: str
    at: datetime
    before: str | None
    now: str
    runs: int


def surroundings(
    settings: pd.DataFrame, window: pd.DataFrame, baseline: pd.DataFrame, *, start: datetime
) -> tuple[Surrounding, ...]:
    """All such changes, the earliest first.

    Args:
        settings: rows of `run_settings` from the baseline's start to the window's end, with `since`
            an hour before the window.
        window: rows of `window_outcomes`, classified.
        baseline: rows of `hourly_counts` before the window, classified.
    """
    found = [
        *_revisions(settings),
        *_newcomers(settings),
        *_first_failures(window, baseline, start=start),
    ]
    for column, what in _SETTINGS.items():
        found += _new_values(settings, "processor_name", column, what)
    return tuple(sorted(found, key=lambda s: (s.at, s.what, s.subject, s.now)))


def _revisions(settings: pd.DataFrame) -> Iterator[Surrounding]:
    """By service: all of its processors are deployed together."""
    services = settings.assign(
        service=settings["cloud_run_service"].fillna(settings["processor_name"])
    )
    yield from _new_values(services, "service", "cloud_run_revision", "revision")


def _new_values(
    settings: pd.DataFrame, subject: str, column: str, what: str
) -> Iterator[Surrounding]:
    """Values that a subject did not have before, where it had another one."""
    values = (
        settings[settings[column].notna()]
        .groupby([subject, column], sort=True, observed=True)
        .agg(
            earlier=("earlier_runs", "sum"),
            first=("first_started_at", "min"),
            last=("last_started_at", "max"),
            runs=("runs", "sum"),
        )
        .reset_index()
    )
    known = values[values["earlier"] > 0].sort_values("last")
    latest = dict(zip(known[subject], known[column], strict=True))
    for row in values[values["earlier"] == 0].to_dict("records"):
        if row[subject] in latest:  # else the subject itself is new, or the column is
            yield Surrounding(
                what=what,
                subject=str(row[subject]),
                at=row["first"].to_pydatetime(),
                before=str(latest[row[subject]]),
                now=str(row[column]),
                runs=int(row["runs"]),
            )


def _newcomers(settings: pd.DataFrame) -> Iterator[Surrounding]:
    earlier = settings.groupby("processor_name", observed=True)["earlier_runs"].transform("sum")
    fresh = settings[earlier == 0]
    for name, own in fresh.groupby("processor_name", sort=True, observed=True):
        yield Surrounding(
            what="processor",
            subject=str(name),
            at=own["first_started_at"].min().to_pydatetime(),
            before=None,
            now="its first run in the baseline and the window",
            runs=int(own["runs"].sum()),
        )


def _first_failures(
    window: pd.DataFrame, baseline: pd.DataFrame, *, start: datetime
) -> Iterator[Surrounding]:
    failing = window[is_real_failure(window) & window["category"].notna()]
    for name, own in failing.groupby("processor_name", sort=True, observed=True):
        past = baseline[baseline["processor_name"] == name]
        failed = past[is_real_failure(past)]["hour"].max()
        if int(past["runs"].sum()) < _ENOUGH_RUNS:
            continue
        if pd.notna(failed) and start - failed.to_pydatetime() < _LONG_WELL:
            continue
        yield Surrounding(
            what="first failure",
            subject=str(name),
            at=own["first_ended_at"].min().to_pydatetime(),
            before="none in the baseline" if pd.isna(failed) else f"the last on {failed:%Y-%m-%d}",
            now="fails",
            runs=int(own["runs"].sum()),
        )
