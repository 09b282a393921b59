"""Daily rows: off-days are absent or empty, expected failures stand apart, quantiles are right."""

import pandas as pd

from nbkit.analysis.daily import COLUMNS, daily_histories
from nbkit.analysis.profiles import Profile


def _counts(*rows: tuple[str, str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["processor_name", "hour", "category", "runs"])
    return frame.assign(
        hour=pd.to_datetime(frame["hour"], utc=True), zero_record_runs=0, missing_record_runs=0
    )


def _histogram(name: str, day: str, metric: str, values: list[float]) -> pd.DataFrame:
    profile = Profile.of_values(values)
    return pd.DataFrame(
        {
            "processor_name": name,
            "day": day,
            "metric": metric,
            "outcome": "success",
            "bucket": pd.array(profile.buckets, dtype="Int64"),
            "runs": profile.counts,
        }
    )


def test_a_day_adds_its_hours_and_keeps_expected_failures_apart() -> None:
    counts = _counts(
        ("A", "2026-01-01 03:00", "success", 4),
        ("A", "2026-01-01 23:00", "success", 2),
        ("A", "2026-01-01 05:00", "timeout", 1),
        ("A", "2026-01-01 05:00", "no_data_available", 9),
        ("A", "2026-01-02 00:00", "success", 1),
    )
    durations = _histogram("A", "2026-01-01", "duration_s", [10.0, 20.0, 30.0, 40.0, 50.0, 600.0])
    records = _histogram("A", "2026-01-01", "records", [7.0] * 6)
    table = daily_histories(counts, pd.concat([durations, records]))
    assert tuple(table.columns) == COLUMNS
    first, second = table.to_dict("records")
    assert (first["runs"], first["failures"], first["expected"]) == (7, 1, 9)
    assert abs(first["p50_duration"] / 30 - 1) <= 0.01
    assert abs(first["records_p50"] / 7 - 1) <= 0.01
    assert second["runs"] == 1
    assert pd.isna(second["p95_duration"])


def test_an_off_day_has_no_judged_run_and_a_day_without_runs_has_no_row() -> None:
    counts = _counts(
        ("A", "2026-01-01 03:00", "no_data_available", 12),
        ("A", "2026-01-03 03:00", "success", 1),
    )
    table = daily_histories(counts, _histogram("A", "2026-01-03", "duration_s", [3.0]))
    assert list(table["date"].dt.day) == [1, 3]
    assert list(table["runs"]) == [0, 1]
