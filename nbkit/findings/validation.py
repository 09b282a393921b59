"""The rules of the reports on promises: is the target met, is it too early to say, did it get
worse?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nbkit.analysis.count_rates import RateRatio
from nbkit.analysis.measures import Measured
from nbkit.analysis.proportions import Difference
from nbkit.findings import Finding, Severity
from nbkit.findings.wording import count_of, percent
from nbkit.registry import ProcessorRegistry
from nbkit.registry.metrics import Metric, Target

OWNER = "data-platform"


def told(value: float | None, measured: Measured) -> str:
    """A value in the words of its form: `97.6 %`, `22.3`, `5,012`, `1.5 min`."""
    if value is None:
        return "–"
    if measured.form == "share":
        return percent(value)
    number = f"{value:,.0f}" if value >= 100 else f"{value:,.1f}".removesuffix(".0")
    return f"{number}\u00a0min" if measured.form == "minutes" else number


def target_told(target: Target, measured: Measured) -> str:
    """`below 2`, `at least 95 %`."""
    word = "below" if target.below is not None else "at least"
    return f"{word} {told(target.value, measured)}"


def interval_told(measured: Measured) -> str:
    """`0.6 to 2.9`; "–" where there is none, or the value is counted and certain."""
    if measured.low is None or measured.high is None or measured.low == measured.high:
        return "–"
    return f"{told(measured.low, measured)} to {told(measured.high, measured)}"


def seen_told(measured: Measured) -> str:
    """`1.4 a day in 5 days, 95 % interval 0.6 to 2.9`; `13 of 29 functions`."""
    value, seen = told(measured.value, measured), count_of(measured.count, measured.unit)
    if measured.form == "functions":
        return f"{value} of {seen}"
    each = f" a {measured.unit}" if measured.form == "count" else ""
    return f"{value}{each} in {seen}, 95\u00a0% interval {interval_told(measured)}"


def judge_metric(
    metric: Metric,
    registry: ProcessorRegistry,
    *,
    before: Measured,
    after: Measured,
    change: RateRatio | Difference | None,
    wait: int | None = None,
    extra: Mapping[str, Any] | None = None,
    since: datetime,
) -> list[Finding]:
    """Nothing where the target is met; info where it is too early to say.

    Args:
        change: of the value, later against earlier; None where one side has nothing.
        wait: how many more days or weeks will tell, None if not known.
        extra: more evidence.
        since: when the window after the change begins.
    """
    evidence: dict[str, Any] = {
        "metric": metric.name,
        "standing": after.standing.replace("runs", "data"),
        "target": metric.target.value,
        "target_is": "below" if metric.target.below is not None else "at_least",
        "before": before.value,
        "after": after.value,
        "low": after.low,
        "high": after.high,
        f"{after.unit}s": after.count,
        "change": change.value if change else None,
        "change_low": change.low if change else None,
        "change_high": change.high if change else None,
        **(extra or {}),
    }
    owner = (registry.owner_of_phase(metric.phase) if metric.phase else None) or OWNER
    seen = seen_told(after)
    goal = target_told(metric.target, after)

    def finding(kind: str, severity: Severity, title: str, next_step: str) -> Finding:
        return Finding(
            kind=kind,
            subject=metric.title,
            severity=severity,
            title=title,
            since=since,
            owner=owner,
            next_step=next_step,
            fingerprint=f"{kind}:{metric.name}",
            evidence=evidence,
        )

    again = f"`nbkit run validation -p metric={metric.name}`"
    found = []
    if after.standing == "not met":
        title = f"{metric.title} misses its target ({goal}): {seen}"
        found.append(finding("target_missed", Severity(metric.severity), title, again))
    elif after.standing == "not enough runs":
        later = "later" if wait is None else f"in {count_of(wait, after.unit)}"
        why = "nothing was measured yet" if after.value is None else seen
        title = f"{metric.title}: too early to say whether the target ({goal}) is met: {why}"
        found.append(finding("target_not_judged", Severity.INFO, title, f"{again} again {later}"))
    if is_worse(metric, change):
        title = f"{metric.title} is worse since the change: {told(before.value, before)} → {seen}"
        found.append(finding("change_for_worse", Severity.WARNING, title, again))
    return found


def is_worse(metric: Metric, change: RateRatio | Difference | None) -> bool:
    """Whether the value clearly moved away from its target."""
    if change is None or not change.is_clear:
        return False
    neutral = 1.0 if isinstance(change, RateRatio) else 0.0
    rises = change.low > neutral
    return rises if metric.target.below is not None else not rises
