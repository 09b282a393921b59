"""When does too much fail, why, and what would help?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pandas as pd

from nbkit.analysis.liveness import freshness
from nbkit.analysis.storms.fixes import Fix, named_fixes
from nbkit.analysis.storms.outside import read_jobs, read_policies
from nbkit.analysis.storms.runs import classified, mark_failures
from nbkit.analysis.storms.storm import (
    Storm,
    distinct,
    related,
    study,
    usual_of_counts,
    words_of_counts,
)
from nbkit.analysis.storms.what_if import WhatIf, what_if
from nbkit.analysis.storms.windows import FoundWindow, find_windows
from nbkit.errors import ParameterError
from nbkit.failures import classify_counts
from nbkit.findings import verdict_of
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.findings.history import days_with_runs, judge_length
from nbkit.findings.storm_changes import changes_of
from nbkit.findings.storms import StormRules, judge_storm, severity_of
from nbkit.params import parse_moment
from nbkit.params.checked import MOST_DAYS, Bounds, Minutes, checked
from nbkit.questions.asked_window import asked_window
from nbkit.questions.judgements import judgement_of
from nbkit.questions.storm_report import StormReport
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

YEAR = timedelta(days=365)
AROUND = timedelta(hours=4)  # what had succeeded before a storm, and what does after it
MOST_RUNS = 400_000  # beyond it the runs of a sample of the messages are read
FORGOTTEN = timedelta(days=35)  # work on older dates is not asked whether it was done before
MOST_STORMS = 20
# Each window copies its runs a few times, so it gets the columns that somebody reads.
_NEEDED = (
    "processor_name",
    "run_id",
    "data_date",
    "started_at",
    "ended_at",
    "status",
    "errors_text",
    "trigger_message_id",
    "retry_attempt",
    "triggered_by",
    "trigger_source",
    "parent_processor",
    "backfill_mode",
    "missing_dependencies",
    "category",
    "category_rule",
    "category_origin",
    "is_failure",
    "is_expected",
)
# Of these few values come again and again. Rows are picked out hundreds of times, and to copy such
# words each time takes longer than all that is asked of them.
_REPEATED = (
    "errors_text",
    "missing_dependencies",
    "triggered_by",
    "trigger_source",
    "parent_processor",
    "category_rule",
    "category_origin",
)
MOST_PREDICTED = 2  # storms, the worst ones, that are played again with each fix


@checked
def retry_storm(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    days: Annotated[int, Bounds(least=3, most=MOST_DAYS)] = 35,
    window: str = "",
    target_per_week: Annotated[float, Bounds(least=0)] = 5_000,
    scheduler_jobs: str = "",
    subscriptions: str = "",
    jitter_minutes: Minutes = 15,
    backoff_s: Sequence[float] = (60, 3_600),
    attempts: Annotated[int, Bounds(least=0)] = 0,
    retry_budget: Annotated[float, Bounds(least=0)] = 0,
    rules: StormRules | None = None,
    most_runs: Annotated[int, Bounds(least=1)] = MOST_RUNS,
) -> StormReport:
    """Find windows in which more fails than usual, and name the cause of each.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment the report is about; nothing later is looked at.
        days: how many days before it are looked at; a weekly window needs three weeks.
        window: look at this one only: `Monday 00-03` (hours UTC, both included), or two moments
            with a slash between them. Empty: all that are found.
        target_per_week: failures a week that a weekly window may have.
        scheduler_jobs, subscriptions: files with the JSON of `gcloud scheduler jobs list` and
            `gcloud pubsub subscriptions list`, against which collisions and backoff are checked.
            Empty: none.
        jitter_minutes, backoff_s, attempts, retry_budget: parameters of a further fix to predict:
            how far starts are spread, the shortest and longest wait of a redelivery, the most
            deliveries of a message, and redeliveries for each first delivery. The defaults (and
            0 for the last two) add none to the standard ones.
        most_runs: how many runs around the windows are read at most. Where there are more, those of
            a sample of the messages are, all attempts of each, and counts are scaled up from them.

    Raises:
        ParameterError: a parameter makes no sense.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of).astimezone(UTC)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return retry_storm(
                opened,
                registry,
                as_of=end,
                days=days,
                window=window,
                target_per_week=target_per_week,
                scheduler_jobs=scheduler_jobs,
                subscriptions=subscriptions,
                jitter_minutes=jitter_minutes,
                backoff_s=backoff_s,
                attempts=attempts,
                retry_budget=retry_budget,
                rules=rules,
                most_runs=most_runs,
            )
    fixes = _fixes(jitter_minutes, backoff_s, attempts, retry_budget)
    registry = registry or load_registry()
    rules = rules or StormRules(target_per_week=target_per_week)
    start = (end - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    jobs = read_jobs(Path(scheduler_jobs)) if scheduler_jobs else ()
    policies = read_policies(Path(subscriptions)) if subscriptions else ()
    asked = asked_window(window, start=start, end=end) if window else None
    fresh = freshness(
        warehouse.query("history_freshness", start=end - YEAR, end=end, as_of=end), as_of=end
    )
    counts = mark_failures(
        classify_counts(warehouse.query("storm_counts", start=start, end=end, as_of=end))
    )
    found = [asked] if asked else find_windows(counts, start=start, end=end)[:MOST_STORMS]
    storms, sampled = _study(
        warehouse, registry, found, counts, start, end, exact=bool(asked), most_runs=most_runs
    )

    unfit = judge_freshness(fresh, as_of=end, rules=HealthRules())
    storms = sorted(
        storms,
        key=lambda storm: (-severity_of(storm, rules).rank, -storm.excess, storm.onset),
    )
    storms = distinct(storms)
    predicted = tuple(
        _what_if(storm, fixes, as_of=end)
        if place < MOST_PREDICTED and storm.diagnosis.facts.speaks
        else None
        for place, storm in enumerate(storms)
    )
    changes = tuple(
        changes_of(
            found,
            storm.diagnosis.facts.inside,
            span=storm.spans[-1],
            law=storm.diagnosis.facts.attempts.law,
            jobs=jobs,
            policies=policies,
        )
        if found
        else ()
        for storm, found in zip(storms, predicted, strict=True)
    )
    judged = [
        judge_storm(storm, registry, rules=rules, what_if=found, changes=own)
        for storm, found, own in zip(storms, predicted, changes, strict=True)
    ]
    thin = judge_length(days_with_runs(counts["ended_hour"])) if not unfit else []
    findings = (*unfit, *sorted([*thin, *judged], key=lambda finding: -finding.severity.rank))
    verdict = verdict_of(findings, fit_to_judge=not unfit, is_complete=not thin)
    return StormReport(
        as_of=end,
        window=(start, end),
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        storms=tuple(storms),
        predicted=predicted,
        changes=changes,
        counts=counts,
        sampled=sampled,
        target_per_week=target_per_week,
        jobs=jobs,
        policies=policies,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(start, end),
        ),
    )


def _fixes(
    jitter_minutes: float, backoff_s: Sequence[float], attempts: int, retry_budget: float
) -> tuple[Fix, ...]:
    try:
        least_s, most_s = backoff_s
        return named_fixes(
            jitter_minutes=jitter_minutes,
            least_s=least_s,
            most_s=most_s,
            attempts=attempts or None,
            retry_budget=retry_budget or None,
        )
    except (TypeError, ValueError) as problem:
        raise ParameterError(
            f"jitter_minutes, backoff_s (two numbers: shortest and longest wait), attempts, "
            f"retry_budget: {problem}."
        ) from None


def _what_if(storm: Storm, fixes: Sequence[Fix], *, as_of: datetime) -> WhatIf:
    return what_if(
        storm.diagnosis.facts.around,
        [(span.start, span.end) for span in storm.spans],
        as_of=as_of,
        fixes=fixes,
        sampled=storm.sampled,
    )


def _study(
    warehouse: Warehouse,
    registry: ProcessorRegistry,
    found: Sequence[FoundWindow],
    counts: pd.DataFrame,
    start: datetime,
    end: datetime,
    *,
    exact: bool,
    most_runs: int,
) -> tuple[list[Storm], float]:
    """The windows studied, and the share of the messages whose runs were read for it."""
    if not found:
        return [], 1.0
    hours = _hours_around(found, start, end)
    due = counts[counts["ended_hour"].isin(hours) | counts["started_hour"].isin(hours)]
    share = min(most_runs / max(int(due["runs"].sum()), 1), 1.0)
    runs = classified(
        warehouse.query(
            "window_runs",
            start=start,
            end=end,
            as_of=end,
            hours="\n".join(f"{hour:%Y-%m-%dT%H:%M:%SZ}" for hour in hours),
            sample_below=None if share == 1.0 else f"{round(share * 16**6):06x}",
        )
    )
    runs = runs.astype(dict.fromkeys(_REPEATED, "category"))
    dates = runs["data_date"]
    succeeded = warehouse.query(
        "first_successes",
        first_date=max(dates.min().date(), (start - FORGOTTEN).date()),
        last_date=dates.max().date(),
        as_of=end,
    )
    period = int((end - start) / timedelta(hours=1)) + 1
    messages = warehouse.query("storm_messages", start=start, end=end, as_of=end)
    usual = usual_of_counts(counts, messages, found, period)
    words = words_of_counts(counts, found)
    return [
        study(
            each,
            _near(runs, each, registry),
            counts,
            registry,
            usual=usual,
            usual_words=words,
            succeeded=succeeded,
            is_exact=exact,
            sampled=share,
        )
        for each in found
    ], share


def _hours_around(
    found: Sequence[FoundWindow], start: datetime, end: datetime
) -> list[pd.Timestamp]:
    first = pd.Timestamp(start).floor("h")
    hours = pd.date_range(first, pd.Timestamp(end), freq="h")
    kept = pd.Series(False, index=hours)
    for window in found:
        for span in window.spans:
            kept[pd.Timestamp(span.start - AROUND) : pd.Timestamp(span.end + AROUND)] = True
    return list(hours[kept.to_numpy()])


def _near(runs: pd.DataFrame, window: FoundWindow, registry: ProcessorRegistry) -> pd.DataFrame:
    """The runs around the spans of one window."""
    near = pd.Series(False, index=runs.index)
    ended = runs["ended_at"].fillna(runs["started_at"])
    for span in window.spans:
        near |= (ended >= span.start - AROUND) & (runs["started_at"] < span.end + AROUND)
    if window.is_theirs:
        near &= runs["processor_name"].isin(related(window.processors, registry))
    return runs.loc[near, list(_NEEDED)].reset_index(drop=True)
