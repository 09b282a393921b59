"""Figures of the incident analysis: who ran when, and the window beside the same hours before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nbkit.analysis.incident.timeline import Lane, Outcome
from nbkit.figures.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    SKY,
    VERMILION,
    Figure,
    blank,
)
from nbkit.findings.wording import count_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nbkit.analysis.incident.usual import SameHours

# Told apart without colour, too: failures are tall, what was expected is a thin line.
COLOUR = {
    Outcome.FAILED: VERMILION,
    Outcome.EXPECTED: SKY,
    Outcome.RUNNING: PURPLE,
    Outcome.SUCCEEDED: GREEN,
}
_PLACE = {  # middle and height within a lane of height 1
    Outcome.FAILED: (-0.12, 0.44),
    Outcome.SUCCEEDED: (0.23, 0.18),
    Outcome.EXPECTED: (0.36, 0.07),
    Outcome.RUNNING: (-0.12, 0.44),
}
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440)
_MARKS = 6  # more of them and the two clocks run into each other
_HOME = ZoneInfo("America/New_York")
_SHOWN = 12


def incident_timeline(
    found: Sequence[Lane],
    *,
    start: datetime,
    end: datetime,
    title: str,
    onset: datetime | None,
    roots: Sequence[str] = (),
) -> Figure:
    """A lane for each processor with its runs as bars, by how they ended.

    Args:
        found: in the order to show, from the top.
        onset: where a line marks the beginning of the trouble.
        roots: whose names are set in bold.
    """
    canvas, axes = blank(height=1.25 + 0.36 * max(len(found), 1), title=title)
    width = (end - start) / timedelta(seconds=1)
    least = width / 300  # a bar that is too short to be seen is drawn as a tick
    for row, lane in enumerate(found):
        axes.axhspan(row - 0.47, row + 0.47, color="#f6f7f9", zorder=0)
        for bar in sorted(lane.bars, key=lambda b: b.outcome is Outcome.FAILED):
            left = max((bar.start - start) / timedelta(seconds=1), 0.0)
            right = min((bar.end - start) / timedelta(seconds=1), width)
            middle, height = _PLACE[bar.outcome]
            axes.barh(
                row + middle,
                max(right - left, least),
                left=left,
                height=height,
                color=COLOUR[bar.outcome],
                zorder=3 if bar.outcome is Outcome.FAILED else 2,
            )
        axes.annotate(
            _counted(lane),
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=INK if lane.runs.get(Outcome.FAILED) else MUTED,
        )
    if onset is not None and start <= onset < end:
        at = (onset - start) / timedelta(seconds=1)
        axes.axvline(at, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=4)
    axes.set_ylim(max(len(found), 1) - 0.5, -0.55)
    axes.set_yticks(range(len(found)), [lane.processor for lane in found])
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in roots else "normal")
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.set_xlim(0, width)
    _clock(axes, start, end)
    used = {bar.outcome for lane in found for bar in lane.bars}
    for outcome in Outcome:
        if outcome in used:
            axes.bar([0], [0], color=COLOUR[outcome], label=outcome.value)
    if used:
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, frameon=False, fontsize=8.5,
            borderpad=0, handlelength=1, handletextpad=0.4, columnspacing=1.2,
        )  # fmt: skip
    told = "; ".join(f"{lane.processor} {_counted(lane)}" for lane in found)
    return Figure(canvas, title, f"{title}. {told or 'No run'}.")


def same_hours(rows: Sequence[SameHours], *, weeks: int) -> Figure:
    """Real failures of the processors with most of them, beside what the same hours usually bring.

    Args:
        rows: all processors together first, then each.
    """
    named = [row for row in rows if row.processor and row.real.usual is not None]
    picked = sorted(named, key=lambda r: (r.real.q, -r.real.now, r.processor))
    shown = sorted(picked[:_SHOWN], key=lambda r: (-r.real.now, r.processor))
    odd = [row for row in named if row.real.is_more and row.real.q <= 0.05]
    title = (
        f"{count_of(len(odd), 'processor')} failed more often than in the same hours of the last "
        f"{count_of(weeks, 'week')}"
        if odd
        else f"No processor failed more often than in the same hours of the last "
        f"{count_of(weeks, 'week')}"
        if weeks >= 2
        else "The history is too short to say what these hours usually bring"
    )
    canvas, axes = blank(height=1.0 + 0.3 * max(len(shown), 1), title=title)
    for place, row in enumerate(shown):
        real = row.real
        low, high = real.low or 0.0, real.high or 0.0
        more = real.is_more and real.q <= 0.05
        axes.plot([low, high], [place, place], color=FAINT, linewidth=7, solid_capstyle="butt")
        before = [n for week, n in enumerate(real.before, 1) if week != real.left_out]
        axes.scatter(before, [place] * len(before), s=12, color=MUTED, zorder=2)
        axes.scatter([real.now], [place], s=44, color=VERMILION if more else BLUE, zorder=3)
        axes.annotate(
            f"{real.now:,}",
            (real.now, place),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
            fontweight="bold" if more else "normal",
        )
    axes.set_xscale("symlog", linthresh=10)
    most = max([row.real.now for row in shown] + [row.real.high or 0.0 for row in shown] + [10.0])
    axes.set_xlim(-0.6, most * 2.2)
    marks = [0, 5] + [n for n in (10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000) if n <= most * 2]
    axes.set_xticks(marks, [f"{n:,}" for n in marks])
    axes.minorticks_off()
    axes.set_yticks(range(len(shown)), [row.processor for row in shown])
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set_xlabel(
        "real failures: now (large dot), the weeks before (small dots), and what is usual (95 %)"
    )
    told = "; ".join(
        f"{row.processor} {row.real.now:,} (usual {row.real.low:,.0f} to {row.real.high:,.0f})"
        for row in shown
    )
    return Figure(canvas, title, f"{title}. {told or 'No failures'}.")


def _counted(lane: Lane) -> str:
    words = {Outcome.FAILED: "failed", Outcome.SUCCEEDED: "ok", Outcome.RUNNING: "open"}
    told = [f"{lane.runs[o]:,} {word}" for o, word in words.items() if lane.runs.get(o)]
    return " · ".join(told) or f"{lane.runs.get(Outcome.EXPECTED, 0):,} idle"


def _clock(axes: Axes, start: datetime, end: datetime) -> None:
    """Round times of day, UTC above and the platform's own below."""
    minutes = (end - start) / timedelta(minutes=1)
    step = next((s for s in _STEPS_MIN if minutes / s <= _MARKS), _STEPS_MIN[-1])
    midnight = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = -int(-((start - midnight) / timedelta(minutes=step)) // 1)
    marks = []
    at = midnight + timedelta(minutes=step * first)
    while at <= end:
        marks.append(at)
        at += timedelta(minutes=step)
    long = minutes > 1_440
    labels = [
        f"{m:%a %d %b\n%H:%M}" if long else f"{m:%H:%M}\n{m.astimezone(_HOME):%H:%M %Z}"
        for m in marks
    ]
    axes.set_xticks([(m - start) / timedelta(seconds=1) for m in marks], labels)
    day = f"{start:%a %d %b %Y}"
    zone = "UTC" if long else "UTC above, New York below"
    axes.set_xlabel(f"{day}, {zone}; neighbouring runs with one outcome are one bar")
