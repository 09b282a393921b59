"""Categories for whole histories, each distinct input judged once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nbkit.failures.classify import classify
from nbkit.failures.taxonomy import SECOND_VOCABULARY, Classification, FailureCategory

_ERRORS = ("error_example", "errors_text", "errors")
_INPUTS = ("status", "failure_category", "skip_reason", "processor_name", "phase")


def classify_history(runs: pd.DataFrame) -> pd.DataFrame:
    """Add `category`, `category_rule` and `category_origin` to rows of runs (or of run counts).

    Args:
        runs: any of the columns status, failure_category, skip_reason, processor_name, phase, and
            one of error_example, errors_text, errors (JSON text). An absent column reads as null.

    Returns:
        A copy with three more columns. The origin is `recorded` (the row says so, in either
        vocabulary), `classified` (worked out here from the message) or `status` (success).
    """
    errors = next((column for column in _ERRORS if column in runs.columns), None)
    columns = [column for column in (*_INPUTS, errors) if column and column in runs.columns]
    keys = runs[columns].astype("object").where(runs[columns].notna(), None)
    if "errors" in columns:
        keys["errors"] = keys["errors"].map(_hashable)
    result = runs.copy()
    if runs.empty or not columns:
        verdicts, codes = [], np.zeros(len(runs), dtype=np.int64)
        if len(runs):
            verdicts = [_judge({})]
    else:
        codes, distinct = pd.factorize(pd.MultiIndex.from_frame(keys))
        verdicts = [_judge(dict(zip(columns, _row(row), strict=True))) for row in distinct]
    for position, name in enumerate(("category", "category_rule", "category_origin")):
        values = pd.array([verdict[position] for verdict in verdicts], dtype="str")
        result[name] = pd.Series(values.take(codes), index=runs.index, dtype="str")
    return result


def judge_recorded(failure_category: str | None) -> FailureCategory | None:
    """What a recorded category says, in either vocabulary; None when it says nothing."""
    if not failure_category:
        return None
    word = failure_category.strip().lower()
    if word in SECOND_VOCABULARY:
        return SECOND_VOCABULARY[word]
    try:
        return FailureCategory(word)
    except ValueError:
        return None


def _judge(row: dict[str, Any]) -> tuple[str, str, str]:
    status = row.get("status")
    if status == "success":
        return FailureCategory.SUCCESS.value, "status", "status"
    recorded = judge_recorded(row.get("failure_category"))
    # A failed run that is recorded as a success contradicts itself: its message decides.
    if recorded is not None and recorded is not FailureCategory.SUCCESS:
        rule = _classified(row).rule
        return recorded.value, rule, "recorded"
    verdict = _classified(row)
    return verdict.category.value, verdict.rule, "classified"


def _classified(row: dict[str, Any]) -> Classification:
    errors = next((row[column] for column in _ERRORS if row.get(column) is not None), None)
    return classify(
        errors,
        processor_name=row.get("processor_name"),
        phase=row.get("phase"),
        status=row.get("status"),
        skip_reason=row.get("skip_reason"),
    )


def _row(row: Any) -> tuple[Any, ...]:
    values = row if isinstance(row, tuple) else (row,)
    return tuple(None if isinstance(v, float) and v != v else v for v in values)


def _hashable(value: Any) -> Any:
    import json

    return json.dumps(value, default=str) if isinstance(value, (list, dict)) else value
