"""Messages that say the same are one template; messages that say different things never are."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.message_templates import message_templates

LABELLED = Path(__file__).parents[1] / "data" / "error_messages_dev.csv"
TEAMS = ("BOS", "NYK", "LAL", "Golden State", "San Antonio")


def templates(*messages: str) -> list[str]:
    found = message_templates(messages)
    return [found[message] for message in messages]


def test_labelled_messages_come_into_the_groups_of_their_labels() -> None:
    with LABELLED.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = message_templates(row["message"] for row in rows)
    by_label, by_template = defaultdict(set), defaultdict(set)
    for number, row in enumerate(rows):
        by_label[row["template_id"]].add(number)
        by_template[found[row["message"]]].add(number)
    assert sorted(map(sorted, by_label.values())) == sorted(map(sorted, by_template.values()))


def test_a_place_with_three_values_is_a_slot() -> None:
    found = templates(*(f"No players found for team {team}" for team in TEAMS))
    assert set(found) == {"no players found for team <*>"}


def test_two_values_may_be_two_messages() -> None:
    assert templates("Odds missing at DraftKings", "Odds missing at FanDuel") == [
        "odds missing at draftkings",
        "odds missing at fanduel",
    ]


def test_what_stands_in_a_slot_of_one_message_is_a_value_in_another() -> None:
    known = [f"No players found for team {team}" for team in TEAMS]
    assert templates(*known, "Roster of BOS is late")[-1] == "roster of <*> is late"
    assert templates("Roster of BOS is late") == ["roster of bos is late"]


def test_capitals_that_do_not_vary_are_words() -> None:
    bad = [f"502 Server Error: Bad Gateway at {team}" for team in TEAMS]
    away = [f"503 Server Error: Service Unavailable at {team}" for team in TEAMS]
    assert set(templates(*bad)) == {"502 server error: bad gateway at <*>"}
    assert set(templates(*bad, *away)) == {
        "502 server error: bad gateway at <*>",
        "503 server error: service unavailable at <*>",
    }


def test_lower_case_words_are_what_a_message_says() -> None:
    found = templates(*(f"No {what} found for team BOS" for what in ("players", "games", "odds")))
    assert len(set(found)) == 3


def test_a_sentence_begins_with_a_capital_by_right() -> None:
    found = templates("Missing roster", "Wrong roster", "Stale roster", "Empty roster")
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("12 rows of 2026-01-12", "7 rows of 2026-01-11", True),
        ("# rows of #", "7 rows of 2026-01-11", True),
        ("waited 2.05 s", "waited #.0# s", True),
        ("status 404", "status 500", False),
        ("HTTP 502 from the proxy", "HTTP 503 from the proxy", False),
        ("expected 450 rows", "expected 12 rows", True),
        ("Table nba_raw.a_b is empty", "Table nba_raw.c_d is empty", True),
        ("ALL IN CAPITALS", "ALL IN CAPITALS TOO", False),
    ],
)
def test_numbers_are_slots_and_a_status_is_not(one: str, other: str, *, same: bool) -> None:
    first, second = templates(one, other)
    assert (first == second) is same


def test_a_name_of_several_words_is_one_value() -> None:
    players = ("LeBron James", "Shai Gilgeous-Alexander", "Jaren Jackson Jr", "De'Aaron Fox")
    found = templates(*(f"Could not parse the height of {player}" for player in players))
    assert set(found) == {"could not parse the height of <*>"}


@given(st.permutations([*(f"Roster of {t} is late" for t in TEAMS), "No data", "Bad Gateway"]))
def test_the_order_of_the_messages_does_not_matter(shuffled: list[str]) -> None:
    assert message_templates(shuffled) == message_templates(sorted(shuffled))


@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_text_has_a_template(messages: list[str]) -> None:
    assert set(message_templates(messages)) == set(messages)
