"""Numbers in words, at their edges."""

from datetime import timedelta

import pytest

from nbkit.findings.wording import count_of, part_of, percent, seconds, short, some, span, verb


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    for text in (percent(0.5), span(timedelta(hours=5)), seconds(5)):
        assert " " not in text
        assert "\u00a0" in text


@pytest.mark.parametrize(
    ("fraction", "words"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.0001, "< 0.1 %"),
        (0.27272, "27.3 %"),
        (0.976, "97.6 %"),
        (0.9999, "99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(fraction: float | None, words: str) -> None:
    assert plain(percent(fraction)) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=4), "4 s"),
        (timedelta(minutes=17, seconds=40), "17 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(hours=48), "2 d"),
        (timedelta(hours=123, minutes=56), "5 d 3 h"),
    ],
)
def test_a_span_has_two_units_at_most(length: timedelta, words: str) -> None:
    assert plain(span(length)) == words


def test_seconds_turn_into_minutes_when_they_grow() -> None:
    assert [plain(seconds(x)) for x in (None, 4.21, 77.8, 608, 446153)] == [
        "–",
        "4.2 s",
        "78 s",
        "10 min",
        "5 d 3 h",
    ]


def test_one_run_is_singular() -> None:
    assert count_of(1, "run") == "1 run"
    assert count_of(2346, "run") == "2,346 runs"


def test_long_lists_and_long_lines_are_cut_with_a_count_or_a_mark() -> None:
    assert some(["A"]) == "A"
    assert some(["A", "B"]) == "A and B"
    assert some(["A", "B", "C", "D"]) == "A, B and 2 more"
    assert short("a\n  b") == "a b"
    assert short("x" * 200, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 runs have"), (1, "1 run has"), (2, "2 runs have"), (2_346, "2,346 runs have")],
)
def test_a_verb_agrees_with_the_number(number: int, words: str) -> None:
    assert f"{count_of(number, 'run')} {verb(number, 'have')}" == words


@pytest.mark.parametrize(
    ("plural", "singular"), [("are", "is"), ("were", "was"), ("need", "needs"), ("do", "does")]
)
def test_verbs_have_a_singular(plural: str, singular: str) -> None:
    assert (verb(1, plural), verb(2, plural)) == (singular, plural)


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "0 of 0 queries"),
        (0, 1, "0 of 1 query"),
        (1, 1, "the only query"),
        (1, 2, "1 of 2 queries"),
        (2, 2, "all 2 queries"),
    ],
)
def test_a_part_is_told_with_its_whole(part: int, whole: int, words: str) -> None:
    assert part_of(part, whole, "query") == words


def test_names_are_listed_with_one_and() -> None:
    assert [some(list("ABCD")[:n], 3) for n in range(5)] == [
        "",
        "A",
        "A and B",
        "A, B and C",
        "A, B, C and 1 more",
    ]
