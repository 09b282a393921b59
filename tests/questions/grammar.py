"""What no sentence of a report says: "1 runs", or "1 of 3 processors have"."""

from __future__ import annotations

import html
import re

_COUNTED = (
    "run|failure|processor|day|week|date|target|message|finding|warning|report|phase|deadline|"
    "promise|error budget|value|row|record|figure|test|odd run|upstream|month|job|time"
)
_PLURAL = "are|were|have|fail|need|wait|lie|differ|burn|name|hang|do"
_WRONG = (
    rf"(?<![\d,.–-])1 (?:[a-z-]+ )?(?:{_COUNTED})s\b",
    rf"(?<![\d,.–-])1 of [\d,]+ (?:[a-z-]+ )?(?:{_COUNTED})s? (?:{_PLURAL})\b",
    rf"(?<![\d,.–-])1 (?:[a-z-]+ )?(?:{_COUNTED}) (?:{_PLURAL})\b",
    rf"(?<!1 of )\b[\d,]*\d (?:{_COUNTED})s (?:is|was|has|fails|needs|waits)\b",
)


def ungrammatical(text: str) -> list[str]:
    """The counts in a text (or HTML) that do not agree with what is counted."""
    plain = html.unescape(re.sub("<[^>]*>", "|", text)).replace("\u00a0", " ")
    return [found for wrong in _WRONG for found in re.findall(wrong, plain)]
