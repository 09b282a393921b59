"""Whatever a message holds, its blocks are within Slack's limits and say what they leave out."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from slack_server import check_blocks

from nbkit.delivery.message import Fact, Item, Mark, Message, Section
from nbkit.delivery.slack_blocks import blocks, last_resort, text_only
from nbkit.findings import Verdict

WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["x" * 5_000, "&" * 4_000, "<!channel> " * 90, "word " * 300, ""]),
)
ITEMS = st.builds(
    Item,
    mark=st.sampled_from(Mark),
    title=WORDS,
    details=st.lists(WORDS, max_size=8).map(tuple),
    next_step=WORDS,
    runbook=WORDS,
)
SECTIONS = st.builds(
    Section,
    heading=WORDS,
    items=st.one_of(
        st.lists(ITEMS, max_size=5).map(tuple),
        st.builds(lambda item, n: (item,) * n, ITEMS, st.integers(6, 200)),
    ),
)
MESSAGES = st.builds(
    Message,
    run_id=st.just("abc"),
    content=st.just("def"),
    verdict=st.sampled_from(Verdict),
    title=WORDS,
    headline=WORDS,
    text=WORDS,
    sections=st.lists(SECTIONS, max_size=12).map(tuple),
    notices=st.lists(WORDS, max_size=3).map(tuple),
    facts=st.lists(st.builds(Fact, label=WORDS, value=WORDS), max_size=14).map(tuple),
    footer=st.lists(WORDS, max_size=14).map(tuple),
    report_url=st.one_of(st.none(), WORDS.map(lambda path: f"https://r.example/{path}")),
    location=WORDS,
    figure_alt=st.one_of(st.none(), WORDS),
)


def a_message(items: int, *, details: tuple[str, ...] = ("warning",), title: str = "") -> Message:
    listed = [
        Item(mark=Mark.WARNING, title=title or f"no {i}", details=details) for i in range(items)
    ]
    return Message(
        run_id="abc",
        content="def",
        verdict=Verdict.YELLOW,
        title="Daily health: YELLOW",
        headline="So it is.",
        text="Daily health is YELLOW",
        sections=(Section(heading=f"New ({items})", items=tuple(listed)),) if items else (),
        notices=(),
        facts=(),
        footer=("As of then",),
        report_url="https://reports.example/x",
        location="",
        figure_alt="Bars",
    )


@settings(max_examples=150, deadline=None)
@given(MESSAGES, st.sampled_from([None, "F0123"]))
def test_blocks_are_within_all_limits(message, image):
    built = blocks(message, image=image)

    check_blocks(built)  # the rules of the server, written apart from those of the client
    assert len(json.dumps(built, ensure_ascii=False)) <= 13_000
    assert "<!channel>" not in json.dumps(built)


@settings(deadline=None)
@given(MESSAGES)
def test_one_text_is_within_its_limit_and_keeps_the_verdict(message):
    assert 0 < len(last_resort(message)) <= 3_000
    assert len(text_only(message)) <= 3_000
    assert "<!channel>" not in last_resort(message)


@settings(deadline=None)
@given(st.integers(1, 400), st.sampled_from([30, 300, 2_000]))
def test_what_is_shown_and_what_is_folded_is_all_there_is(items, length):
    shown = json.dumps(blocks(a_message(items, title="t" * length)), ensure_ascii=False)

    folded = re.search(r"_and (\d+) more_", shown)
    assert shown.count("🟡 *t") + (int(folded[1]) if folded else 0) == items


def test_a_long_list_is_folded():
    shown = json.dumps(blocks(a_message(18)))
    assert "_and 12 more_" in shown
    assert "no 5" in shown
    assert "no 6" not in shown


def test_a_short_list_is_not_folded():
    assert "more_" not in json.dumps(blocks(a_message(6)))


def test_verdict_first_link_and_time_last():
    built = blocks(a_message(1), image="F1")
    assert [block["type"] for block in built] == [
        *("header", "section", "image", "divider", "section", "section", "context")
    ]
    assert built[0]["text"] == {
        "type": "plain_text",
        "text": "🟡 Daily health: YELLOW",
        "emoji": False,
    }
    assert built[2]["slack_file"] == {"id": "F1"}
    assert built[2]["alt_text"] == "Bars"


def test_without_a_link_the_place_of_the_report_is_told():
    from dataclasses import replace

    message = replace(a_message(0), report_url=None, location="reports/x/index.html")
    assert "Report: reports/x/index.html" in json.dumps(blocks(message))
