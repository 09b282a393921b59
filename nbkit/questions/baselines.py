"""What is normal here? Per processor and phase, with how sure that is and when it differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from nbkit.analysis.baselines import Baseline, BaselineRules
from nbkit.analysis.baselines import baselines as baselines_of
from nbkit.analysis.daily import daily_histories
from nbkit.analysis.liveness import freshness
from nbkit.analysis.profiles import profiles_by
from nbkit.analysis.rates import OTHER_PHASE, phases_of
from nbkit.analysis.seasonality import WEEKDAYS, Factor, Seasonality, seasonality
from nbkit.analysis.timeouts import suggest_timeouts
from nbkit.failures import classify_counts
from nbkit.findings import verdict_of
from nbkit.findings.baselines import TimeoutNow, judge_history, judge_timeouts
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.params import parse_moment
from nbkit.params.checked import Days, checked
from nbkit.questions.baseline_report import BaselineReport, LevelBaseline
from nbkit.questions.judgements import judgement_of
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

YEAR = timedelta(days=365)
# Of one weekday there are four in a month: fewer days make do there.
_LEVEL_DAYS = 2


@checked
def baselines(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    days: Days = 30,
    rules: BaselineRules | None = None,
) -> BaselineReport:
    """What was normal in the `days` whole UTC days before the one of `as_of`.

    The day of `as_of` is not in it: half a day is no day, and a baseline must not hold what is
    judged by it.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry: default: the project's.
        as_of: the moment the report is about, aware (or ISO text with a zone).

    Raises:
        ParameterError: `as_of` is not a moment with a zone, or `days` is below 1.
        WarehouseError: the history could not be read.
    """
    moment = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return baselines(opened, registry, as_of=moment, days=days, rules=rules)
    registry = registry or load_registry()
    rules = rules or BaselineRules()
    end = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=days)
    fresh = freshness(
        warehouse.query("history_freshness", start=moment - YEAR, end=moment, as_of=moment),
        as_of=moment,
    )
    counts = classify_counts(warehouse.query("hourly_counts", start=start, end=end, as_of=end))
    histograms = warehouse.query("daily_histograms", start=start, end=end, as_of=end)

    found = baselines_of(counts, histograms, rules=rules)
    seasons = seasonality(daily_histories(counts, histograms), histograms)
    timeouts = _timeouts(histograms, registry)
    stale = judge_freshness(fresh, as_of=moment, rules=HealthRules())
    thin = (
        judge_history(found, start=start, days=days, enough_days=rules.enough_days)
        if found or not stale
        else []
    )
    judged = sorted([*judge_timeouts(timeouts, registry), *thin], key=lambda f: -f.severity.rank)
    is_known = any(each.thin is None for each in found)
    # Where nothing is known, that is what the verdict is about.
    findings = (*stale, *(judged if is_known else [*thin, *(f for f in judged if f not in thin)]))
    verdict = verdict_of(findings, fit_to_judge=not stale and is_known)
    return BaselineReport(
        as_of=moment,
        start=start,
        end=end,
        verdict=verdict,
        findings=findings,
        freshness=fresh,
        rules=rules,
        processors=tuple(sorted(found, key=_rank)),
        phases=_phases(counts, histograms, registry, rules),
        seasonality=seasons,
        levels=tuple(_levels(counts, histograms, seasons, rules)),
        timeouts=timeouts,
        counts=counts,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=moment,
            window=(start, end),
        ),
    )


def _rank(baseline: Baseline) -> tuple[bool, float, str]:
    return baseline.thin is not None, -(baseline.unpredictability or 0.0), baseline.subject


def _timeouts(histograms: pd.DataFrame, registry: ProcessorRegistry) -> tuple[TimeoutNow, ...]:
    good = histograms[(histograms["metric"] == "duration_s") & (histograms["outcome"] == "success")]
    durations = {
        name: profile for (name,), profile in profiles_by(good, ["processor_name"]).items()
    }
    return tuple(
        TimeoutNow(
            suggestion=each,
            over_now=durations[each.processor].count_above(each.current.total_seconds())
            if each.current and each.processor in durations
            else 0,
        )
        for each in suggest_timeouts(durations, registry)
    )


def _phases(
    counts: pd.DataFrame,
    histograms: pd.DataFrame,
    registry: ProcessorRegistry,
    rules: BaselineRules,
) -> tuple[Baseline, ...]:
    titles = {phase.name: phase.title for phase in registry.phases} | {
        OTHER_PHASE: "Not registered"
    }

    def labelled(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(own_phase=phases_of(frame, registry))

    found = baselines_of(labelled(counts), labelled(histograms), by="own_phase", rules=rules)
    known = {each.subject: each for each in found}
    return tuple(
        replace(known[name], subject=title) for name, title in titles.items() if name in known
    )


def _levels(
    counts: pd.DataFrame, histograms: pd.DataFrame, found: Seasonality, rules: BaselineRules
) -> list[LevelBaseline]:
    """Baselines of each weekday, or of off-days, for the processors that these matter to."""
    eased = replace(rules, enough_days=min(_LEVEL_DAYS, rules.enough_days))
    ended = pd.to_datetime(counts["hour"], utc=True).dt.tz_localize(None).dt.normalize()
    days = pd.to_datetime(histograms["day"].astype("str")).dt.normalize()
    off = [pd.Timestamp(day) for day in found.off_days]
    is_off = (ended.isin(off), days.isin(off))
    levels = []
    for factor in Factor:
        names = {e.subject for e in found.effects if e.factor is factor}
        if not names:
            continue
        own = (counts["processor_name"].isin(names), histograms["processor_name"].isin(names))
        if factor is Factor.WEEKDAY:
            wanted: Mapping[str, tuple[pd.Series, pd.Series]] = {
                name: (ended.dt.day_of_week == number, days.dt.day_of_week == number)
                for number, name in enumerate(WEEKDAYS)
            }
        else:
            wanted = {"off-day": is_off, "game-day": (~is_off[0], ~is_off[1])}
        for level, (c, h) in wanted.items():
            levels += [
                LevelBaseline(factor=factor, level=level, baseline=each)
                for each in baselines_of(counts[own[0] & c], histograms[own[1] & h], rules=eased)
            ]
    return sorted(levels, key=lambda each: (each.baseline.subject, each.factor))
