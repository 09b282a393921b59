"""Figures of the storm report: when, how it went, one message's way, and progress by the week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.seasonality import WEEKDAYS
from nbkit.analysis.storms.storm import scaled
from nbkit.figures.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    VERMILION,
    Figure,
    blank,
    local,
    nothing,
)
from nbkit.findings.wording import count_of, percent, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nbkit.analysis.storms.windows import Span

_HOUR = timedelta(hours=1)
_BINS_S = (60, 120, 300, 600, 900, 1_800, 3_600)
_MOST_BINS = 260


def failure_week(
    counts: pd.DataFrame, spans: Sequence[Span], *, name: str, start: datetime, end: datetime
) -> Figure:
    """Failures by weekday and hour, the mean of the weeks, with the window's hours framed.

    Args:
        counts: storm counts with `ended_hour`, `runs` and `is_failure`.
        spans: of the window.
        name: of the window.
        start, end: of the period.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    failed = counts[counts["is_failure"]]
    hours = pd.DatetimeIndex(failed["ended_hour"])
    table = np.zeros((7, 24))
    np.add.at(table, (hours.day_of_week, hours.hour), failed["runs"].to_numpy(dtype=np.float64))
    table /= _times(start, end)
    marked = _marked(spans)
    inside = float(table[marked].mean()) if marked.any() else 0.0
    outside = float(table[~marked].mean()) if (~marked).any() else 0.0
    title = _week_title(name, inside, outside)
    canvas, axes = blank(height=2.9, title=title)
    ramp = LinearSegmentedColormap.from_list("failures", ["#f6f7f9", "#f3c9a5", VERMILION])
    top = max(float(table.max()), 1.0)
    picture = axes.imshow(table, aspect="auto", cmap=ramp, norm=PowerNorm(0.8, vmin=0, vmax=top))
    _frame(axes, marked)
    day, hour = (int(at) for at in np.unravel_index(int(table.argmax()), table.shape))
    axes.text(
        hour, day, f"{table[day, hour]:,.0f}", ha="center", va="center", fontsize=7.5,
        color="white", fontweight="bold",
    )  # fmt: skip
    axes.set_yticks(range(7), [weekday[:3] for weekday in WEEKDAYS])
    axes.set_xticks(range(0, 24, 3), [f"{each:02d}" for each in range(0, 24, 3)])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("hour in which the run ended, UTC; framed: the window", color=MUTED)
    bar = canvas.colorbar(picture, ax=axes, fraction=0.018, pad=0.012)
    bar.set_ticks([0, top], labels=["0", f"{top:,.0f} an hour"])
    bar.ax.tick_params(labelsize=8, colors=MUTED, length=0)
    bar.outline.set_visible(False)
    words = f"{title}. The worst hour of the week is {WEEKDAYS[day]} {hour:02d}:00 UTC"
    return Figure(
        canvas, title, f"{words} with {count_of(round(table[day, hour]), 'failure')} on average."
    )


def failures_by_minute(
    runs: pd.DataFrame, span: Span, *, usual_per_hour: float, sampled: float = 1.0
) -> Figure:
    """Failures as they ended, real and expected apart, with onset, end, and what is usual.

    Args:
        runs: classified runs of the span and around it.
        usual_per_hour: failures that such an hour has otherwise.
        sampled: the share of the messages whose runs these are: all are drawn, scaled up.
    """
    from matplotlib.ticker import MaxNLocator

    margin = max(min(span.length / 6, timedelta(hours=3)), timedelta(minutes=10))
    first, last = span.start - margin, span.end + margin
    failed = runs[runs["is_failure"] & (runs["ended_at"] >= first) & (runs["ended_at"] < last)]
    width_s = next(
        (w for w in _BINS_S if (last - first).total_seconds() / w <= _MOST_BINS), _BINS_S[-1]
    )
    bins = int(np.ceil((last - first).total_seconds() / width_s))

    def binned(chosen: pd.DataFrame) -> npt.NDArray[np.float64]:
        at = (chosen["ended_at"] - pd.Timestamp(first)).dt.total_seconds().to_numpy()
        return np.bincount((at // width_s).astype(np.int64), minlength=bins)[:bins] / sampled

    real, expected = binned(failed[~failed["is_expected"]]), binned(failed[failed["is_expected"]])
    per = "minute" if width_s == 60 else f"{width_s // 60} minutes"
    inside = failed[(failed["ended_at"] >= span.start) & (failed["ended_at"] < span.end)]
    share = inside["is_expected"].mean() if len(inside) else 0.0
    failures = count_of(scaled(len(inside), sampled), "failure")
    title = (
        f"{failures} from {span.start:%H:%M} to {span.end:%H:%M} UTC on "
        f"{span.start:%d %b}, {percent(share)} of them expected"
        if len(inside)
        else "No failure in this window"
    )
    canvas, axes = blank(height=2.7, title=title)
    # One outline each: hundreds of bars would be as many artists.
    at = np.arange(bins + 1)
    axes.stairs(real, at, fill=True, color=VERMILION, label="real")
    axes.stairs(real + expected, at, baseline=real, fill=True, color="#aab4bf", label="expected")
    usual = usual_per_hour * width_s / 3_600
    # Twice the Poisson deviation: what such a bin may well have on an ordinary day.
    axes.axhspan(0, usual + 2 * np.sqrt(max(usual, 0.05)), color=BLUE, alpha=0.18, linewidth=0,
                 label="usual")  # fmt: skip
    top = max(float((real + expected).max(initial=0)), 1.0)
    for moment, word, side in ((span.start, "onset", "right"), (span.end, "end", "left")):
        place = (moment - first).total_seconds() / width_s
        axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{word} {moment:%H:%M}",
            (place, top * 1.13),
            xytext=(-4 if side == "right" else 4, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8.5,
            color=INK,
        )
    axes.set_xlim(0, bins)
    axes.set_ylim(0, top * 1.22)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _time_axis(axes, first, last, width_s)
    axes.set_ylabel(f"failed runs per {per}")
    axes.set_xlabel(f"when the run ended, UTC ({local(span.start)} in New York at the onset)")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=8.5,
        borderpad=0, handlelength=1.2,
    )  # fmt: skip
    peak = int((real + expected).argmax()) if bins else 0
    worst = first + timedelta(seconds=peak * width_s)
    words = f"{title}. At worst {top:,.0f} in {per}, at {worst:%H:%M}; usual are {usual:.1f}."
    return Figure(canvas, title, words)


def attempt_stairs(attempts: pd.DataFrame) -> Figure:
    """Each delivery of one message: when it started, and how it ended.

    Args:
        attempts: of one message, by start: started_at, ended_at, attempt, gap_s, category.
    """
    if attempts.empty:
        return nothing("No message was delivered again")
    number = len(attempts)
    first = attempts["started_at"].iloc[0]
    passed = (attempts["started_at"] - first).dt.total_seconds().to_numpy()
    unit_s, unit = (60.0, "minutes") if passed[-1] < 3 * 3_600 else (3_600.0, "hours")
    good = (attempts["category"] == "success").to_numpy()
    gaps = attempts["gap_s"].dropna().to_numpy()
    length = seconds(float(passed[-1]))
    fate = "and succeeded at last" if good[-1] else "and never succeeded"
    title = f"One message was delivered {number:,} times in {length} {fate}"
    canvas, axes = blank(height=2.6, title=title)
    at, step = passed / unit_s, np.arange(1, number + 1)
    axes.step(at, step, where="post", color=FAINT, linewidth=1.6, zorder=1)
    size = 30 if number <= 60 else 10
    for chosen, colour, word in ((~good, VERMILION, "failed"), (good, GREEN, "succeeded")):
        if chosen.any():
            axes.scatter(at[chosen], step[chosen], s=size, color=colour, label=word, zorder=3)
    _label_gaps(axes, at, step, attempts["gap_s"].to_numpy(dtype=np.float64))
    axes.set_xlim(left=-0.02 * max(at[-1], 1e-9), right=max(at[-1], 1e-9) * 1.05)
    axes.set_ylim(0, number * 1.12 + 0.6)
    axes.set_ylabel("delivery")
    axes.set_xlabel(f"{unit} since its first delivery at {first:%a %d %b %H:%M} UTC")
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=8.5, borderpad=0)
    waits = (
        f" It came back after {seconds(float(gaps.min()))} to {seconds(float(gaps.max()))}."
        if gaps.size
        else ""
    )
    return Figure(canvas, title, f"{title}.{waits}")


def weekly_progress(by_week: Mapping[date, int], *, target: float) -> Figure:
    """Failures of the window week by week, beside the target."""
    weeks = sorted(by_week)
    counts = [by_week[week] for week in weeks]
    met = [count <= target for count in counts]
    if not weeks:
        title = "No week to compare"
    elif all(met):
        title = f"Every week meets the target of {target:,.0f} failures in this window"
    elif met[-1]:
        title = f"The last week meets the target of {target:,.0f} failures: {counts[-1]:,}"
    else:
        title = f"The last week misses the target of {target:,.0f} failures: {counts[-1]:,}"
    canvas, axes = blank(height=2.2, title=title)
    axes.bar(
        range(len(weeks)), counts, width=0.62, color=[BLUE if each else ORANGE for each in met]
    )
    for place, count in enumerate(counts):
        axes.annotate(
            f"{count:,}", (place, count), xytext=(0, 3), textcoords="offset points", ha="center",
            fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.axhline(target, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f"target\n{target:,.0f}",
        (1.008, target),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.5,
        color=INK,
    )
    axes.set_xlim(-0.6, max(len(weeks), 1) - 0.4)
    axes.set_ylim(0, max([*counts, target, 1]) * 1.15)
    axes.set_xticks(range(len(weeks)), [f"{week:%d %b}" for week in weeks])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylabel("failed runs")
    axes.set_xlabel("day on which the window began, UTC", color=MUTED)
    told = "; ".join(f"{week:%Y-%m-%d} {by_week[week]:,}" for week in weeks)
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def _times(start: datetime, end: datetime) -> npt.NDArray[np.float64]:
    """How often each hour of the week lies in the period, at least once."""
    hours = pd.date_range(pd.Timestamp(start).floor("h"), end, freq="h", inclusive="left")
    times = np.zeros((7, 24))
    np.add.at(times, (hours.day_of_week, hours.hour), 1.0)
    return np.maximum(times, 1.0)


def _marked(spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    """Hours of the week of which most of the spans take a good part."""
    taken = np.zeros((7, 24))
    for span in spans:
        own = np.zeros((7, 24), dtype=bool)
        for hour in pd.date_range(pd.Timestamp(span.start).floor("h"), span.end, freq="h"):
            begin, end = max(hour, pd.Timestamp(span.start)), min(hour + _HOUR, span.end)
            own[hour.weekday(), hour.hour] |= end - begin >= min(_HOUR / 4, span.length / 2)
        taken += own
    return np.asarray(taken > 0.5 * len(spans)) if len(spans) > 1 else np.asarray(taken > 0)


def _frame(axes: Axes, marked: npt.NDArray[np.bool_]) -> None:
    """A line around the marked cells."""
    padded = np.pad(marked, 1)
    for day, hour in zip(*np.nonzero(marked), strict=True):
        x, y = hour - 0.5, day - 0.5
        edges = (
            (padded[day, hour + 1], ((x, x + 1), (y, y))),
            (padded[day + 2, hour + 1], ((x, x + 1), (y + 1, y + 1))),
            (padded[day + 1, hour], ((x, x), (y, y + 1))),
            (padded[day + 1, hour + 2], ((x + 1, x + 1), (y, y + 1))),
        )
        for is_inner, (across, down) in edges:
            if not is_inner:
                axes.plot(across, down, color=INK, linewidth=1.6, solid_capstyle="projecting",
                          clip_on=False)  # fmt: skip


def _week_title(name: str, inside: float, outside: float) -> str:
    if inside <= 0:
        return f"No failure ended in {name}"
    many = f"{count_of(round(inside), 'failure')} an hour"
    if outside <= 0:
        return f"{name}: {many}, none in any other hour"
    return f"{name}: {many}, {inside / outside:,.0f} times the other hours' mean"


def _label_gaps(
    axes: Axes,
    at: npt.NDArray[np.float64],
    step: npt.NDArray[np.int64],
    gap_s: npt.NDArray[np.float64],
) -> None:
    """The waits, where there is room for the words: few steps, or those that are wide."""
    room = 0.075 * max(float(at[-1]), 1e-9)
    for place in range(1, len(at)):
        if np.isnan(gap_s[place]) or at[place] - at[place - 1] < room:
            continue
        axes.annotate(
            seconds(float(gap_s[place])),
            ((at[place - 1] + at[place]) / 2, step[place - 1]),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=MUTED,
        )


def _time_axis(axes: Axes, first: datetime, last: datetime, width_s: int) -> None:
    length = last - first
    step = next(
        (
            each
            for each in (10, 15, 30, 60, 120, 180, 360, 720, 1_440)
            if length / timedelta(minutes=each) <= 9
        ),
        1_440,
    )
    marks = pd.date_range(pd.Timestamp(first).ceil(f"{step}min"), last, freq=f"{step}min")
    pattern = "%H:%M" if length < timedelta(days=1) else "%d %b %H:%M"
    axes.set_xticks(
        [(mark - pd.Timestamp(first)).total_seconds() / width_s for mark in marks],
        [f"{mark:{pattern}}" for mark in marks],
    )
