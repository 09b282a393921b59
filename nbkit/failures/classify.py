"""From a message to a category. The only place that decides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nbkit.failures.messages import Message, messages_of
from nbkit.failures.nothing import doubt, says_nothing_to_do
from nbkit.failures.rules import LAST_RESORT, RULES
from nbkit.failures.taxonomy import Classification, FailureCategory
from nbkit.failures.words import read

# The platform's own words for a run that chose not to work.
SKIPS = frozenset(
    {
        "smart_skip",
        "early_exit",
        "already_processed",
        "no_data",
        "no_data_available",
        "no_games",
        "off_season",
        "offseason",
        "historical_date",
    }
)
# Rules that do not know what happened.
_VAGUE = frozenset({"unrecognised", "work_failed"})
_LONGEST = 8_000  # characters: of a longer message the beginning and the end are read

# What differs between messages of one shape. Judging shapes instead of messages is what makes a
# history quick. Short numbers stay: 0 and 8 games, 404 and 500 are not judged alike.
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_ID = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d{5,}", re.I)


def classify(
    message: Any,
    *,
    exception_type: str | None = None,
    processor_name: str | None = None,
    phase: str | None = None,
    status: str | None = None,
    skip_reason: str | None = None,
) -> Classification:
    """The category of a run by what it said.

    Args:
        message: the text, or a whole value of the `errors` column (JSON text or parsed).
        exception_type: class name, dotted or not, where it is known.
        processor_name: its own name in the message says nothing and is taken out.
        phase: no rule asks for it. It is taken so that a rule for one phase would be made here.
        status: `success` needs no message. `skipped` without a sign of a fault is expected. The
            others (`failed`, `partial`, `running`, unknown words) leave it to the message.
        skip_reason: counts where the message is silent.

    Returns:
        The category, the rule that fired, and why. Never raises: what cannot be read is an error.
    """
    del phase
    state = (status or "").strip().lower()
    reason = (skip_reason or "").strip()
    if state == "success":
        return Classification(FailureCategory.SUCCESS, "status", "the run succeeded")
    found = messages_of(message)
    if not found and exception_type:
        found = (Message("", exception_type),)
    if found:
        verdict = _weightiest(
            [_judge(m, m.exception_type or exception_type, processor_name) for m in found]
        )
        if verdict.rule == "unrecognised" and state == "skipped":
            return _skipped(reason)
        return verdict
    if state == "skipped" or reason:
        return _skipped(reason, state=state)
    return Classification(
        FailureCategory.ERROR, "no_message", "it failed and left no message: in doubt, an error"
    )


def _weightiest(found: Sequence[Classification]) -> Classification:
    """Of several messages of one run: a fault that a rule knows, then any fault, then no data."""
    faults = [verdict for verdict in found if not verdict.is_expected]
    known = [verdict for verdict in faults if verdict.rule not in _VAGUE]
    return (known or faults or list(found))[0]


def _judge(message: Message, kind: str | None, processor_name: str | None) -> Classification:
    text = message.text
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}\n{text[-_LONGEST // 2 :]}"
    if processor_name and len(processor_name) > 3:
        text = re.sub(re.escape(processor_name), "<processor>", text, flags=re.I)
    shape = _ID.sub("99999", _DATE.sub("2026-01-01", text))
    return _judge_shape(shape, kind or "", message.cut)


@lru_cache(maxsize=100_000)
def _judge_shape(text: str, kind: str, cut: bool) -> Classification:
    reading = read(text, exception_type=kind)
    for rule in RULES:
        if rule.fires(reading):
            return Classification(rule.category, rule.name, rule.reason)
    if says_nothing_to_do(reading.statement):
        against = doubt(reading.statement, cut=cut)
        if against is None:
            return Classification(
                FailureCategory.NO_DATA_AVAILABLE,
                "nothing_to_do",
                "there was nothing to do: no games, nothing published yet, or nothing new",
            )
        return Classification(
            FailureCategory.ERROR,
            "contradiction",
            f"it says that there was nothing to do, but {against}: in doubt, an error",
        )
    for rule in LAST_RESORT:
        if rule.fires(reading):
            return Classification(rule.category, rule.name, rule.reason)
    return Classification(
        FailureCategory.ERROR, "unrecognised", "no rule knows the message: in doubt, an error"
    )


def _skipped(reason: str, *, state: str = "skipped") -> Classification:
    """A run without a message that can be judged, by why it did not work."""
    if reason and reason.lower() not in SKIPS:
        verdict = _judge(Message(reason.replace("_", " ")), None, None)
        if verdict.rule != "unrecognised" or state != "skipped":
            return verdict
    return Classification(
        FailureCategory.NO_DATA_AVAILABLE,
        "skipped",
        f"the run skipped its work: {reason or 'no reason given'}",
    )
