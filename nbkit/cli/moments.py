"""The moment that a command is about, where none is given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkit.project import Project


def default_moment(warehouse: str, project: Project, *, exact: bool = False) -> datetime:
    """Now, to the minute; for the demo, the moment that its history was made for.

    Args:
        exact: to the microsecond, for what is asked right after something happened.
    """
    if not warehouse and project.uses_demo():
        from nbkit.warehouse.demo import load_truth

        return load_truth(project.demo_warehouse).as_of
    now = datetime.now(UTC)
    return now if exact else now.replace(second=0, microsecond=0)


def moment_of(as_of: str, warehouse: str, project: Project, *, exact: bool = False) -> datetime:
    """`--as-of` as a moment, or the default.

    Raises:
        ParameterError: it is none.
    """
    from nbkit.params import parse_moment

    return parse_moment(as_of) if as_of else default_moment(warehouse, project, exact=exact)
