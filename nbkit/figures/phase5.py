"""Figures of the report on hanging runs: success by day, the mean taken apart, the hangs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nbkit.analysis.hangs import Ending
from nbkit.figures.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Figure,
    blank,
)
from nbkit.findings.wording import count_of, part_of, percent, seconds, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nbkit.analysis.guard_replay import Replay, Replayed
    from nbkit.analysis.hangs import Day, DurationShare, PhaseRun

COLOUR = {
    Ending.SUCCEEDED: GREEN,
    Ending.IDLE: FAINT,
    Ending.FAILED: ORANGE,
    Ending.KILLED: SKY,
    Ending.SWEPT: VERMILION,
    Ending.OPEN: PURPLE,
}
_STRIP = 0.56  # of a row's height that its points are spread over


def success_by_day(days: Sequence[Day], *, target: float) -> Figure:
    """The share of each day's runs that succeeded, with its interval, over how many there were."""
    from matplotlib.ticker import MaxNLocator

    judged = [day for day in days if not day.is_off]
    dry = [day for day in judged if day.judged.successes == 0]
    title = (
        f"On {part_of(len(dry), len(judged), 'day')} with something to do no run succeeded"
        if dry
        else f"On {part_of(len(judged), len(judged), 'day')} with something to do a run succeeded"
        if judged
        else "On no day there was anything to do"
    )
    canvas, axes = blank(height=3.6, title=title)
    grid = axes.get_subplotspec()
    assert grid is not None
    axes.remove()
    rows = grid.subgridspec(2, 1, height_ratios=(3, 2), hspace=0.08)
    rates, counts = (canvas.add_subplot(rows[n]) for n in (0, 1))
    for each in (rates, counts):
        for side in ("top", "right"):
            each.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            each.spines[side].set_color(FAINT)
        each.tick_params(colors=MUTED, labelsize=8.5)
        each.yaxis.label.set(color=MUTED, fontsize=8.5)
        each.set_xlim(-0.7, max(len(days), 1) - 0.3)
    rates.axhline(target, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    rates.annotate(
        f"target\n{percent(target)}",
        (1.008, target),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.5,
        color=MUTED,
    )
    for place, day in enumerate(days):
        if day.is_off:
            rates.text(place, 0.5, "–", ha="center", va="center", color=MUTED)
            continue
        assert day.judged.rate is not None
        rates.plot([place, place], [day.judged.low, day.judged.high], color=FAINT, linewidth=3)
        met = day.judged.rate >= target
        rates.scatter([place], [day.judged.rate], s=30, color=BLUE if met else VERMILION, zorder=3)
    rates.set_ylim(-0.04, 1.14)
    rates.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    rates.set_ylabel("succeeded")
    rates.tick_params(axis="x", labelbottom=False, length=0)
    base = [0] * len(days)
    for label, colour, own in (
        ("succeeded", GREEN, [day.judged.successes for day in days]),
        ("hung", VERMILION, [day.hung for day in days]),
        ("failed", ORANGE, [day.real - day.hung for day in days]),
        ("nothing to do", FAINT, [day.expected for day in days]),
    ):
        counts.bar(range(len(days)), own, bottom=base, width=0.8, color=colour, label=label)
        base = [low + n for low, n in zip(base, own, strict=True)]
    counts.set_ylim(0, max([*base, 1]) * 1.45)
    counts.set_ylabel("runs")
    counts.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    counts.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    counts.legend(loc="upper left", ncols=4, frameon=False, fontsize=8.5, borderpad=0)
    step = max(1, -(-len(days) // 11))
    marks = list(range(0, len(days), step))
    counts.set_xticks(marks, [f"{days[n].day:%d %b}" for n in marks])
    counts.set_xlabel("day on which the run started, UTC; grey lines: 95 % interval", color=MUTED)
    counts.xaxis.label.set_fontsize(8.5)
    off = len(days) - len(judged)
    words = f"{title}; {count_of(off, 'day')} without anything to do."
    return Figure(canvas, title, words)


def duration_shares(
    shares: Sequence[DurationShare], runs: Sequence[PhaseRun], *, mean_s: float | None
) -> Figure:
    """Every recorded duration on a log scale, by how the run ended, and what each kind adds to the
    mean of all."""
    rows = [share for share in shares if share.timed]
    swept = next((share for share in rows if share.ending is Ending.SWEPT), None)
    if mean_s is None:
        title = "No run has a recorded duration"
    elif swept and swept.adds_s > 0.5 * mean_s:
        title = (
            f"{percent(swept.adds_s / mean_s)} of the mean of {_hours(mean_s)} is time that "
            f"{count_of(swept.timed, 'run')} lay hung until swept"
        )
    else:
        most = max(rows, key=lambda share: share.adds_s)
        title = f"Most of the mean of {seconds(mean_s)} comes from runs that {_past(most.ending)}"
    canvas, axes = blank(height=1.2 + 0.62 * max(len(rows), 1), title=title)
    known = [run for run in runs if run.duration_s is not None]
    for row, share in enumerate(rows):
        own = [run.duration_s for run in known if run.ending is share.ending]
        # Spread evenly instead of at random: the same facts give the same picture.
        spread = [
            row + _STRIP * ((7 * n % len(own) + 0.5) / len(own) - 0.5) for n in range(len(own))
        ]
        durations = [max(value or 0.0, 0.1) for value in own]
        colour = MUTED if share.ending is Ending.IDLE else COLOUR[share.ending]
        axes.scatter(durations, spread, s=15, color=colour, alpha=0.75, linewidths=0)
        axes.annotate(
            f"median {seconds(share.median_s)}\nadds {_hours(share.adds_s)} to the mean",
            (1.015, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=INK if share is swept else MUTED,
            fontweight="bold" if share is swept else "normal",
        )
    if rows and mean_s:
        axes.set_xscale("log")
        marks = [(1, "1 s"), (60, "1 min"), (3_600, "1 h"), (86_400, "1 d"), (604_800, "1 week")]
        axes.set_xticks([at for at, _ in marks], [name for _, name in marks])
        axes.minorticks_off()
        longest = max(share.longest_s or 1.0 for share in rows)
        axes.set_xlim(0.5, max(longest, mean_s) * 2.2)
        axes.axvline(mean_s, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            f"mean of all {_hours(mean_s)}",
            (mean_s, -0.62),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    axes.set_yticks(
        range(len(rows)),
        [f"{share.ending.value}\n{count_of(share.timed, 'run')}" for share in rows],
    )
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.85)
    axes.set_xlabel("recorded duration of each run (log scale)")
    told = "; ".join(
        f"{share.ending.value}: {count_of(share.timed, 'run')}, adds {_hours(share.adds_s)}"
        for share in rows
    )
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def hang_lines(replay: Replay, *, as_of: datetime, most: int = 60) -> Figure:
    """Each run that the guard would have ended: how long its row stood open, and where the guard
    ends it."""
    early = replay.ended_early
    # Of many runs an even choice by start, so that the picture keeps its shape.
    found = [early[n * len(early) // most] for n in range(most)] if len(early) > most else early
    minutes = span(replay.rules.timeout)
    title = (
        f"{count_of(len(early), 'run')} stood open for "
        f"{_hours(replay.saved.total_seconds())} after the guard would have ended them"
        if found
        else f"No run would have been ended by a timeout of {minutes}"
    )
    canvas, axes = blank(height=0.9 + max(0.075 * len(found), 0.6), title=title)
    for row, each in enumerate(found):
        start, end = each.run.started_at, each.run.ended_at or as_of
        axes.plot([_day(start), _day(end)], [row, row], color=FAINT, linewidth=2.4)
        axes.scatter([_day(end)], [row], s=14, color=COLOUR[each.run.ending], zorder=2)
        axes.scatter([_day(each.ended_at or end)], [row], s=14, color=BLUE, zorder=3)
    if found:
        first = min(each.run.started_at for each in found)
        _days_axis(axes, first, max(each.run.ended_at or as_of for each in found))
        _label_ends(axes, found)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(max(len(found), 1) + 0.5, -3.2 if found else -1)
    chosen = f"; {most} of {len(early):,} runs, evenly chosen" if len(early) > most else ""
    axes.set_xlabel(f"UTC; one line a run, the earliest start first{chosen}")
    words = f"{title}."
    if found:
        words += f" Half of them are known at least {span(replay.earlier_median)} earlier."
    return Figure(canvas, title, words)


def _label_ends(axes: Axes, found: Sequence[Replayed]) -> None:
    endings = {each.run.ending for each in found}
    entries = [("ended by the guard", BLUE)]
    entries += [(e.value, COLOUR[e]) for e in Ending if e in endings]
    for label, colour in entries:
        axes.scatter([], [], s=22, color=colour, label=label)
    axes.legend(
        loc="upper left", ncols=len(entries), frameon=False, fontsize=8.5, borderpad=0,
        handletextpad=0.3, columnspacing=1.2,
    )  # fmt: skip


def _days_axis(axes: Axes, first: datetime, last: datetime) -> None:
    start = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    length = (last - start) / timedelta(days=1)
    step = max(1, round(length / 8))
    marks = [start + timedelta(days=n) for n in range(0, int(length) + 2, step)]
    axes.set_xticks([_day(mark) for mark in marks], [f"{mark:%d %b}" for mark in marks])
    margin = 0.02 * length
    axes.set_xlim(_day(start) - margin, _day(last) + margin)


def _day(moment: datetime) -> float:
    """Days since 1970, for an axis of numbers."""
    return moment.timestamp() / 86_400


def _hours(value_s: float) -> str:
    """`123.9 h`: hours are what the published mean is told in; short times in seconds."""
    hours = value_s / 3_600
    return seconds(value_s) if hours < 1 else f"{hours:,.{1 if hours < 1_000 else 0}f}\u00a0h"


def _past(ending: Ending) -> str:
    return (
        "are still open" if ending is Ending.OPEN else ending.value.replace("ended", "were ended")
    )
