"""The rules of the storm report: how bad a storm is, and what to do about its cause.

The evidence follows the contract of kind `failure_storm`; machines read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nbkit.analysis.storms.diagnosis import Diagnosis, RankedCause
from nbkit.analysis.storms.storm import Storm, scaled
from nbkit.analysis.storms.what_if import Effect, WhatIf
from nbkit.findings import Finding, Severity, iso_utc
from nbkit.findings.health import UNOWNED
from nbkit.findings.storm_changes import Change
from nbkit.findings.wording import count_of, percent, seconds
from nbkit.registry import ProcessorRegistry

TITLES = {
    "scheduler_collision": "jobs that start at the same instant starve what they share",
    "retry_amplification": "redelivery multiplies a passing fault",
    "poison_message": "a few messages that can never succeed are delivered again and again",
    "republish_loop": "a healer publishes work again that had already succeeded",
    "premature_start": "runs start before their input can exist",
    "upstream_outage": "one processor is down and its descendants fail on it",
    "rate_limit": "a quota of an outside service is used up",
    "cleanup_artifact": "a sweep closed stuck rows; the failures were not then",
    "backfill": "old dates are replayed in bulk",
    "organic_load": "more work than usual, and the usual share of it fails",
    "unknown": "the evidence does not separate the causes",
}
RECOMMENDATIONS = {
    "scheduler_collision": "Stagger the schedules that share a mark: give each job its own minute, "
    "or start it after a random wait of up to 15 minutes.",
    "retry_amplification": "Lengthen and jitter the backoff of the subscriptions, limit the "
    "attempts, and send what is left to a dead-letter topic.",
    "poison_message": "Acknowledge what can never succeed, seek the subscription past it, and set "
    "a dead-letter topic with five attempts.",
    "republish_loop": "Stop the healer, correct what it compares with, and limit how much it may "
    "publish in an hour; never publish work that has succeeded.",
    "premature_start": "Ask `nbkit ready` before each start, or move the schedule behind the "
    "moment at which the input lands.",
    "upstream_outage": "Mend the root; hold its descendants back until it has succeeded, instead "
    "of letting each of them fail.",
    "rate_limit": "Spread the calls below the quota (a token bucket before the client), cache, or "
    "raise the quota.",
    "cleanup_artifact": "Count these failures where the runs started; find out why they hung, and "
    "end hung runs by a timeout instead of a sweep.",
    "backfill": "Leave backfills out of the alerts (backfill_mode), and run them slowly, off the "
    "hours of the daily pipeline.",
    "organic_load": "Nothing is wrong: the same share fails as always.",
    "unknown": "Read what happened in it, step by step:",
}
# The fix that is meant for a cause.
FIX_OF = {
    "scheduler_collision": "jitter",
    "rate_limit": "jitter",
    "retry_amplification": "backoff",
    "premature_start": "window",
    "upstream_outage": "window",
}
QUIET = ("organic_load",)


@dataclass(frozen=True, kw_only=True)
class StormRules:
    """When a storm is worth a warning, and when an alarm.

    Attributes:
        warn_excess: failures beyond the usual, each time it came, below which it is a note.
        critical_excess: from here on it is critical.
        target_per_week: failures a week that a weekly window may have (the customer's target is
            5,000); above it is critical.
        unknown_excess: a storm without a named cause is a note below this.
        expected_excess: expected failures that came once are a note below this.
        planned_share: a backfill that fails less than this share of its runs, or as its processors
            always do, goes as planned.
    """

    warn_excess: float = 30.0
    critical_excess: float = 500.0
    target_per_week: float = 5_000.0
    unknown_excess: float = 80.0
    planned_share: float = 0.2
    expected_excess: float = 150.0


def judge_storm(
    storm: Storm,
    registry: ProcessorRegistry,
    *,
    rules: StormRules,
    what_if: WhatIf | None = None,
    changes: Sequence[Change] = (),
) -> Finding:
    """One storm as a finding.

    Args:
        what_if: predictions by fix; None where none were made.
        changes: what to do for the fixes that are worth it.
    """
    diagnosis = storm.diagnosis
    cause = diagnosis.cause
    recommendation = " ".join(
        [RECOMMENDATIONS[cause], *_look_closer(storm), *_promise(cause, what_if)]
    )
    return Finding(
        kind="failure_storm",
        subject=storm.name,
        severity=severity_of(storm, rules),
        title=_title(storm),
        since=storm.onset,
        owner=_owner(storm, registry),
        next_step=recommendation,
        fingerprint=_fingerprint(storm),
        evidence={
            "cause": cause,
            "causes": [_cause(each) for each in diagnosis.causes],
            "sampled": round(storm.sampled, 4),
            "attempts": storm.attempts,
            "messages": storm.messages,
            "amplification": round(diagnosis.facts.attempts.factor, 3),
            "messages_known": round(diagnosis.facts.attempts.known, 3),
            "failures": storm.failures,
            "real_failures": storm.real,
            "expected_failures": storm.expected,
            "usual_failures": round(storm.usual_failures, 1),
            "processors": storm.by_processor,
            "onset": iso_utc(storm.onset),
            "end": iso_utc(storm.end),
            "occurrences": [
                {"onset": iso_utc(span.start), "end": iso_utc(span.end)} for span in storm.spans
            ],
            "weekly": {day.isoformat(): count for day, count in storm.by_week.items()},
            "is_weekly": storm.weekly,
            "backoff": _law(diagnosis),
            "hopeless_share": diagnosis.facts.attempts.hopeless,
            "branching_ratio": round(diagnosis.facts.attempts.branching, 4),
            "root": diagnosis.root,
            "missing": list(diagnosis.missing),
            "what_if": what_if.evidence() if what_if else {},
            "changes": [asdict(change) for change in changes],
            "recommendation": recommendation,
        },
    )


def _look_closer(storm: Storm) -> list[str]:
    """Of a storm without a named cause: how to see more of it, now and next time."""
    if storm.diagnosis.cause != "unknown":
        return []
    last = storm.spans[-1]
    words = [
        f"`nbkit run incident -p start={iso_utc(last.start)} -p end={iso_utc(last.end)}`.",
    ]
    if storm.diagnosis.missing:
        words.append(f"Log what would tell more: {'; '.join(storm.diagnosis.missing)}.")
    return words


def _promise(cause: str, found: WhatIf | None) -> list[str]:
    """What the best single fix would save, and whether the one for this cause is worth it."""
    if found is None or not found.fits:
        return []
    words = []
    best, own = found.best, found.effect(FIX_OF.get(cause, ""))
    if best is not None:
        words.append(f"{best.fix.title} would save {_saves(best)} of these failures.")
    if own is not None and own.high < 0.1 and (best is None or own.fix != best.fix):
        words.append(
            f"{own.fix.title} would save little here, {_saves(own)}: it does not touch most of "
            "what fails."
        )
    return words


def _saves(effect: Effect) -> str:
    low, high = max(effect.low, 0.0), effect.high
    told = [percent(round(share, 2)) for share in (effect.reduction, low, high)]
    return f"{told[0]} ({told[1]} to {told[2]})"


def severity_of(storm: Storm, rules: StormRules) -> Severity:
    """Organic load never alarms; other causes by what they add each time."""
    cause = storm.diagnosis.cause
    each = storm.excess / len(storm.spans)
    if cause in QUIET or each < rules.warn_excess:
        return Severity.INFO
    if cause == "unknown" and each < rules.unknown_excess:
        return Severity.INFO
    if storm.real < rules.warn_excess * len(storm.spans) and each < _least_expected(storm, rules):
        return Severity.INFO
    if cause == "backfill" and (storm.failed_share < rules.planned_share or _fails_as_usual(storm)):
        return Severity.INFO
    if cause in ("unknown", "cleanup_artifact", "backfill"):
        return Severity.WARNING
    if each >= rules.critical_excess or (storm.weekly and storm.per_time > rules.target_per_week):
        return Severity.CRITICAL
    return Severity.WARNING


def _fails_as_usual(storm: Storm) -> bool:
    """Whether as much fails, and as much succeeds, as of so many runs always does."""
    causes = storm.diagnosis.causes
    organic = next((each for each in causes if each.cause == "organic_load"), None)
    names = ("failures_as_expected", "successes_as_expected")
    told = [each.strength for each in (organic.evidence if organic else ()) if each.name in names]
    return bool(told) and all(strength is not None and strength >= 0.5 for strength in told)


def _least_expected(storm: Storm, rules: StormRules) -> float:
    """The excess from which failures that nobody needs to look at are worth a warning all the same:
    a day without games has many of them, once, or for no reason that can be told."""
    if storm.diagnosis.cause == "unknown":
        return rules.critical_excess
    return 0.0 if storm.weekly else rules.expected_excess


def _title(storm: Storm) -> str:
    """One sentence that a tired person understands; a sum over weeks is said to be one."""
    what = TITLES[storm.diagnosis.cause]
    if storm.diagnosis.root:
        what = f"{storm.diagnosis.root} is down and its descendants fail on it"
    times = len(storm.spans)
    size = f"{count_of(storm.failures, 'failure')}"
    if storm.weekly:
        size += f" over {times} weeks, about {storm.per_time:,.0f} each time"
    elif storm.failures == 0:
        runs = scaled(len(storm.diagnosis.facts.inside), storm.sampled)
        size = f"{count_of(runs, 'run')}, none failed"
    if storm.expected > 0:
        size += f", {percent(storm.expected / storm.failures)} of them expected"
    about = "about " if storm.sampled < 1 else ""
    return f"{storm.name}: {about}{size}; {what}"


def _cause(ranked: RankedCause) -> dict[str, Any]:
    return {
        "cause": ranked.cause,
        "score": round(ranked.score, 4),
        "share": round(ranked.share, 4),
        "evidence": [
            {
                "name": each.name,
                "value": None if each.value is None else round(float(each.value), 4),
                "threshold": round(each.threshold, 4),
                "holds": None if each.strength is None else each.strength >= 0.5,
                "words": each.words,
                "source": each.source,
            }
            for each in ranked.evidence
        ],
    }


def _law(diagnosis: Diagnosis) -> dict[str, Any] | None:
    law = diagnosis.facts.attempts.law
    if law is None:
        return None
    return {
        "min_s": round(law.min_s, 1),
        "max_s": round(law.max_s, 1),
        "factor": round(law.factor, 2),
        "jitter": round(law.jitter, 2),
        "fit": round(law.fit, 3),
        "told": f"{seconds(law.min_s)} to {seconds(law.max_s)}, ×{law.factor:.1f}",
    }


def _owner(storm: Storm, registry: ProcessorRegistry) -> str:
    owners: Counter[str] = Counter()
    for name, count in storm.by_processor.items():
        processor = registry.get_processor(name)
        owners[processor.owner if processor else UNOWNED] += count
    if storm.diagnosis.root:
        root = registry.get_processor(storm.diagnosis.root)
        return root.owner if root else UNOWNED
    return owners.most_common(1)[0][0] if owners else UNOWNED


def _fingerprint(storm: Storm) -> str:
    if storm.weekly:
        start, end = storm.typical_hours()
        last = end.hour - 1 if end.hour else 23
        return f"failure_storm:{start:%A}-{start:%H}-{last:02d}".lower()
    whose = storm.window.processors[0] if len(storm.window.processors) == 1 else "all"
    return f"failure_storm:{whose}:{storm.onset:%Y-%m-%dT%H}"
