"""`nbkit breaker`: which processors may not run now, why, until when; and closing one by hand."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of

if TYPE_CHECKING:
    from nbkit.analysis.breaker import BreakerState, Outcome
    from nbkit.project import Project

app = typer.Typer(
    help="Which processors are held back after real failures, and until when.",
    no_args_is_help=True,
)
_COLOURS = {"open": "red", "half_open": "yellow", "closed": "green"}
_MOST_FAILURES = 10  # shown of one breaker

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
    With a NAME, exits 1 when that one may not start. notebook:NAME is asked of nbkit's own runs.
    """
    from nbkit.project import find_project
    from nbkit.runs.breaker import breaker_of, breakers
    from nbkit.warehouse import open_warehouse

    project = find_project()
    warehouse = warehouse or _own_history(processor, project)
    moment = moment_of(as_of, warehouse, project, exact=True)
    with open_warehouse(warehouse or None) as opened:
        found = breakers(opened, as_of=moment)
        if processor and processor not in found:
            _refuse_unknown(processor)
            found[processor] = breaker_of(opened, processor, as_of=moment)
    if processor:
        found = {processor: found[processor]}
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
    """Close a breaker by hand: runs may start again, and what failed before no longer counts.

    Who, when and why is kept in nba_orchestration.breaker_resets, beside the history.
    """
    from nbkit.project import find_project
    from nbkit.runs.breaker import breakers, reset
    from nbkit.warehouse import open_warehouse

    project = find_project()
    warehouse = warehouse or _own_history(processor, project)
    now = moment_of("", warehouse, project, exact=True)
    with open_warehouse(warehouse or None) as opened:
        if processor not in breakers(opened, as_of=now):
            _refuse_unknown(processor)
        before = reset(opened, processor, reason=reason, who=getpass.getuser(), now=now)
    if not before.failures:
        typer.echo(f"The breaker of {processor} was closed already: {before.reason}.")
    else:
        typer.echo(f"The breaker of {processor} is closed. It was {_word(before)}: {before.reason}")


def _own_history(processor: str, project: Project) -> str:
    """Where nbkit's own notebooks are recorded; nothing for a processor of the platform."""
    from nbkit.runs.run import NOTEBOOK

    return project.runs_url() if processor.startswith(NOTEBOOK) else ""


def _refuse_unknown(processor: str) -> None:
    """A name that has neither run nor is registered is misspelt."""
    from nbkit.registry import load_registry

    load_registry().processor(processor)


def _word(state: BreakerState) -> str:
    return str(state.state).replace("_", " ")


def _show(found: dict[str, BreakerState], now: datetime, *, named: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from nbkit.findings.wording import count_of
    from nbkit.findings.wording import moment as shown_moment

    console = Console(highlight=False)
    if not found:
        console.print(
            f"No run in the 7 days before {shown_moment(now)}: nothing is held back, and nothing "
            "is known. Is this the right --warehouse, the right --as-of?"
        )
        return
    shown = {n: s for n, s in found.items() if named or s.state != "closed"}
    for name, state in sorted(shown.items(), key=lambda item: (item[1].may_start, item[0])):
        heading = Text.assemble((f"{_word(state):<10}", _COLOURS[state.state]), (name, "bold"))
        if state.state == "half_open" and state.may_start:
            heading.append("  one run may start, as a probe")
        elif state.until:
            heading.append(f"  until {shown_moment(state.until)}")
        console.print(heading)
        for line in _details(state, every_failure=named):
            console.print(Text(f"{'':10}{line}", style="dim"), soft_wrap=True)
    closed = len(found) - len(shown)
    if not named:
        others = "other breaker" if shown else "breaker"
        verb = "is" if closed == 1 else "are"
        console.print(f"{count_of(closed, others)} {verb} closed at {shown_moment(now)}.")
    held = [name for name, state in shown.items() if state.state != "closed"]
    if held:
        name = held[0] if len(held) == 1 else "NAME"
        hint = f"Mend the cause, then: nbkit breaker reset {name} --reason …"
        console.print(Text(hint, style="dim"))


def _details(state: BreakerState, *, every_failure: bool) -> list[str]:
    """Why, the last message, and for a named one all that failed."""
    from nbkit.findings.wording import moment, short

    lines = [state.reason]
    if every_failure:
        lines += [
            f"{moment(o.ended_at)}  {str(o.category).replace('_', ' '):<18} {_message(o)}"
            for o in state.failures[:_MOST_FAILURES]
        ]
        if len(state.failures) > _MOST_FAILURES:
            lines.append(f"and {len(state.failures) - _MOST_FAILURES} before")
    elif state.failures:
        lines.append(_message(state.failures[0]))
    if state.reset:
        why = short(state.reset.reason, 100)
        lines.append(f"reset {moment(state.reset.at)} by {state.reset.who}: {why}")
    return lines


def _message(outcome: Outcome) -> str:
    from nbkit.failures import error_text
    from nbkit.findings.wording import short

    return short(error_text(outcome.message)[0] or "no message recorded", 140)


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
                "message": _message(o),
            }
            for o in state.failures
        ],
        "probe": state.probe.run_id if state.probe else None,
        "reset": {"at": text(state.reset.at), "who": state.reset.who, "reason": state.reset.reason}
        if state.reset
        else None,
    }
