"""How much history there must be before "nothing stands out" says anything."""

from __future__ import annotations

import pandas as pd

from nbkit.findings import Finding, Severity
from nbkit.findings.wording import count_of

# Fewer days with runs tell no usual day from an unusual one: two may differ, a third says which of
# them is odd.
ENOUGH_DAYS = 3


def days_with_runs(hours: pd.Series) -> int:
    """The UTC days of the hours (UTC) in which runs ended."""
    return int(hours.dt.floor("D").nunique())


def judge_length(days: int, *, when: str = "") -> list[Finding]:
    """Nothing, or why a quiet report cannot be called GREEN.

    Args:
        days: with runs, of those that the report compares with.
        when: these are, such as "before the window".
    """
    if days >= ENOUGH_DAYS:
        return []
    known = f"{count_of(days, 'day')} with runs" + (f" {when}" if when else "")
    return [
        Finding(
            kind="not_enough_history",
            subject="run history",
            severity=Severity.INFO,
            title=f"The run history has {known}, and {ENOUGH_DAYS} are needed to tell what is "
            "usual: that nothing stands out says nothing",
            since=None,
            owner="data-platform",
            next_step="`nbkit baselines show` says from when on there are runs of each processor.",
            fingerprint="not_enough_history:days",
            evidence={"days": days, "enough_days": ENOUGH_DAYS},
        )
    ]
