"""Clean HTML made fit to read: wide tables scroll in their own box, long ones fold, numbers align.

Works on HTML that `sanitise.clean` has passed; adds only markup of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from bs4 import BeautifulSoup, Tag

from nbkit.report.page import BREAK

SHOWN_ROWS = 10
# A number as tables show it: sign, digits with separators, perhaps a unit after it.
_NUMBER = re.compile(
    r"[-−+<>≈~]?\s?\$?(?:\d{1,3}(?:[,\u202f]\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?"
    r"\s?(?:%|×|[a-zµ]{1,3}|[kMG]B)?",
    re.IGNORECASE,
)
_LONG_WORD = re.compile(r"\S{19,}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?:\+00:00|Z| UTC)?)?")
_ABSENT = {"", "–", "-", "nan", "NaN", "None", "NaT", "<NA>", "n/a"}


class Dresser:
    """Dresses the pieces of one report; numbers its folds, so that equal input gives equal HTML."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def dress(self, html: str) -> str:
        """`html` with its tables and images in boxes of their own."""
        if "<table" not in html and "<img" not in html:
            return html
        soup = BeautifulSoup(html, "html.parser")
        for table in soup.find_all("table"):
            if not table.find_parent("table"):
                self._table(soup, table)
        for image in soup.find_all("img"):
            image.attrs.setdefault("alt", "")
        return str(soup)

    def _table(self, soup: BeautifulSoup, table: Tag) -> None:
        if table.decomposed:  # was the folded rest of a table before it
            return
        _let_break(soup, table)
        for cell in table.find_all(["td", "th"]):
            if _MOMENT.fullmatch(cell.get_text(strip=True)):
                cell["class"] = "when"
        for name in ("border", "style"):
            table.attrs.pop(name, None)
        rows = _join_folded(table)
        if not table.find(class_="num"):
            _align_numbers(table, rows)
        box = soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "region"})
        caption = table.find("caption")
        box["aria-label"] = caption.get_text(" ", strip=True) if caption else "Table"
        table.wrap(box)
        if len(rows) <= SHOWN_ROWS:
            return
        for row in rows[SHOWN_ROWS:]:
            row["class"] = "folded"
        name = f"more-{next(self._numbers)}"
        fold = soup.new_tag("div", attrs={"class": "fold"})
        box.wrap(fold)
        switch = soup.new_tag("input", attrs={"type": "checkbox", "id": name, "class": "switch"})
        label = soup.new_tag("label", attrs={"for": name, "class": "more"})
        hidden = len(rows) - SHOWN_ROWS
        for words, kind in ((f"and {hidden:,} more", "when-off"), ("show fewer", "when-on")):
            part = soup.new_tag("span", attrs={"class": kind})
            part.string = words
            label.append(part)
        fold.insert(0, switch)
        fold.append(label)


def _let_break(soup: BeautifulSoup, table: Tag) -> None:
    """Let long names wrap where a reader would break them, not in the middle of a word."""
    for text in list(table.find_all(string=_LONG_WORD)):
        pieces: list[Tag | str] = []
        for part in BREAK.split(str(text)):
            pieces += [part, soup.new_tag("wbr")]
        text.replace_with(*pieces[:-1])


def _join_folded(table: Tag) -> list[Tag]:
    """The body rows; those of a `details.nb-more` just behind the table are moved into it, so that
    their columns stand under the same headers."""
    body = table.find("tbody") or table
    rows = [row for row in body.find_all("tr") if row.find("td")]
    rest = table.find_next_sibling()
    if isinstance(rest, Tag) and rest.name == "details" and "nb-more" in (rest.get("class") or ()):
        folded = rest.find("tbody")
        if isinstance(folded, Tag):
            for row in folded.find_all("tr"):
                body.append(row.extract())
                rows.append(row)
            rest.decompose()
    return rows


def _align_numbers(table: Tag, rows: list[Tag]) -> None:
    """Mark the columns that hold only numbers. Tables with merged cells are left as they are."""
    if table.select_one("[colspan], [rowspan]"):
        return
    grid = [row.find_all(["td", "th"], recursive=False) for row in rows]
    if not grid or len({len(cells) for cells in grid}) != 1:
        return
    heads = table.find("thead")
    head_rows = heads.find_all("tr") if heads else []
    for position in range(len(grid[0])):
        texts = [cells[position].get_text(strip=True) for cells in grid]
        known = [text for text in texts if text not in _ABSENT]
        if not known or not all(_NUMBER.fullmatch(text) for text in known):
            continue
        for cells in [*grid, *(row.find_all(["td", "th"], recursive=False) for row in head_rows)]:
            if position < len(cells):
                cells[position]["class"] = "num"
