"""What counts as a failure, and what is expected, whatever columns a history lacks."""

from __future__ import annotations

import pandas as pd

from nbkit.analysis.storms.runs import COLUMNS, classified

START = pd.Timestamp("2026-01-12T00:00:00Z")


def runs(*rows: dict[str, object]) -> pd.DataFrame:
    plain = {
        "processor_name": "A",
        "data_date": pd.Timestamp("2026-01-12"),
        "started_at": START,
        "status": "failed",
    }
    return pd.DataFrame([{**plain, "run_id": f"r{i}", **row} for i, row in enumerate(rows)])


def test_a_frame_of_five_columns_gets_all_others_as_nulls() -> None:
    found = classified(runs({}, {"status": "success"}))
    assert set(COLUMNS) <= set(found.columns)
    assert found["is_failure"].tolist() == [True, False]
    assert found["trigger_message_id"].isna().all()
    assert (found["ended_at"] == START).all()


def test_without_an_end_start_and_duration_say_when_it_was() -> None:
    found = classified(runs({"duration_s": 90.0, "ended_at": pd.NaT}))
    assert found["ended_at"].tolist() == [START + pd.Timedelta("90s")]


def test_an_expected_failure_is_a_failure_that_nobody_needs_to_look_at() -> None:
    found = classified(
        runs(
            {"errors_text": '["No games found for 2026-01-12"]'},
            {"errors_text": '["cannot import name standings"]'},
            {"failure_category": "no_data_available"},
        )
    )
    assert found["is_failure"].all()
    assert found["is_expected"].tolist() == [True, False, True]


def test_a_skipped_run_is_no_failure_unless_its_message_is_a_fault() -> None:
    found = classified(
        runs(
            {"status": "skipped", "skip_reason": "already_processed", "errors_text": None},
            {"status": "skipped", "errors_text": '["ImportError: cannot import name x"]'},
        )
    )
    assert found["is_failure"].tolist() == [False, True]


def test_what_has_not_ended_has_not_failed() -> None:
    found = classified(runs({"status": "running"}))
    assert not found["is_failure"].any()
    assert found["category"].isna().all()


def test_rows_come_back_in_the_order_of_their_starts() -> None:
    found = classified(runs({"started_at": START + pd.Timedelta("1min")}, {}))
    assert found["run_id"].tolist() == ["r1", "r0"]
