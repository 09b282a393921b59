"""Fact in, figure out. A title states the finding; labels sit on the data; one palette for all.

Names are loaded when first used: a report draws a few of them, and each needs the analysis that it
shows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkit.figures.baselines import duration_spreads, week_hours, weekday_effects
    from nbkit.figures.canvas import Figure, local, nothing
    from nbkit.figures.health import cause_bars, duration_shift, failures_by_hour, phase_week
    from nbkit.figures.incident import incident_timeline, same_hours
    from nbkit.figures.parity import migration
    from nbkit.figures.phase5 import duration_shares, hang_lines, success_by_day
    from nbkit.figures.slas import (
        budget_burn_down,
        cost_by_month,
        deadline_lateness,
        month_against_month,
    )
    from nbkit.figures.storms import (
        attempt_stairs,
        failure_week,
        failures_by_minute,
        weekly_progress,
    )
    from nbkit.figures.trends import panels_title, worsening_panels
    from nbkit.figures.validation import Progress, before_and_after, scorecard_progress
    from nbkit.figures.what_if import fix_bars

_HOME = {
    "duration_spreads": "baselines",
    "week_hours": "baselines",
    "weekday_effects": "baselines",
    "Figure": "canvas",
    "local": "canvas",
    "nothing": "canvas",
    "cause_bars": "health",
    "duration_shift": "health",
    "failures_by_hour": "health",
    "phase_week": "health",
    "incident_timeline": "incident",
    "same_hours": "incident",
    "migration": "parity",
    "duration_shares": "phase5",
    "hang_lines": "phase5",
    "success_by_day": "phase5",
    "budget_burn_down": "slas",
    "cost_by_month": "slas",
    "deadline_lateness": "slas",
    "month_against_month": "slas",
    "attempt_stairs": "storms",
    "failure_week": "storms",
    "failures_by_minute": "storms",
    "weekly_progress": "storms",
    "panels_title": "trends",
    "worsening_panels": "trends",
    "Progress": "validation",
    "before_and_after": "validation",
    "scorecard_progress": "validation",
    "fix_bars": "what_if",
}

__all__ = [
    "Figure",
    "Progress",
    "attempt_stairs",
    "before_and_after",
    "budget_burn_down",
    "cause_bars",
    "cost_by_month",
    "deadline_lateness",
    "duration_shares",
    "duration_shift",
    "duration_spreads",
    "failure_week",
    "failures_by_hour",
    "failures_by_minute",
    "fix_bars",
    "hang_lines",
    "incident_timeline",
    "local",
    "migration",
    "month_against_month",
    "nothing",
    "panels_title",
    "phase_week",
    "same_hours",
    "scorecard_progress",
    "success_by_day",
    "week_hours",
    "weekday_effects",
    "weekly_progress",
    "worsening_panels",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'nbkit.figures' has no attribute {name!r}")
    return getattr(import_module(f"nbkit.figures.{home}"), name)
