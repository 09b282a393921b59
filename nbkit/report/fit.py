"""Keep a report within its size: pictures get smaller first, then the largest outputs go."""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nbkit.report.judgement import NOT_JUDGED
from nbkit.report.page import Page
from nbkit.report.render import render

LIMIT_BYTES = 1_000_000
_LEFT_OUT = {
    "output_type": "stream",
    "name": "stdout",
    "text": "Left out here, because the report would be larger than 1 MB. "
    "It is in notebook.ipynb, beside this file.",
}


def render_within(notebook: Mapping[str, Any], page: Page, *, limit: int = LIMIT_BYTES) -> str:
    """As `render`, but never more than `limit` bytes.

    Too large a report first gets its PNGs reduced to 256 colours (a chart looks the same at a
    third of the size), then a sentence in place of its largest outputs, one after the other.
    """
    html = render(notebook, page)
    if _size(html) <= limit:
        return html
    smaller = copy.deepcopy(dict(notebook))
    outputs = [output for cell in smaller["cells"] for output in cell.get("outputs", [])]
    for output in outputs:
        _reduce_colours(output.get("data", {}))
    html = render(smaller, page)
    largest = sorted(outputs, key=lambda output: len(str(output)), reverse=True)
    for output in largest:
        if _size(html) <= limit:
            break
        output.clear()
        output.update(_LEFT_OUT)
        html = render(smaller, page)
    return html


def get_ready() -> None:
    """Do what only the first report of a process has to wait for (templates, lexers, parsers): a
    small one is rendered for nobody."""
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A\n*b* `c`"},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "source": "a = 1",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": "<table><tr><td>a</td></tr></table>"},
                }
            ],
        },
    ]
    page = Page(
        notebook="",
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        emitted=NOT_JUDGED,
        failure=None,
        total_cells=len(cells),
        parameters={},
        warehouse="",
        commit=None,
        version="",
    )
    render({"cells": cells}, page)


def _size(html: str) -> int:
    return len(html.encode())


def _reduce_colours(data: dict[str, Any]) -> None:
    from PIL import Image, UnidentifiedImageError

    encoded = data.get("image/png")
    if not encoded:
        return
    original = base64.b64decode(encoded)
    try:
        picture = Image.open(io.BytesIO(original)).convert("RGB").quantize(256)
    except (UnidentifiedImageError, OSError):
        return  # not a picture after all: it is shown as broken, as it is in the notebook
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    if buffer.tell() < len(original):
        data["image/png"] = base64.b64encode(buffer.getvalue()).decode()
