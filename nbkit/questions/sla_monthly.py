"""Did we keep our promises last month? Month against month, what it cost, and what to change."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated

from nbkit.analysis.slas import attain
from nbkit.analysis.slas.changes import changes_to_make
from nbkit.analysis.slas.contributions import contributions
from nbkit.analysis.slas.cost import costs
from nbkit.findings import verdict_of
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.findings.slas import SlaRules, is_fit, judge_attainments, judge_unmeasured
from nbkit.params import parse_moment
from nbkit.params.checked import MOST_DAYS, Bounds, checked
from nbkit.questions.judgements import judgement_of
from nbkit.questions.past_findings import past_findings
from nbkit.questions.sla_facts import read_slas
from nbkit.questions.sla_monthly_report import Month, SlaMonthly
from nbkit.questions.sla_weekly import OWN_REPORTS
from nbkit.questions.slas import BEFORE, excused_of
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.sla_exceptions import SlaException
from nbkit.registry.slas import Slas, load_slas
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse


@checked
def sla_monthly(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    slas: Slas | None = None,
    exceptions: tuple[SlaException, ...] | None = None,
    *,
    as_of: datetime | str,
    months: Annotated[int, Bounds(least=2, most=MOST_DAYS // 30)] = 3,
    reports: str = "",
    rules: SlaRules | None = None,
) -> SlaMonthly:
    """Judge every promise over the last whole month before `as_of`, beside the months before it.

    Months are those of the zone in the file of SLAs (New York).

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry, slas, exceptions: default: the project's.
        months: how many are compared, the judged one included.
        reports: where reports are kept, a folder or URL; empty: the project's.

    Raises:
        ParameterError: `as_of` is not a moment with a zone, or `months` is below 2.
        RegistryError: a file of the registry is wrong.
        ReportError: the reports cannot be listed.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return sla_monthly(
                opened,
                registry,
                slas,
                exceptions,
                as_of=end,
                months=months,
                reports=reports,
                rules=rules,
            )
    registry = registry or load_registry()
    slas = slas or load_slas(registry)
    compared = months_before(end, slas, months)
    month = compared[-1]
    facts = read_slas(
        warehouse, registry, slas, exceptions, start=compared[0].start - BEFORE, as_of=end
    )
    measured = facts.measured
    attained = {
        name: tuple(attain(each, start=m.start, end=m.end) for m in compared)
        for name, each in measured.items()
    }
    last = {name: own[-1] for name, own in attained.items()}
    excused = excused_of(facts, start=month.start, end=month.end)
    contributed = {
        name: contributions(each, start=month.start, end=month.end)
        for name, each in measured.items()
    }
    stale = judge_freshness(facts.freshness, as_of=end, rules=HealthRules())
    judged = [
        *judge_attainments(
            last.values(), excused, contributed, registry, rules=rules or SlaRules()
        ),
        *judge_unmeasured(tuple(last.values())),
    ]
    findings = (*stale, *sorted(judged, key=lambda finding: -finding.severity.rank))
    verdict = verdict_of(findings, fit_to_judge=is_fit(last.values()) and not stale)
    return SlaMonthly(
        as_of=end,
        months=compared,
        verdict=verdict,
        findings=findings,
        attained=attained,
        excused=excused,
        changes=changes_to_make(last, measured, facts.counts, as_of=end),
        costs={m.name: costs(facts.counts, registry, start=m.start, end=m.end) for m in compared},
        wasters=costs(facts.counts, registry, start=month.start, end=month.end, by_processor=True),
        past=past_findings(reports, start=month.start, end=month.end, leave_out=OWN_REPORTS),
        facts=facts,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(month.start, month.end),
        ),
    )


def months_before(as_of: datetime, slas: Slas, count: int) -> tuple[Month, ...]:
    """The last whole months before a moment, the oldest first."""
    local = as_of.astimezone(slas.zone)
    year, month = local.year, local.month
    firsts = [datetime(year, month, 1, tzinfo=slas.zone)]
    for _ in range(count):
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        firsts.append(datetime(year, month, 1, tzinfo=slas.zone))
    return tuple(
        Month(name=f"{first:%B %Y}", start=first.astimezone(UTC), end=after.astimezone(UTC))
        for after, first in reversed(list(pairwise(firsts)))
    )
