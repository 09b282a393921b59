"""What a target came to, and what is left of its error budget.

Google's SRE Book, chapter 3, and SRE Workbook, chapters 2 and 5: the budget is what may be bad, a
share of 1 − objective of all there was. Keeping books needs no statistics: fewer good than promised
is a miss. How sure it is that the platform is no better than that is another question, which the
interval answers; it counts days, whose runs share their fate (`nbkit.analysis.day_clusters`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

import numpy as np
import pandas as pd

from nbkit.analysis.day_clusters import share_of
from nbkit.analysis.proportions import Proportion
from nbkit.analysis.slas.measured import Measured
from nbkit.registry.slas import Target

LEAST_TRIALS = 7  # a week of dates


class Standing(StrEnum):
    """How a target stands; a miss needs data as much as a success does."""

    MET = "met"
    MISSED = "missed"
    NOT_ENOUGH = "not enough data"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Attainment:
    """What a target came to within [start, end).

    Attributes:
        share: good of all (runs, dates, minutes …), with its 95 % interval.
        trials: how many things went well or badly by themselves; see `nbkit.analysis.slas`.
        why_not: why nothing was measured, else empty.
    """

    target: Target
    start: datetime
    end: datetime
    share: Proportion
    trials: int
    why_not: str = ""

    @property
    def bad(self) -> int:
        return self.share.total - self.share.successes

    @property
    def budget(self) -> float:
        """How many may be bad; a fraction below 1 means that a single one is too many."""
        return (1 - self.target.objective) * self.share.total

    @property
    def spent(self) -> float | None:
        """The part of the budget that is spent; above 1 it is overspent. None without trials."""
        return self.bad / self.budget if self.share.total else None

    @property
    def is_sure(self) -> bool:
        """Whether the whole interval lies on the side of the verdict."""
        return self.share.against(self.target.objective) != "not enough runs"

    @property
    def standing(self) -> Standing:
        if self.share.rate is None:
            return Standing.NOT_MEASURED
        # So few can still prove a miss: six of six are late for no good reason.
        if self.trials < LEAST_TRIALS and self.share.high >= self.target.objective:
            return Standing.NOT_ENOUGH
        return Standing.MET if self.share.rate >= self.target.objective else Standing.MISSED


def attain(measured: Measured, *, start: datetime, end: datetime) -> Attainment:
    """What a target came to within [start, end)."""
    place = measured.place(start, end)
    _, day = np.unique(measured.seconds[place] // 86_400, return_inverse=True)
    good, total = (
        np.bincount(day, weights=measured.trials[name].to_numpy()[place]).astype(np.int64)
        for name in ("good", "total")
    )
    trials = len(day)
    share = share_of(good, total)
    return Attainment(
        target=measured.target,
        start=start,
        end=end,
        share=share,
        trials=trials,
        why_not=measured.why_not or ("" if trials else "nothing happened in this time"),
    )


def burn_down(measured: Measured, *, start: datetime, end: datetime) -> pd.Series:
    """How much of the budget of [start, end) was left after each UTC day of it, from 1 downwards.

    The budget is that of the whole window, so the line falls only; below 0 it is overspent. Indexed
    by day (datetime64, UTC); empty where nothing was measured.
    """
    own = measured.within(start, end)
    if own.empty:
        return pd.Series(dtype="float64")
    budget = (1 - measured.target.objective) * float(own["total"].sum())
    bad = (own["total"] - own["good"]).groupby(own["at"].dt.floor("D")).sum()
    first, last = (pd.Timestamp(moment).floor("D") for moment in (start, end))
    days = pd.date_range(first, last, freq="D")
    left: pd.Series = 1 - bad.reindex(days, fill_value=0).cumsum() / budget
    return left


def attained_by(measured: Measured, edges: Sequence[datetime]) -> tuple[Attainment, ...]:
    """What it came to between each edge and the next."""
    return tuple(attain(measured, start=start, end=end) for start, end in pairwise(edges))
