"""Is everything okay this morning? The notebook and `nbkit health` both ask here."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from nbkit.analysis.causes import causes, changes, new_messages
from nbkit.analysis.completeness import completeness
from nbkit.analysis.daily import daily_histories
from nbkit.analysis.durations import duration_shifts
from nbkit.analysis.liveness import freshness, silences, stuck_runs
from nbkit.analysis.rates import OTHER_PHASE, Outcomes, between, outcomes, phase_rates
from nbkit.analysis.services import deployments
from nbkit.analysis.trends.outlook import Outlook, outlook
from nbkit.failures import classify_counts
from nbkit.findings import verdict_of
from nbkit.findings.health import (
    HealthRules,
    judge_completeness,
    judge_durations,
    judge_failing,
    judge_freshness,
    judge_new_messages,
    judge_noise,
    judge_phases,
    judge_services,
    judge_silence,
    judge_stuck,
)
from nbkit.findings.history import days_with_runs, judge_length
from nbkit.findings.trends import judge_trends, untold
from nbkit.params import parse_moment
from nbkit.params.checked import checked
from nbkit.questions.health_report import DAY, DailyHealth, hour_after
from nbkit.questions.judgements import judgement_of
from nbkit.questions.trends import read_works, trend_window
from nbkit.registry import Criticality, ProcessorRegistry, load_marked_spans, load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.services import read_services

BASELINE = timedelta(days=30)
YEAR = timedelta(days=365)


@checked
def daily_health(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    services: str = "",
    rules: HealthRules | None = None,
) -> DailyHealth:
    """Judge the last 24 hours before `as_of` beside the last 7 days and the 30 days before.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment the report is about, aware (or ISO text with a zone); nothing later is
            looked at.
        services: deployment state of Cloud Run: see `nbkit.warehouse.services.read_services`.

    Raises:
        ParameterError: `as_of` is not a moment with a zone, or `services` cannot be read.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return daily_health(opened, registry, as_of=end, services=services, rules=rules)
    registry = registry or load_registry()
    rules = rules or HealthRules()
    yesterday, hour_end = end - DAY, hour_after(end)
    first = end - BASELINE - DAY

    fresh = freshness(
        # A year back: how old a stale history is, is worth knowing.
        warehouse.query("history_freshness", start=end - YEAR, end=end, as_of=end),
        as_of=end,
    )
    counts = classify_counts(warehouse.query("hourly_counts", start=first, end=end, as_of=end))
    recent = warehouse.query("daily_histograms", start=yesterday, end=end, as_of=end)
    usual = warehouse.query("daily_histograms", start=first, end=yesterday, as_of=end)
    open_runs = warehouse.query("open_runs", start=first, end=end, as_of=end)
    records = warehouse.query("daily_records", start=first, end=end, as_of=end)
    activity = warehouse.query("processor_activity", start=first, end=end, as_of=end)

    worse = _worse(warehouse, registry, counts, [usual, recent], first=first, as_of=end)

    day_start = hour_end - DAY
    today = between(counts, day_start, hour_end)
    phases = phase_rates(counts, registry, end=hour_end)
    deployed = deployments(read_services(services), _services_of_phase(activity, registry))
    shifts = duration_shifts(recent, usual, factor=rules.slow_factor)
    complete = completeness(records, registry, today=end.date())
    stuck = stuck_runs(open_runs, registry)
    silent = silences(counts, end=hour_end)
    fresh_messages = new_messages(counts, start=day_start, end=hour_end)
    day = outcomes(today)

    stale = judge_freshness(fresh, as_of=end, rules=rules)
    thin = judge_length(days_with_runs(counts["hour"])) if not stale else []
    judged = [
        *judge_services(deployed, registry),
        *judge_phases(phases, registry, rules=rules),
        *judge_stuck(stuck, registry, rules=rules),
        *judge_silence(silent, registry),
        *judge_failing(
            _by_processor(today),
            _by_processor(between(counts, first, day_start)),
            registry,
            rules=rules,
        ),
        *judge_new_messages(fresh_messages, registry, rules=rules),
        *judge_completeness(complete, registry),
        *judge_durations(shifts, registry, rules=rules),
        *judge_noise(day),
    ]
    judged += untold(judge_trends(worse, registry), judged)
    findings = tuple(sorted([*stale, *thin, *judged], key=lambda f: -f.severity.rank))
    if stale:  # what the stale rows say is kept, behind the reason not to believe it
        findings = (*stale, *(f for f in findings if f.kind != "stale_history"))
    verdict = verdict_of(findings, fit_to_judge=not stale, is_complete=not thin)
    return DailyHealth(
        as_of=end,
        start=yesterday,
        warehouse=warehouse.url,
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        phases=phases,
        deployments=deployed,
        day=day,
        day_before=outcomes(between(counts, day_start - DAY, day_start)),
        shifts=shifts,
        completeness=complete,
        stuck=stuck,
        silent=silent,
        causes=causes(counts, start=day_start, end=hour_end),
        new_messages=fresh_messages,
        changes=changes(counts, start=day_start, end=hour_end),
        worse=worse,
        counts=counts,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(yesterday, end),
        ),
    )


def _worse(
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    counts: pd.DataFrame,
    histograms: list[pd.DataFrame],
    *,
    first: datetime,
    as_of: datetime,
) -> Outlook:
    """What the trends report says, mostly of what is read already: only the weeks before `first`
    are read for it, and the deadlines of the critical processors, which alone cannot wait."""
    critical = [p.name for p in registry.get_by_criticality(Criticality.CRITICAL)]
    marked = load_marked_spans(known=[p.name for p in registry.processors])
    start, _ = trend_window(as_of, marked=marked)
    if start < first:
        window = {"start": start, "end": first, "as_of": as_of}
        counts = pd.concat([classify_counts(warehouse.query("hourly_counts", **window)), counts])
        histograms = [warehouse.query("daily_histograms", **window), *histograms]
    daily = daily_histories(counts, pd.concat(histograms))
    return outlook(
        # A day of which only a part was read is none.
        daily[daily["date"] >= pd.Timestamp(start.date())],
        read_works(warehouse, as_of, only=critical),
        registry,
        as_of=as_of,
        marked=marked,
    )


def _by_processor(counts: pd.DataFrame) -> dict[str, Outcomes]:
    return {
        str(name): outcomes(own)
        for name, own in counts.groupby("processor_name", sort=True, observed=True)
    }


def _services_of_phase(activity: pd.DataFrame, registry: ProcessorRegistry) -> dict[str, list[str]]:
    services: dict[str, list[str]] = {phase.name: [] for phase in registry.phases}
    named = activity[activity["cloud_run_service"].notna()]
    for row in named.to_dict("records"):
        phase = registry.phase_of(str(row["processor_name"]), row["phase"])
        services.setdefault(phase or OTHER_PHASE, []).append(str(row["cloud_run_service"]))
    return services
