"""The rules of the SLA reports: when a promise that was not kept becomes a finding.

Books are kept without statistics: fewer good than promised is a miss. The severity asks more: a
miss that chance may explain is a warning, and only one that is beyond chance and has spent the
error budget many times over is critical. An exception that holds makes a miss an info, with both
figures in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nbkit.analysis.slas import Attainment, Burn, DateCompletion, Standing
from nbkit.analysis.slas.contributions import Contribution
from nbkit.findings import Finding, Severity
from nbkit.findings.health import UNOWNED
from nbkit.findings.wording import count_of, percent, some, span, verb
from nbkit.registry import ProcessorRegistry
from nbkit.registry.slas import Measure, Target

OWNER = "data-platform"


@dataclass(frozen=True, kw_only=True)
class SlaRules:
    """Thresholds of the SLA reports.

    Attributes:
        critical_budgets: a miss beyond chance is critical once this many budgets are spent: of 95 %
            promised less than 50 % kept, as in the daily report (`HealthRules.critical_rate`).
    """

    critical_budgets: float = 10.0


def is_fit(attainments: Iterable[Attainment]) -> bool:
    """Whether they carry a verdict: a miss is sure, whatever is open; that all is well needs most
    of what a run history can tell. One target kept by one run is no green month."""
    standings = [a.standing for a in attainments if a.target.measure is not Measure.SOURCE]
    told = sum(standing in (Standing.MET, Standing.MISSED) for standing in standings)
    return Standing.MISSED in standings or 2 * told > len(standings)


def judge_attainments(
    attainments: Iterable[Attainment],
    excused: Mapping[str, Attainment],
    contributed: Mapping[str, Sequence[Contribution]],
    registry: ProcessorRegistry,
    *,
    rules: SlaRules,
) -> list[Finding]:
    """One finding for each target that was missed, the most overspent first.

    Args:
        excused: by target, what it came to without its exceptions, where it has any.
        contributed: by target, who spent its budget.
    """
    findings = []
    missed = [a for a in attainments if a.standing is Standing.MISSED]
    for each in sorted(missed, key=lambda a: -(a.spent or 0.0)):
        target, share = each.target, each.share
        without = excused.get(target.name)
        holds = without is not None and without.standing is Standing.MET
        spent = each.spent or 0.0
        if holds:
            severity = Severity.INFO
        elif each.is_sure and spent > rules.critical_budgets:
            severity = Severity.CRITICAL
        else:
            severity = Severity.WARNING
        worst = contributed.get(target.name, ())
        # A single date is a budget overspent and still no proof.
        doubt = "" if each.is_sure else "; that few may be chance"
        beside = f"; excused: {percent(without.share.rate)} without" if holds and without else ""
        findings.append(
            Finding(
                kind="sla_missed",
                subject=target.title,
                severity=severity,
                title=f"{target.title}: {percent(share.rate)} of {_unit(target)}, promised "
                f"{percent(target.objective)} ({amount(target, each.bad)} of "
                f"{amount(target, share.total)} bad); {budgets(spent)}{doubt}{beside}",
                since=None,
                owner=_owner(target, registry),
                next_step=_start_with(target, worst, registry),
                fingerprint=f"sla_missed:{target.name}",
                evidence={
                    "target": target.name,
                    "objective": target.objective,
                    "attained": share.rate,
                    "low": share.low,
                    "high": share.high,
                    "confidence": share.confidence,
                    "good": share.successes,
                    "total": share.total,
                    "unit": target.unit,
                    "budget": each.budget,
                    "budgets_spent": spent,
                    "beyond_chance": each.is_sure,
                    "excused": without.share.rate if without else None,
                    "contributions": {c.name: c.bad for c in worst[:5]},
                },
            )
        )
    return findings


def judge_burns(
    burns: Mapping[str, Burn | None], targets: Iterable[Target], registry: ProcessorRegistry
) -> list[Finding]:
    """One finding for each budget that burns too fast now, the fastest first."""
    by_name = {target.name: target for target in targets}
    found = [(by_name[name], burn) for name, burn in burns.items() if burn is not None]
    return [
        Finding(
            kind="error_budget_burning",
            subject=target.title,
            severity=Severity(burn.alert.severity),
            title=f"{target.title} burns its error budget at {burn.rate:.1f} times the rate that "
            f"it can bear ({_window(burn, target)}; alert from {burn.limit:.1f})",
            since=burn.long.start,
            owner=_owner(target, registry),
            next_step="`nbkit health` shows what fails now; `nbkit slas show` has the budget left",
            fingerprint=f"error_budget_burning:{target.name}",
            evidence={
                "target": target.name,
                "alert": burn.alert.name,
                "burn_rate": burn.rate,
                "limit": burn.limit,
                "bad_share": burn.long.bad,
                "trials": burn.long.trials,
                "bad_share_short": burn.short.bad,
                "trials_short": burn.short.trials,
                "chance": burn.chance,
            },
        )
        for target, burn in sorted(found, key=lambda pair: -pair[1].rate)
    ]


def judge_deadlines(
    dates: Mapping[str, Sequence[DateCompletion]],
    targets: Iterable[Target],
    registry: ProcessorRegistry,
    *,
    as_of: datetime,
) -> list[Finding]:
    """One finding for each phase that was late for some of these dates.

    Critical where the latest date is not complete yet: somebody is waiting for it.
    """
    findings = []
    for target in targets:
        own = dates.get(target.name, ())
        late = [each for each in own if each.is_late]
        if not late:
            continue
        worst = max(late, key=lambda each: each.lateness(as_of))
        waiting = own[-1].done_at is None
        open_ = f"; {own[-1].data_date} is not complete yet" if waiting else ""
        findings.append(
            Finding(
                kind="deadline_missed",
                subject=target.title,
                severity=Severity.CRITICAL if waiting else Severity.WARNING,
                title=f"{target.title.removesuffix(' on time')} was late for {len(late)} of "
                f"{count_of(len(own), 'date')}, at most {span(worst.lateness(as_of))} "
                f"({worst.data_date}, waiting for {some(worst.last)}){open_}",
                since=late[0].due,
                owner=_owner(target, registry),
                next_step=f"`nbkit ready {worst.last[0]} --date {worst.data_date}`",
                fingerprint=f"deadline_missed:{target.name}",
                evidence={
                    "late": len(late),
                    "dates": len(own),
                    "worst_s": worst.lateness(as_of).total_seconds(),
                    "worst_date": worst.data_date.isoformat(),
                    "not_complete": [d.data_date.isoformat() for d in late if d.done_at is None],
                    "waited_for": sorted({name for each in late for name in each.last}),
                },
            )
        )
    return findings


def judge_unmeasured(attainments: Sequence[Attainment]) -> list[Finding]:
    """One finding for all that nothing can be said about: never green for lack of data."""
    unmeasured = [a for a in attainments if a.standing is Standing.NOT_MEASURED]
    few = [a for a in attainments if a.standing is Standing.NOT_ENOUGH]
    if not unmeasured and not few:
        return []
    titles = [a.target.title for a in unmeasured]
    said = (
        f"{len(unmeasured)} of {count_of(len(attainments), 'target')} "
        f"{verb(len(unmeasured), 'are')} not measured"
    )
    if titles:
        said += f": {some(titles, 3)}"
    if few:
        said += f"; of {some([a.target.title for a in few], 3)} there is not enough data"
    return [
        Finding(
            kind="sla_not_measured",
            subject="service levels",
            severity=Severity.INFO,
            title=said,
            since=None,
            owner=OWNER,
            next_step="`docs/slas.md` says what to write to `nba_orchestration.sla_measurements`.",
            fingerprint="sla_not_measured:all",
            evidence={
                "not_measured": {a.target.name: a.why_not for a in unmeasured},
                "not_enough_data": {a.target.name: a.trials for a in few},
            },
        )
    ]


def amount(target: Target, number: float) -> str:
    """`147 h`, `29`: minutes are read in hours."""
    return f"{number / 60:,.1f}\u00a0h" if target.measure.is_time else f"{number:,.0f}"


def _unit(target: Target) -> str:
    return "the time" if target.measure.is_time else target.unit


def budgets(spent: float) -> str:
    """`the error budget spent 14.6 times`, `43 % of the error budget spent`."""
    if spent <= 1:
        return f"{percent(spent)} of the error budget spent"
    return f"the error budget spent {spent:,.1f} times"


def _window(burn: Burn, target: Target) -> str:
    if burn.long.trials is None:
        return f"{percent(burn.long.bad)} of the last {span(burn.alert.long)} bad"
    what = {Measure.ON_TIME: "dates", Measure.SUCCESS_RATE: "processor hours"}.get(
        target.measure, "trials"
    )
    return f"{percent(burn.long.bad)} bad in the last {burn.long.trials} {what}"


def _start_with(target: Target, worst: Sequence[Contribution], registry: ProcessorRegistry) -> str:
    if not worst:
        return "`nbkit run sla_weekly`"
    if target.measure is Measure.AVAILABILITY:
        title = registry.phase(worst[0].name).title
        return f"Start with the deadline of {title}: `nbkit run sla_weekly`"
    share = percent(worst[0].bad / sum(c.bad for c in worst))
    return f"Start with {worst[0].name}, {share} of it: `nbkit registry impact {worst[0].name}`"


def _owner(target: Target, registry: ProcessorRegistry) -> str:
    if target.phase is None:
        return OWNER
    return registry.owner_of_phase(target.phase) or UNOWNED
