"""docs/schedule.md says what is true: its job loads, its commands and options exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from schedule_samples import project

from nbkit.cli import main
from nbkit.schedule.export import EXPORTERS
from nbkit.schedule.job import Job
from nbkit.schedule.loading import load_schedule

PAGE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text(encoding="utf-8")


def test_the_example_of_a_job_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    ours = project(tmp_path, notebooks=("daily_health",))
    (ours.registry / "schedule.yaml").write_text(example)
    assert [job.name for job in load_schedule(ours).jobs] == ["daily_health"]


def test_every_key_of_a_job_is_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \|.*\| (?:required|`\w+`) \|$", PAGE, re.MULTILINE)
    keys = [name for name in Job.model_fields if name != "reason"]
    assert explained == keys
    assert "`reason`" in PAGE


def test_every_export_has_its_row() -> None:
    for name in EXPORTERS:
        assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^nbkit schedule (\w+)", PAGE, re.MULTILINE)))
)
def test_every_command_and_option_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", command, "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    for line in re.findall(rf"^nbkit schedule {command} .*", PAGE, re.MULTILINE):
        assert set(re.findall(r"--[a-z-]+", line)) <= known
