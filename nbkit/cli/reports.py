"""`nbkit reports`: look at the reports that were made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.errors import InputError
from nbkit.project import find_project

if TYPE_CHECKING:
    from nbkit.report.archive import Run

app = typer.Typer(
    help="Look at the reports that were made.", no_args_is_help=True, rich_markup_mode=None
)
_Out = Annotated[
    str, typer.Option("--out", help="Where the reports are. [default: reports/ of the project]")
]
_STYLES = {"RED": "red", "YELLOW": "yellow", "GREEN": "green", "UNKNOWN": "magenta"}


@app.command("list")
def list_command(
    notebook: Annotated[
        str | None, typer.Argument(metavar="[NOTEBOOK]", help="Only this notebook's.")
    ] = None,
    out: _Out = "",
    number: Annotated[int, typer.Option("-n", help="How many, newest first; 0 for all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """List the runs, newest first."""
    from nbkit.report.archive import read_index
    from nbkit.store import open_store

    store = open_store(out or find_project().reports)
    runs = [run for run in read_index(store) if notebook in (None, run.notebook)]
    shown = runs[:number] if number > 0 else runs
    if as_json:
        documents = [{**run.to_json(), "folder": store.address(run.path)} for run in shown]
        typer.echo(json.dumps(documents, indent=1, ensure_ascii=False))
        return
    if not shown:
        typer.echo("No report yet. `nbkit run NOTEBOOK` makes one.", err=True)
        return
    _table(shown)
    if len(runs) > len(shown):
        typer.echo(f"and {len(runs) - len(shown):,} older; -n 0 for all", err=True)


@app.command("index")
def index_command(out: _Out = "") -> None:
    """Make the list of reports anew from every run's manifest."""
    from nbkit.report.archive import update_index
    from nbkit.store import open_store

    store = open_store(out or find_project().reports)
    update_index(store, whole=True)
    typer.echo(store.address("index.html"))


@app.command("serve")
def serve_command(
    out: _Out = "",
    port: Annotated[int, typer.Option(help="0 for a free one.")] = 8000,
) -> None:
    """Show the reports in a browser on this machine, until Ctrl-C."""
    from pathlib import Path

    from nbkit.report.serve import HOST, make_server

    if "://" in out:
        raise InputError(f"{out}: only a local folder can be served; a bucket has its own address.")
    server = make_server(Path(out) if out else find_project().reports, port=port)
    with server:
        typer.echo(f"http://{HOST}:{server.server_address[1]}/  (Ctrl-C ends)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("", err=True)


def _table(runs: list[Run]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.report.outcome import ExitState
    from nbkit.report.page import counted

    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("As of (UTC)", "Verdict", "Report", "Findings"):
        grid.add_column(header, overflow="fold", no_wrap=header != "Report")
    for run in runs:
        completed = run.state is ExitState.COMPLETED
        grid.add_row(
            f"{run.as_of:%Y-%m-%d %H:%M}",
            Text(run.verdict, style=_STYLES[run.verdict]),
            Text(run.path),
            counted(run.counts) if completed else run.state.value,
        )
    Console(highlight=False).print(grid)
