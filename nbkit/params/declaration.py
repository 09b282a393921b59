"""What a notebook declares: the names, types and defaults of its `parameters` cell."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from nbkit.errors import ParameterError

AS_OF = "as_of"
WAREHOUSE = "warehouse"
TAG = "parameters"

Value = str | int | float | bool | list[Any] | dict[str, Any] | None


class Kind(StrEnum):
    """The type of a parameter, in the words of the messages."""

    TIMESTAMP = "timestamp"
    DATE = "date"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    MAPPING = "mapping"


EXAMPLES = {
    Kind.TIMESTAMP: "2026-01-13T12:00:00Z",
    Kind.DATE: "2026-01-13",
    Kind.TEXT: '"a text"',
    Kind.INTEGER: "7",
    Kind.NUMBER: "0.95",
    Kind.BOOLEAN: "true",
    Kind.LIST: '["a", "b"]',
    Kind.MAPPING: '{"a": 1}',
}
_NAMES = {
    **{kind.value: kind for kind in Kind},
    "str": Kind.TEXT,
    "int": Kind.INTEGER,
    "float": Kind.NUMBER,
    "bool": Kind.BOOLEAN,
    "dict": Kind.MAPPING,
    "datetime": Kind.TIMESTAMP,
    "string": Kind.TEXT,
}
_PYTHON: dict[Kind, type] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: bool,
    Kind.LIST: list,
    Kind.MAPPING: dict,
}  # the others are str
_TYPE_COMMENT = re.compile(r"type:\s*(?P<name>\w+)[\s,;:.]*(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter as declared. `optional`: None is allowed. `line` counts within the cell."""

    name: str
    kind: Kind
    default: Value
    help: str
    optional: bool
    line: int


# Reports look years back and days ahead, and calendars end.
_YEARS = range(1970, 2201)


def parse_moment(value: datetime | str) -> datetime:
    """An aware UTC datetime from ISO 8601 text with a zone (`2026-01-13T12:00:00Z`).

    Raises:
        ParameterError: not a moment, without a zone, or in a year that no run can be of.
    """
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(value.strip())
        except (AttributeError, ValueError):
            raise ParameterError(
                f"{value!r} is not a moment; write {EXAMPLES[Kind.TIMESTAMP]}"
            ) from None
    if moment.tzinfo is None:
        suggestion = f"{moment.isoformat(timespec='seconds')}Z"
        raise ParameterError(f"{str(value)!r} has no time zone; write {suggestion} for UTC")
    if moment.year not in _YEARS:
        raise ParameterError(
            f"{str(value)!r} lies outside the years {_YEARS[0]} to {_YEARS[-1]}; is it misspelt?"
        )
    return moment.astimezone(UTC)


def read_parameters(notebook: Mapping[str, Any], *, where: str) -> tuple[Parameter, ...]:
    """The parameters that a notebook (as JSON) declares, in order.

    Args:
        where: name of the notebook in messages.

    Raises:
        ParameterError: no cell tagged `parameters`, more than one, or one that holds anything but
            literals.
    """
    cells = [
        (number, cell)
        for number, cell in enumerate(notebook.get("cells", []), start=1)
        if TAG in cell.get("metadata", {}).get("tags", [])
    ]
    if not cells:
        raise ParameterError(
            f"{where}: no cell is tagged `{TAG}`. Tag one that assigns literals, "
            f'at least {AS_OF} = "{EXAMPLES[Kind.TIMESTAMP]}".'
        )
    if len(cells) > 1:
        numbers = " and ".join(str(number) for number, _ in cells)
        raise ParameterError(
            f"{where}: cells {numbers} are all tagged `{TAG}`; only one may be. "
            "Merge them, or take the tag off."
        )
    number, cell = cells[0]
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    return _declared(text, where=f"{where}, cell {number}")


def _declared(source: str, *, where: str) -> tuple[Parameter, ...]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ParameterError(f"{where}, line {error.lineno}: {error.msg}") from None
    comments = _comments(source)
    problems: list[str] = []
    found: dict[str, Parameter] = {}
    for node in tree.body:
        place = f"{where}, line {node.lineno}"
        try:
            parameter = _parameter(node, comments.get(node.end_lineno or node.lineno, ""))
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        if parameter is None:
            continue
        if parameter.name in found:
            problems.append(f"{place}: `{parameter.name}` is assigned twice; keep one")
        found[parameter.name] = parameter
    raise_all(problems)
    return tuple(found.values())


def _parameter(node: ast.stmt, comment: str) -> Parameter | None:
    """None for a bare text (a docstring). Raises ValueError with the reason."""
    annotation = ""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return None
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            pass
        case ast.AnnAssign(target=ast.Name(id=name), annotation=note, value=ast.expr() as value):
            annotation = ast.unparse(note)
        case _:
            raise ValueError("a parameters cell holds only assignments such as `name = 5`")
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError(
            f"`{name}` must be a literal (text, number, true/false, None, list, mapping), "
            f"not `{ast.unparse(value)}`"
        ) from None
    said = _TYPE_COMMENT.match(comment)
    stated = said["name"] if said else annotation.split("|")[0].split("[")[0].strip()
    help_text = said["rest"] if said else comment
    if stated and stated not in _NAMES:
        raise ValueError(f"`{name}`: unknown type `{stated}`; use one of {', '.join(Kind)}")
    if default is None and not stated:
        raise ValueError(f"`{name}` is None: say its type, as in `# type: {Kind.TIMESTAMP}`")
    kind = _NAMES[stated] if stated else _kind_of(default, name)
    parameter = Parameter(
        name=name,
        kind=kind,
        default=default,
        help=help_text.strip(),
        optional=default is None,
        line=node.lineno,
    )
    if default is not None:
        try:
            checked(parameter, default)
        except ValueError as error:
            raise ValueError(f"`{name}`: its default {error}") from None
    return parameter


def _kind_of(default: object, name: str) -> Kind:
    if isinstance(default, str):
        if _is_date(default):
            return Kind.DATE
        return Kind.TIMESTAMP if _is_timestamp(default) else Kind.TEXT
    # bool before int: it is one.
    for python, kind in (
        (bool, Kind.BOOLEAN),
        (int, Kind.INTEGER),
        (float, Kind.NUMBER),
        (list, Kind.LIST),
        (dict, Kind.MAPPING),
    ):
        if isinstance(default, python):
            return kind
    raise ValueError(f"`{name}`: a {type(default).__name__} cannot be a parameter; use a list")


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_timestamp(text: str) -> bool:
    return re.match(r"\d{4}-\d{2}-\d{2}T", text) is not None


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("#").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def checked(parameter: Parameter, value: Any) -> Value:
    """`value` in the form that the notebook gets. Raises ValueError with the reason."""
    kind = parameter.kind
    if kind is Kind.TIMESTAMP and isinstance(value, str):
        try:
            moment = parse_moment(value)
        except ParameterError as error:
            raise ValueError(f"is no timestamp: {error}") from None
        return moment.isoformat().replace("+00:00", "Z")
    if kind is Kind.DATE and isinstance(value, str):
        if not _is_date(value.strip()):
            raise ValueError(f"is no date: {value!r}; write {EXAMPLES[Kind.DATE]}")
        return value.strip()
    if kind is Kind.NUMBER and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    is_flag = isinstance(value, bool) and kind is not Kind.BOOLEAN
    fits = isinstance(value, _PYTHON.get(kind, str)) and not is_flag
    if not fits:
        quote = "; put it in quotes" if kind is Kind.TEXT else ""
        raise ValueError(
            f"must be {with_article(kind)}, such as {EXAMPLES[kind]}, not {_shown(value)}{quote}"
        )
    checked_value: Value = value
    return checked_value


def with_article(kind: Kind) -> str:
    return f"{'an' if kind is Kind.INTEGER else 'a'} {kind}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def raise_all(problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise ParameterError(problems[0])
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise ParameterError(f"{len(problems)} problems with the parameters:\n{listed}")
