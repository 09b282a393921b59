"""What is getting worse, since when, and what comes of it? The trends report and `nbkit trends` ask
here; the daily report asks for the same facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import pandas as pd

from nbkit.analysis.anomalies import daily_anomalies, run_anomalies
from nbkit.analysis.daily import daily_histories
from nbkit.analysis.liveness import freshness
from nbkit.analysis.off_days import off_days
from nbkit.analysis.trends.outlook import Outlook, outlook
from nbkit.analysis.trends.rules import (
    RuleResult,
    check_quality_trends,
    detect_failure_spike,
    detect_performance_degradation,
)
from nbkit.errors import ParameterError
from nbkit.failures import classify_counts
from nbkit.findings import verdict_of
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.findings.odd_days import judge_days
from nbkit.findings.trends import TrendRules, judge_trend_history, judge_trends
from nbkit.params import parse_moment
from nbkit.params.checked import MOST_DAYS, Bounds, Days, checked
from nbkit.questions.judgements import judgement_of
from nbkit.questions.trend_report import TrendReport
from nbkit.registry import MarkedSpans, ProcessorRegistry, load_marked_spans, load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

YEAR = timedelta(days=365)
WINDOW_DAYS = 90
LEAST_DAYS = 14
DEADLINE_DAYS = 45  # dates that the risk of a deadline is told from
_FEW = 4  # processors: more of them are read sooner in one query


@checked
def trends(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    days: Annotated[int, Bounds(least=LEAST_DAYS, most=MOST_DAYS)] = WINDOW_DAYS,
    anomaly_days: Days = 7,
    marked: MarkedSpans | None = None,
    rules: TrendRules | None = None,
) -> TrendReport:
    """Judge the whole UTC days before the one of `as_of`, each processor beside its own past.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment the report is about, aware (or ISO text with a zone); its own day is not
            over, and not judged.
        days: how many days before it are looked at; what is normal is learned from them.
        anomaly_days: how many of the last days are looked at one by one.
        marked: days that belong in no baseline; default: the project's.

    Raises:
        ParameterError: `as_of` is not a moment with a zone, or a number of days makes no sense.
        RegistryError: the file of marked spans has mistakes.
        WarehouseError: the history could not be read.
    """
    moment = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return trends(
                opened,
                registry,
                as_of=moment,
                days=days,
                anomaly_days=anomaly_days,
                marked=marked,
                rules=rules,
            )
    if anomaly_days > days:
        raise ParameterError(f"anomaly_days is at most days, not {anomaly_days} of {days}.")
    registry = registry or load_registry()
    if marked is None:
        marked = load_marked_spans(known=[p.name for p in registry.processors])
    start, end = trend_window(moment, days=days, marked=marked)
    fresh = freshness(
        warehouse.query("history_freshness", start=moment - YEAR, end=moment, as_of=moment),
        as_of=moment,
    )
    # Of the day that goes on only the single runs are judged.
    counts = classify_counts(
        warehouse.query("hourly_counts", start=start, end=moment, as_of=moment)
    )
    histograms = marked.without(
        warehouse.query("daily_histograms", start=start, end=end, as_of=end), day="day"
    )
    found = outlook(
        daily_histories(counts, histograms),
        read_works(warehouse, moment),
        registry,
        as_of=moment,
        marked=marked,
    )
    excluded = marked.days_of_all(start.date(), found.day)
    anomalies = daily_anomalies(found.daily, as_of=found.day, days=anomaly_days, excluded=excluded)
    runs = run_anomalies(
        warehouse.query(
            "successful_runs", start=moment - timedelta(days=1), end=moment, as_of=moment
        ),
        histograms,
        counts,
        as_of=moment,
        off_days=off_days(found.daily),
        excluded=excluded,
    )
    stale = judge_freshness(fresh, as_of=moment, rules=HealthRules())
    unfit = [*stale, *([] if stale else judge_trend_history(found))]
    findings = (
        *unfit,
        *judge_trends(found, registry, rules=rules),
        *judge_days(anomalies.anomalies, found, registry),
    )
    verdict = verdict_of(findings, fit_to_judge=not unfit)
    return TrendReport(
        as_of=moment,
        start=start,
        end=end,
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        found=found,
        anomalies=anomalies,
        runs=runs,
        platform_rules=_platform_rules(found, histograms, registry),
        marked=marked.touching((end - timedelta(days=days)).date(), found.day),
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=moment,
            window=(start, end),
        ),
    )


def trend_window(
    as_of: datetime, *, marked: MarkedSpans, days: int = WINDOW_DAYS
) -> tuple[datetime, datetime]:
    """From the first day worth reading to the midnight (UTC) before `as_of`: days that are marked
    for everybody at the beginning are not read."""
    end = as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = (end - timedelta(days=days)).date()
    behind = (marked.first_unmarked(first, end.date() - timedelta(days=1)) - first).days
    return end - timedelta(days=days - behind), end


def read_works(
    warehouse: Warehouse, as_of: datetime, *, only: Sequence[str] | None = None
) -> pd.DataFrame:
    """What deadlines are judged by: the work of the last dates, up to tomorrow's; of all
    processors, or of a few named ones."""
    today: date = as_of.astimezone(UTC).date()
    window = {
        "first_date": today - timedelta(days=DEADLINE_DAYS),
        "last_date": today + timedelta(days=1),
        "as_of": as_of,
    }
    if only is None or len(only) > _FEW:
        return warehouse.query("work_states", **window)
    read = [warehouse.query("work_states", **window, processor_name=name) for name in only]
    # A query about nobody has the columns.
    return pd.concat(read or [warehouse.query("work_states", **window, processor_name="")])


def _platform_rules(
    found: Outlook, histograms: pd.DataFrame, registry: ProcessorRegistry
) -> Sequence[RuleResult]:
    """The platform's rules on its critical processors, and on whatever is warned of here."""
    checked = list(check_quality_trends(found.daily, histograms, registry, as_of=found.day).results)
    known = {result.processor for result in checked}
    for warning in found.warnings.warnings:
        if warning.processor not in known:
            checked += [
                detect_performance_degradation(histograms, warning.processor, as_of=found.day),
                detect_failure_spike(found.daily, warning.processor, as_of=found.day),
            ]
    return tuple(checked)
