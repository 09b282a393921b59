"""The taxonomy: real failures are never called expected, and every shape of `errors` is read."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.failures import FailureCategory, classify, classify_history, judge_recorded, messages_of

DATA = Path(__file__).parent / "data"
C = FailureCategory


def labelled(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def verdict(row: dict[str, str], message: str | None = None) -> FailureCategory:
    return classify(
        row["message"] if message is None else message,
        exception_type=row["exception_type"] or None,
        processor_name=row["processor_name"] or None,
        phase=row["phase"] or None,
        status=row["status"],
    ).category


def macro_f1(rows: list[dict[str, str]]) -> float:
    hits: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    for row in rows:
        found, true = verdict(row).value, row["failure_category"]
        if found == true:
            hits[true] += 1
        else:
            misses.update((found, true))
    scores = [2 * hits[c] / (2 * hits[c] + misses[c]) for c in {*hits, *misses}]
    return sum(scores) / len(scores)


@pytest.mark.parametrize("name", ["error_messages_dev.csv", "error_messages_heldout.csv"])
def test_labelled_messages_are_told_apart_and_no_real_one_is_called_expected(name: str) -> None:
    rows = labelled(name)
    assert len(rows) >= 150
    assert macro_f1(rows) >= 0.97
    hidden = [
        row["message"]
        for row in rows
        if verdict(row) is C.NO_DATA_AVAILABLE and row["failure_category"] != "no_data_available"
    ]
    assert hidden == []


REAL = [
    row
    for name in ("error_messages_dev.csv", "error_messages_heldout.csv")
    for row in labelled(name)
    if row["failure_category"] != "no_data_available"
]
noise = st.sampled_from(
    [
        "",
        "2026-01-12T03:04:05Z ",
        "[2026-01-12 03:04:05] ERROR - ",
        "ERROR: ",
        "/app/data_processors/raw/processor_base.py:211: ",
        "run 4f0c2d: ",
        "NbacGamebookProcessor: ",
    ]
)


@given(st.sampled_from(REAL), noise, noise, st.booleans())
def test_noise_around_a_real_failure_and_its_case_never_make_it_expected(
    row: dict[str, str], before: str, after: str, upper: bool
) -> None:
    text = before + row["message"] + " " + after
    assert verdict(row, text.upper() if upper else text) is not C.NO_DATA_AVAILABLE


@given(st.sampled_from(REAL), st.integers(0, 200))
def test_json_cut_off_anywhere_never_makes_a_real_failure_expected(
    row: dict[str, str], keep: int
) -> None:
    whole = json.dumps([{"error_type": row["exception_type"], "message": row["message"]}])
    kept = max(keep, len(whole) - 30)
    assert verdict(row, whole[:kept]) is not C.NO_DATA_AVAILABLE


@given(st.text() | st.binary().map(repr) | st.recursive(st.none() | st.text(), st.lists).map(str))
def test_any_garbage_has_a_verdict(text: str) -> None:
    assert classify(text, status="failed").category in C


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_in_the_errors_column_has_a_verdict(value: object) -> None:
    assert classify(json.dumps(value), status="failed").category in C


@pytest.mark.parametrize(
    "errors",
    [
        '["No games found for 2026-01-24"]',
        '[{"message": "No games found for 2026-01-24"}]',
        '[{"error_type": "ValueError", "error_message": "No games found for 2026-01-24"}]',
        '{"error": {"message": "No games found for 2026-01-24"}}',
        '"[\\"No games found for 2026-01-24\\"]"',
        '[{"message": "No games found for 2026-01-24", "stack": "Fi',
        "ValueError: No games found for 2026-01-24",
        "Traceback (most recent call last):\n"
        '  File "/app/main.py", line 3, in run\n    raise ValueError(text)\n'
        "ValueError: No games found for 2026-01-24",
    ],
)
def test_the_same_message_is_read_in_every_shape(errors: str) -> None:
    assert classify(errors, status="failed").category is C.NO_DATA_AVAILABLE


CHAINED = """Traceback (most recent call last):
  File "/app/load.py", line 9, in load
    rows = payload["games"]
KeyError: 'games'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 3, in run
    raise ValueError("No games found for 2026-01-24")
ValueError: No games found for 2026-01-24"""


def test_a_fault_at_the_root_of_a_chain_is_not_hidden_by_what_was_raised_last() -> None:
    assert [m.exception_type for m in messages_of(CHAINED)] == ["ValueError", "KeyError"]
    found = classify(CHAINED, status="failed")
    assert (found.category, found.rule) == (C.ERROR, "code_fault")


def test_one_real_message_among_expected_ones_decides() -> None:
    errors = json.dumps(["No games found for 2026-01-24", "403 Quota exceeded for table"])
    assert classify(errors, status="failed").category is C.ERROR


def test_a_swept_row_is_a_timeout_unless_its_own_error_was_kept() -> None:
    swept = {"cleanup": "stale_running_cleanup", "hours_running": 4.6, "original_errors": None}
    assert classify(json.dumps(swept), status="failed").category is C.TIMEOUT
    kept = swept | {"original_errors": ["403 Quota exceeded: too many table updates"]}
    assert classify(json.dumps(kept), status="failed").category is C.ERROR


@pytest.mark.parametrize("errors", [None, "", "null", "[]", "{}", '[""]'])
def test_a_failure_without_a_message_is_an_error(errors: str | None) -> None:
    found = classify(errors, status="failed")
    assert (found.category, found.rule) == (C.ERROR, "no_message")


def test_a_skip_is_expected_unless_its_reason_or_message_names_a_fault() -> None:
    assert classify(None, status="skipped").category is C.NO_DATA_AVAILABLE
    assert classify(None, status="skipped", skip_reason="smart_skip").is_expected
    assert classify(None, status="skipped", skip_reason="dependency_missing").category is (
        C.DEPENDENCY_MISSING
    )
    assert classify("503 Service Unavailable", status="skipped").category is C.ERROR


def test_the_second_vocabulary_of_production_is_ours() -> None:
    assert judge_recorded("upstream_failure") is C.DEPENDENCY_MISSING
    assert judge_recorded("configuration_error") is C.ERROR
    assert judge_recorded("timeout") is C.TIMEOUT
    assert judge_recorded("processing_error") is judge_recorded("unknown") is None
    assert judge_recorded(None) is judge_recorded("nonsense") is None


def test_history_is_classified_where_it_does_not_say_itself_and_says_which() -> None:
    frame = pd.DataFrame(
        {
            "status": ["success", "failed", "failed", "failed", "skipped"],
            "failure_category": [None, "upstream_failure", "unknown", None, None],
            "errors": [
                None,
                '["x"]',
                '["No games found for 2026-01-24"]',
                "503 Server Error",
                None,
            ],
        }
    )
    found = classify_history(frame)
    assert list(found["category"]) == [
        "success",
        "dependency_missing",
        "no_data_available",
        "error",
        "no_data_available",
    ]
    assert list(found["category_origin"]) == [
        "status",
        "recorded",
        "classified",
        "classified",
        "classified",
    ]
    assert "category" not in frame.columns


def test_history_without_any_column_but_status_is_still_judged() -> None:
    found = classify_history(pd.DataFrame({"status": ["failed", "success"]}))
    assert list(found["category"]) == ["error", "success"]
    empty = classify_history(pd.DataFrame({"status": pd.Series([], dtype="str")}))
    assert list(empty.columns) == ["status", "category", "category_rule", "category_origin"]


def test_each_distinct_input_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbkit.failures import history

    calls: list[object] = []
    real = history.classify
    monkeypatch.setattr(history, "classify", lambda *a, **k: calls.append(a) or real(*a, **k))
    frame = pd.DataFrame({"status": "failed", "errors": ["a", "b", "a", "b", "a"]})
    assert len(classify_history(frame)) == 5
    assert len(calls) == 2
