"""A process that dies at any point, or meets another one, sends nothing twice and loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_folders import a_finding, write_run
from slack_server import SlackServer

from nbkit.delivery import unsent
from nbkit.project import Project

CRASHING = Path(__file__).with_name("crashing.py")


class Children:
    """One process that forks a child for each delivery: it has imported everything already."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CRASHING)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, root: Path, folder: Path, environment: Any, *, at: int | None = None) -> None:
        job = {"root": str(root), "folder": str(folder), "environment": environment, "at": at}
        assert self.process.stdin
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def end(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def deliver(self, *arguments: Any, **options: Any) -> int:
        self.start(*arguments, **options)
        return self.end()

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture
def children() -> Iterator[Children]:
    started = Children()
    yield started
    started.close()


def every_point(children: Children, tmp_path: Path, *, hook: bool, rerun: bool) -> Iterator[Any]:
    """Fresh Slacks and projects, one for each point at which a delivery is killed. With `rerun`,
    a first delivery went well and the one that is killed has other findings."""
    for point in range(200):
        root = tmp_path / str(point)
        with SlackServer().serve() as slack:
            environment = slack.hook_environment if hook else slack.bot_environment
            folder = write_run(root, [a_finding("late")])
            if rerun:
                assert children.deliver(root, folder, environment) == 0
                write_run(root, [a_finding("broken", "critical")])
            ended = children.deliver(root, folder, environment, at=point)
            if ended != -9:
                assert ended == 0
                assert point > (5 if hook else 25), "the points were not passed"
                return
            yield point, slack, root, folder, environment
    pytest.fail("a delivery passed 200 points and was killed at each")


@pytest.mark.parametrize("rerun", [False, True], ids=["first", "rerun"])
def test_a_bot_killed_at_any_point_goes_on_where_it_was(children, tmp_path, rerun):
    reports = ["daily_health-2026-01-13T1200.html"] * (2 if rerun else 1)
    for point, slack, root, folder, environment in every_point(
        children, tmp_path, hook=False, rerun=rerun
    ):
        assert children.deliver(root, folder, environment) == 0, point
        (post,) = slack.posts()
        assert len(slack.shared()) == len(reports), f"killed at point {point}"
        assert slack.shared() == reports, f"killed at point {point}"
        assert ("RED" in post.blocks[0]["text"]["text"]) is rerun
        notes = [m for m in slack.thread(post.ts) if m.text]
        assert len(notes) == (1 if rerun else 0), f"killed at point {point}"
        assert [b for b in post.blocks if b["type"] == "image"], f"killed at point {point}"
        assert unsent(Project(root)) == ()


def test_a_webhook_killed_at_any_point_never_posts_twice_and_says_when_in_doubt(children, tmp_path):
    doubtful = []
    for point, slack, root, folder, environment in every_point(
        children, tmp_path, hook=True, rerun=False
    ):
        ended = children.deliver(root, folder, environment)
        assert len(slack.posted_by_hook) <= 1, f"killed at point {point}"
        if ended == 0:
            assert len(slack.posted_by_hook) == 1, f"killed at point {point}"
            assert unsent(Project(root)) == ()
        else:
            (entry,) = unsent(Project(root))
            assert entry.state == "doubtful"
            doubtful.append(len(slack.posted_by_hook))
    # Between "about to post" and "posted" nobody can know: it had arrived in some only.
    assert set(doubtful) == {0, 1}


@pytest.mark.parametrize("hook", [False, True], ids=["bot", "webhook"])
def test_two_processes_with_the_same_run_send_it_once(children, tmp_path, slack, hook):
    environment = slack.hook_environment if hook else slack.bot_environment
    folder = write_run(tmp_path, [a_finding()])
    slack.on_call = lambda _: time.sleep(0.05)  # long enough for them to meet
    other = Children()
    children.start(tmp_path, folder, environment)
    other.start(tmp_path, folder, environment)
    ends = [children.end(), other.end()]
    other.close()

    assert ends == [0, 0]
    if hook:
        assert len(slack.posted_by_hook) == 1
    else:
        assert len(slack.posts()) == 1
        assert len(slack.shared()) == 1
