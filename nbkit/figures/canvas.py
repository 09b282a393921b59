"""What all figures share: the palette, the frame, and how a figure shows itself.

Figures are built on `matplotlib.figure.Figure` directly: no pyplot, so no global state, and the
same facts give the same bytes.
"""

from __future__ import annotations

import base64
import io
import textwrap
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nbkit.findings.wording import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

# Okabe & Ito (2008): told apart with every common kind of colour blindness.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
INK, MUTED, FAINT = "#1f2933", "#5f6b7a", "#d9dee4"
_WIDTH_INCHES = 8.0
_DPI = 160
_TITLE_CHARACTERS = 78
_LABEL_CHARACTERS = 48


@dataclass(frozen=True)
class Figure:
    """A picture with its title and the words that stand for it where it cannot be seen."""

    canvas: Canvas = field(repr=False)
    title: str
    alt: str

    def png(self) -> bytes:
        _tame(self.canvas)
        buffer = io.BytesIO()
        # Without the Software entry the bytes depend on the facts alone.
        self.canvas.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}
        width = round(self.canvas.get_figwidth() * 100)
        return data, {"image/png": {"alt": self.alt, "width": width}}


def blank(*, height: float, title: str) -> tuple[Canvas, Axes]:
    """An empty frame of the house's look, `height` inches high without its title."""
    from matplotlib.figure import Figure as Canvas

    lines = textwrap.wrap(title, _TITLE_CHARACTERS) or [""]
    canvas = Canvas(figsize=(_WIDTH_INCHES, height + 0.15 + 0.2 * len(lines)), facecolor="white")
    canvas.set_layout_engine("constrained")
    axes = canvas.add_subplot()
    canvas.suptitle(
        "\n".join(lines), x=0.012, ha="left", fontsize=11.5, fontweight="bold", color=INK
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=MUTED, labelsize=8.5)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.xaxis.label.set(color=MUTED, fontsize=8.5)
    axes.yaxis.label.set(color=MUTED, fontsize=8.5)
    return canvas, axes


def _tame(canvas: Canvas) -> None:
    """Names and messages are anybody's: a dollar sign in one begins no formula, and a long one
    leaves the axes their room."""
    from matplotlib.text import Text

    for text in canvas.findobj(Text):
        # Logarithmic axes write their own formulas.
        if isinstance(text, Text) and not text.get_text().startswith("$\\mathdefault"):
            text.set_parse_math("$" not in text.get_text())
    for axes in canvas.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            if max(map(len, labels), default=0) > _LABEL_CHARACTERS:
                axis.set_ticklabels([_short_lines(label) for label in labels])


def _short_lines(label: str) -> str:
    return "\n".join(short(line, _LABEL_CHARACTERS) for line in label.splitlines())


def nothing(title: str) -> Figure:
    """A figure of nothing, which says so."""
    canvas, axes = blank(height=0.4, title=title)
    axes.set_axis_off()
    return Figure(canvas, title, f"{title}.")


def local(moment: datetime) -> str:
    """`07:00 EST`: the same moment in New York, where the platform's days are."""
    return f"{moment.astimezone(ZoneInfo('America/New_York')):%H:%M %Z}"
