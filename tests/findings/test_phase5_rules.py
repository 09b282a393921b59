"""When a fact about a phase becomes a finding, and how bad it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.analysis.guard_replay import GuardRules, replay
from nbkit.analysis.hangs import Ending, PhaseRun
from nbkit.analysis.proportions import proportion
from nbkit.failures import FailureCategory
from nbkit.findings import Finding
from nbkit.findings.health import HealthRules
from nbkit.findings.phase5 import (
    Subject,
    judge_absence,
    judge_hangs,
    judge_target,
    judge_timeout,
)
from nbkit.registry import ProcessorRegistry, load_registry

ROOT = Path(__file__).resolve().parents[2]
T0 = datetime(2026, 1, 5, 15, tzinfo=UTC)
AS_OF = T0 + timedelta(days=8)
SUBJECT = Subject(phase="phase_5_predictions", title="Phase 5", start=T0)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry(ROOT / "registry" / "processor_registry.yaml")


def run(ending: Ending, lasted: timedelta) -> PhaseRun:
    good = ending is Ending.SUCCEEDED
    return PhaseRun(
        run_id=f"{ending}",
        processor="PredictionCoordinator",
        started_at=T0,
        ended_at=T0 + lasted,
        category=FailureCategory.SUCCESS if good else FailureCategory.TIMEOUT,
        ending=ending,
    )


def target(successes: int, total: int, registry: ProcessorRegistry) -> list[Finding]:
    judged = proportion(successes, total)
    return judge_target(
        judged, SUBJECT, registry, target=0.95, worst="PredictionCoordinator", rules=HealthRules()
    )


@pytest.mark.parametrize(
    ("successes", "total", "severity"),
    [(36, 132, "critical"), (80, 100, "warning"), (3, 3, "info"), (0, 0, "info")],
)
def test_a_missed_target_is_as_bad_as_it_is_sure(
    successes: int, total: int, severity: str, registry: ProcessorRegistry
) -> None:
    assert [f.severity.value for f in target(successes, total, registry)] == [severity]


def test_a_target_that_is_met_is_no_finding(registry: ProcessorRegistry) -> None:
    assert target(200, 200, registry) == []


def test_without_hangs_there_is_nothing_to_say(registry: ProcessorRegistry) -> None:
    runs = [run(Ending.SUCCEEDED, timedelta(seconds=40))]
    replayed = replay(runs, rules=GuardRules(), as_of=AS_OF)
    assert judge_hangs(runs, replayed, SUBJECT, registry, as_of=AS_OF) == []
    assert judge_timeout(replayed, SUBJECT, registry, as_of=AS_OF) == []
    assert judge_absence(runs, SUBJECT, registry) == []


def every_kind(registry: ProcessorRegistry) -> list[Finding]:
    runs = [run(Ending.SWEPT, timedelta(hours=10)), run(Ending.SUCCEEDED, timedelta(hours=1))]
    replayed = replay(runs, rules=GuardRules(), as_of=AS_OF)
    return [
        *target(1, 50, registry),
        *judge_hangs(runs, replayed, SUBJECT, registry, as_of=AS_OF),
        *judge_timeout(replayed, SUBJECT, registry, as_of=AS_OF),
        *judge_absence([], SUBJECT, registry),
    ]


def test_what_a_title_states_stands_in_the_evidence_in_seconds(registry: ProcessorRegistry) -> None:
    _, hung, short, _ = every_kind(registry)
    assert "open for 10\u00a0h" in hung.title
    assert (hung.evidence["runs"], hung.evidence["open_s"]) == (1, 36_000)
    assert hung.evidence["saved_s"] == 34_200
    assert (short.evidence["wrong_kills"], short.evidence["longest_s"]) == (1, 3_600)


def test_every_kind_has_a_page_an_owner_and_a_next_step(registry: ProcessorRegistry) -> None:
    found = every_kind(registry)
    assert len({finding.kind for finding in found}) == 4
    for finding in found:
        assert json.loads(json.dumps(finding.to_json()))["owner"] == "data-engineering"
        assert "`nbkit " in finding.next_step
        text = (ROOT / finding.runbook).read_text(encoding="utf-8")
        assert f"Finding kind `{finding.kind}`" in text
        for heading in ("What it means", "Is it real?", "First three commands", "When to escalate"):
            assert f"## {heading}" in text
