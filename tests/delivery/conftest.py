from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from run_folders import NOW, write_run
from slack_server import SlackServer

from nbkit.delivery import Delivery, deliver
from nbkit.delivery.slack_calls import Patience
from nbkit.project import Project


class Waits:
    """Stands for time: sleeping only moves it on."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def patience(self, total_s: float = 90.0) -> Patience:
        return Patience(total_s=total_s, sleep=self.slept.append, elapsed=lambda: sum(self.slept))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "registry").mkdir()
    return Project(tmp_path)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer().serve() as server:
        yield server


@pytest.fixture
def waits() -> Waits:
    return Waits()


Send = Callable[..., Delivery]


@pytest.fixture
def send(project: Project, slack: SlackServer, waits: Waits) -> Send:
    """Write a run with these findings and deliver it by bot; `hook=True` by webhook."""

    def _send(
        findings: Sequence[dict[str, Any]] = (),
        *,
        hook: bool = False,
        environment: Mapping[str, str] | None = None,
        to: str = "slack",
        channel: str | None = None,
        report_url: str | None = None,
        resend: bool = False,
        total_s: float = 90.0,
        **run: Any,
    ) -> Delivery:
        folder = write_run(project.root, findings, **run)
        usual = slack.hook_environment if hook else slack.bot_environment
        return deliver(
            folder,
            to=to,
            project=project,
            now=NOW,
            environment=usual if environment is None else environment,
            report_url=report_url,
            channel=channel,
            resend=resend,
            patience=waits.patience(total_s),
        )

    return _send
