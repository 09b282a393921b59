"""The rules of the daily verdict, at their thresholds."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.analysis.causes import NewMessage
from nbkit.analysis.completeness import Completeness
from nbkit.analysis.durations import DurationShift
from nbkit.analysis.liveness import Freshness, Silence, StuckRun
from nbkit.analysis.rates import Outcomes, PhaseRates
from nbkit.analysis.services import PhaseDeployment, ServiceState
from nbkit.findings import Finding, Severity, Verdict, iso_utc, verdict_of
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
from nbkit.registry import ProcessorRegistry, load_registry

NOW = datetime(2026, 1, 13, 12, tzinfo=UTC)
RULES = HealthRules()
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def phase(successes: int, real: int, expected: int = 0) -> PhaseRates:
    week = Outcomes(successes, expected, real)
    worst = ("NbacGamebookProcessor", real) if real else None
    return PhaseRates("phase_2_raw", "Phase 2 · Raw", week, week, (None,) * 7, None, worst)


def severities(findings: list[Finding]) -> list[str]:
    return [finding.severity.value for finding in findings]


@pytest.mark.parametrize(
    ("successes", "real", "found"),
    [(95, 5, []), (94, 6, ["warning"]), (50, 50, ["warning"]), (49, 51, ["critical"]), (0, 19, [])],
)
def test_a_phase_warns_under_95_percent_and_is_critical_under_half(
    successes: int, real: int, found: list[str], registry: ProcessorRegistry
) -> None:
    assert severities(judge_phases([phase(successes, real)], registry, rules=RULES)) == found


def test_expected_failures_alone_are_no_finding(registry: ProcessorRegistry) -> None:
    assert judge_phases([phase(100, 0, expected=9_000)], registry, rules=RULES) == []


def test_a_phase_names_the_processor_to_start_with(registry: ProcessorRegistry) -> None:
    (finding,) = judge_phases([phase(10, 90)], registry, rules=RULES)
    assert "nbkit registry impact NbacGamebookProcessor" in finding.next_step
    assert finding.fingerprint == "phase_success_rate:phase_2_raw"
    assert finding.evidence["effective_rate"] == pytest.approx(0.1)


def stuck(hours: float, *, name: str = "PredictionCoordinator") -> StuckRun:
    running = timedelta(hours=hours)
    timeout = timedelta(minutes=30)
    return StuckRun(name, f"r{hours}", NOW - running, running, timeout, running > timeout)


def test_runs_stuck_for_days_are_one_critical_finding_with_the_longest_in_its_title(
    registry: ProcessorRegistry,
) -> None:
    (finding,) = judge_stuck([stuck(123.9), stuck(1)], registry, rules=RULES)
    assert finding.severity is Severity.CRITICAL
    assert "2 runs stuck, the longest for 5 d 3 h (2 past" in finding.title.replace("\u00a0", " ")
    assert finding.evidence["longest_s"] == pytest.approx(123.9 * 3600)
    assert finding.since == NOW - timedelta(hours=123.9)


def test_of_a_single_stuck_run_none_is_the_longest(registry: ProcessorRegistry) -> None:
    (finding,) = judge_stuck([stuck(1)], registry, rules=RULES)
    title = finding.title.replace("\u00a0", " ")
    assert title.endswith("has 1 run stuck for 1 h (past the timeout of 30 min)")


def test_a_run_a_little_late_is_a_warning_but_not_of_a_critical_processor(
    registry: ProcessorRegistry,
) -> None:
    assert severities(
        judge_stuck([stuck(1, name="BdlStandingsProcessor")], registry, rules=RULES)
    ) == ["warning"]
    late = [stuck(1, name="NbacGamebookProcessor")]
    assert severities(judge_stuck(late, registry, rules=RULES)) == ["critical"]


def test_a_fresh_break_of_a_critical_processor_is_critical_a_standing_one_is_not(
    registry: ProcessorRegistry,
) -> None:
    day = {"NbacGamebookProcessor": Outcomes(1, 0, 9)}
    good, bad = Outcomes(90, 0, 10), Outcomes(10, 0, 90)
    fresh = judge_failing(day, {"NbacGamebookProcessor": good}, registry, rules=RULES)
    standing = judge_failing(day, {"NbacGamebookProcessor": bad}, registry, rules=RULES)
    assert severities(fresh) == ["critical"]
    assert severities(standing) == ["warning"]
    few = {"NbacGamebookProcessor": Outcomes(0, 0, 4)}
    assert judge_failing(few, {}, registry, rules=RULES) == []


def shift(ratio: float, runs: int = 20, over: int = 10) -> DurationShift:
    return DurationShift("A", runs, 300, 10, 20 * ratio, 99, 10, 20.0, ratio, over)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (shift(2.0), 0),
        (shift(2.1), 1),
        (shift(9.0, runs=4), 0),
        (shift(9.0, over=1), 0),
        (shift(9.0, runs=100, over=9), 0),
    ],
)
def test_slow_is_more_than_twice_and_more_than_an_outlier(
    facts: DurationShift, found: int, registry: ProcessorRegistry
) -> None:
    assert len(judge_durations([facts], registry, rules=RULES)) == found


def complete(records: int | None, state: str, *, stated: bool) -> Completeness:
    day = date(2026, 1, 12)
    return Completeness("NbacGamebookProcessor", day, records, 100, 500, stated, state)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (complete(99, "below", stated=True), ["critical"]),
        (complete(None, "none", stated=True), ["critical"]),
        (complete(99, "below", stated=False), []),
        (complete(49, "below", stated=False), ["warning"]),
        (complete(900, "above", stated=True), []),
        (complete(300, "within", stated=True), []),
    ],
)
def test_a_promise_missed_is_worse_than_a_habit_missed(
    row: Completeness, found: list[str], registry: ProcessorRegistry
) -> None:
    assert severities(judge_completeness([row], registry)) == found


def test_stale_history_makes_the_verdict_unknown_and_never_green() -> None:
    fresh = Freshness(10, NOW - timedelta(hours=6), timedelta(hours=6), 0)
    stale = Freshness(10, NOW - timedelta(hours=7), timedelta(hours=7), 0)
    assert judge_freshness(fresh, as_of=NOW, rules=RULES) == []
    (finding,) = judge_freshness(stale, as_of=NOW, rules=RULES)
    assert finding.kind == "stale_history"
    assert verdict_of([], fit_to_judge=False) is Verdict.UNKNOWN


def test_an_empty_history_and_one_in_the_future_say_so() -> None:
    (empty,) = judge_freshness(Freshness(0, None, None, 0), as_of=NOW, rules=RULES)
    assert "empty" in empty.title
    (future,) = judge_freshness(Freshness(0, None, None, 42), as_of=NOW, rules=RULES)
    assert "42 runs lie after it" in future.title
    assert future.evidence["runs_after_as_of"] == 42


def test_the_verdict_is_that_of_the_worst_finding() -> None:
    (noise,) = judge_noise(Outcomes(1, 97, 3))
    assert noise.severity is Severity.INFO
    assert verdict_of([noise], fit_to_judge=True) is Verdict.GREEN
    (new,) = judge_new_messages(
        [NewMessage("A", "error", "boom", 3, NOW), NewMessage("B", "error", "x", 2, NOW)],
        load_registry(),
        rules=RULES,
    )
    assert verdict_of([noise, new], fit_to_judge=True) is Verdict.YELLOW
    assert judge_noise(Outcomes(5, 0, 0)) == []


def test_a_service_that_is_not_ready_is_critical_one_being_deployed_a_warning(
    registry: ProcessorRegistry,
) -> None:
    services = (
        ServiceState("a", "ready", "a-1", ""),
        ServiceState("b", "not ready", "b-1", "image not found"),
        ServiceState("c", "deploying", None, ""),
    )
    found = judge_services([PhaseDeployment("phase_2_raw", "not ready", services)], registry)
    assert [(f.subject, f.severity.value) for f in found] == [("b", "critical"), ("c", "warning")]
    assert "image not found" in found[0].title


def every_kind(registry: ProcessorRegistry) -> list[Finding]:
    services = (ServiceState("b", "not ready", "b-1", ""),)
    return [
        *judge_freshness(Freshness(0, None, None, 0), as_of=NOW, rules=RULES),
        *judge_services([PhaseDeployment("phase_2_raw", "not ready", services)], registry),
        *judge_phases([phase(10, 90)], registry, rules=RULES),
        *judge_failing({"A": Outcomes(0, 0, 9)}, {}, registry, rules=RULES),
        *judge_stuck([stuck(9)], registry, rules=RULES),
        *judge_silence([Silence("A", NOW, timedelta(hours=9), timedelta(hours=1))], registry),
        *judge_durations([shift(3)], registry, rules=RULES),
        *judge_completeness([complete(1, "below", stated=True)], registry),
        *judge_new_messages([NewMessage("A", "error", "x", 9, NOW)], registry, rules=RULES),
        *judge_noise(Outcomes(0, 9, 1)),
    ]


def test_every_kind_of_finding_is_json_with_an_owner_a_next_step_and_a_stable_fingerprint(
    registry: ProcessorRegistry,
) -> None:
    first, second = every_kind(registry), every_kind(registry)
    assert len({finding.kind for finding in first}) == 10
    for one, again in zip(first, second, strict=True):
        document = json.loads(json.dumps(one.to_json()))
        assert document["owner"]
        assert document["next_step"]
        assert one.fingerprint == again.fingerprint
        assert one.fingerprint.startswith(f"{one.kind}:")


def test_every_kind_has_its_runbook_page_and_every_page_its_kind(
    registry: ProcessorRegistry,
) -> None:
    pages = {finding.runbook for finding in every_kind(registry)}
    there = {f"docs/runbooks/{path.name}" for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages <= there
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for heading in ("What it means", "Is it real?", "First three commands", "When to escalate"):
            assert f"## {heading}" in text, f"{page} lacks {heading}"


def test_a_number_in_a_title_stands_in_the_evidence(registry: ProcessorRegistry) -> None:
    for finding in every_kind(registry):
        if re.search(r"\d", finding.title) and finding.kind != "service_not_ready":
            assert any(isinstance(value, (int, float)) for value in finding.evidence.values()), (
                finding.kind
            )


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        iso_utc(datetime(2026, 1, 13))  # noqa: DTZ001
    assert iso_utc(NOW) == "2026-01-13T12:00:00Z"
