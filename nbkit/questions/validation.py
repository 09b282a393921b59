"""Did the change do what was promised? One metric, two windows, a target; or all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from nbkit.analysis.count_rates import RateRatio, count_rate, rate_ratio, units_until_sure
from nbkit.analysis.day_clusters import share_of
from nbkit.analysis.liveness import freshness
from nbkit.analysis.measures import Measured, Unit, by_processor, measured, units_of
from nbkit.analysis.proportions import Difference, difference
from nbkit.analysis.zero_records import ZeroRecords, zero_records, zero_records_by_processor
from nbkit.errors import ParameterError
from nbkit.failures import classify_counts
from nbkit.findings import Finding, verdict_of
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.findings.validation import judge_metric
from nbkit.findings.wording import moment
from nbkit.params import parse_moment
from nbkit.params.checked import DaysOrDefault, checked
from nbkit.questions.judgements import judgement_of
from nbkit.questions.own_measures import gen2_functions, notebook_minutes
from nbkit.questions.scorecard_report import ScorecardReport, Scored
from nbkit.questions.validation_report import ValidationReport
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.metrics import Metric, load_metrics, metric_named
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

YEAR = timedelta(days=365)
WEEK = timedelta(days=7)
_FROM_RUNS = ("success_share", "alerting_share", "zero_record_runs", "window_failures")


@checked
def validation(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    metric: str = "zero_records",
    changed_at: datetime | str = "",
    before_days: DaysOrDefault = 0,
    after_days: DaysOrDefault = 0,
    before_end: datetime | str = "",
    metrics: tuple[Metric, ...] | None = None,
) -> ValidationReport:
    """Judge one metric of `registry/metrics.yaml`: before the change, and since.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        as_of: nothing later is looked at; only whole UTC days before it count.
        changed_at: when something was done; empty: as the metric says.
        before_days: length of the window before; 0: as the metric says.
        after_days: length of the window since the change; 0: until `as_of`.
        before_end: where the window before ends; empty: at the change.

    Raises:
        InputError: no such metric.
        ParameterError: the windows overlap, or the change lies after `as_of`.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return validation(
                opened,
                registry,
                as_of=end,
                metric=metric,
                changed_at=changed_at,
                before_days=before_days,
                after_days=after_days,
                before_end=before_end,
                metrics=metrics,
            )
    registry = registry or load_registry()
    chosen = metric_named(metric, metrics if metrics is not None else load_metrics())
    if changed_at:
        chosen = chosen.model_copy(update={"changed_at": parse_moment(changed_at)})
    if before_days:
        chosen = chosen.model_copy(update={"before_days": before_days})
    if chosen.changed_at >= end:
        raise ParameterError(
            f"as_of: {moment(end)} is not after the change of {moment(chosen.changed_at)} "
            "(changed_at), so there is nothing to validate yet."
        )
    last = parse_moment(before_end) if before_end else chosen.changed_at
    if last > chosen.changed_at:
        raise ParameterError(
            f"before_end: {moment(last)} is after the change of {moment(chosen.changed_at)}."
        )
    windows = (
        (last - timedelta(days=chosen.before_days), last),
        (
            chosen.changed_at,
            min(end, chosen.changed_at + timedelta(days=after_days)) if after_days else end,
        ),
    )
    counts = pd.DataFrame()
    units: list[Unit] = []
    if chosen.measure in _FROM_RUNS:
        counts = _counts(warehouse, windows[0][0], windows[1][1], end)
        units = units_of(chosen, counts, registry)
    before, after = (_measured(chosen, units, window, end) for window in windows)
    change, wait = _change(before, after), _wait(chosen, after)
    details = _zero_records(warehouse, windows, end) if chosen.name == "zero_records" else None
    shares: tuple[Mapping[str, Unit], ...] = ({}, {})
    if chosen.measure in _FROM_RUNS and chosen.measure != "zero_record_runs":
        shares = tuple(
            by_processor(chosen, counts, registry, start=start, end=stop) for start, stop in windows
        )
    stale = _stale(warehouse, chosen, end)
    findings = (
        *stale,
        *judge_metric(
            chosen,
            registry,
            before=before,
            after=after,
            change=change,
            wait=wait,
            extra=_evidence(details),
            since=windows[1][0],
        ),
    )
    verdict = verdict_of(findings, fit_to_judge=not stale and after.standing != "not enough runs")
    return ValidationReport(
        as_of=end,
        metric=chosen,
        windows=windows,
        before=before,
        after=after,
        change=change,
        wait=wait,
        zero=details,
        processors=(shares[0], shares[1]),
        verdict=verdict,
        findings=findings,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(windows[0][0], windows[1][1]),
        ),
    )


@checked
def scorecard(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    metrics: tuple[Metric, ...] | None = None,
) -> ScorecardReport:
    """Every metric of `registry/metrics.yaml`: before the change, week 1, week 2, target, verdict.

    The verdict is about all whole days since the change.

    Raises:
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return scorecard(opened, registry, as_of=end, metrics=metrics)
    registry = registry or load_registry()
    every = metrics if metrics is not None else load_metrics()
    from_runs = [each for each in every if each.measure in _FROM_RUNS]
    first = min(
        (each.changed_at - timedelta(days=each.before_days) for each in from_runs), default=end
    )
    counts = _counts(warehouse, first, end, end) if from_runs else pd.DataFrame()
    rows = []
    findings = []
    for metric in every:
        units = units_of(metric, counts, registry) if metric in from_runs else []
        at = metric.changed_at
        starts = (at - timedelta(days=metric.before_days), at, at + WEEK, at)
        ends = (at, at + WEEK, at + 2 * WEEK, end)
        before, *weeks, since = (
            _measured(metric, units, (start, min(stop, end)), end)
            for start, stop in zip(starts, ends, strict=True)
        )
        change = _change(before, since)
        rows.append(
            Scored(metric=metric, before=before, weeks=tuple(weeks), since=since, change=change)
        )
        findings += judge_metric(
            metric,
            registry,
            before=before,
            after=since,
            change=change,
            wait=_wait(metric, since),
            since=at,
        )
    stale = _stale(warehouse, from_runs[0], end) if from_runs else []
    ranked = (*stale, *sorted(findings, key=lambda finding: -finding.severity.rank))
    open_ones = any(row.since.standing == "not enough runs" for row in rows)
    verdict = verdict_of(ranked, fit_to_judge=not stale, is_complete=not open_ones)
    return ScorecardReport(
        as_of=end,
        rows=tuple(rows),
        verdict=verdict,
        findings=ranked,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=ranked,
            as_of=end,
            window=(min(first, end), end),
        ),
    )


def _counts(warehouse: Warehouse, start: datetime, stop: datetime, as_of: datetime) -> pd.DataFrame:
    first, last = (_midnight(each) for each in (start, stop))
    return classify_counts(
        warehouse.query("hourly_counts", start=first, end=max(last, first), as_of=as_of)
    )


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _measured(
    metric: Metric, units: list[Unit], window: tuple[datetime, datetime], as_of: datetime
) -> Measured:
    start, stop = window
    if metric.measure == "notebook_minutes":
        return notebook_minutes(metric, start=start, end=stop, as_of=as_of)
    if metric.measure == "functions_on_gen2":
        return gen2_functions(metric, start=start, end=stop)
    return measured(metric, units, start=start, end=stop)


def _change(before: Measured, after: Measured) -> RateRatio | Difference | None:
    first, later = ([unit.hits for unit in each.units] for each in (before, after))
    if before.form == "count":
        return rate_ratio(first, later)
    if before.form == "share":
        import numpy as np

        return difference(
            *(
                share_of(
                    np.array([unit.hits for unit in each.units], dtype=np.int64),
                    np.array([unit.total for unit in each.units], dtype=np.int64),
                )
                for each in (before, after)
            )
        )
    return None


def _wait(metric: Metric, after: Measured) -> int | None:
    if after.form != "count" or after.standing != "not enough runs":
        return None
    return units_until_sure(count_rate([unit.hits for unit in after.units]), metric.target.value)


def _zero_records(
    warehouse: Warehouse, windows: tuple[tuple[datetime, datetime], ...], as_of: datetime
) -> tuple[tuple[ZeroRecords, tuple[ZeroRecords, ...]], ...]:
    """Of each window: all runs together, and by processor."""
    found = []
    for start, stop in windows:
        runs = warehouse.query(
            "zero_record_runs", start=start, end=max(_midnight(stop), start), as_of=as_of
        )
        found.append((zero_records(runs), zero_records_by_processor(runs)))
    return tuple(found)


def _evidence(
    details: tuple[tuple[ZeroRecords, tuple[ZeroRecords, ...]], ...] | None,
) -> dict[str, object]:
    if details is None:
        return {}
    (before, _), (after, _) = details
    return {
        "runs_before": before.runs,
        "runs_after": after.runs,
        "healed_before": before.healed,
        "healed_after": after.healed,
        "open_before": before.open,
        "open_after": after.open,
        "false_alarm_share": before.false_alarms.rate,
    }


def _stale(warehouse: Warehouse, metric: Metric, end: datetime) -> list[Finding]:
    if metric.measure not in _FROM_RUNS:
        return []
    fresh = freshness(
        warehouse.query("history_freshness", start=end - YEAR, end=end, as_of=end), as_of=end
    )
    # Days count here, not minutes: a history that is a day old still judges the weeks before.
    rules = replace(HealthRules(), stale_after=timedelta(hours=26))
    return judge_freshness(fresh, as_of=end, rules=rules)
