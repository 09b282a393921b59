"""The catalog: every query is a GoogleSQL file in `sql/`, with its signature in the header.

A file starts with comment lines. The first says what one row means; lines of the form

    -- start TIMESTAMP: the first moment of the window
    -- slack_days_before INT64 = 35: …

declare the parameters, in order, with an optional default (without the @: BigQuery's emulator
counts one in a comment as a use). BigQuery runs the text as it stands;
DuckDB runs sqlglot's translation of it. What changes data or tables stands in `sql/statements/`,
with the same header, and is run by `Warehouse.execute`.

Beside the catalog, a name that ends in `.sql` is a file of the user's own, with the same header,
and `dataset.table` is a whole table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkit.errors import UnknownQuery
from nbkit.warehouse.schema import COLUMNS, DATASET, RUN_HISTORY

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from sqlglot import exp

    from nbkit.warehouse.protocol import Parameter

_TABLE = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*){1,2}")
_FOLDER = files("nbkit.warehouse") / "sql"
OWN_TABLES = "nbkit_"  # tables beside the history whose names begin so are nbkit's own
_DECLARATION = re.compile(
    r"--\s*(?P<name>\w+)\s+(?P<type>TIMESTAMP|DATE|INT64|FLOAT64|STRING|BOOL)(?:\s*=\s*(?P<default>[^:]+?))?\s*:\s*(?P<help>.*)"
)
_ACCEPTED: dict[str, tuple[type, ...]] = {
    "TIMESTAMP": (datetime,),
    "DATE": (date,),
    "INT64": (int,),
    "FLOAT64": (float, int),
    "STRING": (str,),
    "BOOL": (bool,),
}


@dataclass(frozen=True)
class QueryParameter:
    """A typed parameter of a query; `default` is None where the caller must give it, unless
    `nullable`."""

    name: str
    type: str
    default: Parameter
    required: bool
    help: str


@dataclass(frozen=True)
class Query:
    """One file of `sql/`: its text, what a row of it means, and what it takes."""

    name: str
    text: str
    row_meaning: str
    parameters: tuple[QueryParameter, ...]

    def bind(self, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
        """All parameters with their values, defaults filled in.

        Raises:
            UnknownQuery: one is missing, unknown, of the wrong type, or a naive datetime.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        problems = [
            f"it takes no @{name}{_nearest(name, known)}" for name in given if name not in known
        ]
        values: dict[str, Parameter] = {}
        for name, parameter in known.items():
            if name not in given:
                if parameter.required:
                    problems.append(f"@{name} ({parameter.type}) is missing: {parameter.help}")
                values[name] = parameter.default
                continue
            problem = _type_problem(parameter, given[name])
            if problem:
                problems.append(problem)
            values[name] = given[name]
        if problems:
            raise UnknownQuery(f"Query {self.name}: {'; '.join(problems)}.")
        return values


def query(name: str) -> Query:
    """The query or statement of that name, a query file of the user's own, or a whole table.

    Raises:
        UnknownQuery: there is none (names the nearest), or the file holds no single query.
    """
    if name.endswith(".sql"):
        return _own(name)
    if _TABLE.fullmatch(name):
        return Query(name, f"SELECT * FROM `{name}`", "One row: as the table has it.", ())
    return _catalogued(name)


@cache
def _catalogued(name: str) -> Query:
    if name in statement_names():
        return _parse(name, (_FOLDER / "statements" / f"{name}.sql").read_text("utf-8"))
    if name not in query_names():
        known = (*query_names(), *statement_names())
        hint = _nearest(name, known) or f"; there are {', '.join(known)}"
        raise UnknownQuery(f"No query {name!r} in nbkit/warehouse/sql{hint}.")
    return _parse(name, (_FOLDER / f"{name}.sql").read_text("utf-8"))


def _own(name: str) -> Query:
    """A query file of the user's own: read anew each time, since it may be edited meanwhile."""
    from sqlglot import errors, exp, parse

    try:
        text = Path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnknownQuery(f"{name}: there is no such query file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownQuery(f"{name}: cannot be read as UTF-8 text ({error}).") from None
    try:
        statements = [statement for statement in parse(text, read="bigquery") if statement]
    except errors.SqlglotError as error:
        raise UnknownQuery(
            f"{name}: is not GoogleSQL: {str(error).splitlines()[0].rstrip('.')}."
        ) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UnknownQuery(f"{name}: must hold one SELECT, and nothing that changes data.")
    return _parse(name, text)


@cache
def query_names() -> tuple[str, ...]:
    """All queries of the catalog, sorted."""
    return _names(_FOLDER)


@cache
def statement_names() -> tuple[str, ...]:
    """All statements that change data or tables, sorted: the files in `sql/statements/`."""
    return _names(_FOLDER / "statements")


def _names(folder: Traversable) -> tuple[str, ...]:
    return tuple(sorted(f.name[:-4] for f in folder.iterdir() if f.name.endswith(".sql")))


def googlesql(name: str, *, table: str = RUN_HISTORY) -> str:
    """The text for BigQuery, reading the run history from `table` (`[project.]dataset.table`).

    With the default table the file's text comes back untouched.
    """
    text = query(name).text
    return text if table == RUN_HISTORY else _placed(text, table)


@cache
def _placed(text: str, table: str) -> str:
    from sqlglot import exp, parse_one

    tree = parse_one(text, read="bigquery")
    dataset = table.rpartition(".")[0]
    _place(tree, exp.to_table(table, dialect="bigquery"), dataset, dialect="bigquery")
    return tree.sql(dialect="bigquery", pretty=True)


def duckdb_sql(
    name: str, *, relation: str, dataset: str = DATASET, absent: frozenset[str] = frozenset()
) -> str:
    """The translation for DuckDB.

    Args:
        relation: where the run history is read: a view or table.
        dataset: where tables of nbkit's own are.
        absent: columns that the history lacks; where the text reads one by the history's alias, it
            reads null. (A query has a view for that, a statement needs the table itself.)
    """
    return _translated(query(name).text, relation, dataset, absent)


@cache
def _translated(text: str, relation: str, dataset: str, absent: frozenset[str]) -> str:
    from sqlglot import exp, parse_one

    tree = parse_one(text, read="bigquery")
    if absent:
        _null(tree, absent)
    _place(tree, exp.to_table(relation, dialect="duckdb"), dataset, dialect="duckdb")
    return tree.sql(dialect="duckdb", pretty=True)


def _null(tree: exp.Expr, absent: frozenset[str]) -> None:
    from sqlglot import exp

    aliases = {t.alias for t in tree.find_all(exp.Table) if f"{t.db}.{t.name}" == RUN_HISTORY}
    types = {column.name: column.type for column in COLUMNS}
    for found in list(tree.find_all(exp.Column)):
        if found.name in absent and found.table and found.table in aliases:
            found.replace(exp.cast(exp.Null(), types[found.name], dialect="bigquery"))


def _place(tree: exp.Expr, history: exp.Table, dataset: str, *, dialect: str) -> None:
    """Point a query at its tables: the history, and beside it what nbkit keeps of its own."""
    from sqlglot import exp

    for found in list(tree.find_all(exp.Table)):
        place = f"{found.db}.{found.name}"
        if place == RUN_HISTORY:
            placed = history.copy()
        elif found.db == DATASET and found.name.startswith(OWN_TABLES):
            placed = exp.to_table(f"{dataset}.{found.name}", dialect=dialect)
        else:
            continue
        placed.set("alias", found.args.get("alias"))
        found.replace(placed)


def _parse(name: str, text: str) -> Query:
    comments = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        comments.append(line)
    meaning = " ".join(
        line.removeprefix("--").strip() for line in comments if not _DECLARATION.match(line)
    )
    parameters = []
    for line in comments:
        match = _DECLARATION.match(line)
        if match:
            default = match["default"]
            parameters.append(
                QueryParameter(
                    name=match["name"],
                    type=match["type"],
                    default=_literal(match["type"], default),
                    required=default is None,
                    help=match["help"].strip(),
                )
            )
    return Query(name, text, meaning, tuple(parameters))


def _literal(kind: str, text: str | None) -> Parameter:
    if text is None or text == "NULL":
        return None
    if kind == "INT64":
        return int(text)
    return float(text) if kind == "FLOAT64" else text


def _type_problem(parameter: QueryParameter, value: Any) -> str | None:
    if value is None and not parameter.required and parameter.default is None:
        return None
    wanted = _ACCEPTED[parameter.type]
    is_right = isinstance(value, wanted)
    if isinstance(value, bool) and parameter.type != "BOOL":
        is_right = False
    if parameter.type == "DATE" and isinstance(value, datetime):
        is_right = False
    if not is_right:
        return f"@{parameter.name} takes {parameter.type}, not {type(value).__name__} ({value!r})"
    if isinstance(value, datetime) and value.tzinfo is None:
        return f"@{parameter.name} is a moment without time zone ({value}); make it UTC"
    return None


def _nearest(name: str, known: Any) -> str:
    match = get_close_matches(name, list(known), n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def shown(value: Parameter) -> str:
    """A parameter as the manifest records it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)
