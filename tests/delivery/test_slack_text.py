"""Nothing from the data comes alive in Slack: laws, not examples."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbkit.delivery.slack_text import clean, escape, link, plain, prose, web_address

SPECIAL = (
    *("<", ">", "&", "&amp;", "<!channel>", "<@U123>", "<#C1|x>", "@here", "@channel"),
    *("@Everyone", "@dana", "*", "_", "~", "`", "```", ":tada:", "|", "\n", "\r\n> "),
    *("<http://evil.example|click>", "\u202e", "\u200b", "\ud800", "phase_3_raw", " "),
)
# Characters that mean something to Slack, often, among all others.
NASTY = st.lists(
    st.one_of(
        st.sampled_from(SPECIAL),
        st.text(max_size=8),
    ),
    max_size=40,
).map("".join)


@given(NASTY, st.integers(1, 400))
@example("&" * 500, 10)
@example("<!channel> @here", 3_000)
@example("@` :`:", 40)
def test_escaped_text_holds_no_markup_mention_or_half_entity(text, limit):
    shown = escape(text, limit)

    assert len(shown) <= limit
    assert not set(shown) & set("<>*~`\n\r")
    assert re.sub("&(amp|lt|gt);", "", shown).count("&") == 0
    assert not re.search(r"(?<!\w)@\w|@(here|channel|everyone)\b", shown, re.IGNORECASE)
    assert not re.search(r"(?<!\w)_|_(?!\w)", shown)
    assert not re.search(r":[\w+'-]*[a-zA-Z][\w+'-]*:", shown)
    shown.encode("utf-8")


@given(NASTY, st.integers(1, 400))
def test_plain_text_holds_no_mention(text, limit):
    shown = plain(text, limit)

    assert len(shown) <= limit
    assert not re.search(r"@(here|channel|everyone)\b", shown, re.IGNORECASE)
    shown.encode("utf-8")


@given(NASTY, NASTY)
def test_a_link_leads_only_where_its_address_says(url, label):
    shown = link(f"https://reports.example/{url}", label, 3_000)

    found = re.fullmatch(r"<(https://reports\.example/[^<>|\s]*)\|([^<>]*)>", shown)
    assert found or shown == escape(label, 3_000)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "reports/x", "", None, "https://[", "//x"]
)
def test_only_pages_become_links(url):
    assert web_address(url) is None
    assert link(url or "", "Open", 100) == "Open"


def test_names_stay_copyable():
    name = "phase_3_analytics of nba-props@platform.example at 00:10:45"
    assert escape(name, 200) == name


def test_a_query_in_an_address_survives():
    shown = link("https://reports.example/?a=1&b=ä|", "Open", 100)
    assert shown == "<https://reports.example/?a=1&amp;b=%C3%A4%7C|Open>"


def test_what_would_turn_or_hide_text_is_dropped():
    assert clean("a\u202eb\u200bc\x00d\x1b[31m\n  e") == "abcd[31m e"


def test_what_is_cut_says_so():
    assert escape("a" * 50, 10) == "a" * 9 + "…"


def test_a_command_between_backticks_stays_a_command_to_copy():
    assert prose("Look: `nbkit registry show X`, then <wait>", 200) == (
        "Look: `nbkit registry show X`, then &lt;wait&gt;"
    )
    assert "`" not in prose("one ` alone", 200)
    assert "<!channel>" not in prose("`<!channel>`", 200)
