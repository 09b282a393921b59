"""The same history as older, poorer or stranger writers would have left it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from worlds.said import SECOND_WORDS

Variant = Callable[[pd.DataFrame], pd.DataFrame]


def _without(*columns: str) -> Variant:
    return lambda frame: frame.drop(columns=list(columns))


def _null(*columns: str) -> Variant:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.copy()
        for column in columns:
            changed[column] = pd.Series([None] * len(frame), dtype=object, index=frame.index)
        return changed

    return change


def _second_vocabulary(frame: pd.DataFrame) -> pd.DataFrame:
    changed = frame.copy()
    changed["failure_category"] = frame["failure_category"].map(SECOND_WORDS)
    return changed


def _half_old(frame: pd.DataFrame) -> pd.DataFrame:
    """Half-way through the history its writers learned of categories and attempts."""
    changed = frame.copy()
    times = frame["started_at"]
    old = times < times.min() + (times.max() - times.min()) / 2
    changed["failure_category"] = frame["failure_category"].where(~old, None)
    changed["retry_attempt"] = frame["retry_attempt"].astype("Int64").mask(old)
    return changed


def _pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Old history: a run has a `running` row and, with the same `run_id`, one for its end."""
    ended = frame[frame["status"] != "running"]
    begun = ended.copy()
    begun["status"] = "running"
    begun["processed_at"] = pd.NaT
    begun["duration_seconds"] = np.nan
    for column in ("errors", "failure_category", "records_processed", "dependency_check_passed"):
        begun[column] = None
    both = pd.concat(
        [frame.astype({"records_processed": object}), begun.astype({"records_processed": object})],
        ignore_index=True,
    )
    both["records_processed"] = both["records_processed"].astype("Int64")
    return both.sort_values("started_at", kind="stable").reset_index(drop=True)


def _only(*columns: str) -> Variant:
    return lambda frame: frame[list(columns)]


REQUIRED = ("processor_name", "run_id", "status", "started_at", "data_date")

VARIANTS: dict[str, Variant] = {
    "full": lambda frame: frame,
    "no_category": _without("failure_category"),
    "null_category": _null("failure_category"),
    "second_vocabulary": _second_vocabulary,
    "no_message_id": _null("trigger_message_id"),
    "no_attempt": _null("retry_attempt"),
    "half_old": _half_old,
    "old": lambda frame: _null("retry_attempt", "trigger_message_id")(
        _without("failure_category")(frame)
    ),
    "no_errors": _null("errors"),
    "pairs": _pairs,
    "few": _only(*REQUIRED, "processed_at", "duration_seconds", "errors", "trigger_message_id"),
    "required": _only(*REQUIRED),
}
# Of these the customer's bar holds; the rest may honestly be called unknown, never named wrong.
SPEAKING = (
    "full",
    "no_category",
    "null_category",
    "second_vocabulary",
    "no_attempt",
    "half_old",
    "pairs",
    "few",
)
