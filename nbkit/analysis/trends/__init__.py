"""Steps, drifts, changes of scatter and of failure rates: what moved, since when, how surely."""

from nbkit.analysis.trends.assessment import Assessment, assess
from nbkit.analysis.trends.change import AssessmentRules, Change
from nbkit.analysis.trends.early_warning import EarlyWarning, EarlyWarnings, early_warnings
from nbkit.analysis.trends.rules import (
    check_quality_trends,
    detect_failure_spike,
    detect_performance_degradation,
)
from nbkit.analysis.trends.segmentation import change_points

__all__ = [
    "Assessment",
    "AssessmentRules",
    "Change",
    "EarlyWarning",
    "EarlyWarnings",
    "assess",
    "change_points",
    "check_quality_trends",
    "detect_failure_spike",
    "detect_performance_degradation",
    "early_warnings",
]
