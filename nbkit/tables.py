"""Tables for reading: a frozen value that shows itself as HTML in a report, as text elsewhere.

Every cell is text, never markup: values from the warehouse are escaped here, once. Only in what
nbkit itself says (notes, empty tables, steps to take) are `backticks` code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from typing import Literal

from nbkit.findings.wording import percent, seconds, span

Kind = Literal[
    "text",
    "code",
    "step",
    "count",
    "percent",
    "seconds",
    "hours",
    "span",
    "moment",
    "date",
    "factor",
]

_FORMATS: dict[str, Callable[..., str]] = {
    "text": str,
    "code": str,
    "step": str,
    "count": lambda value: f"{value:,}",
    "percent": percent,
    "seconds": seconds,
    "hours": lambda value: "<\u00a00.1" if 0 < value < 0.05 else f"{value:,.1f}",
    "span": span,
    # The header says UTC; weekday and day are what a reader compares.
    "moment": lambda value: f"{value.astimezone(UTC):%a\u00a0%d\u00a0%b\u00a0%H:%M}",
    "date": lambda value: f"{value:%Y-%m-%d}",
    "factor": lambda value: f"{value:.1f}×",
}
_LEFT = ("text", "code", "step", "moment", "date")
MISSING = "–"

Value = str | int | float | datetime | date | object


def inline_code(text: str, *, plain: Callable[[str], str] = escape) -> str:
    """Text as HTML, with `backticks` as code; a lonely one is a character like any other.

    Args:
        plain: makes HTML of what is not code.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    return "".join(
        f"<code>{escape(part)}</code>" if number % 2 else plain(part)
        for number, part in enumerate(parts)
    )


@dataclass(frozen=True)
class Column:
    """A column's header (with the unit where the cells do not carry it) and how it reads."""

    header: str
    kind: Kind = "text"

    @property
    def is_number(self) -> bool:
        return self.kind not in _LEFT

    def show(self, value: Value) -> str:
        return MISSING if value is None else _FORMATS[self.kind](value)


@dataclass(frozen=True)
class Table:
    """Rows sorted by what matters; `fold` rows are shown, the others behind "and n more".

    `empty` is the sentence that stands in place of a table without rows.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    empty: str = "Nothing to show."
    fold: int = 10

    @classmethod
    def of(cls, columns: Sequence[Column], rows: Iterable[Sequence[Value]], *, empty: str) -> Table:
        return cls(tuple(columns), tuple(tuple(row) for row in rows), empty)

    def texts(self) -> list[list[str]]:
        """All cells as they are read."""
        return [
            [column.show(value) for column, value in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]

    def _repr_html_(self) -> str:
        if not self.rows:
            return f'<p class="nb-empty">{inline_code(self.empty)}</p>'
        texts = self.texts()
        shown, folded = texts[: self.fold], texts[self.fold :]
        html = self._html(shown)
        if folded:
            html += (
                f'<details class="nb-more"><summary>and {len(folded):,} more</summary>'
                f"{self._html(folded)}</details>"
            )
        return html

    def _html(self, rows: list[list[str]]) -> str:
        head = "".join(self._cell("th", c, c.header) for c in self.columns)
        body = "".join(
            "<tr>"
            + "".join(self._cell("td", c, text) for c, text in zip(self.columns, row, strict=True))
            + "</tr>"
            for row in rows
        )
        return (
            f'<table class="nb-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        )

    @staticmethod
    def _cell(tag: str, column: Column, text: str) -> str:
        name = ' class="num"' if column.is_number else ""
        inner = inline_code(text) if column.kind == "step" else escape(text)
        if column.kind == "code" and tag == "td":
            inner = f"<code>{inner}</code>"
        return f"<{tag}{name}>{inner}</{tag}>"

    def __repr__(self) -> str:
        if not self.rows:
            return self.empty
        lines = [[column.header for column in self.columns], *self.texts()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                text.rjust(width) if column.is_number else text.ljust(width)
                for column, text, width in zip(self.columns, line, widths, strict=True)
            ).rstrip()
            for line in lines
        )


@dataclass(frozen=True)
class Note:
    """A sentence that stands out: a banner in a report, plain words elsewhere."""

    text: str
    is_warning: bool = False

    def _repr_html_(self) -> str:
        name = "nb-note nb-note-warning" if self.is_warning else "nb-note"
        return f'<p class="{name}">{inline_code(self.text)}</p>'

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Text:
    """Lines to copy, such as a message for a channel: shown as they stand."""

    text: str

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"

    def __repr__(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text
