"""`nbkit monitor`: the platform's monitoring queries, with expected failures told apart."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from numbers import Integral
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.cli.moments import moment_of
from nbkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from nbkit.warehouse.catalog import Query

PREFIX = "monitor_"
# How far back each looks where nothing is said, after the customer's own queries.
_WINDOWS = {
    "phase_success": timedelta(days=7),
    "failure_categories": timedelta(days=7),
    "failures_by_hour": timedelta(days=30),
    "phase_rates": timedelta(days=7),
    "real_failures": timedelta(days=1),
}
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
# What makes the tables fit a terminal of 80 columns.
_HEADINGS = {
    "processor_name": "processor",
    "run_count": "runs",
    "successes": "ok",
    "real_failures": "real",
    "raw_rate": "raw",
    "effective_rate": "effective",
    "last_success_at": "last success",
    "last_at": "last",
    "weekday": "day",
    "hour_utc": "hour",
    "days": "dates",
}


def monitor_command(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Without: list them.")] = "",
    since: Annotated[
        str, typer.Option(help="First moment, e.g. 2026-01-06T00:00:00Z. [default: by query]")
    ] = "",
    as_of: Annotated[str, typer.Option(help="Last moment. [default: now]")] = "",
    phase: Annotated[str, typer.Option(help="Only this phase (phase_success).")] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_sql: Annotated[
        bool, typer.Option("--sql", help="Print it for the BigQuery console; ask nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets.")] = False,
) -> None:
    """Run one of the monitoring queries. A failure is expected or real by its category; rows
    without one are counted as real, as `unclassified`.
    """
    from nbkit.params import parse_moment
    from nbkit.project import find_project
    from nbkit.warehouse import catalog, open_warehouse

    if not name:
        for known in _WINDOWS:
            typer.echo(f"{known:<20} {catalog.query(PREFIX + known).row_meaning}")
        return
    if name not in _WINDOWS:
        raise InputError(f"No monitoring query {name!r}; there are {', '.join(_WINDOWS)}.")
    query = catalog.query(PREFIX + name)
    end = moment_of(as_of, warehouse, find_project())
    start = parse_moment(since) if since else end - _WINDOWS[name]
    if start >= end:
        raise InputError(f"--since {since} is not before {end:%Y-%m-%dT%H:%M:%SZ}.")
    more = {"phase": phase or None} if name == "phase_success" else {}
    if phase and not more:
        raise InputError(f"--phase is for phase_success, not for {name}.")
    if as_sql:
        typer.echo(_declared(query, start, end, phase))
        return
    with open_warehouse(warehouse or None) as opened:
        frame = opened.query(query.name, start=start, end=end, as_of=end, **more)
    if as_csv:
        frame.to_csv(sys.stdout, index=False)
    elif as_json:
        text = frame.to_json(orient="records", date_format="iso", indent=1)
        typer.echo(json.dumps(json.loads(text), indent=1, ensure_ascii=False))
    else:
        _show(frame, start, end)


def _show(frame: pd.DataFrame, start: datetime, end: datetime) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if frame.empty:
        console.print(f"No rows from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC.")
        return

    def grid(space: int) -> Table:
        made = Table(box=None, padding=(0, space, 0, 0), header_style="dim")
        for column in columns:
            is_text = frame[column].dtype in ("object", "string", "str")
            heading = _HEADINGS.get(column, column.replace("_", " "))
            made.add_column(heading, justify="left" if is_text else "right", overflow="fold")
        for row in frame[columns].itertuples(index=False):
            made.add_row(*(_shown(c, value) for c, value in zip(columns, row, strict=True)))
        return made

    # Beside real failures the unclassified ones are counted below the table.
    columns = [c for c in frame.columns if c not in ("unclassified", "first_at")]
    wide = grid(2)
    needed = console.measure(wide, options=console.options.update(width=1_000)).maximum
    console.print(wide if needed <= console.width else grid(1))
    console.print(Text(f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC", style="dim"))
    without = _unclassified(frame)
    if without:
        console.print(
            f"{without:,} of these failures have no recorded category and count as real.\n"
            f"  nbkit history classify --since {start:%Y-%m-%d}  gives them theirs\n"
            "  nbkit health                                judges them by their messages"
        )


def _unclassified(frame: pd.DataFrame) -> int:
    if "unclassified" in frame.columns:
        return int(frame["unclassified"].sum())
    return int(frame.loc[frame["category"] == "unclassified", "failures"].sum())


def _shown(column: str, value: object) -> str:
    import pandas as pd

    if value is None or value is pd.NA or value != value:
        return "–"
    if isinstance(value, pd.Timestamp):
        return f"{value:%m-%d %H:%M}"  # the year stands below the table
    if isinstance(value, float):
        return f"{value:.1%}"  # the only ones are shares
    if isinstance(value, Integral):
        return _WEEKDAYS[int(value) - 1] if column == "weekday" else f"{int(value):,}"
    return str(value)


def _declared(query: Query, start: datetime, end: datetime, phase: str) -> str:
    """The query as a script that stands by itself: parameters become variables."""
    given = {"start": start, "end": end, "as_of": end, "phase": phase or None}
    lines, text = [], query.text
    for parameter in query.parameters:
        # `end` and `start` are words of the language, so variables are called otherwise.
        variable = f"p_{parameter.name}"
        value = given.get(parameter.name, parameter.default)
        lines.append(f"DECLARE {variable} {parameter.type} DEFAULT {_literal(value)};")
        # A LIMIT takes no variable.
        text = text.replace(f"LIMIT @{parameter.name}", f"LIMIT {_literal(value)}")
        text = text.replace(f"@{parameter.name}", variable)
    return "\n".join([*lines, text.strip() + ";"])


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S}+00'"
    if isinstance(value, str):
        return json.dumps(value)
    return str(value)
