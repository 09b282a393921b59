"""The failure taxonomy: six categories, and the one place that decides between them.

`classify` explains one message, `classify_history` a whole frame of runs.
"""

from nbkit.failures.classify import classify
from nbkit.failures.history import classify_counts, classify_history, judge_recorded
from nbkit.failures.messages import Message, error_text, messages_of, said_in
from nbkit.failures.taxonomy import (
    EXPECTED,
    MEANING,
    NEXT_STEP,
    SECOND_VOCABULARY,
    Classification,
    FailureCategory,
)

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
