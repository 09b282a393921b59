"""Which processors were in trouble in a window, since when, and how that is known.

A processor is in trouble when it fails with words that nobody has written before, when it fails
more often than a further window like those of the last weeks would bring *and* more often than
nearly any stretch of the last month, when a run of it hangs past its timeout, or when it should
have run and did not. Steady trouble (what fails every night) is none here: other reports have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np
import pandas as pd

from nbkit.analysis.incident.messages import SUCCESS
from nbkit.analysis.incident.usual import Count, SameHours, predicted
from nbkit.analysis.liveness import StuckRun
from nbkit.analysis.proportions import Proportion, proportion
from nbkit.analysis.rates import is_real_failure
from nbkit.failures import said_in

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class TroubleRules:
    """When failures are trouble.

    Attributes:
        least_new: real failures with a message that nobody has written in the baseline.
        least_failures: real failures below which more than usual is not worth a word.
        factor: times the usual number that "more than usual" starts at.
        q: false discovery rate at which "more than usual" is believed, over all processors.
        rarity: share of the baseline's stretches of this length that may have had as many.
        least_silent: runs that the same hours usually bring, for their absence to count.
    """

    least_new: int = 3
    least_failures: int = 5
    factor: float = 2.0
    q: float = 0.01
    rarity: float = 0.01
    least_silent: float = 4.0


class Reason(StrEnum):
    """Why a processor counts as being in trouble."""

    NEW_MESSAGE = "fails with a message never seen before"
    MORE_FAILURES = "fails more than usual"
    STUCK = "hangs past its timeout"
    SILENT = "did not run"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A processor in trouble.

    `since` is the end of the first failed run (the start of a hanging one; the start of the window
    where nothing ran), `until` that of the last. `before` and `during` are shares of failures among
    runs that had something to do: in the day before `since`, and from then until `until`.
    `recovered_at` is the first success after `until`. `texts` are the distinct things that its
    failures said (with the tables they missed) and how often, for reading names off them.
    """

    processor: str
    reasons: tuple[Reason, ...]
    since: datetime
    until: datetime
    failures: int
    usual: Count
    before: Proportion
    during: Proportion
    new_templates: tuple[str, ...]
    example: str
    example_run_id: str
    recovered_at: datetime | None
    data_dates: tuple[date, ...]
    texts: tuple[tuple[str, int], ...]

    @property
    def is_over(self) -> bool:
        return self.recovered_at is not None


def troubles(
    window: pd.DataFrame,
    baseline: pd.DataFrame,
    usual: Mapping[str, SameHours],
    stuck: Iterable[StuckRun],
    *,
    start: datetime,
    end: datetime,
    rules: TroubleRules,
) -> tuple[Trouble, ...]:
    """All processors in trouble, the earliest first.

    Args:
        window: rows of `window_outcomes`, classified and with templates.
        baseline: rows of `hourly_counts` before the window, likewise.
        usual: the same hours of the weeks before, by processor.
        stuck: runs that hang at `end`.
    """
    # What hung before the window is older trouble.
    hanging = [r for r in stuck if r.past_timeout and r.started_at + r.timeout >= start]
    failing = window[is_real_failure(window) & window["category"].notna()]
    known = set(baseline["template"])
    found = []
    for name, own in failing.groupby("processor_name", sort=True, observed=True):
        new = own[(own["template"] != "") & ~own["template"].isin(known)]
        fresh = tuple(sorted(new["template"].unique()))
        reasons = []
        if int(new["runs"].sum()) >= rules.least_new:
            reasons.append(Reason.NEW_MESSAGE)
        past = baseline[baseline["processor_name"] == name]
        if _is_more(usual.get(str(name)), past, start=start, end=end, rules=rules):
            reasons.append(Reason.MORE_FAILURES)
        if reasons:
            told = new if reasons == [Reason.NEW_MESSAGE] else own
            found.append(
                _of_failures(
                    str(name),
                    tuple(reasons),
                    told,
                    fresh,
                    window,
                    past,
                    usual,
                    start=start,
                    end=end,
                )
            )
    found += _hanging(hanging, found, usual)
    found += _silent(usual, baseline, window, start=start, end=end, rules=rules)
    return tuple(sorted(found, key=lambda t: (t.since, t.processor)))


def _is_more(
    row: SameHours | None,
    past: pd.DataFrame,
    *,
    start: datetime,
    end: datetime,
    rules: TroubleRules,
) -> bool:
    if row is None or row.real.usual is None or not row.real.is_more:
        return False
    enough = row.real.now >= max(rules.least_failures, rules.factor * row.real.usual)
    return (
        enough
        and row.real.q <= rules.q
        and _rarity(past, row.real.now, start=start, end=end) <= rules.rarity
    )


def _rarity(past: pd.DataFrame, failures: int, *, start: datetime, end: datetime) -> float:
    """The share of the baseline's stretches of the window's length with as many real failures."""
    real = past[is_real_failure(past)]
    by_hour = real.groupby("hour", observed=True)["runs"].sum()
    if by_hour.empty:
        return 0.0
    hours = pd.date_range(past["hour"].min().floor("D"), start, freq="h", inclusive="left")
    series = by_hour.reindex(hours, fill_value=0).to_numpy(dtype=np.int64)
    length = max(1, round((end - start) / HOUR))
    if series.size < length:
        return 0.0
    total = np.concatenate([[0], np.cumsum(series)])
    return float(np.mean(total[length:] - total[:-length] >= failures))


def _of_failures(
    name: str,
    reasons: tuple[Reason, ...],
    failing: pd.DataFrame,
    fresh: tuple[str, ...],
    window: pd.DataFrame,
    past: pd.DataFrame,
    usual: Mapping[str, SameHours],
    *,
    start: datetime,
    end: datetime,
) -> Trouble:
    burst = failing
    if Reason.MORE_FAILURES in reasons:
        dense = _densest(failing, usual.get(name))
        burst = failing[failing.index.isin(dense.index) | failing["template"].isin(fresh)]
    since = burst["first_ended_at"].min().to_pydatetime()
    until = burst["last_ended_at"].max().to_pydatetime()
    own = window[(window["processor_name"] == name) & window["category"].notna()]
    success = own[own["category"] == SUCCESS]
    later = success[success["last_ended_at"] > until]["last_ended_at"]
    first = burst.sort_values(["first_ended_at", "example_run_id"]).iloc[0]
    # The example is of what the burst says most.
    loudest = burst.groupby("template", observed=True)["runs"].sum().idxmax()
    quoted = burst[burst["template"] == loudest].sort_values("first_ended_at").iloc[0]
    return Trouble(
        processor=name,
        reasons=reasons,
        since=since,
        until=until,
        failures=int(burst["runs"].sum()),
        usual=usual[name].real if name in usual else predicted(int(burst["runs"].sum()), ()),
        before=_share(
            pd.concat(
                [
                    past[past["hour"] >= start - DAY][["category", "runs"]],
                    own[own["last_ended_at"] < since][["category", "runs"]],
                ]
            )
        ),
        during=_share(own[(own["last_ended_at"] >= since) & (own["first_ended_at"] <= until)]),
        new_templates=fresh,
        example=said_in(quoted["error_example"]),
        example_run_id=str(first["example_run_id"]),
        recovered_at=later.min().to_pydatetime() if len(later) else None,
        data_dates=_dates(burst),
        texts=_texts(failing),
    )


def _densest(failing: pd.DataFrame, usual: SameHours | None) -> pd.DataFrame:
    """The stretch in which failures exceed what lies halfway between usual and seen the most.

    The largest sum of neighbours (Kadane 1984; Bentley, Programming Pearls ch. 8): a lone failure
    hours before a burst is not its beginning.
    """
    by_slot = failing.groupby("slot", observed=True)["runs"].sum().sort_index()
    first, last = by_slot.index[0], by_slot.index[-1]
    length = max((last - first) / pd.Timedelta(minutes=1), 1.0)
    expected = usual.real.usual if usual and usual.real.usual is not None else 0.0
    rate = (expected + float(by_slot.sum())) / 2 / length
    best = (float("-inf"), first, last)
    total, begin, before = 0.0, first, first
    for slot, runs in by_slot.items():
        total -= rate * ((slot - before) / pd.Timedelta(minutes=1))
        if total <= 0:
            total, begin = 0.0, slot
        total += float(runs)
        before = slot
        if total > best[0]:
            best = (total, begin, slot)
    _, begin, stop = best
    return failing[failing["slot"].between(begin, stop)]


def _share(rows: pd.DataFrame) -> Proportion:
    real = int(rows.loc[is_real_failure(rows), "runs"].sum())
    good = int(rows.loc[rows["category"] == SUCCESS, "runs"].sum())
    return proportion(real, real + good)


def _dates(burst: pd.DataFrame) -> tuple[date, ...]:
    """The data dates that most of it was about, the latest first; two at most."""
    runs = burst.groupby("last_data_date", observed=True)["runs"].sum()
    loud = runs[runs >= 0.1 * runs.sum()].sort_values(ascending=False).index[:2]
    return tuple(sorted((pd.Timestamp(str(day)).date() for day in loud), reverse=True))


def _texts(failing: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    told = failing["error_signature"].fillna("") + " " + failing["missing_text"].fillna("")
    sums = failing.groupby(told, observed=True)["runs"].sum()
    return tuple((str(text), int(runs)) for text, runs in sums.items())


def _hanging(
    hanging: Sequence[StuckRun], found: Sequence[Trouble], usual: Mapping[str, SameHours]
) -> list[Trouble]:
    """One per processor with runs past their timeout that is not in trouble already."""
    grouped: dict[str, list[StuckRun]] = {}
    for run in hanging:
        grouped.setdefault(run.processor, []).append(run)
    known = {trouble.processor for trouble in found}
    rows = []
    for name, runs in grouped.items():
        if name in known:
            continue
        longest = max(runs, key=lambda run: run.running)
        rows.append(
            Trouble(
                processor=name,
                reasons=(Reason.STUCK,),
                since=longest.started_at,
                until=max(run.started_at + run.running for run in runs),
                failures=len(runs),
                usual=usual[name].real if name in usual else predicted(0, ()),
                before=proportion(0, 0),
                during=proportion(len(runs), len(runs)),
                new_templates=(),
                example="",
                example_run_id=longest.run_id,
                recovered_at=None,
                data_dates=(),
                texts=(),
            )
        )
    return rows


def _silent(
    usual: Mapping[str, SameHours],
    baseline: pd.DataFrame,
    window: pd.DataFrame,
    *,
    start: datetime,
    end: datetime,
    rules: TroubleRules,
) -> list[Trouble]:
    """Processors that ran in these hours of every week before and not at all in this one."""
    began = set(window["processor_name"])
    rows = []
    for name, row in usual.items():
        runs = row.runs
        if runs.usual is None or name in began or runs.now or runs.q > rules.q:
            continue
        if runs.usual < rules.least_silent or min(runs.before) == 0:
            continue
        last = baseline[baseline["processor_name"] == name]["hour"].max()
        rows.append(
            Trouble(
                processor=name,
                reasons=(Reason.SILENT,),
                since=last.to_pydatetime() + HOUR if pd.notna(last) else start,
                until=end,
                failures=0,
                usual=row.real,
                before=proportion(0, 0),
                during=proportion(0, 0),
                new_templates=(),
                example="",
                example_run_id="",
                recovered_at=None,
                data_dates=(),
                texts=(),
            )
        )
    return rows
