"""Messages are found in every shape of the `errors` column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.failures import FailureCategory, Message, classify, error_text, messages_of

C = FailureCategory
TEXT = "No games found for 2026-01-24"
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/app/main.py", line 3, in run\n    raise ValueError("KeyError 503")\n'
    f"ValueError: {TEXT}"
)


@pytest.mark.parametrize(
    "errors",
    [
        TEXT,
        json.dumps([TEXT]),
        [TEXT],
        json.dumps([{"message": TEXT}]),
        [{"error": TEXT}],
        json.dumps([{"error_type": "ValueError", "error_message": TEXT}]),
        json.dumps([{"exception": "ValueError", "msg": TEXT}]),
        json.dumps([{"exception": f"ValueError('{TEXT}')"}]),
        json.dumps([{"error": "ValueError", "message": TEXT}]),
        json.dumps({"error": {"type": "ValueError", "message": TEXT}}),
        json.dumps({"errors": [TEXT]}),
        json.dumps(json.dumps([TEXT])),
        json.dumps([None, "", TEXT]),
        json.dumps([{"message": TEXT, "code": 0}]),
        f"[{{'message': '{TEXT}', 'details': None}}]",
        f'[{{"message": "{TEXT}", "stack": "Fi',
        json.dumps([TEXT])[:-2],
        json.dumps([{"error_type": "ValueError", "message": TEXT}])[:-3],
        f"ValueError: {TEXT}",
        f"ValueError('{TEXT}')",
        TRACE,
        json.dumps([TRACE]),
        json.dumps([{"error_type": "ValueError", "error": TEXT, "traceback": TRACE}]),
        json.dumps([{"traceback": TRACE}]),
    ],
)
def test_the_same_message_is_read_in_every_shape(errors: object) -> None:
    text, kind = error_text(errors)
    assert TEXT in text
    assert kind in (None, "ValueError")
    assert classify(errors, status="failed").category is C.NO_DATA_AVAILABLE


@pytest.mark.parametrize("errors", [None, "", "null", "[]", "{}", "[null]", '[""]', float("nan")])
def test_no_message_is_no_text(errors: object) -> None:
    assert messages_of(errors) == ()
    assert error_text(errors) == ("", None)


DIRECT = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def trace(raised: str, line: str = "work()") -> str:
    frame = f'  File "/app/m.py", line 9, in f\n    {line}'
    return f"Traceback (most recent call last):\n{frame}\n{raised}\n"


def test_of_a_chain_the_exception_raised_last_is_the_message() -> None:
    chain = (
        trace("requests.exceptions.HTTPError: 503 Server Error")
        + DIRECT
        + trace("shared.errors.DependencyError: Upstream BdlBoxscoresProcessor failed")
    )
    assert error_text(chain) == (
        "Upstream BdlBoxscoresProcessor failed",
        "shared.errors.DependencyError",
    )
    assert messages_of(chain)[1].exception_type == "requests.exceptions.HTTPError"
    assert classify(chain, status="failed").category is C.DEPENDENCY_MISSING


@pytest.mark.parametrize("link", [DIRECT, DURING])
def test_a_fault_anywhere_in_a_chain_is_not_hidden_by_an_expected_one(link: str) -> None:
    expected, fault = trace(f"ValueError: {TEXT}"), trace("KeyError: 'games'")
    for chain in (expected + link + fault, fault + link + expected):
        found = classify(chain, status="failed")
        assert (found.category, found.rule) == (C.ERROR, "code_fault")


def test_source_lines_in_a_trace_are_not_read() -> None:
    text = trace(
        "ValueError: invalid literal for int(): 'x'", line='raise NoGames("no games found")'
    )
    assert classify(text, status="failed").category is C.ERROR
    quiet = trace(f"ValueError: {TEXT}", line='raise KeyError("timeout")')
    assert classify(quiet, status="failed").category is C.NO_DATA_AVAILABLE


@pytest.mark.parametrize("kept", range(40, len(TRACE) - len(TEXT), 7))
def test_a_trace_cut_off_before_its_exception_is_an_error(kept: int) -> None:
    source = TRACE.replace('"KeyError 503"', f'"{TEXT}"')
    assert classify(source[:kept], status="failed").category is C.ERROR
    assert classify(json.dumps([source])[:kept], status="failed").category is C.ERROR


def test_a_trace_without_its_beginning_is_still_read() -> None:
    tail = "  File \"/app/m.py\", line 9, in f\n    no_games()\nKeyError: 'no games found'"
    assert error_text(tail) == ("'no games found'", "KeyError")


def test_a_message_of_several_lines_stays_whole() -> None:
    text, kind = error_text(
        trace("pydantic.ValidationError: 1 validation error for Prop\nline\n  bad")
    )
    assert text.splitlines() == ["1 validation error for Prop", "line", "  bad"]
    assert kind == "pydantic.ValidationError"


def test_a_status_code_beside_the_message_is_part_of_it() -> None:
    errors = json.dumps([{"message": "No data available for 2026-01-12", "status_code": 502}])
    assert classify(errors, status="failed").category is C.ERROR


def test_one_real_message_among_expected_ones_decides() -> None:
    errors = json.dumps([TEXT, "403 Quota exceeded for table", TEXT])
    assert classify(errors, status="failed").category is C.ERROR
    details = json.dumps({"message": TEXT, "details": "KeyError: 'games'"})
    assert classify(details, status="failed").category is C.ERROR


SWEPT = {"cleanup": "stale_running_cleanup", "hours_running": 4.6, "original_errors": None}


@pytest.mark.parametrize("errors", [SWEPT, [SWEPT], json.dumps(SWEPT), json.dumps([SWEPT])[:-9]])
def test_a_swept_row_is_a_timeout(errors: object) -> None:
    found = classify(errors, status="failed")
    assert (found.category, found.rule) == (C.TIMEOUT, "swept")


@pytest.mark.parametrize(
    ("original", "category"),
    [
        (["403 Quota exceeded: too many table updates"], C.ERROR),
        (json.dumps(["Missing critical dependencies: ['nba_raw.x']"]), C.DEPENDENCY_MISSING),
        # It said that there was nothing to do, and then hung for hours: that is not expected.
        ([TEXT], C.TIMEOUT),
        ([], C.TIMEOUT),
    ],
)
def test_what_a_swept_run_said_itself_counts_for_more_unless_it_was_expected(
    original: object, category: C
) -> None:
    assert classify(json.dumps([SWEPT | {"original_errors": original}])).category is category


def test_a_message_cut_in_the_middle_is_not_believed() -> None:
    for errors in (
        '["No games found, alth',
        '[{"message": "No games found: sch',
        '["Season ended, b',
    ):
        assert messages_of(errors)[0].cut
        assert classify(errors, status="failed").category is C.ERROR


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.integers(0, 40),
)
def test_any_json_cut_off_anywhere_has_messages_and_a_verdict(value: object, lost: int) -> None:
    text = json.dumps(value)
    for errors in (value, text, text[: len(text) - lost]):
        assert all(isinstance(message, Message) for message in messages_of(errors))
        assert classify(errors, status="failed").category in C


def test_json_nested_deeper_than_any_parser_goes_has_a_verdict() -> None:
    assert classify("[" * 100_000, status="failed").category is C.ERROR
