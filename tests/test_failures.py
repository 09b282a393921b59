"""Categories: sets of labelled messages, the traps among them, and the law that noise keeps.

`dev` is the set that the rules were developed on. `heldout` and the four of `blind` were each
written before the rules were run on them; docs/decisions/0003-failure-taxonomy.md has the first
scores.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.failures import EXPECTED, MEANING, NEXT_STEP, FailureCategory, classify

DATA = Path(__file__).parent / "data"
SETS = ("dev", "heldout", "blind", "blind_2", "blind_3", "blind_4")
C = FailureCategory


def labelled(name: str) -> list[dict[str, str]]:
    with (DATA / f"error_messages_{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def verdict(row: dict[str, str], message: str | None = None) -> FailureCategory:
    return classify(
        row["message"] if message is None else message,
        exception_type=row["exception_type"] or None,
        processor_name=row["processor_name"] or None,
        phase=row["phase"] or None,
        status=row["status"],
    ).category


def macro_f1(pairs: list[tuple[str, str]]) -> float:
    """Mean over the categories of F1, of (found, true) pairs."""
    hits = Counter(true for found, true in pairs if found == true)
    misses = Counter(name for found, true in pairs if found != true for name in (found, true))
    scores = [2 * hits[c] / (2 * hits[c] + misses[c]) for c in {*hits, *misses}]
    return sum(scores) / len(scores)


REAL = [
    row for name in SETS for row in labelled(name) if row["failure_category"] != C.NO_DATA_AVAILABLE
]
EXPECTED_ROWS = [
    row for name in SETS for row in labelled(name) if row["failure_category"] == C.NO_DATA_AVAILABLE
]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("dev", 150),
        ("heldout", 500),
        ("blind", 230),
        ("blind_2", 200),
        ("blind_3", 160),
        ("blind_4", 110),
    ],
)
def test_labelled_messages_are_told_apart(name: str, size: int) -> None:
    rows = labelled(name)
    assert len(rows) >= size
    assert {row["failure_category"] for row in rows} == set(C) - {C.SUCCESS}
    assert macro_f1([(verdict(row).value, row["failure_category"]) for row in rows]) >= 0.98


@pytest.mark.parametrize("name", SETS)
def test_no_real_failure_is_called_expected(name: str) -> None:
    hidden = [
        row["message"]
        for row in labelled(name)
        if row["failure_category"] != C.NO_DATA_AVAILABLE and verdict(row) in EXPECTED
    ]
    assert hidden == []


def test_what_is_asked_of_a_message_alone_needs_no_exception_type() -> None:
    """Most rows have no class: without it nothing becomes expected, and most stays known."""
    bare = [(classify(row["message"], status="failed").category.value, row) for row in REAL]
    assert [row["message"] for found, row in bare if found in EXPECTED] == []
    pairs = [(found, row["failure_category"]) for found, row in bare if row["message"]]
    assert macro_f1(pairs) >= 0.95


@pytest.mark.parametrize(
    "message",
    [
        'column "no_games" does not exist',
        "No such field: no_data",
        "No module named 'no_games'",
        "No space left on device",
        "no data returned: HTTP 500",
        "NoSuchKey: The specified key does not exist.",
        "0 rows inserted: streaming buffer",
        "expected no games but got 8",
        "No games found for 2026-01-12 but 8 are scheduled",
        "No games found, although the calendar lists 8",
        "2026-01-12 is not an off-day",
        "No games found: the frobnicator was confused",
        "No games were loaded",
        "No games processed",
        "No lines found in file",
        "No games in the api data",
        "No box score available for final game 0022500512",
        "Box score not available: game 0022500512 has ended",
        "Gamebook not yet published 3 days after the game",
        "Falsely reported: no games found",
        "[SSL] no games endpoint certificate expired",
        "Failed to load the off-season calendar",
        "404 Not Found: Table nba_reference.off_days was not found in location us-west2",
        "Received 0 rows; league calendar shows 8 games on 2026-01-05",
    ],
)
def test_words_of_no_data_in_a_fault_are_not_believed(message: str) -> None:
    assert classify(message, status="failed").category is C.ERROR


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("timeout parameter must be a positive number, got 'none'", C.ERROR),
        ("No timeout configured for worker pool", C.ERROR),
        ("404 Resource not found (resource=nba-phase4-timeout-check).", C.ERROR),
        ("HTTPSConnectionPool(host='a.b', port=443): Read timed out. (read timeout=30)", C.TIMEOUT),
        ("connect timeout", C.TIMEOUT),
        ("Upstream NbacGamebookProcessor failed for 2026-01-08. Error: 503", C.DEPENDENCY_MISSING),
        ("upstream connect error or disconnect/reset before headers", C.ERROR),
        ("upstream request timeout", C.TIMEOUT),
        ("Missing optional dependency 'openpyxl'. Use pip or conda to install", C.ERROR),
        ("Dependency validation failed: 2 upstream tables are missing", C.DEPENDENCY_MISSING),
        ("Validation failed: dependency_score outside [0, 1]", C.VALIDATION_FAILED),
        ("Validation timed out after 300 seconds", C.TIMEOUT),
        ("Length mismatch: Expected axis has 12 elements, new values have 13", C.ERROR),
        ("Date mismatch: file 2026-01-11, requested 2026-01-12", C.VALIDATION_FAILED),
        ("2 validation errors for Settings\ngcs_bucket\n  Field required", C.ERROR),
        ("2 validation errors for BoxScore\nhome_score\n  Field required", C.VALIDATION_FAILED),
    ],
)
def test_the_same_word_means_another_thing_elsewhere(message: str, category: C) -> None:
    assert classify(message, status="failed").category is category


def test_names_of_processors_are_not_read() -> None:
    named = "NoGamesTodayTimeoutValidationProcessor"
    found = classify(f"{named}: division by zero", processor_name=named, status="failed")
    assert (found.category, found.rule) == (C.ERROR, "code_fault")
    assert classify(f"{named}: No games found for 2026-01-24", processor_name=named).is_expected


def test_a_verdict_says_which_rule_and_why() -> None:
    found = classify("No games found, although the calendar lists 8", status="failed")
    assert found.rule == "contradiction"
    assert "although" in found.reason
    assert set(MEANING) == set(NEXT_STEP) == set(C)


def test_success_needs_no_message_and_is_no_failure() -> None:
    found = classify("503 Service Unavailable", status="success")
    assert (found.category, found.rule) == (C.SUCCESS, "status")


def test_a_skip_is_expected_unless_its_reason_or_message_names_a_fault() -> None:
    assert classify(None, status="skipped").category is C.NO_DATA_AVAILABLE
    assert classify(None, status="skipped", skip_reason="smart_skip").is_expected
    assert classify(None, status="failed", skip_reason="no_data").is_expected
    assert classify(None, status="skipped", skip_reason="dependency_missing").category is (
        C.DEPENDENCY_MISSING
    )
    assert classify("503 Service Unavailable", status="skipped").category is C.ERROR
    assert classify("503 Service Unavailable", skip_reason="no_data").category is C.ERROR
    assert classify(None, status="failed", skip_reason="gremlins").category is C.ERROR


@pytest.mark.parametrize("status", ["failed", "partial", "running", "FAILED", "gremlins", None])
@pytest.mark.parametrize("errors", [None, "", "null", "[]", "{}", '[""]', float("nan")])
def test_a_failure_without_a_message_is_an_error(status: str | None, errors: object) -> None:
    found = classify(errors, status=status)
    assert (found.category, found.rule) == (C.ERROR, "no_message")


noise = st.sampled_from(
    [
        "",
        "2026-01-12T03:04:05Z ",
        "[2026-01-12 03:04:05] ERROR - ",
        "ERROR: ",
        "Processing failed: ",
        "/app/data_processors/raw/processor_base.py:211: ",
        "run 4f0c2d: ",
        "NbacGamebookProcessor: ",
        "no_games_2026-01-12.json: ",
        "(run_id=8c1e9a40-0000-4a6e-9d5b-5a40a4d1b0aa) ",
    ]
)
cases = st.sampled_from([str, str.upper, str.lower, str.title, str.swapcase])


@given(st.sampled_from(REAL), noise, noise, cases)
def test_noise_around_a_real_failure_and_its_case_never_make_it_expected(
    row: dict[str, str], before: str, after: str, case: object
) -> None:
    text = f"{before}{row['message']} {after}"
    assert verdict(row, case(text)) is not C.NO_DATA_AVAILABLE  # type: ignore[operator]


@given(
    st.sampled_from(EXPECTED_ROWS), st.sampled_from(["2026-01-12T03:04:05Z ", "ERROR: ", ""]), cases
)
def test_usual_prefixes_and_case_do_not_make_an_expected_failure_real(
    row: dict[str, str], before: str, case: object
) -> None:
    text = case(before + row["message"])  # type: ignore[operator]
    assert verdict(row, text) is C.NO_DATA_AVAILABLE


def unescaped(text: str) -> str:
    """What is left of a JSON string that was cut, as its writer meant it."""
    return text.rstrip("\\").replace("\\n", "\n").replace('\\"', '"')


@pytest.mark.parametrize(
    "link",
    [
        "During handling of the above exception",
        "The above exception was the direct cause of the following exception:",
    ],
)
def test_a_trace_that_leads_to_another_exception_is_not_expected(link: str) -> None:
    trace = (
        'Traceback (most recent call last):\n  File "/app/odds.py", line 88, in run\n'
        '    raise NoGamesScheduled("no games found")\nNoGamesScheduled: no games found\n\n'
    )
    assert classify(trace, status="failed").is_expected
    for told in (trace + link, json.dumps([{"message": trace + link}])[:-3]):
        assert classify(told, status="failed").category is C.ERROR


@given(st.sampled_from(REAL), st.data())
def test_a_real_failure_in_json_cut_off_anywhere_is_not_expected(
    row: dict[str, str], data: st.DataObject
) -> None:
    whole = json.dumps([{"error_type": row["exception_type"], "message": row["message"]}])
    start = whole.index('"message"')
    kept = data.draw(st.integers(start, len(whole)))
    left = unescaped(whole[start + len('"message": "') : kept])
    found = verdict(row, whole[:kept])
    # What is left may be a whole sentence that says there was nothing; then nobody can know.
    assert found is not C.NO_DATA_AVAILABLE or classify(left, status="failed").is_expected


FAULTS = [
    *(
        "KeyError: 'games'",
        "HTTP 500",
        "connection reset by peer",
        "invalid API key",
        "table not found",
    ),
    *(
        "the query failed",
        "bad gateway",
        "captcha page",
        "disk full",
        "rollback",
        "segfault",
        "EOF",
    ),
    *(
        "response truncated",
        "214 players affected",
        "data loss suspected",
        "nil pointer",
        "blocked",
    ),
    *("the feed was cut off", "3 shards offline", "retry limit hit", "however the schedule has 8"),
]


@given(
    st.sampled_from(EXPECTED_ROWS),
    st.sampled_from([": ", ", ", "; ", " (", " because ", " - ", "\n", ". "]),
    st.sampled_from(FAULTS),
)
def test_an_expected_message_that_goes_on_with_a_fault_is_not_believed(
    row: dict[str, str], joint: str, fault: str
) -> None:
    assert verdict(row, f"{row['message']}{joint}{fault}") is not C.NO_DATA_AVAILABLE


@given(st.sampled_from(EXPECTED_ROWS), st.from_regex(r"[a-z]{5,12}", fullmatch=True))
def test_an_expected_message_with_a_word_nobody_knows_is_at_most_expected_by_its_skip(
    row: dict[str, str], word: str
) -> None:
    from nbkit.failures.vocabulary import unfamiliar

    found = classify(f"{row['message']} {word}", status="failed")
    assert not found.is_expected or unfamiliar(word) is None


@given(st.text() | st.binary().map(repr))
def test_any_garbage_has_a_verdict(text: str) -> None:
    assert classify(text, exception_type=text, processor_name=text, skip_reason=text).category in C


@pytest.mark.parametrize(
    "unit", ["(", "[", "'", '"', "a_", "no games ", "/a", "<", "not ", "404 ", "\\"]
)
def test_a_message_of_a_megabyte_has_a_verdict_at_once(unit: str) -> None:
    assert classify(unit * (1_000_000 // len(unit)), status="failed").category in C
