"""Is everything okay this morning? The notebook and `nbkit health` both ask here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from nbkit import figures
from nbkit.analysis.causes import Cause, Change, NewMessage, causes, changes, new_messages
from nbkit.analysis.completeness import Completeness, completeness
from nbkit.analysis.durations import DurationShift, duration_shifts
from nbkit.analysis.liveness import (
    Freshness,
    Silence,
    StuckRun,
    freshness,
    silences,
    stuck_runs,
)
from nbkit.analysis.rates import (
    OTHER_PHASE,
    Outcomes,
    PhaseRates,
    between,
    outcomes,
    phase_rates,
)
from nbkit.analysis.services import PhaseDeployment, deployments
from nbkit.failures import classify_counts
from nbkit.findings import Finding, Severity, Verdict, verdict_of
from nbkit.findings.emit import Judgement
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
from nbkit.findings.wording import moment, short, some, span
from nbkit.params import parse_moment
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.tables import Column, Note, Table
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.services import read_services

BASELINE = timedelta(days=30)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class DailyHealth:
    """Everything the daily report shows. Tables and figures are made from it when asked for."""

    as_of: datetime
    start: datetime
    warehouse: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    phases: tuple[PhaseRates, ...]
    deployments: tuple[PhaseDeployment, ...]
    day: Outcomes
    day_before: Outcomes
    shifts: tuple[DurationShift, ...]
    completeness: tuple[Completeness, ...]
    stuck: tuple[StuckRun, ...]
    silent: tuple[Silence, ...]
    causes: tuple[Cause, ...]
    new_messages: tuple[NewMessage, ...]
    changes: tuple[Change, ...]
    counts: pd.DataFrame = field(repr=False)
    judgement: Judgement = field(repr=False)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        worst = [f for f in self.findings if f.severity is Severity.CRITICAL]
        warnings = [f for f in self.findings if f.severity is Severity.WARNING]
        if self.verdict is Verdict.UNKNOWN:
            return self.findings[0].title
        if not worst and not warnings:
            return "Nothing needs attention."
        first = (worst or warnings)[0].title
        return f"{len(worst)} critical, {len(warnings)} warnings. First: {first}."

    def freshness_note(self) -> Note:
        """One line: how old the history is, and what lies after `as_of`."""
        after = self.freshness.runs_after_as_of
        text = (
            f"Newest entry {moment(self.freshness.last_event)}, {span(self.freshness.age)} before "
            f"this report's moment {moment(self.as_of)}."
            + (f" {after:,} later runs are left out." if after else "")
        )
        return Note(text, is_warning=self.verdict is Verdict.UNKNOWN)

    def phase_table(self) -> Table:
        state = {d.phase: d.state for d in self.deployments}
        return Table.of(
            [
                Column("Phase"),
                Column("Service"),
                Column("Runs, 24 h", "count"),
                Column("Real failures", "count"),
                Column("Expected", "count"),
                Column("Raw, 7 d", "percent"),
                Column("Effective, 7 d", "percent"),
                Column("Last success (UTC)", "moment"),
            ],
            [
                (
                    p.title,
                    state.get(p.phase, "not measured"),
                    p.day.runs,
                    p.day.real,
                    p.day.expected,
                    p.week.raw_rate,
                    p.week.effective_rate,
                    p.last_success,
                )
                for p in self.phases
            ],
            empty="No phase has run.",
        )

    def noise_table(self) -> Table:
        return Table.of(
            [
                Column("24 hours"),
                Column("Failures", "count"),
                Column("Real", "count"),
                Column("Expected", "count"),
                Column("Noise share", "percent"),
            ],
            [
                ("to this report", *_noise(self.day)),
                ("the day before", *_noise(self.day_before)),
            ],
            empty="",
        )

    def cause_table(self) -> Table:
        return Table.of(
            [
                Column("Failures", "count"),
                Column("Category"),
                Column("Processors"),
                Column("Example", "code"),
                Column("New?"),
            ],
            [
                (
                    c.failures,
                    c.category.replace("_", " "),
                    some(c.processors),
                    short(c.example, 140) or "no message recorded",
                    "new" if c.new else "",
                )
                for c in self.causes
            ],
            empty="Nothing failed in the last 24 hours.",
        )

    def duration_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("Runs", "count"),
                Column("P50", "seconds"),
                Column("P95", "seconds"),
                Column("P99", "seconds"),
                Column("P95 usual", "seconds"),
                Column("Ratio", "factor"),
                Column("Runs over 2×", "count"),
            ],
            [
                (s.processor, s.runs, s.p50, s.p95, s.p99, s.baseline_p95, s.ratio, s.over_limit)
                for s in self.shifts
            ],
            empty="No successful run with a duration in the last 24 hours.",
        )

    def completeness_table(self) -> Table:
        order = {"none": 0, "below": 1, "above": 2, "within": 3}
        rows = sorted(self.completeness, key=lambda r: (order[r.state], not r.stated))
        return Table.of(
            [
                Column("Processor"),
                Column("Date", "date"),
                Column("Records", "count"),
                Column("Low", "count"),
                Column("High", "count"),
                Column("Range from"),
                Column("State"),
            ],
            [
                (
                    r.processor,
                    r.data_date,
                    r.records,
                    r.low,
                    r.high,
                    "registry" if r.stated else "its history",
                    r.state,
                )
                for r in rows
            ],
            empty="No processor has an expected range, stated or learned.",
        )

    def stuck_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("Started (UTC)", "moment"),
                Column("Running for", "span"),
                Column("Timeout", "span"),
                Column("Run", "code"),
            ],
            [(r.processor, r.started_at, r.running, r.timeout, r.run_id) for r in self.stuck],
            empty="No run is stuck.",
        )

    def silence_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("Last run ended (UTC)", "moment"),
                Column("Silent for", "span"),
                Column("Longest before", "span"),
            ],
            [(s.processor, s.last_seen, s.quiet, s.longest_before) for s in self.silent],
            empty="Every processor with a rhythm keeps it.",
        )

    def change_table(self) -> Table:
        return Table.of(
            [
                Column("Processor"),
                Column("What changed"),
                Column("Real failures, day before", "count"),
                Column("Last 24 h", "count"),
                Column("Successes, last 24 h", "count"),
            ],
            [(c.processor, c.direction, c.before, c.now, c.successes_now) for c in self.changes],
            empty="No processor's failures changed much since yesterday.",
        )

    def phase_figure(self) -> figures.Figure:
        return figures.phase_week(self.phases, end=_hour_after(self.as_of))

    def failure_figure(self) -> figures.Figure:
        end = _hour_after(self.as_of)
        return figures.failures_by_hour(self.counts, start=end - 2 * DAY, end=end)

    def duration_figure(self) -> figures.Figure:
        return figures.duration_shift(self.shifts)

    def cause_figure(self) -> figures.Figure:
        return figures.cause_bars(self.causes)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


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
    yesterday, hour_end = end - DAY, _hour_after(end)
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
    findings = tuple(sorted([*stale, *judged], key=lambda f: -f.severity.rank))
    if stale:  # what the stale rows say is kept, behind the reason not to believe it
        findings = (*stale, *(f for f in findings if f.kind != "stale_history"))
    verdict = verdict_of(findings, fit_to_judge=not stale)
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
        counts=counts,
        judgement=Judgement(
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(yesterday, end),
            warehouse=warehouse.url,
            queries=tuple(asdict(query) for query in warehouse.queries),
        ),
    )


def _hour_after(moment: datetime) -> datetime:
    """The end of the hour that `moment` lies in (counts are hourly)."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + timedelta(hours=1)


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


def _noise(day: Outcomes) -> tuple[int, int, int, float | None]:
    return day.failures, day.real, day.expected, day.noise_share
