"""Numbers in words, at their edges."""

from datetime import timedelta

import pytest

from nbkit.findings.wording import count_of, percent, seconds, short, some, span


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
