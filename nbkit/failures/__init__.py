"""The failure taxonomy: six categories, and the one place that decides between them.

`classify` explains one message, `classify_history` a whole frame of runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nbkit.failures.classify import classify
from nbkit.failures.messages import Message, error_text, messages_of, said_in
from nbkit.failures.taxonomy import (
    EXPECTED,
    MEANING,
    NEXT_STEP,
    SECOND_VOCABULARY,
    Classification,
    FailureCategory,
)

if TYPE_CHECKING:
    from nbkit.failures.history import classify_counts, classify_history, judge_recorded

# Loaded when first used: they need pandas, and whoever records a run does not.
_OF_FRAMES = frozenset({"classify_counts", "classify_history", "judge_recorded"})

__all__ = [
    "EXPECTED",
    "MEANING",
    "NEXT_STEP",
    "SECOND_VOCABULARY",
    "Classification",
    "FailureCategory",
    "Message",
    "classify",
    "classify_counts",
    "classify_history",
    "error_text",
    "judge_recorded",
    "messages_of",
    "said_in",
]


def __getattr__(name: str) -> object:
    if name in _OF_FRAMES:
        return getattr(import_module("nbkit.failures.history"), name)
    raise AttributeError(f"module 'nbkit.failures' has no attribute {name!r}")
