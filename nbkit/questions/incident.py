"""What happened between two moments? The notebook and `nbkit incident` both ask here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from nbkit.analysis.incident.cascade import Incident, incidents
from nbkit.analysis.incident.messages import message_groups, with_templates
from nbkit.analysis.incident.surroundings import LEAD, surroundings
from nbkit.analysis.incident.timeline import slot_length
from nbkit.analysis.incident.troubles import TroubleRules, troubles
from nbkit.analysis.incident.usual import by_processor, same_hours
from nbkit.analysis.incident.waiting import Standing, distances, incident_dates, standings
from nbkit.analysis.liveness import freshness, stuck_runs
from nbkit.analysis.rates import is_real_failure
from nbkit.analysis.readiness import LOOKBACK
from nbkit.analysis.trends.deadline_risk import deadline_risks
from nbkit.errors import ParameterError
from nbkit.failures import classify_counts
from nbkit.findings import Finding, verdict_of
from nbkit.findings.health import HealthRules, judge_freshness, judge_stuck
from nbkit.findings.history import days_with_runs, judge_length
from nbkit.findings.incident import (
    IncidentRules,
    is_only_stuck,
    judge_emptiness,
    judge_incidents,
    judge_messages,
    judge_recurring,
    judge_unusual,
    judge_waiting,
)
from nbkit.findings.wording import moment, span
from nbkit.params import parse_moment
from nbkit.params.checked import checked
from nbkit.params.length import parse_length
from nbkit.questions.incident_report import IncidentReport
from nbkit.questions.judgements import judgement_of
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

BASELINE = timedelta(days=30)
WEEKS = 4
LONGEST = timedelta(days=7)
YEAR = timedelta(days=365)
WEEK = timedelta(days=7)
_OF_BASELINE = ["processor_name", "hour", "category", "template", "runs"]


@dataclass(frozen=True)
class _Window:
    start: datetime
    end: datetime
    as_of: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@checked
def incident(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    start: datetime | str = "",
    end: datetime | str = "",
    since: str = "2h",
    processor: str = "",
    trouble_rules: TroubleRules | None = None,
    rules: IncidentRules | None = None,
    health_rules: HealthRules | None = None,
) -> IncidentReport:
    """What was out of the ordinary in [start, end), where it began, and whom it hit.

    Beside the window stand the same hours of the last four weeks and the 30 days before it.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment at which it is asked who waits; nothing later is looked at.
        start, end: the window, at most a week; ISO text with a zone or aware moments. Empty: `end`
            is `as_of`, `start` is `since` before `end`.
        since: length of a window whose start is not given, such as `90m` or `2h`.
        processor: look only at it, what it needs, and what needs it. Empty: at all.

    Raises:
        ParameterError: the window is empty, too long, after `as_of`, or nothing is known of it.
        UnknownProcessor: `processor` is neither registered nor in the history.
        WarehouseError: the history could not be read.
    """
    window = _window(start, end, since, as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return incident(
                opened,
                registry,
                as_of=window.as_of,
                start=window.start,
                end=window.end,
                processor=processor,
                trouble_rules=trouble_rules,
                rules=rules,
                health_rules=health_rules,
            )
    registry = registry or load_registry()
    rules = rules or IncidentRules()
    health_rules = health_rules or HealthRules()
    start_at, end_at = window.start, window.end
    first = start_at - BASELINE
    slot_s = slot_length(start_at, end_at)

    fresh = freshness(
        warehouse.query("history_freshness", start=end_at - YEAR, end=end_at, as_of=end_at),
        as_of=end_at,
    )
    seen = warehouse.query(
        "window_outcomes", start=start_at, end=end_at, as_of=end_at, slot_s=slot_s
    )
    counts = warehouse.query("hourly_counts", start=first, end=start_at, as_of=end_at)
    weekly = warehouse.query("same_hours", start=start_at, end=end_at, as_of=end_at, weeks=WEEKS)
    settings = warehouse.query(
        "run_settings", start=first, end=end_at, as_of=end_at, since=start_at - LEAD
    )
    open_runs = warehouse.query("open_runs", start=first, end=end_at, as_of=end_at)
    if processor:
        names = _family(processor, registry, seen, counts)
        seen, counts, weekly, settings, open_runs = (
            frame[frame["processor_name"].isin(names)]
            for frame in (seen, counts, weekly, settings, open_runs)
        )
    if (
        seen.empty
        and counts.empty
        and fresh.age is not None
        and fresh.age < health_rules.stale_after
    ):
        raise ParameterError(_nothing(window, processor, fresh.last_event))
    seen, counts, weekly = (classify_counts(frame) for frame in (seen, counts, weekly))
    seen, counts = with_templates(seen, counts)
    counts = counts[_OF_BASELINE]  # each filter copies what it keeps, and texts are dear

    weeks = _known_weeks(counts, start_at)
    rows = same_hours(weekly, weeks=weeks)
    usual = by_processor(rows)
    stuck = stuck_runs(open_runs, registry)
    found = incidents(
        troubles(
            seen,
            counts,
            usual,
            stuck,
            start=start_at,
            end=end_at,
            rules=trouble_rules or TroubleRules(),
        ),
        registry,
    )
    groups = message_groups(seen, counts, windows=BASELINE / window.length)
    standing = _standings(warehouse, found, registry, window.as_of)
    overdue = tuple(r for r in stuck if r.started_at + min(r.timeout, r.running) >= start_at)

    stale = judge_freshness(fresh, as_of=end_at, rules=health_rules)
    absent = judge_emptiness(rows[0], start=start_at, end=end_at) if not stale else []
    unfit = [*stale, *absent]
    thin = (
        judge_length(days_with_runs(counts["hour"]), when="before the window") if not unfit else []
    )
    judged: list[Finding] = []
    if rows[0].runs.now:
        judged = [
            *judge_incidents(found, standing, registry, rules=rules),
            *_waits(found, standing, rules),
            *judge_messages(groups, found, registry, rules=health_rules),
            *judge_stuck(overdue, registry, rules=health_rules),
            *judge_unusual(rows, found, weeks=weeks, rules=rules),
            *judge_recurring(rows[0], monthly=_monthly(counts, window), weeks=weeks, rules=rules),
        ]
    findings = (*unfit, *sorted([*thin, *judged], key=lambda finding: -finding.severity.rank))
    verdict = verdict_of(findings, fit_to_judge=not unfit, is_complete=not thin)
    return IncidentReport(
        as_of=window.as_of,
        start=start_at,
        end=end_at,
        processor=processor,
        weeks=weeks,
        slot_s=slot_s,
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        rows=rows,
        incidents=tuple(i for i in found if not is_only_stuck(i)),
        standings=standing,
        messages=groups,
        surroundings=surroundings(settings, seen, counts, start=start_at),
        stuck=overdue,
        window=seen,
        registry=registry,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=window.as_of,
            window=(start_at, end_at),
        ),
    )


def _window(
    start: datetime | str, end: datetime | str, since: str, as_of: datetime | str
) -> _Window:
    now = parse_moment(as_of)
    last = parse_moment(end) if end else now
    if start:
        first = parse_moment(start)
    else:
        try:
            first = last - parse_length(since)
        except ValueError as error:
            raise ParameterError(f"since {error}") from None
    if first >= last:
        swapped = " Are they swapped?" if first > last else ""
        raise ParameterError(
            f"The window ends at {moment(last)}, which is not after its start, {moment(first)}."
            f"{swapped}"
        )
    if last > now:
        raise ParameterError(
            f"The window ends at {moment(last)}, after as_of ({moment(now)}): nothing later than "
            "that is looked at. Give a later as_of, or an earlier end."
        )
    if last - first > LONGEST:
        raise ParameterError(
            f"The window is {span(last - first)} long; a week is the most, or it would be compared "
            "with itself. For longer spans: nbkit run trends."
        )
    return _Window(first.astimezone(UTC), last.astimezone(UTC), now)


def _family(
    name: str, registry: ProcessorRegistry, seen: pd.DataFrame, counts: pd.DataFrame
) -> set[str]:
    """A processor with what it needs and what needs it; a stranger stands alone."""
    if name not in registry and name in {*seen["processor_name"], *counts["processor_name"]}:
        return {name}
    registry.processor(name)
    return {name, *registry.upstream(name), *registry.downstream(name)}


def _nothing(window: _Window, processor: str, last: datetime | None) -> str:
    whose = f" of {processor} or its neighbours" if processor else ""
    return (
        f"No run{whose} ended between {moment(window.start)} and {moment(window.end)}, nor in the "
        f"30 days before. The newest entry of the history is of {moment(last)}: "
        "is it the right warehouse, and the right time zone?"
    )


def _known_weeks(counts: pd.DataFrame, start: datetime) -> int:
    """How many of the weeks before the history covers."""
    if counts.empty:
        return 0
    first: datetime = counts["hour"].min().to_pydatetime()
    return min(WEEKS, max(0, (start - first + timedelta(hours=12)) // WEEK))


def _monthly(counts: pd.DataFrame, window: _Window) -> float:
    """Real failures that a stretch of the window's length brought on average."""
    if counts.empty:
        return 0.0
    known: timedelta = window.start - counts["hour"].min().to_pydatetime()
    return float(counts.loc[is_real_failure(counts), "runs"].sum()) * (window.length / known)


def _standings(
    warehouse: Warehouse, found: tuple[Incident, ...], registry: ProcessorRegistry, as_of: datetime
) -> dict[str, tuple[Standing, ...]]:
    """By root, what it and its descendants have come to; one query for all of them."""
    dates = sorted({day for each in found for day in incident_dates(each)})
    if not dates:
        return {}
    works = warehouse.query(
        "work_states",
        first_date=dates[0] - LOOKBACK,
        last_date=max(dates[-1], as_of.date()),
        as_of=as_of,
        processor_name=None,
    )
    names = {name for each in found for name in distances(each, registry)}
    works = works[works["processor_name"].isin(names)]
    risks = deadline_risks(works, registry, as_of=as_of)
    return {
        each.root: standings(each, registry, works=works, risks=risks, as_of=as_of)
        for each in found
        if incident_dates(each)
    }


def _waits(
    found: tuple[Incident, ...], rows: dict[str, tuple[Standing, ...]], rules: IncidentRules
) -> list[Finding]:
    return [
        finding
        for each in found
        if not is_only_stuck(each)
        for finding in judge_waiting(each, rows.get(each.root, ()), rules=rules)
    ]
