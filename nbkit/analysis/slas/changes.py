"""What to change first: who spends the budgets that are overspent, and what would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from nbkit.analysis.rates import between, is_real_failure
from nbkit.analysis.slas.budget import Attainment, Standing
from nbkit.analysis.slas.contributions import contributions, earlier_by
from nbkit.analysis.slas.measured import Measured
from nbkit.failures import FailureCategory, error_text
from nbkit.registry.slas import Measure, Target

_LEAST_SHARE = 0.05  # of what was bad for a target: the long tail is no plan


@dataclass(frozen=True, kw_only=True)
class Change:
    """One processor's part in one missed target.

    Attributes:
        bad: how many of the target's unit, `budgets` as a part of the whole budget.
        now, then: the share that was good, and would be if this part had been.
        category: of its real failures the most frequent one, and its share; None of deadlines.
        message: what most of these failures say; empty where they say nothing.
        earlier: of a deadline how much earlier every date must be complete to keep it; None where
            too many dates are not complete at all, and for other targets.
    """

    target: Target
    processor: str
    bad: int
    budgets: float
    now: float
    then: float
    category: FailureCategory | None = None
    category_share: float | None = None
    message: str = ""
    earlier: timedelta | None = None


def changes_to_make(
    attainments: Mapping[str, Attainment],
    measured: Mapping[str, Measured],
    counts: pd.DataFrame,
    *,
    as_of: datetime,
) -> tuple[Change, ...]:
    """What spends the budgets of the targets that were missed, by how many budgets it spends.

    Availability is not among them: it is made of the deadlines, which are.

    Args:
        counts: classified hourly counts: processor_name, hour, category, runs, error_signature,
            error_example.
    """
    found = []
    for name, each in attainments.items():
        target = each.target
        if each.standing is not Standing.MISSED or target.measure.is_time:
            continue
        for part in contributions(measured[name], start=each.start, end=each.end):
            if part.without is None or part.bad < _LEAST_SHARE * each.bad:
                continue
            category, share, message = (
                _category(counts, part.name, each)
                if target.measure is Measure.SUCCESS_RATE
                else (None, None, "")
            )
            dates = [d for d in measured[name].dates if each.start <= d.due < each.end]
            found.append(
                Change(
                    target=target,
                    processor=part.name,
                    bad=part.bad,
                    budgets=part.budgets,
                    now=each.share.rate or 0.0,
                    then=part.without,
                    category=category,
                    category_share=share,
                    message=message,
                    earlier=earlier_by(dates, target.objective, as_of=as_of),
                )
            )
    return tuple(sorted(found, key=lambda change: -change.budgets))


def _category(
    counts: pd.DataFrame, processor: str, each: Attainment
) -> tuple[FailureCategory | None, float | None, str]:
    """The category of most real failures, its share, and what most runs of it say."""
    own = between(counts, each.start, each.end)
    own = own[(own["processor_name"] == processor) & is_real_failure(own)]
    if own.empty:
        return None, None, ""
    by_category = own.groupby("category")["runs"].sum()
    worst = _most(by_category)
    same = own[(own["category"] == worst) & own["error_signature"].notna()]
    share = float(by_category[worst] / by_category.sum())
    if same.empty:
        return FailureCategory(worst), share, ""
    signature = _most(same.groupby("error_signature")["runs"].sum())
    example = same.loc[same["error_signature"] == signature, "error_example"].iloc[0]
    return FailureCategory(worst), share, error_text(example)[0]


def _most(runs: pd.Series) -> str:
    """The key with the most runs, the first by name of equals."""
    return str(runs.sort_index().sort_values(ascending=False, kind="stable").index[0])
