"""What a rule is: a name, a category, a reason, and the words or classes on which it fires."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbkit.failures.taxonomy import FailureCategory
from nbkit.failures.words import Reading


@dataclass(frozen=True)
class Rule:
    """Fires when `says` is found in the words, or `kind` is the class of an exception in them."""

    name: str
    category: FailureCategory
    reason: str
    says: re.Pattern[str] | None = None
    kind: re.Pattern[str] | None = None

    def fires(self, reading: Reading) -> bool:
        if self.kind and any(self.kind.fullmatch(kind) for kind in reading.kinds):
            return True
        return bool(self.says and self.says.search(reading.words))


def rule(
    name: str, category: FailureCategory, reason: str, *says: str, kinds: str = "", of: str = ""
) -> Rule:
    """Compile a rule.

    Args:
        name: what reports group failures by.
        category: what the rule decides.
        reason: why, for a reader of the verdict.
        says: patterns, each found between word boundaries.
        kinds: class names without `Error` or `Exception`, separated by spaces (`key` is KeyError).
        of: packages all of whose exceptions count.
    """
    classes = [rf"(?:.*\.)?(?:{'|'.join(kinds.split())})(?:error|exception)?"] if kinds else []
    packages = [rf"_?(?:{'|'.join(of.split())})\..*"] if of else []
    return Rule(
        name,
        category,
        reason,
        re.compile("|".join(rf"(?<!\w)(?:{one})(?!\w)" for one in says)) if says else None,
        re.compile("|".join(classes + packages)) if classes or packages else None,
    )
