"""The six categories, and how the second vocabulary found in production maps to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureCategory(StrEnum):
    """How a run ended. `no_data_available` alone is expected: there was nothing to do."""

    SUCCESS = "success"
    NO_DATA_AVAILABLE = "no_data_available"
    DEPENDENCY_MISSING = "dependency_missing"
    VALIDATION_FAILED = "validation_failed"
    TIMEOUT = "timeout"
    ERROR = "error"


EXPECTED: frozenset[FailureCategory] = frozenset({FailureCategory.NO_DATA_AVAILABLE})

# What production writes since 2026-01-14. None: the word says nothing, so the message decides.
SECOND_VOCABULARY: dict[str, FailureCategory | None] = {
    "upstream_failure": FailureCategory.DEPENDENCY_MISSING,
    "configuration_error": FailureCategory.ERROR,
    "processing_error": None,
    "unknown": None,
}

MEANING = {
    FailureCategory.SUCCESS: "the run did its work",
    FailureCategory.NO_DATA_AVAILABLE: "expected: there was nothing to do; nobody needs to look",
    FailureCategory.DEPENDENCY_MISSING: "its input was not there; the fault is upstream",
    FailureCategory.VALIDATION_FAILED: "the data came and was refused as wrong",
    FailureCategory.TIMEOUT: "it took too long, hung, or was swept as stuck",
    FailureCategory.ERROR: "a real failure that somebody must look at",
}

NEXT_STEP = {
    FailureCategory.SUCCESS: "Nothing to do.",
    FailureCategory.NO_DATA_AVAILABLE: "Nothing to do; let alerts filter it out.",
    FailureCategory.DEPENDENCY_MISSING: "Find the upstream that failed: nbkit registry show NAME.",
    FailureCategory.VALIDATION_FAILED: "Look at the source's data of that date before a rerun.",
    FailureCategory.TIMEOUT: "See what it waited for; its last heartbeat and log lines tell.",
    FailureCategory.ERROR: "Read the message; redelivery will not mend a deterministic one.",
}


@dataclass(frozen=True)
class Classification:
    """A verdict on one message: the category, the rule that fired, and why it says so."""

    category: FailureCategory
    rule: str
    reason: str

    @property
    def is_expected(self) -> bool:
        return self.category in EXPECTED
