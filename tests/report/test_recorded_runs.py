"""nbkit's own runs are recorded, guarded, and held back on schedule when they keep failing."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from report_samples import AS_OF, code, emitting, finding, notebook

from nbkit.errors import BreakerOpen
from nbkit.project import RUNS_VARIABLE, Project
from nbkit.report.limits import Limits
from nbkit.report.notebooks import find_notebook
from nbkit.report.plan import make_plan
from nbkit.runs.run import Trigger
from nbkit.schedule.launch import BY_HAND, launch
from nbkit.store import open_store

NOON = datetime(2026, 1, 13, 12, tzinfo=UTC)
SCHEDULED = Trigger(source="scheduler")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    notebooks = tmp_path / "notebooks" / "reports"
    notebooks.mkdir(parents=True)
    (tmp_path / "registry").mkdir()
    made = {
        "well": notebook(emitting("RED", finding())),
        "broken": notebook(code("1 / 0")),
        "slow": notebook(code("import os; os.read(os.pipe()[0], 1)")),
    }
    for name, content in made.items():
        (notebooks / f"{name}.ipynb").write_text(json.dumps(content))
    monkeypatch.delenv(RUNS_VARIABLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
    return Project(tmp_path)


def start(
    project: Project, name: str, *, trigger: Trigger = BY_HAND, minute: float = 0, **options: Any
) -> Any:
    plan = make_plan(find_notebook(project, name), project=project, now=NOON, as_of=AS_OF)
    return launch(
        plan,
        project=project,
        store=open_store(project.reports),
        environment=os.environ,
        clock=lambda: NOON + timedelta(minutes=minute),
        trigger=trigger,
        **options,
    )


def ends(project: Project) -> list[dict[str, Any]]:
    with duckdb.connect(str(project.state / "runs.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "SELECT processor_name, status, failure_category, killed_by_timeout, trigger_source, "
            "errors, summary FROM nba_reference.processor_run_history WHERE status <> 'running' "
            "ORDER BY started_at"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_run_that_finds_trouble_in_the_pipeline_is_itself_a_success(project: Project) -> None:
    report = start(project, "well")
    (end,) = ends(project)
    assert (end["processor_name"], end["status"]) == ("notebook:well", "success")
    assert json.loads(end["summary"]) == {
        "as_of": AS_OF,
        "verdict": "RED",
        "findings": 1,
        "report": report.folder,
    }


def test_a_cell_over_its_limit_is_a_timeout_that_was_killed(project: Project) -> None:
    limits = Limits(cell=timedelta(seconds=1), run=timedelta(minutes=5))
    start(project, "slow", limits=limits)
    (end,) = ends(project)
    assert (end["status"], end["failure_category"]) == ("failed", "timeout")
    assert end["killed_by_timeout"] is True
    assert "limit of a cell" in end["errors"]


def test_after_three_failures_the_schedule_waits_and_a_person_need_not(project: Project) -> None:
    for minute in range(3):
        start(project, "broken", trigger=SCHEDULED, minute=minute)
    assert [end["failure_category"] for end in ends(project)] == ["error"] * 3
    with pytest.raises(BreakerOpen, match=r"notebook:broken is open until .*ZeroDivisionError"):
        start(project, "broken", trigger=SCHEDULED, minute=4)
    assert len(ends(project)) == 3
    start(project, "broken", minute=5)
    assert ends(project)[-1]["trigger_source"] == "manual"


def test_reruns_of_an_old_moment_are_held_back_as_well(project: Project) -> None:
    """The breaker looks at when they ran, not at what they are about."""
    for minute in range(3):
        start(project, "broken", trigger=SCHEDULED, minute=minute + 60 * 24 * 200)
    with pytest.raises(BreakerOpen):
        start(project, "broken", trigger=SCHEDULED, minute=60 * 24 * 200 + 4)


def test_a_history_that_cannot_be_written_keeps_no_report_from_being_made(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, "duckdb:////proc/none/runs.duckdb")
    report = start(project, "well", trigger=SCHEDULED)
    assert report.failure is None
    assert len(list((project.state / "spool").rglob("*.row.json"))) == 2
