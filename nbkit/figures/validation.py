"""Figures of the reports on promises: before and after a change, and how far all of them have
come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nbkit.analysis.proportions import Standing
from nbkit.figures.canvas import BLUE, FAINT, GREEN, INK, MUTED, ORANGE, VERMILION, Figure, blank
from nbkit.findings.wording import count_of, percent

if TYPE_CHECKING:
    from nbkit.analysis.measures import Measured

COLOUR: dict[Standing, str] = {"met": GREEN, "not met": VERMILION, "not enough runs": ORANGE}
WORD: dict[Standing, str] = {
    "met": "kept",
    "not met": "missed",
    "not enough runs": "too early to tell",
}


def before_and_after(
    name: str,
    before: Measured,
    after: Measured,
    *,
    target: float,
    is_ceiling: bool,
    changed_at: datetime,
) -> Figure:
    """Each unit as a point, the mean of each window with its interval, the target as a line."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    def shown(value: float | None) -> str:
        if value is None:
            return "nothing"
        return percent(value) if before.form == "share" else f"{value:,.1f}".removesuffix(".0")

    since = "nothing observed" if after.value is None else shown(after.value)
    title = f"{name}: {shown(before.value)} before the change, {since} since"
    canvas, axes = blank(height=3.2, title=title)
    for window, colour in ((before, MUTED), (after, BLUE)):
        points = [(unit.day, unit.value) for unit in window.units if unit.value is not None]
        if not points:
            continue
        days = [day for day, _ in points]
        axes.scatter(
            days,  # type: ignore[arg-type]  # matplotlib takes dates
            [value for _, value in points],
            s=14,
            color=colour,
            alpha=0.55,
            linewidths=0,
            zorder=2,
        )
        if window.value is None or window.low is None or window.high is None:
            continue
        ends = [days[0], days[-1]] if len(days) > 1 else [days[0], days[0]]
        axes.fill_between(
            ends,  # type: ignore[arg-type]
            window.low,
            window.high,
            color=colour,
            alpha=0.18,
            linewidth=0,
            zorder=1,
        )
        axes.plot(ends, [window.value] * 2, color=colour, linewidth=2, zorder=3)  # type: ignore[arg-type]
        axes.annotate(
            shown(window.value),
            (ends[1], window.value),
            xytext=(4, 3),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            color=colour,
        )
    axes.axhline(target, color=VERMILION, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    word = "below" if is_ceiling else "at least"
    axes.annotate(
        f"target: {word} {shown(target)}",
        (0.0, target),
        xycoords=("axes fraction", "data"),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=8.5,
        color=VERMILION,
    )
    axes.axvline(changed_at.replace(tzinfo=None), color=INK, linewidth=1, zorder=1)  # type: ignore[arg-type]
    axes.set_ylim(bottom=0)
    axes.margins(x=0.04)
    if before.form == "share":
        axes.set_ylim(0, 1.05)
        axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    else:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DateFormatter("%d %b"))  # type: ignore[no-untyped-call]
    axes.set_xlabel(f"{after.unit if after.form == 'count' else 'day'}, UTC; shaded: 95 % interval")
    words = (
        f"{title}; target {word} {shown(target)}; the change is marked at {changed_at:%Y-%m-%d}."
    )
    return Figure(canvas, title, words)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One promise: where it started, where it is (with its interval), where it should be."""

    title: str
    start: float | None
    now: float | None
    low: float | None
    high: float | None
    target: float
    label: str
    standing: Standing

    def way(self, value: float | None) -> float | None:
        """How much of the way from the start to the target a value is; None where unknown."""
        if value is None or self.start is None or self.start == self.target:
            return None
        return (value - self.start) / (self.target - self.start)


def scorecard_progress(rows: Sequence[Progress]) -> Figure:
    """Every promise on one scale: 0 % where it started, 100 % at its target."""
    kept = sum(row.standing == "met" for row in rows)
    missed = sum(row.standing == "not met" for row in rows)
    title = (
        f"{kept} of {count_of(len(rows), 'promise')} kept, {missed} missed, "
        f"{len(rows) - kept - missed} too early to tell"
    )
    canvas, axes = blank(height=0.5 + 0.52 * max(len(rows), 1), title=title)
    axes.axvline(0, color=FAINT, linewidth=1)
    axes.axvline(1, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    low, high = -0.15, 1.25
    for place, row in enumerate(rows):
        way = row.way(row.now)
        colour = COLOUR[row.standing]
        if way is None:
            axes.text(0.0, place, "  not measured", va="center", fontsize=8.5, color=MUTED)
            continue
        ends = [row.way(row.low), row.way(row.high)]
        if None not in ends:
            clipped = [min(max(float(end or 0.0), low), high) for end in ends]
            axes.plot(clipped, [place, place], color=colour, alpha=0.3, linewidth=6, zorder=2)
        at = min(max(way, low), high)
        axes.scatter([at], [place], s=42, color=colour, zorder=3)
    axes.set_yticks(
        range(len(rows)), [f"{row.title}\n{row.label}: {WORD[row.standing]}" for row in rows]
    )
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_xlim(low, high)
    axes.set_xticks([0, 0.5, 1], ["where it was", "half way", "target"])
    axes.tick_params(axis="y", length=0)
    alt = f"{title}. " + "; ".join(
        f"{row.title}: {row.label}, {WORD[row.standing]}" for row in rows
    )
    return Figure(canvas, title, alt)
