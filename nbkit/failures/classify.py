"""From a message to a category. The only place that decides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nbkit.failures.messages import Message, messages_of
from nbkit.failures.rules import CONTRADICTION, NO_DATA, RULES, WRAPPER
from nbkit.failures.taxonomy import Classification, FailureCategory

_SKIPS = ("smart_skip", "early_exit", "already_processed", "no_data", "no_data_available")
_LONGEST = 20_000  # characters of a message that are read; a stack of frames adds nothing after


def classify(
    message: str | None,
    *,
    exception_type: str | None = None,
    processor_name: str | None = None,
    phase: str | None = None,
    status: str | None = None,
    skip_reason: str | None = None,
) -> Classification:
    """The category of a run by what it said.

    Args:
        message: the text, or the whole JSON of the `errors` column.
        exception_type: class name, dotted or not, where it is known.
        processor_name: its own name in the message says nothing and is taken out.
        phase: not used by any rule today; a rule may never call the same words expected in one
            phase and a fault in another without being seen to do so here.
        status: `success` needs no message; `skipped` without a fault is expected.
        skip_reason: counts when the message is silent.

    Returns:
        The category, the rule that fired, and why. Never raises: what cannot be read is an error.
    """
    if status == "success":
        return Classification(FailureCategory.SUCCESS, "status", "the run succeeded")
    found = [
        _classify_one(
            m.text[:_LONGEST], m.exception_type or exception_type or "", processor_name or ""
        )
        for m in messages_of(message)
    ]
    if found:
        verdict = _worst(found)
        if verdict.rule == "unrecognised" and status == "skipped":
            return _skipped(skip_reason)
        return verdict
    if exception_type:
        return _classify_one("", exception_type, processor_name or "")
    if status == "skipped" or (skip_reason or "").lower() in _SKIPS:
        return _skipped(skip_reason)
    return Classification(
        FailureCategory.ERROR, "no_message", "it failed and left no message: in doubt, an error"
    )


def _worst(found: Sequence[Classification]) -> Classification:
    """Of several messages of one run: a fault that a rule knows, then any fault, then no data."""
    for verdict in found:
        if not verdict.is_expected and verdict.rule != "unrecognised":
            return verdict
    return next((verdict for verdict in found if not verdict.is_expected), found[0])


@lru_cache(maxsize=50_000)
def _classify_one(text: str, exception_type: str, processor_name: str) -> Classification:
    words = text.lower().replace("’", "'")
    kind = exception_type.lower()
    if processor_name:
        words = words.replace(processor_name.lower(), "processor")
    bare = _unwrapped(words)
    for rule in RULES:
        if (rule.pattern and rule.pattern.search(words)) or (
            rule.types and kind and rule.types.match(kind)
        ):
            return Classification(rule.category, rule.name, rule.reason)
    if NO_DATA.pattern and NO_DATA.pattern.search(bare):
        against = CONTRADICTION.search(bare)
        if against is None:
            return Classification(NO_DATA.category, NO_DATA.name, NO_DATA.reason)
        return Classification(
            FailureCategory.ERROR,
            "contradiction",
            f"it says that there was nothing, but also {against[0].strip()!r}: in doubt, an error",
        )
    return Classification(
        FailureCategory.ERROR, "unrecognised", "no rule knows the message: in doubt, an error"
    )


def _unwrapped(words: str) -> str:
    """The message without timestamps, levels and class names before it."""
    for _ in range(4):
        shorter = WRAPPER.sub("", words, count=1)
        if shorter == words:
            break
        words = shorter
    return words


def _skipped(skip_reason: str | None) -> Classification:
    reason = skip_reason or "no reason given"
    if skip_reason and skip_reason.lower() not in _SKIPS:
        verdict = _classify_one(skip_reason.replace("_", " "), "", "")
        if verdict.rule != "unrecognised":
            return verdict
    return Classification(
        FailureCategory.NO_DATA_AVAILABLE, "skipped", f"the run skipped its work: {reason}"
    )
