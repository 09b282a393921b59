"""`nbkit demo`: build the demo warehouse; lay its figures beside the published ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.errors import InputError, NotebookFailed
from nbkit.project import find_project

if TYPE_CHECKING:
    from nbkit.warehouse.demo.published import Comparison

app = typer.Typer(no_args_is_help=True, help="The demo warehouse.", rich_markup_mode=None)

_Where = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="[default: demo.duckdb in the project]"),
]


@app.command("build")
def build_command(
    path: _Where = None,
    runs: Annotated[
        int, typer.Option(metavar="N", help="Runs that start in the 31 days of the main period.")
    ] = 269_971,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed gives the same rows.")] = (
        20260113
    ),
    as_of: Annotated[
        str,
        typer.Option(
            metavar="T",
            help="Move the history by whole weeks, so that its moment (2026-01-13T12:00:00Z) comes "
            "to lie at T or less than a week before it.",
        ),
    ] = "",
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Do nothing when there is a demo already.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Make a run history with the published figures and planted incidents."""
    from nbkit.warehouse.demo import build_demo, load_truth

    target = path or find_project().demo_warehouse
    if target.exists() and not force:
        if if_missing:
            load_truth(target)
            return
        raise InputError(f"{target} exists. Add --force to replace it, or --if-missing to keep it.")
    truth = build_demo(target, runs=runs, seed=seed, as_of=_moment(as_of))
    typer.echo(f"{_short(target)}  (meant to be read at {truth.as_of:%Y-%m-%dT%H:%M:%SZ})")


@app.command("compare")
def compare_command(
    path: _Where = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Published figures beside generated ones. Exit 1 when one is outside its tolerance."""
    from nbkit.warehouse.demo.published import compare

    target = path or find_project().demo_warehouse
    compared = compare(target)
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in compared], indent=1))
    else:
        _print(compared)
    if not all(one.ok for one in compared):
        raise typer.Exit(1)


@app.command("hang")
def hang_command(
    limit: Annotated[str, typer.Option(help="How long a cell may take.")] = "5s",
) -> None:
    """Run a notebook that hangs, under its guard: it is ended, and its report says where it hung.

    Exits 0 when the guard has done its work.
    """
    import os
    from importlib.resources import as_file, files

    from nbkit.cli.moments import default_moment
    from nbkit.errors import CellTimeout
    from nbkit.findings import iso_utc
    from nbkit.params.length import parse_length
    from nbkit.report.limits import Limits
    from nbkit.report.notebooks import find_notebook
    from nbkit.report.plan import make_plan
    from nbkit.schedule.launch import launch, near
    from nbkit.store import open_store

    project = find_project()
    as_of = iso_utc(default_moment("", project))
    with as_file(files("nbkit.warehouse.demo") / "hanging_run.ipynb") as path:
        source = find_notebook(project, str(path))
    report = launch(
        make_plan(source, project=project, now=datetime.now(UTC), as_of=as_of),
        project=project,
        store=open_store(project.reports),
        environment=os.environ,
        clock=lambda: datetime.now(UTC),
        limits=Limits(cell=parse_length(limit)),
    )
    failure = report.failure
    if failure is None or failure.error is not CellTimeout:
        raise NotebookFailed(f"The run should have been ended at its limit; it was {report.state}.")
    place = failure.place(report.total_cells)
    typer.echo(f"Ended: {place}. {failure.reason}")
    typer.echo(f"Recorded as failed, timeout, in {project.runs_url()}")
    typer.echo(near(report.file("index.html")))


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--as-of {text}: not a moment. Write it as 2026-01-13T12:00:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _plain(one: Comparison) -> dict[str, object]:
    return {
        "section": one.section,
        "figure": one.figure,
        "published": one.published,
        "generated": one.generated,
        "difference": one.difference,
        "tolerance": one.tolerance,
        "bound": one.bound,
        "ok": one.ok,
    }


def _print(compared: tuple[Comparison, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for section in dict.fromkeys(one.section for one in compared):
        table = Table(title=section, title_justify="left", box=None, pad_edge=False)
        table.add_column("figure", no_wrap=False, ratio=1)
        for name in ("published", "generated", "diff", "tolerance", "ok"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in compared:
            if one.section == section:
                table.add_row(
                    one.figure.replace("Processor", ""),
                    f"{one.published:,.10g}",
                    f"{one.generated:,.7g}",
                    "" if one.bound != "equal" else f"{one.difference:+.1%}",
                    _tolerance(one),
                    "yes" if one.ok else "[bold red]NO[/]",
                )
        console.print(table)
        console.print()
    wrong = sum(not one.ok for one in compared)
    console.print(
        f"{wrong} of {len(compared)} figures are outside their tolerance."
        if wrong
        else f"All {len(compared)} figures are within their tolerance."
    )


def _tolerance(one: Comparison) -> str:
    if one.bound != "equal":
        return one.bound
    return f"{one.tolerance:.1%}" if one.tolerance else "exact"
