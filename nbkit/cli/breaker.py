"""`nbkit breaker`: which processors may not run now, why, until when; and closing one by hand."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of

if TYPE_CHECKING:
    from nbkit.analysis.breaker import BreakerState

app = typer.Typer(
    help="Which processors are held back after real failures, and until when.",
    no_args_is_help=True,
)
_COLOURS = {"open": "red", "half_open": "yellow", "closed": "green"}

Url = Annotated[str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")]


@app.command("status")
def status_command(
    processor: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this one.")] = "",
    warehouse: Url = "",
    as_of: Annotated[str, typer.Option(help="The moment asked about. [default: now]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show the breakers that are not closed, from the outcomes of the last 7 days.

    A breaker opens after 3 real failures in a row; runs that had nothing to do do not count.
    With a NAME, exits 1 when that one may not start.
    """
    from nbkit.analysis.breaker import Rules, decide
    from nbkit.project import find_project
    from nbkit.registry import load_registry
    from nbkit.runs.breaker import breakers
    from nbkit.warehouse import open_warehouse

    project = find_project()
    moment = moment_of(as_of, warehouse, project)
    with open_warehouse(warehouse or None) as opened:
        found = breakers(opened, as_of=moment)
    if processor:
        if processor not in found:
            load_registry().processor(processor)  # a name that is misspelt is told
        found = {processor: found.get(processor) or decide((), rules=Rules(), now=moment)}
    if as_json:
        typer.echo(json.dumps({name: _plain(state) for name, state in found.items()}, indent=1))
    else:
        _show(found, moment, named=bool(processor))
    if processor and not found[processor].may_start:
        raise typer.Exit(1)


@app.command("reset")
def reset_command(
    processor: Annotated[str, typer.Argument(metavar="NAME")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.")],
    warehouse: Url = "",
) -> None:
    """Close a breaker by hand: runs may start again, and what failed before no longer counts."""
    from nbkit.project import find_project
    from nbkit.runs.breaker import reset

    reset(
        warehouse or find_project().warehouse_url(),
        processor,
        reason=reason,
        who=getpass.getuser(),
        clock=lambda: datetime.now(UTC),
    )
    typer.echo(f"The breaker of {processor} is closed.")


def _show(found: dict[str, BreakerState], moment: datetime, *, named: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.failures import error_text
    from nbkit.findings.wording import short

    console = Console(highlight=False)
    shown = {n: s for n, s in found.items() if named or s.state != "closed"}
    if not shown:
        console.print(f"All {len(found)} breakers are closed at {moment:%Y-%m-%d %H:%M} UTC.")
        return
    ordered = sorted(shown.items(), key=lambda item: (item[1].state != "open", item[0]))
    for name, state in ordered:
        word = str(state.state).replace("_", " ")
        until = f"until {state.until:%Y-%m-%d %H:%M} UTC" if state.until else ""
        if state.may_start and state.state == "half_open":
            until = "the next run is a probe"
        console.print(
            Text.assemble((f"{word:<10}", _COLOURS[state.state]), (name, "bold"), "  ", until)
        )
        grid = Table(box=None, padding=(0, 1), show_header=False)
        grid.add_row("", Text(state.reason, style="dim"))
        if state.failures:
            message = error_text(state.failures[0].message)[0]
            grid.add_row("", Text(short(message, 200) or "no message recorded", style="dim"))
        console.print(grid)
    if not named:
        console.print(Text(f"{len(found) - len(shown)} others are closed.", style="dim"))
    console.print(
        Text("Mend the cause, then: nbkit breaker reset NAME --reason …", style="dim")
        if any(s.state != "closed" for s in shown.values())
        else ""
    )


def _plain(state: BreakerState) -> dict[str, Any]:
    def text(moment: datetime | None) -> str | None:
        from nbkit.findings import iso_utc

        return iso_utc(moment) if moment else None

    return {
        "state": str(state.state),
        "may_start": state.may_start,
        "until": text(state.until),
        "opened_at": text(state.opened_at),
        "reason": state.reason,
        "failures": [
            {
                "run_id": o.run_id,
                "ended_at": text(o.ended_at),
                "category": str(o.category),
            }
            for o in state.failures
        ],
        "probe": state.probe.run_id if state.probe else None,
    }
