"""A schedule with mistakes: every one is told at once, with its line and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from schedule_samples import at, project

from nbkit.errors import InputError, RegistryError
from nbkit.project import Project
from nbkit.report.notebooks import find_notebook
from nbkit.report.plan import make_plan
from nbkit.schedule.job import Job
from nbkit.schedule.loading import load_schedule

REPOSITORY = Path(__file__).parents[2]
GOOD = """\
  - name: daily_health
    notebook: health
    params: params/health/production.yaml
    cron: "0 7 * * *"
    time_zone: America/New_York
    channel: slack
    owner: data-platform
    timeout: 30m
"""


def load(root: Path, jobs: str) -> tuple[Job, ...]:
    return load_schedule(project(root, jobs)).jobs


def told(root: Path, jobs: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(root)
    with pytest.raises(RegistryError) as raised:
        load(root, jobs)
    return str(raised.value).split("\n  ")


def test_a_job_as_it_stands_in_the_file(tmp_path: Path) -> None:
    (job,) = load(tmp_path, GOOD)
    assert (job.to, job.slack_channel) == ("slack", None)
    assert job.timeout.total_seconds() == 1800
    assert job.when.after(at("2026-07-01T00:00Z")) == at("2026-07-01T11:00Z")


@pytest.mark.parametrize(
    ("channel", "to", "slack_channel"),
    [
        ("slack:#sla", "slack", "#sla"),
        ("dir:reports/outbox", "dir:reports/outbox", None),
        ("none", "", None),
    ],
)
def test_channels(tmp_path: Path, channel: str, to: str, slack_channel: str | None) -> None:
    (job,) = load(tmp_path, GOOD.replace("channel: slack", f'channel: "{channel}"'))
    assert (job.to, job.slack_channel) == (to, slack_channel)


@pytest.mark.parametrize(
    ("was", "written", "line", "said"),
    [
        ("name: daily_health", "name: Daily Health", 3, "jobs.Daily Health.name: 'Daily Health'"),
        ('"0 7 * * *"', '"0 7 * *"', 6, "five fields"),
        ('"0 7 * * *"', '"0 8 1-7 * MON"', 6, "MON#1"),
        ("New_York", "New York", 7, "is not a time zone"),
        ("channel: slack", "channel: pager", 8, "slack:#channel"),
        ("channel: slack", 'channel: "dir:"', 8, "dir:PATH"),
        ("timeout: 30m", "timeout: soon", 10, "soon: not a length of time"),
        ("timeout: 30m", "timeout: 0m", 10, "write 90s, 15m, 2h or 7d"),
        ("timeout: 30m", "timeout: 30m\n    grace: 72h", 11, "at most 24h"),
        ("timeout: 30m", "time_out: 30m", 10, "did you mean timeout?"),
        ("notebook: health", "notebook: helth", 4, "Did you mean `health`?"),
        ("health/production", "health/prod", 5, "params/health/prod.yaml is not there"),
        ("timeout: 30m", "timeout: 30m\n    enabled: false", 3, "needs a reason"),
        ("timeout: 30m", "timeout: 30m\n    reason: why not", 3, "reason says why"),
        ("owner: data-platform", "owner:", 9, "is empty; write a team"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, written: str, line: int, said: str
) -> None:
    problems = told(tmp_path, GOOD.replace(was, written), monkeypatch)
    found = [p for p in problems if p.startswith(f"registry/schedule.yaml:{line}: ") and said in p]
    assert found, problems


def test_all_mistakes_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = told(tmp_path, GOOD.replace("30m", "soon") + GOOD.replace("slack", "x"), monkeypatch)
    assert problems[0] == "3 problems in registry/schedule.yaml"
    assert [p.split(":")[1] for p in problems[1:]] == ["10", "11", "16"]
    assert "is there twice, first as job 1" in problems[2]


def test_a_disabled_job_may_lack_its_notebook(tmp_path: Path) -> None:
    off = GOOD.replace("notebook: health", "notebook: later") + "    enabled: false\n"
    (job,) = load(tmp_path, off + "    reason: its notebook comes later\n")
    assert not job.enabled


def test_an_unknown_job_names_the_nearest(tmp_path: Path) -> None:
    schedule = load_schedule(project(tmp_path, GOOD))
    with pytest.raises(InputError, match="Did you mean daily_health"):
        schedule.job("daily_helth")


def test_every_enabled_job_of_this_project_can_be_planned() -> None:
    ours = Project(REPOSITORY)
    jobs = load_schedule(ours).enabled
    assert "daily_health" in {job.name for job in jobs}
    for job in jobs:
        plan = make_plan(
            find_notebook(ours, job.notebook),
            project=ours,
            now=at("2026-01-13T12:00Z"),
            params_file=ours.root / job.params,
        )
        assert plan.label == "production"


def test_the_times_that_were_asked_for() -> None:
    when = {
        job.name: job.when.local(job.when.after(at("2026-01-01T06:00Z")))
        for job in load_schedule(Project(REPOSITORY)).jobs
    }
    assert f"{when['daily_health']:%H:%M %Z}" == "07:00 EST"
    assert f"{when['sla_weekly']:%a %H:%M %Z}" == "Sun 08:00 EST"
    assert f"{when['sla_monthly']:%Y-%m-%d %a %H:%M %Z}" == "2026-01-05 Mon 08:00 EST"
    assert f"{when['retry_storm']:%a %H:%M %Z}" == "Mon 08:00 EST"
