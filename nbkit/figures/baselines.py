"""Figures of the report on what is normal: how widely durations spread, and when work ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.rates import is_real_failure
from nbkit.analysis.seasonality import WEEKDAYS, SeasonalMetric
from nbkit.figures.canvas import BLUE, FAINT, INK, MUTED, ORANGE, VERMILION, Figure, blank
from nbkit.findings.intervals import level_told, whole_percent
from nbkit.findings.wording import count_of, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from nbkit.analysis.baselines import Baseline
    from nbkit.analysis.seasonality import Level, SeasonalEffect

_NOTHING = "#f6f7f9"
_MARKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400)


def duration_spreads(baselines: Sequence[Baseline], *, most: int = 12) -> Figure:
    """From P50 to P95, with the interval of the P95, of the least predictable processors.

    Args:
        baselines: in the order to show.
    """
    rows = [b for b in baselines if b.duration.cov.value is not None][:most]
    title = (
        f"{rows[0].subject} is hardest to predict: its durations vary by {_cov(rows[0])}"
        if rows
        else "No processor has enough history to say how its durations vary"
    )
    canvas, axes = blank(height=1.1 + 0.32 * max(len(rows), 1), title=title)
    ends = [1.0]
    for row, each in enumerate(rows):
        p50, p95 = each.duration.p50.value, each.duration.p95.value
        low, high = each.duration.p95.low, each.duration.p95.high
        if p50 is None or p95 is None:
            continue
        axes.plot([p50, p95], [row, row], color=FAINT, linewidth=3, zorder=1)
        far = high if high is not None else p95 * 1.15
        axes.plot([low or p95, far], [row, row], color=BLUE, linewidth=1.2, zorder=2)
        if high is None:  # the runs are too few to bound it: an open end
            axes.scatter([far], [row], s=22, marker=">", color=BLUE, zorder=2)
        axes.scatter([p50], [row], s=34, color="white", edgecolor=MUTED, zorder=3)
        axes.scatter([p95], [row], s=40, color=BLUE, zorder=3)
        axes.annotate(
            f"{_cov(each)}",
            (1.015, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=INK,
        )
        ends += [p50, p95, far]
    if rows:
        axes.annotate(
            "CoV", (1.015, -0.9), xycoords=("axes fraction", "data"), fontsize=8.5, color=MUTED
        )
        axes.set_xscale("log")
        axes.set_xlim(min(ends[1:]) / 1.25, max(ends[1:]) * 1.2)
        inside = [m for m in _MARKS_S if min(ends[1:]) / 1.25 <= m <= max(ends[1:]) * 1.2]
        axes.set_xticks(inside, [seconds(m).replace(".0", "") for m in inside])
        axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [b.subject for b in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.6)
    axes.set_xlabel(
        "duration of successes (log scale): hollow = P50, filled = P95 with its 95 % interval"
    )
    told = "; ".join(
        f"{b.subject} {_cov(b)}, P50 "
        f"{seconds(b.duration.p50.value)}, P95 {seconds(b.duration.p95.value)}"
        for b in rows[:4]
    )
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def week_hours(counts: pd.DataFrame, *, start: datetime, days: int) -> Figure:
    """When runs end, by weekday and hour: successes above, real failures below.

    Args:
        counts: classified hourly counts of whole UTC days: hour, category, runs.
        start, days: the first of these days, and how many there are.
    """
    success = _by_week(counts[counts["category"] == "success"], start, days)
    real = _by_week(counts[is_real_failure(counts)], start, days)
    title = _week_title(success, real)
    canvas, axes = blank(height=4.6, title=title)
    grid = axes.get_subplotspec()
    assert grid is not None
    axes.remove()
    rows = grid.subgridspec(2, 1, hspace=0.16)
    panels = (
        (success, BLUE, "Successes in such an hour, median of the weeks"),
        (real, VERMILION, "Real failures in such an hour, median of the weeks"),
    )
    for place, (table, colour, name) in enumerate(panels):
        _heat(canvas, canvas.add_subplot(rows[place]), table, colour, name, is_last=place == 1)
    return Figure(
        canvas, title, f"{title}. {_peaks(success, 'Successes')} {_peaks(real, 'Real failures')}"
    )


def weekday_effects(effects: Sequence[SeasonalEffect], *, tests: int, most: int = 12) -> Figure:
    """Each effect as a strip of seven cells: beside the processor's usual day."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    rows = list(effects)[:most]
    subjects = len({e.subject for e in effects})
    title = (
        f"{count_of(subjects, 'processor')} {'differs' if subjects == 1 else 'differ'} by weekday "
        f"beyond chance, most of all {rows[0].subject} in its {_plural(rows[0].metric)}"
        if rows
        else f"No processor differs by weekday beyond chance ({tests} tests)"
    )
    canvas, axes = blank(height=0.95 + 0.36 * max(len(rows), 1), title=title)
    ramp = LinearSegmentedColormap.from_list("beside", [BLUE, "#f6f7f9", ORANGE])
    for row, effect in enumerate(rows):
        known = {level.name: level for level in effect.levels}
        for column, weekday in enumerate(WEEKDAYS):
            level = known.get(weekday)
            shade, text, clear = _cell(effect, level)
            axes.add_patch(
                Rectangle((column + 0.03, row + 0.06), 0.94, 0.88, facecolor=ramp(shade))
            )
            axes.text(
                column + 0.5,
                row + 0.5,
                text,
                ha="center",
                va="center",
                fontsize=8.5,
                color=INK if clear else MUTED,
                fontweight="bold" if clear else "normal",
            )
    axes.set_xlim(0, len(WEEKDAYS))
    axes.set_ylim(max(len(rows), 1), 0)
    axes.set_yticks(
        [row + 0.5 for row in range(len(rows))],
        [f"{e.subject} · {e.metric.value}" for e in rows],
    )
    axes.set_xticks([c + 0.5 for c in range(len(WEEKDAYS))], [name[:3] for name in WEEKDAYS])
    axes.xaxis.tick_bottom()
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    more = f"; {len(effects) - most} more below" if len(effects) > most else ""
    axes.set_xlabel(
        f"beside the processor's usual day; failure rates as they are\nbold: its interval excludes "
        f"the usual{more}",
        color=MUTED,
    )
    told = "; ".join(f"{e.subject} {e.metric.value}: {_extremes(e)}" for e in rows[:4])
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def _cell(effect: SeasonalEffect, level: Level | None) -> tuple[float, str, bool]:
    """Shade (0 low, 0.5 usual, 1 high), text, and whether the interval excludes the usual."""
    if level is None:
        return 0.5, "–", False
    if effect.metric is SeasonalMetric.FAILURES:
        usual = float(
            np.average([e.value for e in effect.levels], weights=[e.days for e in effect.levels])
        )
        return (
            float(np.clip(0.5 + (level.value - usual), 0.1, 0.9)),
            level_told(effect, level.value),
            not level.low <= usual <= level.high,
        )
    return (
        float(np.clip(0.5 + np.log(level.value) / (2 * np.log(3)), 0.1, 0.9)),
        level_told(effect, level.value),
        not level.low <= 1 <= level.high,
    )


def _extremes(effect: SeasonalEffect) -> str:
    high = max(effect.levels, key=lambda level: level.value)
    low = min(effect.levels, key=lambda level: level.value)
    return (
        f"{level_told(effect, high.value)} on {high.name}s, "
        f"{level_told(effect, low.value)} on {low.name}s"
    )


def _plural(metric: SeasonalMetric) -> str:
    return {SeasonalMetric.RUNS: "number of runs", SeasonalMetric.RECORDS: "records"}.get(
        metric, f"{metric.value}s"
    )


def _by_week(counts: pd.DataFrame, start: datetime, days: int) -> npt.NDArray[np.float64]:
    """Runs of each hour of the week: weekdays × hours. The median of the weeks: one storm is not
    what the hour is like."""
    table = np.zeros((days, 24))
    hours = pd.DatetimeIndex(pd.to_datetime(counts["hour"], utc=True))
    day = np.asarray((hours.normalize() - pd.Timestamp(start)).days)
    np.add.at(table, (day, np.asarray(hours.hour)), counts["runs"].to_numpy(dtype=np.float64))
    weekday = (start.weekday() + np.arange(days)) % len(WEEKDAYS)
    rows = [
        np.median(table[weekday == each], axis=0) if (weekday == each).any() else np.zeros(24)
        for each in range(len(WEEKDAYS))
    ]
    return np.stack(rows)


def _heat(
    canvas: Canvas,
    axes: Axes,
    table: npt.NDArray[np.float64],
    colour: str,
    name: str,
    *,
    is_last: bool,
) -> None:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    ramp = LinearSegmentedColormap.from_list("runs", [_NOTHING, colour])
    top = max(float(table.max()), 1e-9)
    picture = axes.imshow(table, aspect="auto", cmap=ramp, norm=PowerNorm(0.6, vmin=0, vmax=top))
    if table.max() > 0:
        day, hour = _peak(table)
        axes.text(
            hour,
            day,
            _mean(table[day, hour]),
            ha="center",
            va="center",
            fontsize=7.5,
            color="white",
            fontweight="bold",
        )
    axes.set_yticks(range(len(WEEKDAYS)), [weekday[:3] for weekday in WEEKDAYS])
    axes.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
    axes.set_title(name, loc="left", fontsize=9, color=MUTED, pad=4)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=0)
    axes.tick_params(axis="y", labelcolor=INK)
    if is_last:
        axes.set_xlabel("hour of the day in which the run ended, UTC", color=MUTED, fontsize=8.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = canvas.colorbar(picture, ax=axes, fraction=0.018, pad=0.012)
    bar.set_ticks([0, top], labels=["0", _mean(top)])
    bar.ax.tick_params(labelsize=8, colors=MUTED, length=0)
    spines: Any = bar.outline
    spines.set_visible(False)


def _peak(table: npt.NDArray[np.float64]) -> tuple[int, int]:
    at = np.unravel_index(int(table.argmax()), table.shape)
    return int(at[0]), int(at[1])


def _mean(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _week_title(success: npt.NDArray[np.float64], real: npt.NDArray[np.float64]) -> str:
    if real.max() > 0:
        day, hour = _peak(real)
        times = real[day, hour] / real.mean()
        return (
            f"Real failures peak on {WEEKDAYS[day]}s at {hour:02d}:00 UTC, at {times:.0f} times "
            "the mean hour"
        )
    if success.max() > 0:
        day, hour = _peak(success)
        return f"No run really failed; most work ends on {WEEKDAYS[day]}s at {hour:02d}:00 UTC"
    return "No run ended in this window"


def _peaks(table: npt.NDArray[np.float64], name: str) -> str:
    if table.max() <= 0:
        return f"{name}: none."
    day, hour = _peak(table)
    return f"{name}: most on {WEEKDAYS[day]} {hour:02d}:00, {_mean(table[day, hour])} an hour."


def _cov(baseline: Baseline) -> str:
    value = baseline.unpredictability
    return "–" if value is None else whole_percent(value)
