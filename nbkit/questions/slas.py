"""Are the promises kept? `nbkit slas` and the weekly report ask here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from nbkit.analysis.slas import Attainment, Burn, DateCompletion, attain, burning
from nbkit.analysis.slas.contributions import Contribution, contributions
from nbkit.findings import Finding, Verdict, verdict_of
from nbkit.findings.emit import Judgement
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.findings.slas import (
    SlaRules,
    is_fit,
    judge_attainments,
    judge_burns,
    judge_deadlines,
    judge_unmeasured,
)
from nbkit.params import parse_moment
from nbkit.params.checked import MOST_DAYS, Bounds, checked
from nbkit.questions.judgements import judgement_of
from nbkit.questions.sla_facts import SlaFacts, read_slas
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.sla_exceptions import SlaException
from nbkit.registry.slas import Measure, Slas, load_slas
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

WEEK = timedelta(days=7)
# What is fresh as the window begins was made before it.
BEFORE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class SlaStatus:
    """How every target stands at `as_of`, over the period that ends there.

    `excused` has the targets that an exception of the period is about, without its time.
    """

    as_of: datetime
    start: datetime
    verdict: Verdict
    findings: tuple[Finding, ...]
    attainments: tuple[Attainment, ...]
    excused: Mapping[str, Attainment]
    contributed: Mapping[str, tuple[Contribution, ...]]
    burns: Mapping[str, Burn | None]
    facts: SlaFacts = field(repr=False)
    judgement: Judgement = field(repr=False)

    def attainment(self, target: str) -> Attainment:
        """Raises KeyError: no target of that name."""
        return {each.target.name: each for each in self.attainments}[target]

    def dates(self, since: datetime) -> dict[str, tuple[DateCompletion, ...]]:
        """The dates of each deadline that were due from `since` on."""
        return {
            target.name: tuple(d for d in self.facts.measured[target.name].dates if d.due >= since)
            for target in self.facts.slas.of(Measure.ON_TIME)
        }


@checked
def sla_status(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    slas: Slas | None = None,
    exceptions: tuple[SlaException, ...] | None = None,
    *,
    as_of: datetime | str,
    weeks: Annotated[int, Bounds(least=0, most=MOST_DAYS // 7)] = 0,
    rules: SlaRules | None = None,
) -> SlaStatus:
    """Judge every target over the period that the file of SLAs names, up to `as_of`.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry, slas, exceptions: default: the project's.
        weeks: how many weeks before `as_of` are measured at least, for those who look further
            back than the period.

    Raises:
        ParameterError: `as_of` is not a moment with a zone.
        RegistryError: a file of the registry is wrong.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return sla_status(
                opened, registry, slas, exceptions, as_of=end, weeks=weeks, rules=rules
            )
    registry = registry or load_registry()
    slas = slas or load_slas(registry)
    back = max(slas.period, weeks * WEEK)
    start = (end - back - BEFORE).replace(minute=0, second=0, microsecond=0)
    facts = read_slas(warehouse, registry, slas, exceptions, start=start, as_of=end)
    return _judged(facts, warehouse, rules=rules or SlaRules())


def _judged(facts: SlaFacts, warehouse: Warehouse, *, rules: SlaRules) -> SlaStatus:
    end, registry = facts.as_of, facts.registry
    start = end - facts.slas.period
    measured = facts.measured
    attainments = tuple(attain(each, start=start, end=end) for each in measured.values())
    excused = excused_of(facts, start=start, end=end)
    contributed = {
        name: contributions(each, start=start, end=end) for name, each in measured.items()
    }
    burns = {
        name: burning(each, facts.slas.burn_alerts, period=facts.slas.period, as_of=end)
        for name, each in measured.items()
    }
    deadlines = facts.slas.of(Measure.ON_TIME)
    recent = {
        target.name: tuple(d for d in measured[target.name].dates if d.due >= end - WEEK)
        for target in deadlines
    }
    stale = judge_freshness(facts.freshness, as_of=end, rules=HealthRules())
    judged = [
        *judge_burns(burns, facts.slas.targets, registry),
        *judge_attainments(attainments, excused, contributed, registry, rules=rules),
        *judge_deadlines(recent, deadlines, registry, as_of=end),
        *judge_unmeasured(attainments),
    ]
    findings = (*stale, *sorted(judged, key=lambda finding: -finding.severity.rank))
    verdict = verdict_of(findings, fit_to_judge=is_fit(attainments) and not stale)
    return SlaStatus(
        as_of=end,
        start=start,
        verdict=verdict,
        findings=findings,
        attainments=attainments,
        excused=excused,
        contributed=contributed,
        burns=burns,
        facts=facts,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(start, end),
        ),
    )


def excused_of(facts: SlaFacts, *, start: datetime, end: datetime) -> dict[str, Attainment]:
    """What each target came to within [start, end) without the exceptions that are about it; only
    those that have one there."""
    own = [each for each in facts.exceptions if each.start < end and each.end > start]
    return {
        name: attain(measured.without(own), start=start, end=end)
        for name, measured in facts.measured.items()
        if any(name in each.targets for each in own)
    }
