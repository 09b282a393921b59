"""Categories for whole histories, each distinct input judged once."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.failures.classify import classify
from nbkit.failures.taxonomy import SECOND_VOCABULARY, FailureCategory

# Names under which a frame may hold the text of `errors`; the first that is there counts.
_ERRORS = ("error_example", "errors_text", "errors")
_INPUTS = ("status", "failure_category", "skip_reason", "processor_name", "phase")
# Verdicts that prove no fault: they do not speak against a recorded category.
_NO_PROOF = frozenset({"unrecognised", "work_failed", "contradiction", "no_message"})

# What differs between messages of one shape, in patterns that the column engine knows too.
_VARYING = (
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "2026-01-01"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "99999"),
    (r"[0-9a-f]{16,}", "99999"),
    (r"[0-9]{5,}", "99999"),
)

_Verdict = tuple[str | None, str, str]


def classify_history(runs: pd.DataFrame) -> pd.DataFrame:
    """Add `category`, `category_rule` and `category_origin` to rows of runs (or of run counts).

    Args:
        runs: any of the columns status, failure_category, skip_reason, processor_name, phase, and
            one of error_example, errors_text, errors (JSON text or parsed). An absent column reads
            as null; a frame without `status` is read as one of failures.

    Returns:
        A copy with three more columns of strings. The origin is `recorded` (the row says so, in
        either vocabulary), `classified` (worked out here from the message, skip reason or their
        absence) or `status` (success, and running: not a failure yet, so its category is null).
        The rule is the one that fired, or `recorded` where the row says otherwise than its message.
    """
    errors = next((column for column in _ERRORS if column in runs.columns), None)
    inputs = [column for column in (*_INPUTS, errors) if column and column in runs.columns]
    columns = {column: _factorised(runs[column]) for column in inputs}
    codes, distinct = _distinct(len(runs), columns, errors)
    verdicts = [_judge(row, errors) for row in distinct]
    result = runs.copy()
    for position, name in enumerate(("category", "category_rule", "category_origin")):
        values = pd.array([verdict[position] for verdict in verdicts], dtype="str")
        result[name] = pd.Series(values.take(codes), index=runs.index, dtype="str")
    return result


def classify_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """`classify_history` of hourly counts (with `error_signature` and `error_example`). Messages of
    one signature differ only in what no rule reads, so one example of each is judged."""
    known = counts.drop_duplicates("error_signature").set_index("error_signature")["error_example"]
    examples = counts["error_signature"].map(known)
    judged = classify_history(counts.assign(error_example=examples))
    return judged.assign(error_example=counts["error_example"])


def judge_recorded(failure_category: str | None) -> FailureCategory | None:
    """What a recorded category says, in either vocabulary; None when it says nothing."""
    word = (failure_category or "").strip().lower()
    if word in SECOND_VOCABULARY:
        return SECOND_VOCABULARY[word]
    try:
        return FailureCategory(word)
    except ValueError:
        return None


def _judge(row: dict[str, Any], errors: str | None) -> _Verdict:
    status = str(row.get("status") or "").strip().lower()
    if status == "success":
        return FailureCategory.SUCCESS.value, "status", "status"
    if status == "running":
        return None, "running", "status"
    verdict = classify(
        row[errors] if errors else None,
        processor_name=row.get("processor_name"),
        phase=row.get("phase"),
        status=status,
        skip_reason=row.get("skip_reason"),
    )
    recorded = judge_recorded(row.get("failure_category"))
    # A failed run that is recorded as a success contradicts itself: its message decides.
    believed = recorded is not None and recorded is not FailureCategory.SUCCESS
    # The platform knew more than its message says, so its word is kept; but not the word "expected"
    # against the proof of a fault.
    if recorded is FailureCategory.NO_DATA_AVAILABLE and not verdict.is_expected:
        believed = verdict.rule in _NO_PROOF
    if recorded is None or not believed:
        return verdict.category.value, verdict.rule, "classified"
    agreed = verdict.category is recorded
    return recorded.value, verdict.rule if agreed else "recorded", "recorded"


# Of each row the position of its value (-1: null), and the values.
_Column = tuple[npt.NDArray[np.intp], list[Any]]


def _distinct(
    rows: int, columns: dict[str, _Column], errors: str | None
) -> tuple[npt.NDArray[np.intp], list[dict[str, Any]]]:
    """For each row the position of its inputs among the distinct ones; and these."""
    if errors:
        columns[errors] = _shapes(columns[errors])
        if "processor_name" in columns:
            columns["processor_name"] = _named(columns["processor_name"], columns[errors][1])
    codes: npt.NDArray[np.intp] = np.zeros(rows, dtype=np.intp)
    for own, values in columns.values():
        codes = codes * (len(values) + 1) + own + 1
        codes = pd.factorize(codes)[0]  # small again, whatever comes next
    _, first = np.unique(codes, return_index=True)
    inputs = [
        {name: values[own[at]] if own[at] >= 0 else None for name, (own, values) in columns.items()}
        for at in first
    ]
    return codes, inputs


def _factorised(column: pd.Series[Any]) -> _Column:
    if column.dtype == object:  # parsed JSON, or a driver's own mixture
        column = pd.Series([_hashable(value) for value in column], dtype="object")
    codes, values = pd.factorize(column)
    return codes, list(values)


def _shapes(messages: _Column) -> _Column:
    """Messages that differ in a date or an id alone are judged once."""
    codes, values = messages
    texts = pd.Series(values, dtype="str")
    for pattern, replacement in _VARYING:
        texts = texts.str.replace(pattern, replacement, regex=True)
    merged, shapes = pd.factorize(texts)
    return _renumbered(codes, merged), list(shapes)


def _named(processors: _Column, shapes: list[str]) -> _Column:
    """A processor's name matters only to messages that name it: null where none does."""
    codes, names = processors
    everything = "\n".join(shapes).lower()
    kept = [at if str(name).lower() in everything else -1 for at, name in enumerate(names)]
    return _renumbered(codes, np.array(kept, dtype=np.intp)), names


def _renumbered(codes: npt.NDArray[np.intp], to: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.append(to, -1)[codes]  # null stays null: -1 is the last


def _hashable(value: Any) -> Hashable:
    if isinstance(value, list | dict | tuple | np.ndarray):
        listed = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(listed, default=str)
    if value is None or isinstance(value, str):
        return value
    return None if value != value else str(value)
