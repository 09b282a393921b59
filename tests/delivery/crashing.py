"""Delivers in forked children that kill themselves, without warning, at a given point.

Run as a script. Each line of stdin is a job: `{"root", "folder", "environment", "at"}`; the answer
is a line with the child's exit: 0 for a delivery, 3 for a `DeliveryError`, -9 for a kill. A point
is just before or just after a request to Slack or a transaction of the outbox; `at` counts them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbkit.delivery import deliver, slack, slack_api
from nbkit.delivery.store import Store
from nbkit.errors import DeliveryError
from nbkit.project import Project


def crash_at(point: int) -> None:
    """Make the `point`-th point from now on the last."""
    points = iter(range(point + 1))

    def pass_point() -> None:
        if next(points, None) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*arguments: Any, **options: Any) -> Any:
            pass_point()
            result = call(*arguments, **options)
            pass_point()
            return result

        return passing

    write = Store.writing

    @contextlib.contextmanager
    def writing(self: Store) -> Iterator[Any]:
        pass_point()
        with write(self) as sql:
            yield sql
        pass_point()

    Store.writing = writing  # type: ignore[method-assign]
    slack_api.ask = around(slack_api.ask)
    slack_api.post_bytes = around(slack_api.post_bytes)
    slack.post_webhook = around(slack.post_webhook)


def work(job: dict[str, Any]) -> int:
    if job["at"] is not None:
        crash_at(job["at"])
    try:
        deliver(
            Path(job["folder"]),
            to="slack",
            project=Project(Path(job["root"])),
            now=datetime(2026, 1, 13, 13, 0, tzinfo=UTC),
            environment=job["environment"],
        )
    except DeliveryError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(work(job))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
