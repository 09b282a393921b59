"""What became of the pieces of work: one processor and one data date each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.storms.attempts import seconds_of

Floats = npt.NDArray[np.float64]

PERIODS_S = tuple(
    60.0 * minutes for minutes in (1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 45, 60, 90, 120)
)
_AFTER_S = 7_200.0  # how long work is followed afterwards
# Length of the mean angle (Rayleigh's R) from which starts keep to a period: what comes beside the
# batches at any time shortens it by its share.
_PERIODIC = 0.6
_FEWEST_TURNS = 2.5
_FEWEST = 3  # pieces of work that show together that something landed


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Whether the work that failed succeeded afterwards.

    Attributes:
        items: pieces of work that failed in the storm.
        recovered: share of their failures whose work succeeded later (within what was looked at).
        clean: share of those failures that came before the first success of their work: near 1
            where failing stops with it, lower where successes and failures alternate.
        abrupt: how much closer together the first successes lie than the failures, from 0 (spread
            as widely) to 1 (at one moment).
        rise: how much oftener the work succeeds in the hour after the last failures than while it
            fails, from -1 (never again) over 0 (as often) to 1 (only then).
        fall: the part of the failing that ends with the last of these failures: 1 - the share of
            the work's later runs that fail over that of its runs until then, whatever routine runs
            succeed in between. 0 of fewer than three pieces of
            work or six later runs: a bad hour of one is chance.
    """

    items: int
    recovered: float
    clean: float
    abrupt: float
    rise: float
    fall: float


def recovery(failures: pd.DataFrame, around: pd.DataFrame) -> Recovery:
    """Of failures of a storm (classified runs with `unit`: what is waited for, an item or a
    message); `around` holds all runs of the same units, later ones too."""
    if failures.empty:
        return Recovery(items=0, recovered=0.0, clean=0.0, abrupt=0.0, rise=0.0, fall=0.0)
    ended = seconds_of(failures["ended_at"])
    wins = around[(around["category"] == "success")]
    # The first success after the work's first failure of the storm.
    begun = pd.Series(ended).groupby(failures["unit"].to_numpy()).min()
    moments = seconds_of(wins["ended_at"])
    units = wins["unit"].to_numpy()
    later = moments > pd.Series(begun).reindex(units).to_numpy()
    first = pd.Series(moments[later]).groupby(units[later]).min()
    reached = first.reindex(failures["unit"].to_numpy()).to_numpy()
    known = ~np.isnan(reached)
    clean = float((ended[known] <= reached[known]).mean()) if known.any() else 0.0
    spread = _width(ended)
    abrupt = (
        1 - _width(np.asarray(first, dtype=np.float64)) / spread
        if len(first) >= _FEWEST and spread > 0
        else 0.0
    )
    return Recovery(
        items=len(begun),
        recovered=float(known.mean()),
        clean=clean,
        abrupt=float(np.clip(abrupt, 0, 1)),
        rise=_rise(ended, moments[np.isin(units, begun.index)]),
        fall=_fall(ended, around[around["unit"].isin(begun.index)]),
    )


def _rise(failed: Floats, succeeded: Floats) -> float:
    begin, end = np.quantile(failed, [0.02, 0.98])
    hours = max((end - begin) / 3600, 1 / 60)
    during = ((succeeded >= begin) & (succeeded < end)).sum() / hours
    horizon = min(1.0, max(hours, 0.25))
    after = ((succeeded >= end) & (succeeded < end + 3600 * horizon)).sum() / horizon
    return float((after - during) / max(after + during, 1.0))


def _fall(failed: Floats, around: pd.DataFrame) -> float:
    begin, end = np.quantile(failed, [0.02, 0.98])
    ended = seconds_of(around["ended_at"])
    bad = around["is_failure"].to_numpy(dtype=bool)
    during = (ended >= begin) & (ended <= end)
    # A few stragglers fail after the end; what counts is how the work goes on.
    after = (ended > max(end, failed.max())) & (ended <= failed.max() + _AFTER_S)
    if around["unit"].nunique() < _FEWEST or after.sum() < 2 * _FEWEST or not bad[during].any():
        return 0.0
    return float(max(1 - bad[after].mean() / bad[during].mean(), 0.0))


def _width(moments: Floats) -> float:
    """Between the deciles."""
    low, high = np.quantile(moments, [0.1, 0.9])
    return float(high - low)


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """The same work again under new messages.

    Attributes:
        per_item: messages for each piece of work in the storm, the middle one by runs.
        after_success: share of the storm's first attempts whose work had succeeded before.
        dates: how many data dates they are about.
        period_s: the period at which first attempts come in batches; None where they do not.
        regular: how nearly they lie at its marks, from 0 to 1 (length of the mean of the starts as
            angles of the period).
    """

    per_item: float
    after_success: float
    dates: int
    period_s: float | None
    regular: float


def repeats(runs: pd.DataFrame, done: pd.Series) -> Repeats:
    """Of the storm's runs with messages; `done` is when each item first succeeded, seconds."""
    first = runs[runs["attempt"] == 1]
    if first.empty:
        return Repeats(per_item=0.0, after_success=0.0, dates=0, period_s=None, regular=0.0)
    sizes = first.groupby("item")["message"].nunique()
    per_run = sizes.reindex(first["item"]).to_numpy()
    before = done.reindex(first["item"].to_numpy()).to_numpy()
    started = seconds_of(first["started_at"])
    period, regular = _period(started)
    return Repeats(
        per_item=float(np.median(per_run)),
        after_success=float((before <= started).mean()),
        dates=int(first["data_date"].nunique()),
        period_s=period,
        regular=regular,
    )


def _period(started: Floats) -> tuple[float | None, float]:
    """The longest known period at whose marks most starts lie; and how nearly."""
    if started.size < 20:
        return None, 0.0
    # The batches stand out of what else starts then.
    _, where, counts = np.unique(started // 60, return_inverse=True, return_counts=True)
    crowd = (counts >= max(5.0, 2 * counts.mean()))[where]
    if crowd.mean() >= 0.5:
        started = started[crowd]
    for period in reversed(PERIODS_S):
        if _turns(started, period) < _FEWEST_TURNS:
            continue
        phase = (started % period) / period
        angle = np.exp(2j * np.pi * phase)
        length = abs(angle.mean())
        if length >= _PERIODIC:
            return period, float(length)
    return None, 0.0


def _turns(started: Floats, period: float) -> float:
    """How many turns of a period the starts of one day are spread over (the inverse of Simpson's
    index): what comes at one hour every week turns once each time."""
    turn = started // period
    days, of = np.unique(started // 86_400, return_inverse=True)
    most = 0.0
    for day in range(days.size):
        counts = np.unique(turn[of == day], return_counts=True)[1]
        if counts.sum() >= started.size / (2 * days.size):
            most = max(most, float(counts.sum() ** 2 / (counts**2).sum()))
    return most
