"""What the trends report shows: its sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nbkit import figures
from nbkit.analysis.anomalies import DayAnomalies, RunAnomalies
from nbkit.analysis.liveness import Freshness
from nbkit.analysis.trends.deadline_risk import DeadlineRisk
from nbkit.analysis.trends.forecast import Forecast
from nbkit.analysis.trends.outlook import Outlook
from nbkit.analysis.trends.rules import RuleResult
from nbkit.errors import ParameterError
from nbkit.findings import Finding, Verdict
from nbkit.findings.emit import Judgement
from nbkit.findings.intervals import joined, whole_percent
from nbkit.findings.trends import change_named, effect_told, levels_told
from nbkit.findings.wording import count_of, percent, seconds, some, verb
from nbkit.questions import odd_tables
from nbkit.registry import MarkedSpan
from nbkit.tables import Column, Note, Table


@dataclass(frozen=True, kw_only=True)
class TrendReport:
    """Everything the report shows. Tables and figures are made from it when asked for.

    The window is of whole UTC days, from `start` to `end`, which is not after `as_of`. `marked` are
    the spans that took days out of it, `platform_rules` what the platform's own rules say.
    """

    as_of: datetime
    start: datetime
    end: datetime
    verdict: Verdict
    findings: tuple[Finding, ...]
    freshness: Freshness
    found: Outlook
    anomalies: DayAnomalies
    runs: RunAnomalies
    platform_rules: Sequence[RuleResult]
    marked: tuple[MarkedSpan, ...]
    judgement: Judgement = field(repr=False)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Verdict.UNKNOWN:
            return self.findings[0].title
        return f"{figures.panels_title(self.found)}."

    def summary_note(self) -> Note:
        """The conclusion before any detail."""
        if self.verdict is Verdict.UNKNOWN:
            return Note(self.headline, is_warning=True)
        warned, judged = self.found.warnings, len(self.found.warnings.judged)
        words = [
            f"{len(warned.warnings)} of {count_of(judged, 'processor')} with enough history "
            f"{verb(len(warned.warnings), 'are')} getting worse"
            + (
                f" (of such a list {warned.expected_false:.1f} are chance, on average)."
                if warned.warnings
                else "."
            ),
        ]
        if shared := self.found.onset_shared():
            words.append(
                f"{shared[1]} of them changed on {shared[0]}: look for one cause before many."
            )
        if recovered := {warning.processor for warning, _ in self.found.recovered}:
            words.append(f"{some(sorted(recovered))} recovered.")
        if warned.insufficient:
            words.append(
                f"{count_of(len(warned.insufficient), 'processor')} had too little history: that "
                "is not fine, it is not known."
            )
        if self.marked:
            words.append(f"{count_of(len(self.marked), 'marked span')} left the baseline.")
        days = (self.end - self.start).days
        words.append(
            f"From {count_of(days, 'whole UTC day')}, {self.start:%Y-%m-%d} to {self.found.day}."
        )
        return Note(" ".join(words), is_warning=bool(warned.warnings))

    def warning_table(self, processor: str = "") -> Table:
        """Each change, the critical processors first, then by effect × confidence × criticality ×
        blast radius; ten are shown, the others folded."""
        return Table.of(
            [
                Column("Processor"),
                Column("What"),
                Column("Since", "date"),
                Column("Usual"),
                Column("Since then"),
                Column("Effect (95 % interval)"),
                Column("False alarm"),
                Column("Weight"),
            ],
            [
                (
                    warning.processor,
                    change_named(change)
                    + (", as its records explain" if change.explained_by_volume else ""),
                    change.since,
                    *levels_told(change),
                    effect_told(change),
                    _chance(warning.q),
                    f"{warning.criticality or 'not registered'}, "
                    + count_of(warning.blast_radius, "dependent").replace(" ", "\u00a0"),
                )
                for warning, change in self.found.worse
                if processor in ("", warning.processor)
            ],
            empty=self.nothing_worse(processor),
        )

    def timeout_table(self, processor: str = "") -> Table:
        """For each processor that is getting slower: when its P95 meets its timeout, or why no date
        can be told."""
        slower = [w.processor for w, c in self.found.worse if c.metric == "duration"]
        dated = [name for name, f in self.found.timeouts.items() if f.on is not None]
        names = [n for n in dict.fromkeys([*slower, *dated]) if n in self.found.timeouts]
        return Table.of(
            [
                Column("Processor"),
                Column("P95 now", "seconds"),
                Column("Change a day (90 % interval)"),
                Column("Timeout", "seconds"),
                Column("Reached on", "date"),
                Column("90 % interval"),
            ],
            [
                (name, *_timeout_cells(self.found.timeouts[name]))
                for name in names
                if processor in ("", name)
            ],
            empty="No processor drifts towards its timeout.",
        )

    def deadline_table(self, processor: str = "") -> Table:
        """For each warned processor, and each that finishes later and later: its next deadline."""
        warned = [w.processor for w in self.found.warnings.warnings]
        later = [
            name
            for name, risk in self.found.deadlines.items()
            if risk.reached.on is not None or (risk.basis == "drift" and risk.probability)
        ]
        names = [n for n in dict.fromkeys([*warned, *later]) if n in self.found.deadlines]
        return Table.of(
            [
                Column("Processor"),
                Column("Next deadline (UTC)", "moment"),
                Column("Usually early by", "span"),
                Column("Missed, of the last"),
                Column("Chance of a miss (90 % interval)"),
                Column("Passed on", "date"),
            ],
            [
                (name, *_deadline_cells(self.found.deadlines[name]))
                for name in names
                if processor in ("", name)
            ],
            empty="No processor that is getting worse has a deadline.",
        )

    def recovered_table(self, processor: str = "") -> Table:
        """What was worse within the last two weeks and is as usual again, the latest first."""
        passed = sorted(self.found.recovered, key=lambda each: each[1].until or each[1].since)
        return Table.of(
            [
                Column("Processor"),
                Column("What it was"),
                Column("From", "date"),
                Column("Last bad day", "date"),
                Column("Usual"),
                Column("In between"),
                Column("Effect (95 % interval)"),
            ],
            [
                (
                    warning.processor,
                    change_named(change),
                    change.since,
                    change.until,
                    *levels_told(change),
                    effect_told(change),
                )
                for warning, change in reversed(passed)
                if processor in ("", warning.processor)
            ],
            empty="Nothing recovered within the last two weeks.",
        )

    def recovered_lines(self, processor: str = "") -> list[str]:
        """The same, a line each."""
        return [
            f"{name}: {what}, {since} to {until}"
            for name, what, since, until, *_ in self.recovered_table(processor).rows
        ]

    def rule_table(self) -> Table:
        """What the platform's own rules say of its critical processors and of those above."""
        return Table.of(
            [
                Column("Processor"),
                Column("Rule", "code"),
                Column("Last 7 days"),
                Column("30 days before"),
                Column("Ratio", "factor"),
                Column("The rule says"),
            ],
            [
                (
                    rule.processor,
                    name,
                    _figure(rule.recent, is_rate=is_rate),
                    _figure(rule.baseline, is_rate=is_rate),
                    rule.ratio,
                    rule.trend
                    if rule.trend
                    else f"not enough history ({rule.insufficient})"
                    if rule.insufficient
                    else "no alert",
                )
                for rule, is_rate, name in _named(self.platform_rules)
            ],
            empty="The registry calls no processor critical.",
        )

    def anomaly_note(self) -> Note:
        return odd_tables.day_note(self.anomalies)

    def anomaly_table(self, processor: str = "") -> Table:
        return odd_tables.day_table(self.anomalies, self.found, processor)

    def run_note(self) -> Note:
        return odd_tables.run_note(self.runs)

    def run_table(self, processor: str = "") -> Table:
        return odd_tables.run_table(self.runs, processor)

    def unjudged_table(self) -> Table:
        """Who could not be judged, and why."""
        warned = self.found.warnings
        return Table.of(
            [Column("Processors", "count"), Column("Why"), Column("Which")],
            [
                (len(names), why, ", ".join(names))
                for names, why in (
                    (warned.insufficient, "insufficient: too few days or runs to tell a trend"),
                    (warned.silent, "silent: no run with something to do in the last 7 days"),
                )
                if names
            ],
            empty="Every processor was judged.",
        )

    def marked_table(self) -> Table:
        """Days that people took out of the baseline."""
        return Table.of(
            [
                Column("First day", "date"),
                Column("Last day", "date"),
                Column("Processors"),
                Column("Why"),
            ],
            [
                (s.first, s.last, some(s.processors, 3) if s.processors else "all", s.why)
                for s in self.marked
            ],
            empty="No day of the window is marked (registry/marked_spans.yaml).",
        )

    def trend_figure(self) -> figures.Figure:
        return figures.worsening_panels(self.found)

    def has_run(self, name: str) -> bool:
        return bool((self.found.daily["processor_name"] == name).any())

    def check_processor(self, name: str) -> None:
        """Raises ParameterError where it has not run in the window."""
        if not self.has_run(name):
            raise ParameterError(
                f"{name} has no run in the {(self.end - self.start).days} days before "
                f"{self.end:%Y-%m-%d}."
            )

    def nothing_worse(self, processor: str = "") -> str:
        """What stands where nothing is to be told."""
        warned = self.found.warnings
        if not processor:
            return "Nothing is getting worse among what could be judged."
        if processor in warned.insufficient:
            return f"{processor} has too little history to tell: that is not fine, but unknown."
        if processor in warned.silent:
            return f"{processor} had nothing to do in the last 7 days, and is not judged."
        return f"{processor} is not getting worse."

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><strong>{self.verdict}</strong> {escape(self.headline)}</p>"


def _timeout_cells(forecast: Forecast) -> tuple[object, ...]:
    change = None
    if (
        forecast.change is not None
        and forecast.change_low is not None
        and forecast.change_high is not None
    ):
        low, high = _a_day(forecast.change_low), _a_day(forecast.change_high)
        change = f"{_a_day(forecast.change)} ({joined(low, high)})"
    interval = (
        f"no date: {forecast.why_not}"
        if forecast.on is None
        else f"{forecast.earliest} to {forecast.latest or 'out of sight'}"
    )
    return forecast.level, change, forecast.limit, forecast.on, interval


def _deadline_cells(risk: DeadlineRisk) -> tuple[object, ...]:
    early = -risk.usual_lateness if risk.usual_lateness is not None else None
    chance = "not enough history"
    if risk.probability is not None and risk.low is not None and risk.high is not None:
        chance = f"{whole_percent(risk.probability)} " + (
            f"({joined(whole_percent(risk.low), whole_percent(risk.high))})"
        )
    return (
        risk.next_due,
        early if early is None or early > timedelta(0) else timedelta(0),
        f"{risk.missed.successes} of {risk.missed.total}",
        chance,
        risk.reached.on,
    )


def _named(rules: Sequence[RuleResult]) -> list[tuple[RuleResult, bool, str]]:
    """Rules come in pairs: durations, then failures."""
    names = ("detect_performance_degradation", "detect_failure_spike")
    return [(rule, bool(place % 2), names[place % 2]) for place, rule in enumerate(rules)]


def _figure(value: float | None, *, is_rate: bool) -> str | None:
    if value is None:
        return None
    return percent(value) if is_rate else seconds(value)


def _a_day(change: float) -> str:
    return f"{100 * change:+.1f}\u00a0%".replace("-", "−")


def _chance(q: float) -> str:
    return f"<\u00a0{percent(0.001)}" if q < 0.001 else percent(q)
