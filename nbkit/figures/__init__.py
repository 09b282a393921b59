"""Fact in, figure out. A title states the finding; labels sit on the data; one palette for all."""

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
