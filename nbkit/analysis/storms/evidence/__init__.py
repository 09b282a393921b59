"""What speaks for each cause: numbers, each with its thresholds and the source of the rule."""

from nbkit.analysis.storms.evidence.evidence import CauseEvidence, Evidence
from nbkit.analysis.storms.evidence.facts import Facts, measure

__all__ = ["CauseEvidence", "Evidence", "Facts", "measure"]
