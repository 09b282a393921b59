"""One number that speaks for a cause, and all of those of one cause."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

CONTRACT = "the cause's definition"
METASTABLE = "Bronson et al., HotOS 2021; Huang et al., OSDI 2022"
OVERLOAD = "SRE Book, ch. 21-22"
BACKOFF = "AWS Architecture Blog 2015, exponential backoff and jitter"
INCIDENTS = "this platform's incidents, 2026"

_FLOOR = 0.01
_UNKNOWN = 0.7  # what a number that is not known counts for: less than one that holds
_UNTOLD = 0.3  # the most that is said for a cause of whose main evidence nothing is known


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One number that speaks for or against a cause.

    Attributes:
        name: stable, for machines.
        value: None where the history does not say.
        against, full: up to `against` it speaks against the cause, from `full` on wholly for it
            (turned round where `against` is the greater); between them in proportion.
        words: what is measured, for people.
        source: where the rule comes from.
        needs: what to log to know it next time, where `value` is None.
        weight: how much it counts beside the others of its cause.
        is_main: without it (and others that are main) the cause cannot be told at all.
    """

    name: str
    value: float | None
    against: float
    full: float
    words: str
    source: str = CONTRACT
    needs: str = ""
    weight: float = 1.0
    is_main: bool = False

    @property
    def strength(self) -> float | None:
        """0 against the cause, 1 for it; None where it is not known."""
        if self.value is None or self.value != self.value:
            return None
        return min(max((self.value - self.against) / (self.full - self.against), 0.0), 1.0)

    @property
    def threshold(self) -> float:
        """Where it begins to speak for the cause."""
        return (self.against + self.full) / 2


@dataclass(frozen=True, kw_only=True)
class CauseEvidence:
    """Everything that speaks for or against one cause.

    Attributes:
        share: part of the storm's failures that this cause is asked about.
        untold: the history lacks what would tell this cause from others.
    """

    cause: str
    evidence: tuple[Evidence, ...]
    share: float
    untold: bool = False

    @property
    def strength(self) -> float:
        """The weighted geometric mean of what is known: one number that is wholly against a cause
        outweighs many that are for it. What is not known makes it a little weaker; where no main
        evidence is known, it is too weak to name the cause."""
        total = sum(each.weight for each in self.evidence)
        if total == 0:
            return 0.0
        logs = 0.0
        for each in self.evidence:
            strength = each.strength
            logs += each.weight * log(max(_UNKNOWN if strength is None else strength, _FLOOR))
        main = [each.strength for each in self.evidence if each.is_main]
        untold = self.untold or (bool(main) and all(strength is None for strength in main))
        return min(exp(logs / total), _UNTOLD if untold else 1.0)

    @property
    def score(self) -> float:
        """From 0 to 1: strength times share."""
        return self.strength * self.share

    @property
    def missing(self) -> tuple[str, ...]:
        """What to log to know more next time."""
        return tuple(
            dict.fromkeys(e.needs for e in self.evidence if e.strength is None and e.needs)
        )
