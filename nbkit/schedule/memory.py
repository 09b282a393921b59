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
    claims = _shared(runs_url) if runs_url.startswith("bigquery:") else LocalClaims(project.state)
    try:
        yield claims
    finally:
        claims.close()


def _shared(runs_url: str) -> Claims:
    # Google's client takes a second to import: not for who does without.
    from nbkit.schedule.shared_claims import SharedClaims
    from nbkit.warehouse import open_history

    return SharedClaims(open_history(runs_url))
