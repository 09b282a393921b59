"""Alerts fire on real failures alone, and a file that could not is refused with its line."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from nbkit.cli import main
from nbkit.errors import RegistryError
from nbkit.failures import FailureCategory
from nbkit.project import Project
from nbkit.runs.alert_policies import load_alerts, matches
from nbkit.runs.log_line import finished_run_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(ROOT / "registry" / "alerts", tmp_path / "registry" / "alerts")
    shutil.copytree(ROOT / "docs" / "runbooks", tmp_path / "docs" / "runbooks")
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
    killed = matches(metrics["nbkit_guard_kills"].filter, line(category, status))
    assert killed == (category is FailureCategory.TIMEOUT)


def test_the_commands_name_files_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "commands"]) == 0
    for command in capsys.readouterr().out.splitlines():
        words = shlex.split(command)
        assert words[0] == "gcloud"
        (file,) = [word.split("=")[1] for word in words if word.startswith("--")]
        assert (ROOT / file).is_file()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "metrics/nbkit_real_failures.yaml",
            " AND jsonPayload.is_real_failure=true",
            "",
            r"nbkit_real_failures.yaml:\d+: filter: it counts runs that are success, no_data",
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
