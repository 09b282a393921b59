"""Figure of the migration tracker: which Cloud Functions are on Gen2."""

from __future__ import annotations

from collections.abc import Sequence

from nbkit.figures.canvas import BLUE, FAINT, INK, Figure, blank

_ACROSS = 4


def migration(functions: Sequence[tuple[str, bool]]) -> Figure:
    """One cell a function, those on Gen2 first and filled."""
    ordered = sorted(functions, key=lambda function: (not function[1], function[0]))
    moved = sum(on_gen2 for _, on_gen2 in ordered)
    title = f"{moved} of {len(ordered)} Cloud Functions are on Gen2"
    rows = max(-(-len(ordered) // _ACROSS), 1)
    canvas, axes = blank(height=0.34 * rows + 0.1, title=title)
    for place, (name, on_gen2) in enumerate(ordered):
        row, column = divmod(place, _ACROSS)
        axes.barh(
            row,
            0.96,
            left=column,
            height=0.86,
            color=BLUE if on_gen2 else "white",
            edgecolor=BLUE if on_gen2 else FAINT,
            linewidth=1,
        )
        axes.text(
            column + 0.03,
            row,
            name,
            va="center",
            fontsize=7.5,
            color="white" if on_gen2 else INK,
        )
    axes.set_xlim(0, _ACROSS)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_axis_off()
    waiting = ", ".join(name for name, on_gen2 in ordered if not on_gen2) or "none"
    return Figure(canvas, title, f"{title}; still on Gen1: {waiting}.")
