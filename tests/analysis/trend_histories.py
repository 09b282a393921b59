"""Daily histories with a planted change, of processors that the registry knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

LAST = date(2026, 1, 12)
AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)


def history(
    name: str,
    *,
    days: int = 60,
    usual_s: float = 60.0,
    step: float = 1.0,
    growth: float = 0.0,
    changed: int = 0,
    until: int = 0,
    failing: float = 0.02,
    failing_now: float | None = None,
    records: float = 200.0,
    records_now: float | None = None,
    runs: int = 40,
    seed: int = 1,
) -> pd.DataFrame:
    """Rows of `daily_histories` up to `LAST`.

    Args:
        changed: the last so many days are changed, up to `until` days before the end.
        step, growth: durations since then, as a factor and a day.
    """
    draws = np.random.default_rng(seed)
    back = np.arange(days - 1, -1, -1)
    is_changed = (back < changed) & (back >= until)
    since = np.where(is_changed, changed - back, 0)
    duration = usual_s * np.exp(draws.normal(0, 0.05, days))
    duration *= np.where(is_changed, step, 1.0) * (1 + growth) ** since
    amount = np.where(is_changed, records if records_now is None else records_now, records)
    amount = amount * np.exp(draws.normal(0, 0.04, days))
    rate = np.where(is_changed, failing if failing_now is None else failing_now, failing)
    failures = draws.binomial(runs, rate)
    return pd.DataFrame(
        {
            "processor_name": name,
            "date": pd.to_datetime([LAST - timedelta(days=int(b)) for b in back]).as_unit("ns"),
            "runs": runs,
            "failures": failures,
            "expected": 0,
            "successes": runs - failures,
            "zero_records": 0,
            "p50_duration": duration * 0.6,
            "p95_duration": duration,
            "p99_duration": duration * 1.3,
            "records_p50": amount,
        }
    )


def no_works() -> pd.DataFrame:
    """Rows of the query `work_states` of a platform without any."""
    return works([])


def works(finished: list[tuple[str, date, datetime]]) -> pd.DataFrame:
    """One row for each processor's date that was finished then."""
    return pd.DataFrame(
        {
            "processor_name": pd.Series([name for name, _, _ in finished], dtype="object"),
            "data_date": pd.Series([day for _, day, _ in finished], dtype="object"),
            "first_succeeded_at": pd.to_datetime([at for _, _, at in finished], utc=True),
            "status": "success",
            "failure_category": None,
            "skip_reason": None,
            "errors_text": None,
            "open_runs": 0,
        }
    )
