"""What a baseline makes of itself: thin history is information, a short timeout a warning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.analysis.timeouts import TimeoutSuggestion
from nbkit.findings import Severity
from nbkit.findings.baselines import TimeoutNow, judge_history, judge_timeouts
from nbkit.registry import ProcessorRegistry, load_registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry(ROOT / "registry" / "processor_registry.yaml")


def short(over: int, *, is_default: bool = False) -> TimeoutNow:
    return TimeoutNow(
        suggestion=TimeoutSuggestion(
            processor="PredictionCoordinator",
            current=timedelta(seconds=60),
            is_default=is_default,
            suggested=timedelta(seconds=200),
            p95=timedelta(seconds=50),
            successes=200,
            over=0,
        ),
        over_now=over,
    )


def test_a_timeout_that_ends_good_runs_is_a_warning_with_its_runbook(
    registry: ProcessorRegistry,
) -> None:
    (finding,) = judge_timeouts([short(9)], registry)
    assert finding.kind == "timeout_too_short"
    assert finding.severity is Severity.WARNING
    assert finding.evidence["wrong_kills"] == 9
    assert (ROOT / finding.runbook).is_file()


def test_a_default_that_nobody_stated_is_for_information(registry: ProcessorRegistry) -> None:
    (finding,) = judge_timeouts([short(9, is_default=True)], registry)
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize("over", [0, 2])
def test_two_outliers_of_two_hundred_are_no_reason(over: int, registry: ProcessorRegistry) -> None:
    assert judge_timeouts([short(over)], registry) == []


def test_without_enough_successes_no_timeout_is_judged(registry: ProcessorRegistry) -> None:
    one = short(9)
    unknown = replace(one, suggestion=replace(one.suggestion, suggested=None))
    assert judge_timeouts([unknown], registry) == []


def test_a_window_without_runs_is_one_finding_with_its_runbook() -> None:
    start = datetime(2025, 12, 14, tzinfo=UTC)
    (finding,) = judge_history([], start=start, days=30, enough_days=7)
    assert finding.title.startswith("No run ended in the 30 days from 2025-12-14")
    text = (ROOT / finding.runbook).read_text(encoding="utf-8")
    for heading in ("What it means", "Is it real?", "First three commands", "When to escalate"):
        assert f"## {heading}" in text
