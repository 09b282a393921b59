"""Days marked by people leave what is learned from, and a file with mistakes is refused at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from nbkit.errors import RegistryError
from nbkit.registry import load_marked_spans, load_registry
from nbkit.registry.marked_spans import MarkedSpans

ROWS = pd.DataFrame(
    {
        "processor_name": ["A", "A", "A", "B", "B"],
        "date": pd.to_datetime(
            ["2026-01-01", "2026-01-05", "2026-01-09", "2026-01-05", "2026-01-09"]
        ),
    }
)


def spans(tmp_path: Path, text: str, known: tuple[str, ...] | None = None) -> MarkedSpans:
    path = tmp_path / "marked_spans.yaml"
    path.write_text(f'version: "1.0"\nspans:{text}', encoding="utf-8")
    return load_marked_spans(path, known=known)


def kept(marked: MarkedSpans) -> list[tuple[str, int]]:
    left = marked.without(ROWS, day="date")
    return [(name, day.day) for name, day in zip(left["processor_name"], left["date"], strict=True)]


def test_an_incident_of_one_processor_leaves_the_days_of_the_others(tmp_path: Path) -> None:
    text = (
        "\n  - first: 2026-01-04\n    last: 2026-01-06\n    processors: [A]\n    why: it was down"
    )
    assert kept(spans(tmp_path, text)) == [("A", 1), ("A", 9), ("B", 5), ("B", 9)]


def test_without_processors_all_lose_the_days(tmp_path: Path) -> None:
    marked = spans(tmp_path, "\n  - first: 2026-01-05\n    last: 2026-01-05\n    why: maintenance")
    assert kept(marked) == [("A", 1), ("A", 9), ("B", 9)]
    assert marked.days_of_all(date(2026, 1, 1), date(2026, 1, 9)) == {date(2026, 1, 5)}


def test_without_a_first_day_all_before_is_not_even_read(tmp_path: Path) -> None:
    marked = spans(tmp_path, "\n  - last: 2026-01-05\n    why: the platform was rebuilt")
    assert kept(marked) == [("A", 9), ("B", 9)]
    assert marked.first_unmarked(date(2025, 12, 1), date(2026, 1, 12)) == date(2026, 1, 6)
    assert marked.first_unmarked(date(2026, 1, 8), date(2026, 1, 12)) == date(2026, 1, 8)


def test_without_a_last_day_it_goes_on(tmp_path: Path) -> None:
    text = "\n  - first: 2026-01-05\n    processors: [A]\n    why: it runs on half its sources"
    marked = spans(tmp_path, text)
    assert kept(marked) == [("A", 1), ("B", 5), ("B", 9)]
    assert marked.touching(date(2026, 2, 1), date(2026, 2, 9)) == marked.spans
    assert marked.touching(date(2025, 2, 1), date(2025, 2, 9)) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n  - why: nothing", "would mark all there is"),
        ("\n  - first: 2026-01-07\n    last: 2026-01-05\n    why: x", "swap them"),
        ("\n  - first: 7 January\n    why: x", "'7 January' is not a date"),
        ("\n  - first: 2026-01-07", "why: is missing"),
        ("\n  - first: 2026-01-07\n    why: x\n    who: me", "unknown key"),
        ("\n  - first: 2026-01-07\n    processors: [C]\n    why: x", "nobody registered C"),
        (" {}", "write a list of spans"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RegistryError, match=says) as caught:
        spans(tmp_path, text, known=("A", "B"))
    assert "marked_spans.yaml:" in str(caught.value)


def test_a_project_without_the_file_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("notebooks", "registry"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
    assert load_marked_spans() == MarkedSpans()


def test_the_projects_own_file_is_right() -> None:
    known = [processor.name for processor in load_registry().processors]
    assert load_marked_spans(known=known).spans
