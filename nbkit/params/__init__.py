"""Parameters of a notebook: read from its `parameters` cell, checked before any kernel starts.

The cell holds literals only and runs as it stands. A parameter's type is that of its default: text,
integer, number, boolean, list, mapping; a text such as `2026-01-13T12:00:00Z` is a timestamp, one
such as `2026-01-13` a date. A default of None says its type in its comment. The trailing comment is
the help text::

    as_of = "2026-01-13T12:00:00Z"  # the moment the report is about
    threshold = 0.95  # share of successes below which a phase is reported
    since = None  # type: timestamp, start of the window; None for 30 days before as_of

Values come from four places, later ones win: the cell, a YAML file, `-p name=value`, and the
options that have a name of their own (`--as-of`, `--warehouse`). All problems are told at once.
"""

from nbkit.params.declaration import (
    AS_OF,
    WAREHOUSE,
    Kind,
    Parameter,
    Value,
    parse_moment,
    read_parameters,
)
from nbkit.params.settings import Setting, read_assignments, read_values, resolve

__all__ = [
    "AS_OF",
    "WAREHOUSE",
    "Kind",
    "Parameter",
    "Setting",
    "Value",
    "parse_moment",
    "read_assignments",
    "read_parameters",
    "read_values",
    "resolve",
]
