"""`nbkit schedule` as cron and people type it: what runs, once, and what is said about it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from schedule_samples import notebook, project

from nbkit.cli import main
from nbkit.project import PROJECT_VARIABLE, WAREHOUSE_VARIABLE
from nbkit.schedule.locks import held

NOW = "2026-01-13T12:00:30Z"  # half a minute after 07:00 in New York


def entry(name: str, **other: str) -> str:
    values = {
        "name": name,
        "notebook": name,
        "params": f"params/{name}/production.yaml",
        "cron": '"0 7 * * *"',
        "time_zone": "America/New_York",
        "channel": "none",
        "owner": "data-platform",
        "timeout": "5m",
    } | other
    lines = [f"{key}: {value}" for key, value in values.items()]
    return "  - " + "\n    ".join(lines) + "\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a job that is well, and the means to make others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    for name in (WAREHOUSE_VARIABLE, PROJECT_VARIABLE, "NBKIT_RUNS", "NBKIT_REPORTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def made(root: Path, jobs: str, **notebooks: str) -> None:
    project(root, jobs, notebooks=tuple(notebooks))
    for name, content in notebooks.items():
        (root / "notebooks" / f"{name}.ipynb").write_text(content)


def schedule(*arguments: str) -> int:
    return main(["schedule", *arguments])


def ran(root: Path) -> list[str]:
    file = root / "ran.txt"
    return file.read_text().split() if file.exists() else []


def ticking(root: Path) -> subprocess.Popen[str]:
    return spawned(root, "tick", "--now", NOW)


def starting(root: Path, name: str) -> subprocess.Popen[str]:
    return spawned(root, "run", name, "--only-if-due", "--now", NOW)


def spawned(root: Path, *arguments: str) -> subprocess.Popen[str]:
    nbkit = "import sys; from nbkit.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", nbkit, "schedule", *arguments]
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_tick_runs_what_is_due_and_one_failure_does_not_stop_the_others(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(
        root,
        entry("broken") + entry("well", channel="dir:told") + entry("idle", cron='"0 9 * * *"'),
        broken=notebook("1 / 0"),
        well=notebook(),
        idle=notebook(),
    )
    assert schedule("tick", "--now", NOW, "--dry-run") == 0
    assert capsys.readouterr().out == (
        "broken: would run for Tue 13 Jan 07:00 EST\nwell: would run for Tue 13 Jan 07:00 EST\n"
    )
    assert schedule("tick", "--now", NOW) == 3
    said = capsys.readouterr()
    assert "broken Tue 13 Jan 07:00 EST: broken stopped in cell 3" in said.err
    assert said.out.startswith("well Tue 13 Jan 07:00 EST: GREEN\nreports/well/")
    assert ran(root) == ["2026-01-13T12:00:00Z"] * 2  # both are about the scheduled moment
    assert (root / "told").is_dir()

    assert schedule("tick", "--now", NOW) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")

    assert schedule("list", "--json", "--now", NOW) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed["well"]["last"]["said"] == "GREEN"
    assert listed["broken"]["last"]["exit_code"] == 3
    assert listed["idle"]["last"] is None
    assert listed["idle"]["next"] == "2026-01-13T14:00:00Z"


def test_while_a_tick_is_at_work_another_one_leaves_what_is_due_to_the_next(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(root, entry("well"), well=notebook())
    with held(root / ".nbkit" / "schedule.tick.lock"):
        assert schedule("tick", "--now", NOW) == 0
    assert (capsys.readouterr().out, ran(root)) == ("", [])
    assert schedule("tick", "--now", NOW) == 0
    assert ran(root) == ["2026-01-13T12:00:00Z"]


def test_two_schedulers_at_the_same_instant_run_a_job_once(root: Path) -> None:
    made(root, entry("well"), well=notebook())
    # One as cron's tick, one as another scheduler's start: no lock is between them, only claims.
    both = [ticking(root), starting(root, "well")]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert ran(root) == ["2026-01-13T12:00:00Z"]
    assert len([out for out, _ in said if "GREEN" in out]) == 1


def test_a_run_whose_scheduler_was_killed_is_taken_up_by_the_next(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hangs_the_first_time = (
        "import os, time\nif not os.path.exists('again'): open('again', 'w'); time.sleep(90)"
    )
    made(root, entry("well"), well=notebook(hangs_the_first_time))
    first = ticking(root)
    wait_for(root / "again", first)
    assert schedule("tick", "--now", NOW) == 0  # it runs: there is nothing to do
    assert ran(root) == ["2026-01-13T12:00:00Z"]
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)

    assert schedule("tick", "--now", NOW) == 0
    assert "[second attempt]: GREEN" in capsys.readouterr().out
    assert ran(root) == ["2026-01-13T12:00:00Z"] * 2
    assert schedule("tick", "--now", NOW) == 0
    assert capsys.readouterr().out == ""


def test_an_interrupted_run_is_over_and_those_after_it_stay_due(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(
        root,
        entry("slow") + entry("well"),
        slow=notebook("import time; open('again', 'w'); time.sleep(90)"),
        well=notebook(),
    )
    first = ticking(root)
    wait_for(root / "again", first)
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "slow Tue 13 Jan 07:00 EST: interrupted" in out + err
    assert schedule("tick", "--now", NOW, "--dry-run") == 0
    assert capsys.readouterr().out == "well: would run for Tue 13 Jan 07:00 EST\n"


def test_by_hand_a_job_runs_whenever_asked_and_the_schedule_goes_on(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(root, entry("well"), well=notebook(verdict="UNKNOWN"))
    assert schedule("run", "well", "--as-of", "2026-01-10T06:00:00Z", "--json") == 1
    done = json.loads(capsys.readouterr().out)
    assert (done["scheduled_at"], done["attempt"]) == ("2026-01-10T06:00:00Z", 0)
    assert ran(root) == ["2026-01-10T06:00:00Z"]
    assert schedule("tick", "--now", NOW, "--dry-run") == 0
    assert "well: would run for Tue 13 Jan" in capsys.readouterr().out
    assert schedule("list", "--now", NOW) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Sat 10 Jan 01:00 by hand UNKNOWN" in shown


def test_started_from_outside_a_job_runs_for_its_last_moment_once(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(root, entry("well"), well=notebook())
    late = "2026-01-13T14:30:00Z"  # no tick would start a new job so late
    assert schedule("run", "well", "--only-if-due", "--now", late) == 0
    assert ran(root) == ["2026-01-13T12:00:00Z"]
    capsys.readouterr()
    assert schedule("run", "well", "--only-if-due", "--now", late) == 0
    assert capsys.readouterr().out == ""
    assert ran(root) == ["2026-01-13T12:00:00Z"]


def test_a_run_that_nobody_was_there_for_is_told_as_missed_once(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(root, entry("well", grace="1h"), well=notebook())
    assert schedule("run", "well", "--only-if-due", "--now", NOW) == 0
    capsys.readouterr()
    later = "2026-01-16T20:00:00Z"
    assert schedule("tick", "--now", later) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "well Fri 16 Jan 07:00 EST [2 missed before it]: missed" in said.err
    assert schedule("tick", "--now", later) == 0
    assert ran(root) == ["2026-01-13T12:00:00Z"]


def test_coming_runs_are_listed_across_the_autumn_night(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(root, entry("well"), well=notebook())
    assert schedule("next", "--count", "2", "--after", "2026-10-31T12:00:00Z") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        "Sun 01 Nov 07:00 EST Sun 01 Nov 12:00 well",
        "Mon 02 Nov 07:00 EST Mon 02 Nov 12:00 well",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "wel"), "Did you mean well?"),
        (("run", "well", "--only-if-due", "--as-of", NOW), "leave --as-of out"),
        (("run", "well", "--started-by", "0 12 * * *"), "belongs to --only-if-due"),
        (("run", "well", "--as-of", "yesterday"), "--as-of: 'yesterday' is not a moment"),
        (("next", "--after", "2026-01-13T12:00:00"), "--after: '2026-01-13T12:00:00' has no time"),
        (("run", "off", "--only-if-due"), "off is not enabled: not yet"),
    ],
)
def test_misuse_is_said_and_runs_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    off = entry("off", enabled="false", reason="not yet")
    made(root, entry("well") + off, well=notebook())
    assert schedule(*arguments) == 2
    assert said in capsys.readouterr().err
    assert ran(root) == []
