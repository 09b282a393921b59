"""Figures of the daily health report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from nbkit.analysis.rates import between, is_real_failure
from nbkit.figures.canvas import BLUE, FAINT, INK, MUTED, VERMILION, Figure, blank, local
from nbkit.findings.wording import capital, count_of, part_of, percent, seconds, some, verb

if TYPE_CHECKING:
    from nbkit.analysis.causes import Cause
    from nbkit.analysis.durations import DurationShift
    from nbkit.analysis.rates import PhaseRates


def phase_week(phases: Sequence[PhaseRates], *, end: datetime) -> Figure:
    """Effective success rate per phase and day, as a strip of labelled cells.

    Args:
        phases: in the order to show; `daily` holds one rate per 24 hours, oldest first.
        end: the end of the last of these days.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    known = [p for p in phases if p.week.effective_rate is not None]
    days = max((len(p.daily) for p in known), default=0)
    title = _phase_title(known)
    canvas, axes = blank(height=0.95 + 0.44 * max(len(known), 1), title=title)
    ramp = LinearSegmentedColormap.from_list(
        "rate", [(0, VERMILION), (0.5, "#f3c9a5"), (0.9, "#eef3f6"), (1, "#bfe0d4")]
    )
    for row, phase in enumerate(known):
        for day, rate in enumerate(phase.daily):
            face = "#f6f7f9" if rate is None else ramp(rate)
            axes.add_patch(Rectangle((day + 0.03, row + 0.06), 0.94, 0.88, facecolor=face))
            dark = rate is not None and rate < 0.1
            axes.text(
                day + 0.5,
                row + 0.5,
                percent(rate),
                ha="center",
                va="center",
                fontsize=8.5,
                color="white" if dark else INK,
            )
    axes.set_xlim(0, max(days, 1))
    axes.set_ylim(max(len(known), 1), 0)
    axes.set_yticks([row + 0.5 for row in range(len(known))], [p.title for p in known])
    starts = [end - timedelta(days=back) for back in range(days, 0, -1)]
    axes.set_xticks([day + 0.5 for day in range(days)], [f"{s:%a %d %b}" for s in starts])
    axes.xaxis.tick_bottom()
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel(
        f"24 hours from {end:%H:%M} UTC ({local(end)}) of each day; expected failures left out",
        color=MUTED,
    )
    worst = "; ".join(f"{p.title} {percent(p.week.effective_rate)}" for p in known)
    return Figure(canvas, title, f"{title}. Over the week: {worst or 'no runs'}.")


def failures_by_hour(counts: pd.DataFrame, *, start: datetime, end: datetime) -> Figure:
    """Failed runs per hour they ended in, expected and real apart.

    Args:
        counts: classified hourly counts: hour, category, runs.
    """
    from matplotlib.ticker import MaxNLocator

    window = between(counts, start, end)
    failing = window[window["category"] != "success"]
    hours = pd.date_range(start, end, freq="h", inclusive="left")
    real_rows = is_real_failure(failing)
    real, expected = (
        rows.groupby("hour")["runs"].sum().reindex(hours, fill_value=0).astype("int64")
        for rows in (failing[real_rows], failing[~real_rows])
    )
    total = int(real.sum() + expected.sum())
    share = percent(expected.sum() / total) if total else "none"
    title = (
        f"{share} of {count_of(total, 'failure')} in these {len(hours)} hours "
        f"{verb(total, 'were')} expected"
        if total
        else f"No failures in these {len(hours)} hours"
    )
    canvas, axes = blank(height=2.7, title=title)
    positions = range(len(hours))
    axes.bar(positions, real, width=0.85, color=VERMILION, label="real")
    axes.bar(positions, expected, width=0.85, bottom=real, color=FAINT, label="expected")
    axes.set_xlim(-0.6, len(hours) - 0.4)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    step = max(1, len(hours) // 8)
    marks = [i for i, hour in enumerate(hours) if hour.hour % 6 == 0] or list(positions)[::step]
    axes.set_xticks(marks, [f"{hours[i]:%a %H:%M}" for i in marks])
    axes.set_ylabel("failed runs per hour")
    axes.set_xlabel(f"hour in which the run ended, UTC ({local(end)} in New York)")
    axes.legend(loc="upper right", ncols=2, frameon=False, fontsize=8.5)
    peak = f" The worst hour is {(real + expected).idxmax():%a %H:%M}." if total else ""
    return Figure(canvas, title, f"{title}: {int(real.sum()):,} real.{peak}")


def duration_shift(shifts: Sequence[DurationShift], *, most: int = 10) -> Figure:
    """Usual and recent P95 duration of the processors that moved most, on a log scale."""
    rows = [s for s in shifts if s.ratio is not None and s.baseline_p95 is not None][:most]
    slower = [s for s in rows if s.ratio is not None and s.ratio > 2]
    title = (
        f"{some([s.processor for s in slower])} {'take' if len(slower) > 1 else 'takes'} "
        "more than twice the usual time"
        if slower
        else "No processor takes more than twice its usual time"
    )
    canvas, axes = blank(height=1.0 + 0.32 * max(len(rows), 1), title=title)
    for row, shift in enumerate(rows):
        usual, recent = shift.baseline_p95 or 0.0, shift.p95
        colour = VERMILION if shift in slower else BLUE
        axes.plot([usual, recent], [row, row], color=FAINT, linewidth=3, zorder=1)
        axes.scatter([usual], [row], s=34, color="white", edgecolor=MUTED, zorder=2)
        axes.scatter([recent], [row], s=40, color=colour, zorder=3)
        axes.annotate(
            f"{seconds(recent)} ({shift.ratio:.1f}×)",
            (max(usual, recent), row),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=colour,
        )
    if rows:
        axes.set_xscale("log")
        low = min(min(s.baseline_p95 or s.p95, s.p95) for s in rows)
        high = max(max(s.baseline_p95 or s.p95, s.p95) for s in rows)
        axes.set_xlim(low / 1.6, high * 3.2)
        axes.xaxis.set_major_formatter(lambda value, _: seconds(value))
        axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_yticks(range(len(rows)), [s.processor for s in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlabel("P95 duration: hollow = last 30 days, filled = last 24 hours (log scale)")
    described = "; ".join(
        f"{s.processor} {seconds(s.p95)} against {seconds(s.baseline_p95)}" for s in rows[:3]
    )
    return Figure(canvas, title, f"{title}. {described}".rstrip(" .") + ".")


def cause_bars(causes: Sequence[Cause], *, most: int = 8) -> Figure:
    """Failures by cause, the real ones in colour."""
    rows = sorted(causes, key=lambda c: -c.failures)[:most]
    real = [c for c in causes if not c.expected]
    title = (
        f"The largest real cause is {real[0].rule.replace('_', ' ')}: "
        f"{count_of(real[0].failures, 'failure')}"
        if real
        else "No real failures"
    )
    canvas, axes = blank(height=0.9 + 0.32 * max(len(rows), 1), title=title)
    lengths = [c.failures for c in rows]
    axes.barh(range(len(rows)), lengths, color=[FAINT if c.expected else VERMILION for c in rows])
    for row, cause in enumerate(rows):
        axes.annotate(
            f"{cause.failures:,}{' expected' if cause.expected else ''}",
            (cause.failures, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=MUTED if cause.expected else INK,
        )
    axes.set_yticks(range(len(rows)), [c.rule.replace("_", " ") for c in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(0, max(lengths, default=1) * 1.25)
    axes.set_xlabel("failed runs")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    listed = "; ".join(f"{c.rule} {c.failures:,}" for c in rows)
    return Figure(canvas, title, f"{title}. {listed}".rstrip(" .") + ".")


def _phase_title(phases: Sequence[PhaseRates]) -> str:
    bad = [p for p in phases if (p.week.effective_rate or 0) < 0.95]
    if not phases:
        return "No phase had anything to do this week"
    if not bad:
        return "Every phase succeeded at least 95 % of the time this week"
    worst = min(bad, key=lambda p: p.week.effective_rate or 0)
    return (
        f"{capital(part_of(len(bad), len(phases), 'phase'))} {verb(len(bad), 'are')} below "
        "95 % this week; "
        f"{worst.title} is worst at {percent(worst.week.effective_rate)}"
    )
