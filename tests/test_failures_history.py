"""Whole histories: what is recorded is kept, the rest is classified once, and both say so."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from nbkit.failures import FailureCategory, classify, classify_history, history, judge_recorded

C = FailureCategory
ADDED = ["category", "category_rule", "category_origin"]


def judged(**columns: object) -> list[tuple[str, str]]:
    found = classify_history(pd.DataFrame(columns))
    return list(zip(found["category"], found["category_origin"], strict=True))


def test_history_is_classified_where_it_does_not_say_itself_and_says_which() -> None:
    runs = pd.DataFrame(
        {
            "status": ["success", "failed", "failed", "failed", "skipped", "partial"],
            "failure_category": [None, "upstream_failure", "unknown", None, None, "timeout"],
            "errors": [None, '["x"]', '["No games found for 2026-01-24"]', "503", None, "y"],
        },
        index=[7, 7, 3, 2, 1, 0],
    )
    found = classify_history(runs)
    assert list(found["category"]) == [
        *(
            "success",
            "dependency_missing",
            "no_data_available",
            "error",
            "no_data_available",
            "timeout",
        )
    ]
    assert list(found["category_origin"]) == [
        *("status", "recorded", "classified", "classified", "classified", "recorded")
    ]
    assert list(found.index) == list(runs.index)
    assert list(found.columns) == [*runs.columns, *ADDED]
    assert "category" not in runs.columns


def test_the_second_vocabulary_of_production_is_ours() -> None:
    assert judge_recorded("upstream_failure") is C.DEPENDENCY_MISSING
    assert judge_recorded("configuration_error") is C.ERROR
    assert judge_recorded(" Timeout ") is C.TIMEOUT
    assert judge_recorded("processing_error") is judge_recorded("unknown") is None
    assert judge_recorded(None) is judge_recorded("nonsense") is None


def test_words_that_say_nothing_are_judged_by_the_message_else_errors() -> None:
    assert judged(
        status="failed",
        failure_category=["processing_error", "unknown", "unknown", "nonsense", "success"],
        errors=["504 Deadline Exceeded", "Data validation found 3 issues", None, None, None],
    ) == [
        ("timeout", "classified"),
        ("validation_failed", "classified"),
        ("error", "classified"),
        ("error", "classified"),
        ("error", "classified"),
    ]


def test_a_recorded_expected_failure_is_not_believed_against_the_proof_of_a_fault() -> None:
    assert judged(
        status="failed",
        failure_category="no_data_available",
        errors=[
            "KeyError: 'no games found'",
            "No games found for 2026-01-24",
            "nothing that a rule would know",
            None,
        ],
    ) == [
        ("error", "classified"),
        ("no_data_available", "recorded"),
        ("no_data_available", "recorded"),
        ("no_data_available", "recorded"),
    ]


def test_a_recorded_real_failure_stays_real_whatever_its_message_says() -> None:
    found = classify_history(
        pd.DataFrame(
            {"status": "failed", "failure_category": "error", "errors": ["No games found", "503 x"]}
        )
    )
    assert list(found["category"]) == ["error", "error"]
    assert list(found["category_rule"]) == ["recorded", "service_fault"]


def test_a_run_that_is_still_running_has_no_category_yet() -> None:
    found = classify_history(pd.DataFrame({"status": ["running", "success"], "errors": None}))
    assert list(found["category"].isna()) == [True, False]
    assert list(found["category_rule"]) == ["running", "status"]


@pytest.mark.parametrize("column", ["error_example", "errors_text", "errors"])
def test_the_message_is_read_under_each_of_its_names(column: str) -> None:
    assert judged(**{"status": ["failed"], column: ['["504 Deadline Exceeded"]']}) == [
        ("timeout", "classified")
    ]


def test_columns_may_be_absent_and_frames_empty() -> None:
    assert judged(status=["failed", "success"])[0] == ("error", "classified")
    assert judged(errors=["504 Deadline Exceeded"]) == [("timeout", "classified")]
    assert judged(runs=[3]) == [("error", "classified")]
    for empty in (pd.DataFrame({"status": pd.Series([], dtype="str")}), pd.DataFrame()):
        assert list(classify_history(empty).columns)[-3:] == ADDED


@pytest.mark.parametrize("kind", ["object", "str", "category"])
def test_the_type_of_the_columns_does_not_matter(kind: str) -> None:
    runs = pd.DataFrame(
        {
            "status": ["failed", "failed", "success"],
            "failure_category": [None, "timeout", None],
            "errors": ['["Missing critical dependencies: [1]"]', None, None],
        }
    ).astype(kind)
    assert list(classify_history(runs)["category"]) == ["dependency_missing", "timeout", "success"]


def test_parsed_json_is_read_as_well_as_its_text() -> None:
    errors = [
        ["504 Deadline Exceeded"],
        np.array(["504 Deadline Exceeded"], dtype=object),
        [{"message": "504 Deadline Exceeded"}],
        {"error": "504 Deadline Exceeded"},
        float("nan"),
    ]
    runs = pd.DataFrame({"status": "failed", "errors": pd.Series(errors, dtype="object")})
    assert list(classify_history(runs)["category"]) == ["timeout"] * 4 + ["error"]


def test_every_row_is_judged_as_classify_would() -> None:
    rng = np.random.default_rng(7)
    texts = [
        "No games found for {}",
        "NoDataProcessor: 404 Not found: Table x_raw.y",
        "Odd0 said: 504",
        "Box score not available: game 00225{} has not started",
        "Function took 12345{} ms, finished with status: timeout",
        "nothing at all",
    ]
    runs = pd.DataFrame(
        {
            "status": rng.choice(["failed", "success", "skipped"], 400),
            "processor_name": rng.choice(["NoDataProcessor", "Odd0", "nothing at"], 400),
            "errors": [
                json.dumps([texts[i].format(f"2026-01-{d:02d}")])
                for i, d in zip(
                    rng.integers(0, len(texts), 400), rng.integers(1, 29, 400), strict=True
                )
            ],
        }
    )
    found = classify_history(runs)
    alone = [
        classify(row.errors, processor_name=row.processor_name, status=row.status)
        for row in runs.itertuples()
    ]
    assert list(found["category"]) == [verdict.category for verdict in alone]
    assert list(found["category_rule"]) == [verdict.rule for verdict in alone]


def test_messages_that_differ_in_dates_and_ids_alone_are_judged_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[object] = []
    real = history.classify
    monkeypatch.setattr(history, "classify", lambda *a, **k: calls.append(a) or real(*a, **k))
    days = pd.date_range("2025-10-01", periods=100).strftime("%Y-%m-%d")
    runs = pd.DataFrame(
        {
            "status": "failed",
            "processor_name": [f"P{n}Processor" for n in range(100)],
            "errors": [f"No games found for {day}" for day in days],
        }
    )
    assert set(classify_history(runs)["category"]) == {"no_data_available"}
    assert len(calls) == 1


def test_counts_that_mean_something_are_not_merged() -> None:
    assert [
        category
        for category, _ in judged(
            status="failed",
            errors=[
                "Empty JSON array: 0 events, 0 games on the calendar",
                "Empty JSON array: 0 events, 8 games on the calendar",
                "404 Not Found: report is published after the game",
                "500 Not Found: report is published after the game",
            ],
        )
    ] == ["no_data_available", "error", "no_data_available", "error"]
