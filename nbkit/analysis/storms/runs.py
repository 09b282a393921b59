"""The one shape in which runs enter a diagnosis or a replay, and what each run counts as."""

from __future__ import annotations

import pandas as pd

from nbkit.failures import EXPECTED, FailureCategory, classify_history

# Columns of `window_runs`, with the dtype of one that the frame lacks. Any value may be null but
# those of the first five.
COLUMNS: dict[str, str] = {
    "processor_name": "str",
    "run_id": "str",
    "data_date": "datetime64[us]",
    "started_at": "datetime64[us, UTC]",
    "status": "str",
    "ended_at": "datetime64[us, UTC]",
    "phase": "str",
    "duration_s": "float64",
    "failure_category": "str",
    "skip_reason": "str",
    "errors_text": "str",
    "trigger_message_id": "str",
    "retry_attempt": "Int64",
    "triggered_by": "str",
    "trigger_source": "str",
    "parent_processor": "str",
    "backfill_mode": "boolean",
    "missing_dependencies": "str",
    "dependency_check_passed": "boolean",
    "records_processed": "Int64",
    "cloud_run_service": "str",
}
_EXPECTED = [category.value for category in EXPECTED]
_QUIET = ("success", "running")


def classified(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs with their category, and whether each counts as a failure.

    Args:
        frame: one row a run, columns of the query `window_runs`; `processor_name`, `run_id`,
            `data_date`, `started_at` and `status` are needed, any other may be absent.

    Returns:
        A copy with all of `COLUMNS`, sorted by `started_at`, and these besides:

        - `category`: one of the taxonomy, null for a run that has not ended;
        - `is_failure`: it ended, and not well. A skipped run is none unless its message is a fault;
        - `is_expected`: a failure of a category that nobody needs to look at (no data available).

        `ended_at` of a run that has ended is never null: where it was, start and duration say so.
    """
    runs = frame.copy()
    for name, dtype in COLUMNS.items():
        if name not in runs.columns:
            runs[name] = pd.Series(index=runs.index, dtype=dtype)
    for name in ("started_at", "ended_at"):
        runs[name] = pd.to_datetime(runs[name], utc=True).astype("datetime64[us, UTC]")
    runs["data_date"] = runs["data_date"].astype("datetime64[us]")
    runs = classify_history(runs)
    took = (runs["duration_s"].fillna(0.0) * 1e6).astype("timedelta64[us]")
    end = runs["ended_at"].fillna(runs["started_at"] + took)
    running = runs["status"].str.strip().str.lower() == "running"
    runs["ended_at"] = end.where(~running).astype("datetime64[us, UTC]")
    runs = mark_failures(runs)
    return runs.sort_values(["started_at", "run_id"], kind="stable", ignore_index=True)


def mark_failures(classified: pd.DataFrame) -> pd.DataFrame:
    """Add `is_failure` and `is_expected` to rows with `status` and `category`: runs, or counts."""
    status = classified["status"].str.strip().str.lower()
    expected = classified["category"].isin(_EXPECTED)
    failed = (
        ~status.isin(_QUIET)
        & ~((status == "skipped") & expected)
        & (classified["category"] != FailureCategory.SUCCESS.value)
    )
    return classified.assign(is_failure=failed, is_expected=failed & expected)
