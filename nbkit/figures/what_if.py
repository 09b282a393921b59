"""What each fix would do to the failures of a window, as bars beside those that were seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkit.figures.canvas import BLUE, FAINT, GREEN, INK, MUTED, Figure, blank
from nbkit.findings.wording import percent

if TYPE_CHECKING:
    from nbkit.analysis.storms.what_if import WhatIf


def fix_bars(found: WhatIf) -> Figure:
    """Failures predicted with each fix, with bounds; above them what was seen and what the replay
    without a fix comes to."""
    best = found.best
    if not found.fits:
        title = "The replay does not fit what was seen, so nothing is predicted"
    elif best is None:
        title = "No single fix surely saves a tenth of these failures"
    else:
        title = f"{best.fix.title} would save {percent(round(best.reduction, 2))} of the failures"
    rows: list[tuple[str, float, float, float, str, str]] = [
        ("Seen", found.observed, found.observed, found.observed, INK, f"{found.observed:,}"),
        (
            "Replay without a fix",
            found.replayed,
            found.replayed_low,
            found.replayed_high,
            MUTED,
            f"{found.replayed:,.0f} ({found.misfit:+.0%})",
        ),
    ]
    for each in found.effects:
        sure = best is not None and each.fix == best.fix
        change = round(-100 * each.reduction) + 0  # no "-0"
        rows.append(
            (
                each.fix.label or each.fix.title,
                each.failures,
                max(each.failures_low, 0),
                each.failures_high,
                GREEN if sure else BLUE,
                f"{each.failures:,} ({change:+d} %)"
                if change
                else f"{each.failures:,} (no change)",
            )
        )
    canvas, axes = blank(height=0.75 + 0.34 * len(rows), title=title)
    farthest = max([high for _, _, _, high, _, _ in rows] + [1.0])
    for row, (_, value, low, high, colour, label) in enumerate(rows):
        axes.barh(row, value, height=0.58, color=colour, alpha=0.9 if row else 1.0)
        if high > low:
            axes.plot([low, high], [row, row], color=INK, linewidth=1.4, solid_capstyle="butt")
            for end in (low, high):
                axes.plot([end, end], [row - 0.14, row + 0.14], color=INK, linewidth=1.4)
        axes.annotate(
            label, (max(value, high), row), xytext=(6, 0), textcoords="offset points", va="center",
            fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.axvline(found.observed, color=FAINT, linewidth=1, zorder=0)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_xlim(0, farthest * 1.24)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("failures in the window, all weeks together; lines: bounds of the prediction")
    told = "; ".join(f"{name} {label}" for name, _, _, _, _, label in rows)
    return Figure(canvas, title, f"{title}. {told}.")
