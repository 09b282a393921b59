"""Figures of the trends report: each change in a panel, with its baseline and its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.robust import deviation
from nbkit.figures.canvas import BLUE, FAINT, INK, MUTED, ORANGE, VERMILION, Figure, blank
from nbkit.findings.trends import change_told, effect_told, forecast_told
from nbkit.findings.wording import capital, count_of, part_of, percent, seconds, verb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nbkit.analysis.trends.change import Change
    from nbkit.analysis.trends.forecast import Forecast
    from nbkit.analysis.trends.outlook import Outlook

_Floats = npt.NDArray[np.float64]
_MARKS_S = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400)
_BASELINE_DAYS = 70  # what the band is made of: as many as the tests look at
_BAND = 1.96
_NARROW = 4.0  # highest over lowest: below it, evenly spaced marks are read more easily


@dataclass(frozen=True)
class _Panel:
    """One change and the daily values of its metric; `forecast` only for a drift of durations."""

    processor: str
    change: Change
    days: tuple[date, ...]
    values: _Floats
    forecast: Forecast | None


def worsening_panels(found: Outlook, *, most: int = 6) -> Figure:
    """One panel a change: its days on a log scale (failure rates on a plain one), the band of what
    was usual before, the day it began, and where a drift meets the timeout.

    Args:
        found: with the changes in the order to show; `most` of them have a panel.
    """
    title = panels_title(found)
    panels = _panels(found)[:most]
    rows = max(-(-len(panels) // 2), 1)
    canvas, axes = blank(height=2.3 * rows if panels else 0.9, title=title)
    grid = axes.get_subplotspec()
    assert grid is not None
    if not panels:
        axes.set_axis_off()
        axes.text(0, 0.5, "Nothing to draw.", color=MUTED, fontsize=9, transform=axes.transAxes)
        return Figure(canvas, title, f"{title}.")
    axes.remove()
    cells = grid.subgridspec(rows, min(len(panels), 2), hspace=0.1, wspace=0.08)
    for place, panel in enumerate(panels):
        cell = cells[place // 2, place % 2 if len(panels) > 1 else 0]
        _draw(canvas.add_subplot(cell), panel, last=found.day)
    left = len(found.worse) - len(panels)
    canvas.supxlabel(
        "UTC day on which runs ended · band: where 95 % of the days before lay · vertical line: "
        "since when" + (f" · {left} more in the table" if left > 0 else ""),
        fontsize=8.5,
        color=MUTED,
        x=0.012,
        ha="left",
    )
    told = "; ".join(
        f"{p.processor} {change_told(p.change, p.forecast)}"
        + (f", {ahead}" if (ahead := forecast_told(p.forecast)) else "")
        for p in panels
    )
    return Figure(canvas, title, f"{title}. {told}.")


def panels_title(found: Outlook) -> str:
    """The finding: how many get worse, and the first."""
    worse, judged = found.warnings.warnings, len(found.warnings.judged)
    if not judged:
        return "No processor has enough history to tell a trend"
    if not worse:
        return f"None of {count_of(judged, 'processor')} with enough history is getting worse"
    warned, change = found.worse[0]
    forecast = found.timeouts.get(warned.processor) if change.kind == "drift" else None
    first = f"{warned.processor} {change_told(change, forecast)}"
    if len(worse) == 1:
        return first
    many = capital(part_of(len(worse), judged, "processor"))
    return f"{many} {verb(len(worse), 'are')} getting worse; first, {first}"


def _panels(found: Outlook) -> list[_Panel]:
    rows = dict(list(found.daily.groupby("processor_name", sort=False, observed=True)))
    panels = []
    for warning, change in found.worse:
        days, values = _values(rows[warning.processor], change)
        if values.size:
            forecast = found.timeouts.get(warning.processor) if change.kind == "drift" else None
            panels.append(_Panel(warning.processor, change, days, values, forecast))
    return panels


def _values(rows: pd.DataFrame, change: Change) -> tuple[tuple[date, ...], _Floats]:
    """The daily values of a change's metric, known ones only."""
    with_runs = rows[rows["runs"] > 0].sort_values("date")
    if change.metric == "failure_rate":
        values = (with_runs["failures"] / with_runs["runs"]).to_numpy(dtype=np.float64)
    else:
        column = {"duration": "p95_duration", "records": "records_p50"}.get(change.metric, "runs")
        values = with_runs[column].to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values) & ((values > 0) | (change.metric == "failure_rate"))
    days = pd.DatetimeIndex(with_runs["date"])[known]
    return tuple(day.date() for day in days), values[known]


def _draw(axes: Axes, panel: _Panel, *, last: date) -> None:
    change, is_rate = panel.change, panel.change.metric == "failure_rate"
    _frame(axes, panel)
    first = panel.days[0]
    history = max((last - first).days, 7)
    ahead, reached = _days_ahead(panel.forecast, last, history)
    at = np.array([(day - first).days for day in panel.days], dtype=np.float64)
    onset = (change.since - first).days
    is_since = at >= onset

    low, high = _band(panel.values[~is_since], is_rate=is_rate)
    if low is not None and high is not None:
        axes.axhspan(low, high, color=FAINT, alpha=0.55, linewidth=0, zorder=0)
    if change.kind != "variance":
        axes.plot([0, onset], [change.baseline] * 2, color=MUTED, linewidth=1, zorder=1)
    if change.kind not in ("variance", "drift"):
        axes.plot([onset, history], [change.recent] * 2, color=VERMILION, linewidth=1.4, zorder=3)
    axes.axvline(onset - 0.5, color=INK, linewidth=0.9, linestyle=(0, (3, 2)), zorder=2)
    axes.scatter(at[~is_since], panel.values[~is_since], s=9, color=BLUE, linewidths=0, zorder=4)
    axes.scatter(
        at[is_since], panel.values[is_since], s=11, color=VERMILION, linewidths=0, zorder=4
    )
    if panel.forecast is not None:
        _cone(axes, panel.forecast, first=first, reached=reached)
    _scale(axes, panel, low=low, high=high, ahead=ahead, reached=reached)
    axes.set_xlim(-1, history + ahead + 1)
    _day_marks(axes, first, history + ahead, onset)


def _frame(axes: Axes, panel: _Panel) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=MUTED, labelsize=8, length=2)
    what = {
        "duration": "P95 of its durations",
        "failure_rate": "share of runs that really failed",
        "records": "records a run, median",
    }.get(panel.change.metric, "runs a day")
    axes.set_title(panel.processor, loc="left", fontsize=9, fontweight="bold", color=INK, pad=17)
    axes.annotate(
        f"{what}: {effect_told(panel.change)}".replace("\u2060", ""),
        (0, 1),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8,
        color=MUTED,
    )


def _days_ahead(forecast: Forecast | None, last: date, history: int) -> tuple[int, bool]:
    """How many days after the last one are drawn, and whether they reach the timeout: where it is
    far, a cone up to it would squeeze the history into a corner."""
    if forecast is None or forecast.on is None:
        return 0, False
    needed = ((forecast.latest or forecast.on) - last).days + 2
    return (needed, True) if needed <= 1.2 * history else (round(history / 3), False)


def _band(before: _Floats, *, is_rate: bool) -> tuple[float | None, float | None]:
    """Where 95 of 100 days before the change lay (robust, so that outliers do not widen it)."""
    before = before[-_BASELINE_DAYS:]
    if before.size < 3:
        return None, None
    if is_rate:
        low, high = (float(value) for value in np.quantile(before, [0.025, 0.975]))
        return low, high
    logs = np.log(before)
    middle = float(np.median(logs))
    width = _BAND * max(deviation(logs - middle), 0.01)
    return exp(middle - width), exp(middle + width)


def _cone(axes: Axes, forecast: Forecast, *, first: date, reached: bool) -> None:
    """From where the line is now to the days on which it may meet the timeout."""
    if forecast.level is None or forecast.on is None or forecast.last_day is None:
        return
    begin = (forecast.last_day - first).days
    on = (forecast.on - first).days
    early = (forecast.earliest - first).days if forecast.earliest else on
    late = (forecast.latest - first).days if forecast.latest else begin + 10 * (on - begin)
    axes.fill(
        [begin, early, late], [forecast.level, forecast.limit, forecast.limit],
        color=ORANGE, alpha=0.25, linewidth=0, zorder=1,
    )  # fmt: skip
    axes.plot(
        [begin, on], [forecast.level, forecast.limit],
        color=ORANGE, linewidth=1.2, linestyle=(0, (4, 2)), zorder=3,
    )  # fmt: skip
    if forecast.first_day is not None and forecast.change is not None:
        start = max((forecast.first_day - first).days, 0)
        axes.plot(
            [start, begin],
            [forecast.level * (1 + forecast.change) ** (start - begin), forecast.level],
            color=VERMILION, linewidth=1.4, zorder=3,
        )  # fmt: skip
    if reached:
        axes.axhline(forecast.limit, color=MUTED, linewidth=0.9, zorder=1)
    axes.annotate(
        f"timeout {seconds(forecast.limit)}: {forecast.on:%d\u00a0%b}" + ("" if reached else " →"),
        (0.012, forecast.limit) if reached else (0.012, 1.0),
        xycoords=("axes fraction", "data") if reached else "axes fraction",
        xytext=(0, -3),
        textcoords="offset points",
        va="top",
        fontsize=8,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        zorder=2.5,  # over the line of the onset, behind every day
    )


def _scale(
    axes: Axes,
    panel: _Panel,
    *,
    low: float | None,
    high: float | None,
    ahead: int,
    reached: bool,
) -> None:
    """A log scale with marks that people know; shares from zero."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

    values = [float(v) for v in panel.values]
    if panel.change.metric == "failure_rate":
        top = max([*values, high or 0.0, 0.01])
        axes.set_ylim(0, min(top * 1.12, 1.02))
        axes.yaxis.set_major_formatter(lambda value, _: percent(value) if value else "0")
        axes.locator_params(axis="y", nbins=4)
        return
    axes.set_yscale("log")
    ends = [*values, *(v for v in (low, high) if v is not None)]
    if panel.forecast is not None and panel.forecast.level is not None and ahead:
        grown = panel.forecast.level * (1 + (panel.forecast.change or 0.0)) ** ahead
        ends.append(panel.forecast.limit if reached else grown)
    bottom, top = min(ends) / 1.12, max(ends) * 1.15
    axes.set_ylim(bottom, top)
    if top / bottom < _NARROW:
        inside = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(bottom, top)
        marks = [float(mark) for mark in inside if bottom <= mark <= top]
    elif panel.change.metric == "duration":
        marks = _thinned([m for m in _MARKS_S if bottom <= m <= top], bottom, top)
    else:
        decades = range(int(np.floor(np.log10(bottom))), int(np.ceil(np.log10(top))) + 1)
        every = [digit * 10.0**power for power in decades for digit in (1, 2, 5)]
        marks = _thinned([m for m in every if bottom <= m <= top], bottom, top)
    if panel.change.metric == "duration":
        names = [_mark(mark) for mark in marks]
    else:
        names = [f"{mark:,.0f}" if mark >= 10 else f"{mark:.2g}" for mark in marks]
    axes.yaxis.set_major_locator(FixedLocator(marks))
    axes.yaxis.set_major_formatter(FixedFormatter(names))
    axes.yaxis.set_minor_locator(NullLocator())


def _mark(value_s: float) -> str:
    """`50 s`, `150 s`, `3 min`: minutes only where they are whole."""
    if 60 < value_s < 600 and value_s % 60:
        return f"{value_s:.0f}\u00a0s"
    return seconds(value_s).replace(".0\u00a0", "\u00a0")


def _thinned(marks: list[float], bottom: float, top: float) -> list[float]:
    """Marks that do not touch: at least a seventh of the height apart."""
    kept: list[float] = []
    for mark in marks:
        if not kept or log(mark / kept[-1]) >= log(top / bottom) / 7:
            kept.append(mark)
    return kept


def _day_marks(axes: Axes, first: date, length: int, onset: int) -> None:
    """The first day, the onset and the last one, where they do not touch."""
    marks = [onset]
    for at in (0, length):
        if all(abs(at - other) > 0.22 * length for other in marks):
            marks.append(at)
    axes.set_xticks(
        sorted(marks), [f"{first + timedelta(days=at):%d\u00a0%b}" for at in sorted(marks)]
    )
