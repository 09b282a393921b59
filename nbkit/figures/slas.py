"""Figures of the SLA reports: budgets burning down, deadlines kept, month against month, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbkit.figures.canvas import BLUE, FAINT, GREEN, INK, MUTED, ORANGE, VERMILION, Figure, blank
from nbkit.findings.wording import count_of, percent, span

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from nbkit.analysis.slas import Attainment, DateCompletion
    from nbkit.analysis.slas.cost import Cost

_FLOOR = -1.0  # a budget spent twice and one spent fifty times look alike: the words say which


def budget_burn_down(left: Mapping[str, pd.Series], *, days: int) -> Figure:
    """How much of each error budget was left after each day, a panel a target.

    Args:
        left: by title, as `burn_down` gives it; those that are empty are left out.
        days: how long the period is.
    """
    shown = {title: line for title, line in left.items() if len(line)}
    out = [title for title, line in shown.items() if line.iloc[-1] < 0]
    title = (
        f"{len(out)} of {count_of(len(shown), 'error budget')} overspent within {days} days"
        if out
        else f"None of {count_of(len(shown), 'error budget')} overspent within {days} days"
        if shown
        else "No error budget could be measured"
    )
    columns = 2
    rows = max(-(-len(shown) // columns), 1)
    canvas, panels = _panels(title, rows, columns, height=1.05 * rows + 0.4)
    for place, (axes, (name, line)) in enumerate(zip(panels, shown.items(), strict=False)):
        _burn_panel(axes, name, line, is_last=place >= len(shown) - columns)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    told = "; ".join(f"{name}: {_left(line)}" for name, line in shown.items())
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def _burn_panel(axes: Axes, name: str, line: pd.Series, *, is_last: bool) -> None:
    x = range(len(line))
    y = [max(float(value), _FLOOR) for value in line]
    over = line.iloc[-1] < 0
    colour = VERMILION if over else GREEN
    axes.plot([0, len(line) - 1], [1, 0], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.fill_between(x, y, 0, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.8)
    axes.set_ylim(_FLOOR - 0.08, 1.08)
    axes.set_yticks([-1, 0, 1], ["spent 2×", "0", "100 %"])
    axes.set_xlim(0, max(len(line) - 1, 1))
    marks = list(range(0, len(line), max(1, len(line) // 4)))
    axes.set_xticks(marks, [f"{line.index[n]:%d %b}" for n in marks] if is_last else [])
    axes.set_title(name, loc="left", fontsize=8.5, color=INK, pad=3)
    axes.set_title(
        _left(line), loc="right", fontsize=8.5, color=VERMILION if over else MUTED, pad=3
    )


def _left(line: pd.Series) -> str:
    """`62 % left`, `out on 17 Dec, spent 11.0×`."""
    last = float(line.iloc[-1])
    if last >= 0:
        return f"{percent(last)} left"
    day = line.index[int((line < 0).to_numpy().argmax())]
    return f"out on {day:%d %b}, spent {1 - last:,.1f}×"


def deadline_lateness(dates: Mapping[str, Sequence[DateCompletion]], *, as_of: datetime) -> Figure:
    """When each date was complete beside its deadline, a panel a phase.

    Args:
        dates: by the phase's title; phases without dates are left out.
    """
    shown = {title: own for title, own in dates.items() if own}
    worst = max(shown, key=lambda title: sum(d.is_late for d in shown[title]), default=None)
    late = sum(d.is_late for d in shown[worst]) if worst else 0
    title = (
        f"{worst} was late for {late} of {count_of(len(shown[worst]), 'date')}"
        if worst and late
        else "Every date was complete by its deadline"
        if shown
        else "No date has a deadline that was measured"
    )
    rows = max(len(shown), 1)
    canvas, panels = _panels(title, rows, 1, height=1.15 * rows + 0.5)
    if not shown:
        panels[0].set_axis_off()
    first = min((own[0].data_date for own in shown.values()), default=None)
    last = max((own[-1].data_date for own in shown.values()), default=None)
    for place, (axes, (name, own)) in enumerate(zip(panels, shown.items(), strict=False)):
        assert first is not None
        assert last is not None
        hours = [
            min(max(((d.done_at or as_of) - d.due) / timedelta(hours=1), -24), 24) for d in own
        ]
        axes.axhline(0, color=MUTED, linewidth=1)
        places = [(day.data_date - first).days for day in own]
        colours = [VERMILION if day.is_late else BLUE for day in own]
        axes.vlines(places, 0, hours, colors=colours, linewidth=1, alpha=0.5)
        for marker, is_done in (("o", True), ("x", False)):
            chosen = [n for n, day in enumerate(own) if (day.done_at is not None) is is_done]
            axes.scatter(
                [places[n] for n in chosen],
                [hours[n] for n in chosen],
                s=22,
                c=[colours[n] for n in chosen],
                marker=marker,
                zorder=3,
            )
        low, high = min([*hours, -1]), max([*hours, 1])
        axes.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
        axes.yaxis.set_major_formatter(
            lambda value, _: f"{value:+.0f} h".replace("-", "−") if value else "due"
        )
        axes.set_xlim(-0.7, (last - first).days + 0.7)
        marks = list(range(0, (last - first).days + 1, max(1, (last - first).days // 8)))
        is_last = place == len(shown) - 1
        words = [f"{first + timedelta(days=n):%d %b}" for n in marks]
        axes.set_xticks(marks, words if is_last else [])
        count = sum(d.is_late for d in own)
        axes.set_title(name, loc="left", fontsize=8.5, color=INK, pad=3)
        axes.set_title(
            f"late for {count} of {len(own)}" if count else f"in time for all {len(own)}",
            loc="right",
            fontsize=8.5,
            color=VERMILION if count else MUTED,
            pad=3,
        )
        if is_last:
            axes.set_xlabel(
                "date of the data; hours before (−) and after (+) the deadline, "
                "× not complete yet, drawn up to a day",
                fontsize=8.5,
            )
    told = "; ".join(
        f"{name}: late for {sum(d.is_late for d in own)} of {len(own)}, at most "
        f"{span(max(d.lateness(as_of) for d in own))}"
        for name, own in shown.items()
    )
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def month_against_month(
    months: Mapping[str, tuple[Attainment | None, Attainment]], *, now: str, before: str
) -> Figure:
    """Each target's attainment of one month beside the month before and its objective.

    Args:
        months: by title, the month before (None: not measured) and this one.
        now, before: the months' names.
    """
    shown = {title: pair for title, pair in months.items() if pair[1].share.rate is not None}
    kept = sum((this.share.rate or 0) >= this.target.objective for _, this in shown.values())
    title = (
        f"{kept} of {count_of(len(shown), 'measured target')} kept in {now}"
        if shown
        else f"Nothing could be measured in {now}"
    )
    canvas, axes = blank(height=0.8 + 0.36 * max(len(shown), 1), title=title)
    for row, (earlier, this) in enumerate(shown.values()):
        rate = this.share.rate or 0.0
        met = rate >= this.target.objective
        axes.plot([this.share.low, this.share.high], [row, row], color=FAINT, linewidth=5)
        axes.plot([this.target.objective] * 2, [row - 0.34, row + 0.34], color=INK, linewidth=1.5)
        if earlier is not None and earlier.share.rate is not None:
            axes.plot([earlier.share.rate, rate], [row, row], color=MUTED, linewidth=1)
            axes.scatter(
                [earlier.share.rate], [row], s=26, facecolor="white", edgecolor=MUTED, zorder=3
            )
        axes.scatter([rate], [row], s=34, color=BLUE if met else VERMILION, zorder=4)
    axes.set_yticks(range(len(shown)), list(shown))
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel(
        f"attained in {now} (full), in {before} (hollow); bar: 95 % interval; line: promised"
    )
    told = "; ".join(
        f"{name}: {percent(this.share.rate)} of {percent(this.target.objective)} promised, before "
        f"{percent(earlier.share.rate if earlier else None)}"
        for name, (earlier, this) in shown.items()
    )
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def cost_by_month(costs: Mapping[str, Sequence[Cost]]) -> Figure:
    """Compute hours of each month: what came of them.

    Args:
        costs: by the month's name, oldest first, the costs of its phases.
    """
    parts = {
        name: (
            sum(cost.useful_h for cost in own),
            sum(cost.idle_h for cost in own),
            sum(cost.wasted_h for cost in own),
        )
        for name, own in costs.items()
    }
    name, last = list(parts.items())[-1] if parts else ("", (0.0, 0.0, 0.0))
    title = (
        f"{percent(last[2] / sum(last))} of the {sum(last):,.0f} compute hours of {name} went into "
        "runs that failed"
        if sum(last)
        else "No run has a recorded duration"
    )
    canvas, axes = blank(height=0.9 + 0.5 * max(len(parts), 1), title=title)
    base = [0.0] * len(parts)
    for part, (label, colour) in enumerate(
        (("succeeded", GREEN), ("nothing to do", FAINT), ("failed", ORANGE))
    ):
        own = [hours[part] for hours in parts.values()]
        axes.barh(range(len(parts)), own, left=base, height=0.62, color=colour, label=label)
        base = [low + hours for low, hours in zip(base, own, strict=True)]
    for row, total in enumerate(base):
        axes.annotate(
            f"{total:,.0f}\u00a0h", (total, row), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(parts)), list(parts))
    axes.set_ylim(max(len(parts), 1) - 0.4, -1.1)
    axes.set_xlim(0, max([*base, 1]) * 1.12)
    axes.set_xlabel("hours in which a run was at work, at most its timeout")
    axes.legend(loc="upper left", ncols=3, frameon=False, fontsize=8.5, borderpad=0)
    told = "; ".join(
        f"{name}: {useful:,.0f} h succeeded, {wasted:,.0f} h failed, {idle:,.0f} h nothing to do"
        for name, (useful, idle, wasted) in parts.items()
    )
    return Figure(canvas, title, f"{title}. {told}".rstrip(" .") + ".")


def _panels(title: str, rows: int, columns: int, *, height: float) -> tuple[Canvas, list[Any]]:
    """A frame of the house's look cut into small ones of the same look, row by row."""
    canvas, axes = blank(height=height, title=title)
    axes.remove()
    # All panels are alike, so their places are known: laying out a dozen of them takes a second.
    canvas.set_layout_engine("none")
    inches, width = canvas.get_figheight(), canvas.get_figwidth()
    grid = canvas.add_gridspec(
        rows,
        columns,
        left=0.7 / width,
        right=1 - 0.12 / width,
        top=1 - (inches - height + 0.28) / inches,
        bottom=0.5 / inches,
        hspace=0.45,
        wspace=0.2,
    )
    panels = [canvas.add_subplot(grid[n // columns, n % columns]) for n in range(rows * columns)]
    for each in panels:
        for side in ("top", "right"):
            each.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            each.spines[side].set_color(FAINT)
        each.tick_params(colors=MUTED, labelsize=8)
        each.xaxis.label.set(color=MUTED)
    return canvas, panels
