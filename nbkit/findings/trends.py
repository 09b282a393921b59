"""The rules of the trends report: what gets worse, and what will be too late if it goes on.

A trend is work for the day, so it warns. It is critical only where a CRITICAL processor is about to
run into its timeout or to miss its deadline. One processor and one figure have one kind and one
fingerprint, whatever shape the change has: a step that looks like a drift the next day is no news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from nbkit.analysis.trends.change import Change
from nbkit.analysis.trends.deadline_risk import DeadlineRisk
from nbkit.analysis.trends.early_warning import EarlyWarning
from nbkit.analysis.trends.forecast import Forecast
from nbkit.analysis.trends.outlook import Outlook
from nbkit.findings import Finding, Severity
from nbkit.findings.health import owner_of
from nbkit.findings.intervals import joined, whole, whole_percent
from nbkit.findings.wording import percent, seconds, some, verb
from nbkit.registry import Criticality, ProcessorRegistry

KINDS = {
    "step": "duration_rise",
    "drift": "duration_rise",
    "variance": "unsteady_duration",
    "failure_rate": "failure_rate_rise",
    "records": "records_fall",
    "runs": "run_count_change",
}
# What the daily rules call the same trouble; it is told once, under the name of the day.
SAME_TROUBLE = {
    "duration_rise": "slow_processor",
    "unsteady_duration": "slow_processor",
    "failure_rate_rise": "processor_failing",
    "records_fall": "incomplete_data",
    "run_count_change": "silent_processor",
}
_AS_FACTOR = 3.0  # "15 times" is read faster than "+1,400 %"
_NEXT_STEP = {
    "duration_rise": "A deploy, a larger input or a new neighbour on that day? "
    "`nbkit registry impact {name}`",
    "unsteady_duration": "Compare a slow run with a fast one: input, neighbours on its minute; "
    "`nbkit baselines show {name}`",
    "failure_rate_rise": "What do its failures say, and what changed on that day? "
    "`nbkit trends show {name}`, then `nbkit run daily_health`",
    "records_fall": "Compare a run before that day with one after it: is its source complete?",
    "run_count_change": "Its schedule, its subscription, redelivery? `nbkit registry show {name}`",
}


@dataclass(frozen=True, kw_only=True)
class TrendRules:
    """When what lies ahead is told, and when it cannot wait.

    Attributes:
        soon_days: a timeout or deadline of a CRITICAL processor that is reached within so many days
            is critical: a week is what a change of code takes.
        ahead_days: one that is reached within so many days is told at all.
        at_risk: chance that the next deadline is missed, from which a drift is told.
        likely: the same, from which it cannot wait.
    """

    soon_days: int = 7
    ahead_days: int = 30
    at_risk: float = 0.25
    likely: float = 0.5


def change_named(change: Change) -> str:
    """In two words, for a table."""
    match change.kind:
        case "step":
            return "slower at once"
        case "drift":
            return "slower day by day"
        case "variance":
            return "less steady"
        case "failure_rate":
            return "fails more"
        case "records":
            return "fewer records"
        case "runs":
            return "more runs" if change.effect > 1 else "fewer runs"


def change_told(change: Change, forecast: Forecast | None = None) -> str:
    """What changed and since when, to go on from the processor's name. Of a drift, `forecast` knows
    where it has come to by now."""
    since, ratio = f"since {change.since}", change.effect
    by_volume = "; its records explain that" if change.explained_by_volume else ""
    match change.kind:
        case "step":
            told = f"takes {ratio:.2g} times as long {since} (P95 {_was(change, seconds)})"
        case "drift":
            level = forecast.level if forecast is not None else None
            now = seconds(change.recent if level is None else level)
            told = f"has grown slower {since} (P95 {now}, was {seconds(change.baseline)})"
        case "variance":
            told = f"has durations that scatter {ratio:.2g} times as widely {since}"
        case "failure_rate":
            told = (
                f"really fails {percent(change.recent)} of its runs {since}, "
                f"before {percent(change.baseline)}"
            )
        case "records":
            told = f"brings {whole_percent(1 - ratio)} fewer records {since} " + (
                f"({_was(change, whole)} a run)"
            )
        case "runs":
            told = f"runs {'more' if ratio > 1 else 'less'} often {since} " + (
                f"({_was(change, whole)} a day)"
            )
    return told + by_volume


def size_told(change: Change) -> str:
    """The size alone: `+32 %`, `15.0 ×`, of failure rates `+7 points`."""
    return _sized(change, change.effect)


def effect_told(change: Change) -> str:
    """The size with its 95 % interval: `+32 % (+28 to +36 %)`."""
    return (
        f"{size_told(change)} ({joined(_sized(change, change.low), _sized(change, change.high))})"
    )


def _sized(change: Change, value: float) -> str:
    if change.metric == "failure_rate":
        return _signed(100 * value, "points")
    if change.kind == "variance" or change.effect >= _AS_FACTOR:
        return f"{value:.1f}\u00a0×"
    return _signed(100 * (value - 1), "%")


def levels_told(change: Change) -> tuple[str, str]:
    """The usual level and the one since, in the unit of the metric; scatter has none."""
    if change.kind == "variance":
        return "–", "–"
    show = {"duration": seconds, "failure_rate": percent}.get(change.metric, whole)
    return show(change.baseline), show(change.recent)


def forecast_told(forecast: Forecast | None) -> str | None:
    """`timeout of 30 min is reached on 2026-04-25, between 2026-03-30 and 2026-06-09`; None where
    no date can be said."""
    if forecast is None or forecast.on is None:
        return None
    until = f"and {forecast.latest}" if forecast.latest else "and a day out of sight"
    return (
        f"timeout of {seconds(forecast.limit)} is reached on {forecast.on}, between "
        f"{forecast.earliest} {until}"
    )


def ahead_told(found: Outlook, processor: str, change: Change) -> str | None:
    """What comes of a change if it goes on: its timeout, its deadline, or None."""
    told = []
    if change.metric == "duration" and (text := forecast_told(found.timeouts.get(processor))):
        told.append(text)
    risk = found.deadlines.get(processor)
    if risk is not None and risk.reached.on is not None:
        told.append(
            f"deadline passed with the work of {risk.reached.on}, between "
            f"{risk.reached.earliest} and {risk.reached.latest or 'a day out of sight'}"
        )
    return "; ".join(told) or None


def judge_trends(
    found: Outlook, registry: ProcessorRegistry, *, rules: TrendRules | None = None
) -> list[Finding]:
    """One finding for each change, for each timeout ahead without one, for each deadline at risk;
    in the order of the warnings, the critical ones first."""
    rules = rules or TrendRules()
    slower = {w.processor for w, change in found.worse if change.metric == "duration"}
    findings = [
        *(_worsening(warning, change, found, registry, rules) for warning, change in found.worse),
        *(
            _timeout(name, forecast, registry, found.day, rules)
            for name, forecast in found.timeouts.items()
            if name not in slower and _within(forecast, found.day, rules.ahead_days)
        ),
        *(
            _deadline(name, risk, registry, found.day, rules)
            for name, risk in found.deadlines.items()
            if _is_at_risk(risk, found.day, rules)
        ),
    ]
    return sorted(findings, key=lambda finding: -finding.severity.rank)


def untold(trends: Sequence[Finding], told: Sequence[Finding]) -> list[Finding]:
    """The trends of which the day's own rules have not told already, under their name for it; a
    trend that is worse than what they told is kept."""
    known: dict[tuple[str, str], Severity] = {}
    for finding in told:
        key = (finding.kind, finding.subject)
        known[key] = max(finding.severity, known.get(key, finding.severity), key=lambda s: s.rank)

    def is_told(trend: Finding) -> bool:
        same = known.get((SAME_TROUBLE.get(trend.kind, ""), trend.subject))
        return same is not None and same.rank >= trend.severity.rank

    return [trend for trend in trends if not is_told(trend)]


def judge_trend_history(found: Outlook) -> list[Finding]:
    """Nobody has enough history: nothing is said, and nothing is fine."""
    if found.warnings.judged:
        return []
    thin = found.warnings.insufficient
    return [
        Finding(
            kind="not_enough_history",
            subject="run history",
            severity=Severity.INFO,
            title=f"No processor has enough history to tell a trend by {found.day}"
            + (f": {some(thin, 3)} {verb(len(thin), 'have')} too little" if thin else ""),
            since=None,
            owner="data-platform",
            next_step="`nbkit run trends -p days=180` looks further back.",
            fingerprint="not_enough_history:trends",
            evidence={"not_enough": len(thin), "silent": len(found.warnings.silent)},
        )
    ]


def _worsening(
    warning: EarlyWarning,
    change: Change,
    found: Outlook,
    registry: ProcessorRegistry,
    rules: TrendRules,
) -> Finding:
    name, kind = warning.processor, KINDS[change.kind]
    forecast = found.timeouts.get(name) if change.metric == "duration" else None
    ahead = forecast_told(forecast)
    pressing = _within(forecast, found.day, rules.soon_days)
    severity = Severity.INFO if change.explained_by_volume else Severity.WARNING
    if pressing:
        is_critical = warning.criticality is Criticality.CRITICAL
        severity = Severity.CRITICAL if is_critical else Severity.WARNING
    return Finding(
        kind=kind,
        subject=name,
        severity=severity,
        title=f"{name} {change_told(change, forecast)}"
        + (f"; at this drift its {ahead}" if ahead else ""),
        since=_midnight(change.since),
        owner=owner_of(name, registry),
        next_step=_NEXT_STEP[kind].format(name=name),
        fingerprint=f"{kind}:{name}",
        evidence={
            "shape": change.kind,
            "effect": change.effect,
            "low": change.low,
            "high": change.high,
            "baseline": change.baseline,
            "recent": change.recent,
            "p_value": change.p_value,
            "q_value": warning.q,
            "explained_by_volume": change.explained_by_volume,
            "blast_radius": warning.blast_radius,
            "rank_score": warning.rank_score,
            **_forecast_evidence(forecast),
        },
    )


def _timeout(
    name: str, forecast: Forecast, registry: ProcessorRegistry, day: date, rules: TrendRules
) -> Finding:
    return Finding(
        kind="timeout_ahead",
        subject=name,
        severity=_severity(name, registry, cannot_wait=_within(forecast, day, rules.soon_days)),
        title=f"{name} grows slower by {percent(forecast.change)} a day: its "
        f"{forecast_told(forecast)}",
        since=_midnight(forecast.first_day) if forecast.first_day else None,
        owner=owner_of(name, registry),
        next_step=f"`nbkit timeouts {name}`, and look for what grows with it",
        fingerprint=f"timeout_ahead:{name}",
        evidence=_forecast_evidence(forecast),
    )


def _deadline(
    name: str, risk: DeadlineRisk, registry: ProcessorRegistry, day: date, rules: TrendRules
) -> Finding:
    reached = risk.reached
    chance = risk.probability or 0.0
    when = (
        f"it passes its deadline with the work of {reached.on}, between {reached.earliest} and "
        f"{reached.latest or 'a day out of sight'}"
        if reached.on
        else f"the work of {risk.next_date} is due {risk.next_due:%Y-%m-%d %H:%M} UTC"
    )
    later = f" by {seconds(reached.change)} a day" if reached.change and reached.change > 0 else ""
    return Finding(
        kind="deadline_at_risk",
        subject=name,
        severity=_severity(
            name,
            registry,
            cannot_wait=chance >= rules.likely or _within(reached, day, rules.soon_days),
        ),
        title=f"{name} finishes later and later{later}: {when}; the next one is missed with a "
        f"chance of {whole_percent(chance)}",
        since=_midnight(reached.first_day) if reached.first_day else None,
        owner=owner_of(name, registry),
        next_step=f"`nbkit registry impact {name}` has who waits for it and until when",
        fingerprint=f"deadline_at_risk:{name}",
        evidence={
            "next_date": risk.next_date.isoformat(),
            "next_due": risk.next_due.astimezone(UTC).isoformat(),
            "probability": risk.probability,
            "low": risk.low,
            "high": risk.high,
            "missed": risk.missed.successes,
            "judged": risk.missed.total,
            "usual_lateness_s": risk.usual_lateness.total_seconds()
            if risk.usual_lateness is not None
            else None,
            "change_s_per_day": reached.change,
            "reached_on": reached.on.isoformat() if reached.on else None,
            "reached_earliest": reached.earliest.isoformat() if reached.earliest else None,
            "reached_latest": reached.latest.isoformat() if reached.latest else None,
        },
    )


def _is_at_risk(risk: DeadlineRisk, day: date, rules: TrendRules) -> bool:
    """Habitual misses are the SLA report's: here only what gets worse is told."""
    if _within(risk.reached, day, rules.ahead_days):
        return True
    is_later = risk.reached.change is not None and risk.reached.change > 0
    return risk.basis == "drift" and is_later and (risk.probability or 0.0) >= rules.at_risk


def _within(forecast: Forecast | None, day: date, days: int) -> bool:
    return forecast is not None and forecast.on is not None and (forecast.on - day).days <= days


def _forecast_evidence(forecast: Forecast | None) -> dict[str, Any]:
    if forecast is None:
        return {}
    return {
        "timeout_s": forecast.limit,
        "level_s": forecast.level,
        "change_per_day": forecast.change,
        "timeout_on": forecast.on.isoformat() if forecast.on else None,
        "timeout_earliest": forecast.earliest.isoformat() if forecast.earliest else None,
        "timeout_latest": forecast.latest.isoformat() if forecast.latest else None,
        "no_forecast": forecast.why_not.value if forecast.why_not else None,
    }


def _severity(name: str, registry: ProcessorRegistry, *, cannot_wait: bool) -> Severity:
    known = registry.get_processor(name)
    is_critical = known is not None and known.criticality is Criticality.CRITICAL
    return Severity.CRITICAL if is_critical and cannot_wait else Severity.WARNING


def _was(change: Change, show: Any) -> str:
    return f"{show(change.recent)}, was {show(change.baseline)}"


def _signed(value: float, unit: str) -> str:
    return f"{value:+.0f}\u00a0{unit}".replace("-", "−")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
