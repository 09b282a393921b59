"""Which processors are getting worse, the most important first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import log

import pandas as pd

from nbkit.analysis.false_discovery import benjamini_hochberg
from nbkit.analysis.trends.assessment import RECENT, Assessment, assess
from nbkit.analysis.trends.change import AssessmentRules, Change
from nbkit.analysis.trends.daily_history import COLUMNS
from nbkit.registry import ProcessorRegistry
from nbkit.registry.models import Criticality

_WEIGHTS = {
    Criticality.CRITICAL: 4.0,
    Criticality.HIGH: 2.0,
    Criticality.MEDIUM: 1.0,
    Criticality.LOW: 0.5,
}


@dataclass(frozen=True, kw_only=True)
class EarlyWarning:
    """A processor that has become worse. `q` is the false discovery rate at which it is believed,
    `blast_radius` how many processors depend on it, `rank_score` what it is sorted by."""

    processor: str
    criticality: Criticality | None
    blast_radius: int
    assessment: Assessment
    q: float
    rank_score: float


@dataclass(frozen=True, kw_only=True)
class EarlyWarnings:
    """`warnings` in rising order of what can wait: criticality first. Of them at most
    `expected_false` are false on average. `judged` processors had enough history,
    `insufficient` had not, and `silent` had no run that had something to do in the last days.
    `recovered` are processors that had become worse and are as usual again, chosen and ranked
    likewise."""

    warnings: tuple[EarlyWarning, ...]
    judged: tuple[str, ...]
    insufficient: tuple[str, ...]
    silent: tuple[str, ...]
    expected_false: float
    recovered: tuple[EarlyWarning, ...] = ()


def early_warnings(
    daily: pd.DataFrame,
    registry: ProcessorRegistry,
    *,
    as_of: date,
    days: int = 7,
    false_discovery_rate: float = 0.1,
    most: int = 10,
    rules: AssessmentRules | None = None,
) -> EarlyWarnings:
    """Assess every processor once, and keep what stands among so many (Benjamini & Hochberg 1995).

    Ranked by effect × confidence × criticality × blast radius; CRITICAL processors come first.

    Args:
        daily: rows of `daily_histories`, of any processors; rows after `as_of` are not seen.
        as_of: the last whole day.
        days: a processor whose last row with runs is older is silent, and not judged.
        most: how many warnings are kept.

    Raises:
        ValueError: a column is missing.
    """
    moment = pd.Timestamp(as_of)
    seen = daily[daily["date"] <= moment]
    assessments: dict[str, Assessment] = {}
    insufficient: list[str] = []
    silent: list[str] = []
    for key, own in seen.groupby("processor_name", sort=True, observed=True):
        name = str(key)
        active = own[own["runs"] > 0]
        if active.empty or active["date"].max() <= moment - pd.Timedelta(days=days):
            silent.append(name)
            continue
        assessment = assess(own[list(COLUMNS)], rules=rules)
        if assessment.status == "insufficient":
            insufficient.append(name)
        else:
            assessments[name] = assessment
    chances = [1 - (a.confidence or 0.0) if a.alert else 1.0 for a in assessments.values()]
    q_values = benjamini_hochberg(chances)
    found = [
        _warning(name, assessment, float(q), registry)
        for (name, assessment), q in zip(assessments.items(), q_values, strict=True)
        if assessment.alert and q <= false_discovery_rate
    ]
    # It may have been an alert on any of so many days.
    chances = [
        RECENT * (1 - (a.confidence or 0.0)) if a.status == "recovered" else 1.0
        for a in assessments.values()
    ]
    q_values = benjamini_hochberg([min(1.0, chance) for chance in chances])
    passed = [
        _warning(name, assessment, float(q), registry)
        for (name, assessment), q in zip(assessments.items(), q_values, strict=True)
        if assessment.status == "recovered" and q <= false_discovery_rate
    ]
    return EarlyWarnings(
        warnings=_ranked(found)[:most],
        judged=tuple(assessments),
        insufficient=tuple(insufficient),
        silent=tuple(silent),
        expected_false=false_discovery_rate * len(found),
        recovered=_ranked(passed)[:most],
    )


def _ranked(warnings: list[EarlyWarning]) -> tuple[EarlyWarning, ...]:
    return tuple(
        sorted(warnings, key=lambda w: (w.criticality is not Criticality.CRITICAL, -w.rank_score))
    )


def _warning(
    name: str, assessment: Assessment, q: float, registry: ProcessorRegistry
) -> EarlyWarning:
    known = registry.get_processor(name)
    reach = len(registry.downstream(name)) if known else 0
    weight = _WEIGHTS[known.criticality] if known else 1.0
    return EarlyWarning(
        processor=name,
        criticality=known.criticality if known else None,
        blast_radius=reach,
        assessment=assessment,
        q=q,
        rank_score=_size((assessment.changes + assessment.recovered)[0])
        * (1 - q)
        * weight
        * (1 + reach),
    )


def _size(change: Change) -> float:
    """How large a change is, on one scale for ratios and for shares."""
    if change.metric == "failure_rate":
        return log((change.recent + 0.01) / (change.baseline + 0.01))
    return abs(log(change.effect))
