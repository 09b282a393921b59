"""How a foreign table's words become ours: the YAML file of `nbkit import --map`.

columns: {started_at: start_time, status: state}   # ours: theirs
values:  {status: {ok: success, killed: failed}}   # ours: {theirs: ours}
derive:  {data_date: started_at}                   # ours: the column it is taken from
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nbkit.errors import ImportFileError, RegistryError
from nbkit.registry.yaml_lines import Document, read_document, shown_path
from nbkit.warehouse.schema import COLUMN_NAMES

_FORMS = {
    "columns": "columns: {started_at: start_time}",
    "values": "values: {status: {ok: success}}",
    "derive": "derive: {data_date: started_at}",
}


@dataclass(frozen=True, kw_only=True)
class ColumnMap:
    """How a foreign table's words become ours.

    Attributes:
        columns: our column → theirs.
        values: our column → their value → ours (None: null), compared without case.
        derive: our column → the column it is taken from, where it has no value of its own; only
            data_date, from a moment.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    derive: Mapping[str, str] = field(default_factory=dict)


def read_column_map(path: Path) -> ColumnMap:
    """Read a map.

    Raises:
        ImportFileError: missing, not YAML, or not a map; names file, line and what to write.
    """
    if not path.is_file():
        raise ImportFileError(f"{shown_path(path)}: there is no such file.")
    try:
        document = read_document(path)
    except RegistryError as error:  # that reader's error; the words fit here too
        raise ImportFileError(str(error)) from None
    for (*_, key), line in document.twice:
        raise _problem(document, line, f"{key} stands twice")
    sections = document.values or {}
    if not isinstance(sections, dict):
        raise _problem(document, 1, f"is no mapping. Write {' and '.join(_FORMS.values())}")
    for name, section in sections.items():
        line = document.line((name,))
        if name not in _FORMS:
            raise _problem(document, line, f"unknown key {name!r}{_nearest(name, _FORMS)}")
        if not isinstance(section, dict):
            raise _problem(document, line, f"{name} is no mapping. Write {_FORMS[name]}")
        for column in section:
            if column not in COLUMN_NAMES:
                raise _problem(
                    document,
                    document.line((name, column)),
                    f"{name}: {column!r} is no column of a run history"
                    f"{_nearest(column, COLUMN_NAMES)}",
                )
    for column in sections.get("derive", {}):
        if column != "data_date":
            line = document.line(("derive", column))
            raise _problem(document, line, "derive: only data_date can be taken from a moment")
    return ColumnMap(
        columns=_names(document, "columns"),
        values={
            column: _values(document, column, values)
            for column, values in sections.get("values", {}).items()
        },
        derive=_names(document, "derive"),
    )


def _names(document: Document, section: str) -> dict[str, str]:
    named = (document.values or {}).get(section, {})
    for ours, theirs in named.items():
        if not isinstance(theirs, (str, int, float)) or isinstance(theirs, bool):
            line = document.line((section, ours))
            raise _problem(document, line, f"{ours} needs a column's name. Write {_FORMS[section]}")
    return {ours: str(theirs) for ours, theirs in named.items()}


def _values(document: Document, column: str, values: Any) -> dict[str, str | None]:
    line = document.line(("values", column))
    if not isinstance(values, dict) or any(isinstance(v, (dict, list)) for v in values.values()):
        raise _problem(document, line, f"values of {column}: write {_FORMS['values']}")
    return {
        theirs: str(ours).lower() if isinstance(ours, bool) else None if ours is None else str(ours)
        for theirs, ours in values.items()
    }


def _nearest(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (is it {near[0]}?)" if near else f"; there are {', '.join(known)}"


def _problem(document: Document, line: int, words: str) -> ImportFileError:
    return ImportFileError(f"{shown_path(document.path)}:{line}: {words}.")
