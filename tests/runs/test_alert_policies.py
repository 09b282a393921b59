"""Alerts fire on real failures alone, and a file that could not is refused with its line."""

from __future__ import annotations

import io
import json
import logging
import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbkit.analysis.breaker import Rules
from nbkit.cli import main
from nbkit.errors import BreakerOpen, RegistryError
from nbkit.failures import FailureCategory
from nbkit.findings.health import HealthRules
from nbkit.project import Project
from nbkit.runs.alert_policies import load_alerts, matches
from nbkit.runs.breaker import require_closed
from nbkit.runs.history import record
from nbkit.runs.log_line import finished_run_line, write_lines_to
from nbkit.runs.sweep import Sweep
from nbkit.warehouse import open_warehouse

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(ROOT / "registry" / "alerts", tmp_path / "registry" / "alerts")
    shutil.copytree(ROOT / "docs" / "runbooks", tmp_path / "docs" / "runbooks")
    shutil.copy(ROOT / "registry" / "processor_registry.yaml", tmp_path / "registry")
    return Project(tmp_path)


def line(category: FailureCategory, status: str = "failed") -> dict[str, object]:
    return finished_run_line(
        {
            "processor_name": "P",
            "run_id": "r",
            "status": status,
            "failure_category": category.value,
            "killed_by_timeout": category is FailureCategory.TIMEOUT or None,
        }
    )


def test_the_projects_own_alerts_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "check"]) == 0
    assert "are sound" in capsys.readouterr().out


@pytest.mark.parametrize("category", list(FailureCategory))
def test_real_failures_are_counted_and_nothing_else(category: FailureCategory) -> None:
    metrics = {m.name: m for m in load_alerts(Project(ROOT)).metrics.values()}
    status = "success" if category is FailureCategory.SUCCESS else "failed"
    counted = matches(metrics["nbkit_real_failures"].filter, line(category, status))
    assert counted == (category not in (FailureCategory.SUCCESS, FailureCategory.NO_DATA_AVAILABLE))
    judged = matches(metrics["nbkit_judged_runs"].filter, line(category, status))
    assert judged == (category is not FailureCategory.NO_DATA_AVAILABLE)
    killed = matches(metrics["nbkit_guard_kills"].filter, line(category, status))
    assert killed == (category is FailureCategory.TIMEOUT)


def test_the_lines_that_runs_write_are_what_the_metrics_count(tmp_path: Path) -> None:
    stream = io.StringIO()
    loggers = [logging.getLogger(f"nbkit.runs.{name}") for name in ("finished", "held_back")]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    url = f"duckdb:///{tmp_path / 'runs.duckdb'}"
    given = {
        "data_date": datetime.now(UTC).date(),
        "phase": "phase_2_raw",
        "spool": tmp_path / "spool",
    }
    try:
        write_lines_to(stream)
        write_lines_to(stream)  # twice is once
        with record(url, processor="Roster", **given) as run:
            run.no_data("no games scheduled")
        for _ in range(3):
            with pytest.raises(ValueError, match="boom"), record(url, processor="Roster", **given):
                raise ValueError("boom")
        with record(url, processor="Roster", **given, has_witness=False) as run:
            run.skip("smart_skip")
        with open_warehouse(url) as warehouse, pytest.raises(BreakerOpen):
            require_closed(warehouse, "Roster", now=datetime.now(UTC))
    finally:
        for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
            one.handlers[:], one.propagate = handlers, propagate
            one.setLevel(level)
    lines = [json.loads(text) for text in stream.getvalue().splitlines()]
    counted = {
        metric.name: sum(matches(metric.filter, one) for one in lines)
        for metric in load_alerts(Project(ROOT)).metrics.values()
    }
    assert counted == {
        "nbkit_real_failures": 3,
        "nbkit_judged_runs": 3,
        "nbkit_held_back": 1,
        "nbkit_guard_kills": 0,
        "nbkit_swept_runs": 0,
    }
    assert [one["severity"] for one in lines] == ["INFO", *["ERROR"] * 3, "INFO", "WARNING"]


@pytest.mark.parametrize("closed", [0, 2])
def test_what_the_sweep_writes_is_counted_where_it_closed_runs(closed: int) -> None:
    done = Sweep(
        at=datetime(2026, 1, 12, tzinfo=UTC), found=(), closed=closed, left=(), is_dry=False
    )
    told = {"function": "stale_running_cleanup", **done.to_json()}
    metrics = {m.name: m for m in load_alerts(Project(ROOT)).metrics.values()}
    assert matches(metrics["nbkit_swept_runs"].filter, told) == (closed > 0)


def test_thresholds_are_those_of_the_rules_that_they_name() -> None:
    thresholds = {
        path.stem: policy.conditions[0].conditionThreshold.thresholdValue
        for path, policy in load_alerts(Project(ROOT)).policies.items()
    }
    assert thresholds["phase-success-rate"] == 1 - HealthRules().critical_rate
    assert thresholds["processor-failing"] == Rules().failures - 1


def test_the_commands_name_files_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "commands"]) == 0
    shown = capsys.readouterr()
    assert "tell nobody" in shown.err
    for command in shown.out.splitlines():
        words = shlex.split(command)
        assert words[0] == "gcloud"
        (file,) = [word.split("=")[1] for word in words if word.startswith("--")]
        assert (ROOT / file).is_file()


def test_the_policies_tell_the_channels_that_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    channel = "projects/p/notificationChannels/1"
    assert main(["alerts", "commands", "--channel", channel, "--channel", "2"]) == 0
    shown = capsys.readouterr()
    assert not shown.err
    told = [c for c in shown.out.splitlines() if f"--notification-channels={channel},2" in c]
    assert len(told) == len(load_alerts(Project(ROOT)).policies)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "metrics/nbkit_real_failures.yaml",
            " AND jsonPayload.is_real_failure=true",
            "",
            r"nbkit_real_failures.yaml:\d+: filter: it counts runs that are no_data_av",
        ),
        (
            "metrics/nbkit_real_failures.yaml",
            "AND jsonPayload.is_real_failure=true",
            "OR severity=ERROR",
            "is not a comparison",
        ),
        ("retry-storm.yaml", "nbkit_real_failures", "nbkit_failures", "names no metric"),
        ("retry-storm.yaml", "processor-failing.md", "no-such.md", "no such runbook: no-such"),
        ("retry-storm.yaml", "severity: CRITICAL", "severity: LOUD", r"yaml:\d+: severity"),
        ("retry-storm.yaml", "autoClose", "autoclose", r"yaml:\d+: alertStrategy"),
        ("retry-storm.yaml", "86400s", "60s", "autoClose: .*write seconds from 1800s to 604800s"),
        ("retry-storm.yaml", "nbkit_real_failures", "nbkit_judged_runs", "counts successes"),
        ("retry-storm.yaml", " AND resource.type", " AND resource.name", "asks for a resource"),
        ("breaker-open.yaml", "label.processor", "label.team", "nbkit_held_back has no label team"),
        (
            "breaker-open.yaml",
            "A breaker holds runs back",
            "Over 100 real failures in an hour",
            r"breaker-open.yaml:\d+: displayName: .* stands twice",
        ),
        (
            "critical-processor.yaml",
            '"NbacGamebookProcessor",',
            "",
            "those that are critical are NbacGamebookProcessor, PredictionCoordinator",
        ),
        (
            "critical-processor.yaml",
            "NbacGamebookProcessor",
            "NbaGamebookProcessor",
            "not in the registry: NbaGamebookProcessor",
        ),
        (
            "phase-success-rate.yaml",
            "thresholdValue: 0.5",
            "thresholdValue: half",
            r"yaml:\d+: conditions.0.conditionThreshold.thresholdValue",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    file: str, old: str, new: str, said: str, project: Project
) -> None:
    path = project.registry / "alerts" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RegistryError, match=said):
        load_alerts(project)


def test_a_field_that_is_absent_passes_no_comparison() -> None:
    assert not matches('jsonPayload.phase!="p"', {})
    assert matches("jsonPayload.closed>0", {"closed": 2})
    assert not matches("jsonPayload.closed>0", {"closed": 0})
