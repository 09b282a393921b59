from __future__ import annotations

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from nbkit.report.dress import Dresser
from nbkit.report.sanitise import clean
from nbkit.tables import Column, Table


def dressed(html: str) -> BeautifulSoup:
    return BeautifulSoup(Dresser().dress(clean(html)), "html.parser")


def test_columns_of_numbers_are_aligned_and_columns_of_text_are_not() -> None:
    frame = pd.DataFrame(
        {"processor": ["a", "b"], "runs": ["1,204", "–"], "rate": ["27.3 %", "< 0.1 %"]}
    )
    page = dressed(frame.to_html())
    classes = [cell.get("class") for cell in page.select("tbody tr:first-child td")]
    assert classes == [None, ["num"], ["num"]]
    assert [cell.get("class") for cell in page.select("thead th")][1:] == [None, ["num"], ["num"]]


@pytest.mark.parametrize("text", ["2026-01-13", "12:00", "1.2.3.a", "v2", "12 runs left"])
def test_dates_times_and_versions_are_no_numbers(text: str) -> None:
    page = dressed(f"<table><tbody><tr><td>{text}</td></tr></tbody></table>")
    assert page.td.get("class") in (None, ["when"])


@pytest.mark.parametrize(
    "text", ["2026-01-13", "2026-01-13 12:00 UTC", "2026-01-01 00:00:00+00:00"]
)
def test_a_moment_stays_on_one_line(text: str) -> None:
    assert dressed(f"<table><tr><td>{text}</td></tr></table>").td["class"] == ["when"]


def test_a_table_of_ten_rows_is_shown_whole_and_one_of_eleven_folds_the_last() -> None:
    for rows, folded in ((10, 0), (11, 1)):
        page = dressed(pd.DataFrame({"n": range(rows)}).to_html())
        assert len(page.select("tr.folded")) == folded
        assert len(page.select("input[type=checkbox]")) == (folded > 0)
    assert page.label.get_text() == "and 1 moreshow fewer"


def test_a_table_of_ours_becomes_one_table_under_one_header() -> None:
    table = Table.of([Column("Runs", "count")], [[n] for n in range(25)], empty="-")
    page = dressed(table._repr_html_())
    assert len(page.select("table")) == 1
    assert len(page.select("tbody tr")) == 25
    assert len(page.select("tr.folded")) == 15
    assert not page.select("details")


def test_every_table_scrolls_in_a_box_that_the_keyboard_reaches() -> None:
    page = dressed("<table><caption>Runs a day</caption><tr><td>1</td></tr></table>")
    box = page.select_one("div.scroll")
    assert box is not None
    assert (box["tabindex"], box["aria-label"]) == ("0", "Runs a day")


def test_long_names_may_break_where_a_reader_would_break_them() -> None:
    html = "<table><tr><td>NbaPlayerPropsPredictionProcessor</td><td>short</td></tr></table>"
    assert "Nba<wbr/>Player<wbr/>Props<wbr/>Prediction<wbr/>Processor" in Dresser().dress(html)
    page = dressed("<table><tr><td>&lt;script&gt;alertAlertAlert&lt;/script&gt;</td></tr></table>")
    assert page.td.get_text() == "<script>alertAlertAlert</script>"
    assert not page.select("script")
