"""Tables are for reading, and what comes from the warehouse stays text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from nbkit.tables import Column, Note, Table


def numbers(count: int) -> Table:
    return Table.of(
        [Column("Processor"), Column("Runs", "count")],
        [(f"P{i}", 1000 * i) for i in range(count)],
        empty="No runs.",
    )


def test_a_name_that_looks_like_markup_is_shown_as_it_is() -> None:
    table = Table.of([Column("<b>"), Column("x", "code")], [("<script>a", "<i>&")], empty="")
    html = table._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;a" in html
    assert "<code>&lt;i&gt;&amp;</code>" in html
    assert "<img" not in Note("<img src=x>")._repr_html_()


def test_ten_rows_are_shown_and_the_others_folded() -> None:
    html = numbers(22)._repr_html_()
    shown, folded = html.split("<details")
    assert shown.count("<tr>") == 11
    assert "and 12 more" in folded
    assert folded.count("<tr>") == 13
    assert "<details" not in numbers(10)._repr_html_()


def test_numbers_are_right_aligned_and_grouped() -> None:
    html = numbers(2)._repr_html_()
    assert '<th class="num">Runs</th>' in html
    assert '<td class="num">1,000</td>' in html
    assert "<td>P1</td>" in html


def test_an_empty_table_is_a_sentence() -> None:
    assert numbers(0)._repr_html_() == '<p class="nb-empty">No runs.</p>'
    assert repr(numbers(0)) == "No runs."


def test_each_kind_of_cell_reads_well_and_a_missing_one_is_a_dash() -> None:
    kinds = ["percent", "seconds", "span", "moment", "date", "factor", "count", "text"]
    row = [
        0.27272,
        446153.0,
        timedelta(hours=123, minutes=56),
        datetime(2026, 1, 13, 12, tzinfo=UTC),
        date(2026, 1, 13),
        2.345,
        269971,
        None,
    ]
    table = Table.of([Column(k, k) for k in kinds], [row], empty="")  # type: ignore[arg-type]
    assert [[text.replace("\u00a0", " ") for text in row] for row in table.texts()] == [
        ["27.3 %", "5 d 3 h", "5 d 3 h", "Tue 13 Jan 12:00", "2026-01-13", "2.3×", "269,971", "–"]
    ]


def test_in_a_terminal_the_columns_line_up() -> None:
    assert repr(numbers(3)) == (
        "Processor   Runs\nP0             0\nP1         1,000\nP2         2,000"
    )


def test_backticks_are_code_in_what_nbkit_says_and_text_in_what_the_warehouse_says() -> None:
    note = Note("Run `nbkit <x>` again.")
    assert "Run <code>nbkit &lt;x&gt;</code> again." in note._repr_html_()
    assert "it`s" in Note("it`s")._repr_html_()
    empty = Table.of([Column("A")], [], empty="`nbkit run` makes one.")
    assert "<code>nbkit run</code> makes one." in empty._repr_html_()
    table = Table.of([Column("Name"), Column("Next", "step")], [("a `b`", "ask `c`")], empty="")
    assert "<td>a `b`</td><td>ask <code>c</code></td>" in table._repr_html_()
    assert "a `b`  ask `c`" in repr(table)
