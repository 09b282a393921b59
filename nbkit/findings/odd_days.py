"""Odd days, for information: what one bad day means is for the daily health report to say, under
its own names, and what lasts is a trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from nbkit.analysis.anomalies import DayAnomaly, Metric
from nbkit.analysis.trends.outlook import Outlook
from nbkit.findings import Finding, Severity
from nbkit.findings.health import owner_of
from nbkit.findings.wording import seconds
from nbkit.registry import ProcessorRegistry

_METRIC_OF = {
    Metric.DURATION: "duration",
    Metric.SLOWEST: "duration",
    Metric.RECORDS: "records",
    Metric.ZERO_RECORDS: "records",
    Metric.FAILURES: "failure_rate",
    Metric.RUNS: "runs",
    Metric.PRESENCE: "runs",
}


@dataclass(frozen=True, kw_only=True)
class OddDays:
    """One figure of a processor that was off in one direction: its newest odd day, and how many of
    the judged days were odd."""

    latest: DayAnomaly
    days: int


def odd_days(anomalies: Sequence[DayAnomaly]) -> tuple[OddDays, ...]:
    """Each processor's oddities of one kind once, told by the newest and least likely one; in the
    order of `anomalies`."""
    grouped: dict[tuple[str, str], list[DayAnomaly]] = {}
    for odd in anomalies:
        grouped.setdefault((odd.processor, odd.kind), []).append(odd)
    return tuple(
        OddDays(latest=own[0], days=len({odd.day for odd in own})) for own in grouped.values()
    )


def is_part_of_trend(odd: OddDays, found: Outlook) -> bool:
    """Whether a warning already tells of that figure of that processor."""
    metric = _METRIC_OF[odd.latest.metric]
    return any(w.processor == odd.latest.processor and c.metric == metric for w, c in found.worse)


def judge_days(
    anomalies: Sequence[DayAnomaly], found: Outlook, registry: ProcessorRegistry
) -> list[Finding]:
    """A remark for each odd day; what a warning tells already is not told again here."""
    return [
        _odd(each, registry) for each in odd_days(anomalies) if not is_part_of_trend(each, found)
    ]


def _odd(each: OddDays, registry: ProcessorRegistry) -> Finding:
    odd = each.latest
    return Finding(
        kind="anomalous_day",
        subject=odd.processor,
        severity=Severity.INFO,
        title=f"{odd.processor} on {odd.day}: {odd.kind}, {anomaly_told(odd, odd.seen)} "
        f"where {anomaly_told(odd, odd.expected)} is usual",
        since=datetime.combine(odd.since, time(), tzinfo=UTC),
        owner=owner_of(odd.processor, registry),
        next_step=f"`nbkit baselines show {odd.processor}`",
        fingerprint=f"anomalous_day:{odd.processor}:{odd.kind}".replace(" ", "-"),
        evidence={
            "day": odd.day.isoformat(),
            "days": each.days,
            "metric": odd.metric.value,
            "seen": odd.seen,
            "expected": odd.expected,
            "low": odd.low,
            "high": odd.high,
            "p_value": odd.p_value,
            "q_value": odd.q_value,
            "baseline_days": odd.baseline_days,
        },
    )


def anomaly_told(odd: DayAnomaly, value: float) -> str:
    """A value in the unit of the anomaly's metric: `12 s`, `1,204 records`, `3 runs`."""
    if odd.metric in (Metric.DURATION, Metric.SLOWEST):
        return seconds(value)
    if odd.metric is Metric.RECORDS:
        return f"{value:,.0f}\u00a0records"
    shown = f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"
    return f"{shown}\u00a0run" + ("" if shown == "1" else "s")
