"""`nbkit run`: one notebook, from its parameters to a stored report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.cli.lengths import length_of
from nbkit.errors import InputError
from nbkit.project import Project, find_project

if TYPE_CHECKING:
    from nbkit.findings import Severity
    from nbkit.report.limits import Limits
    from nbkit.report.outcome import Progress
    from nbkit.report.plan import Plan
    from nbkit.report.run import Report


def run_command(
    notebook: Annotated[
        str, typer.Argument(metavar="NOTEBOOK", help="Its name, such as daily_health, or a path.")
    ],
    params: Annotated[
        Path | None,
        typer.Option(
            "--params",
            help="Parameter file. [default: params/NOTEBOOK/demo.yaml on the demo warehouse, "
            "else production.yaml]",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="Set one parameter.")
    ] = None,
    as_of: Annotated[
        str,
        typer.Option(help="The moment the report is about: 2026-01-13T12:00:00Z. [default: now]"),
    ] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    out: Annotated[
        str, typer.Option(help="Where reports go: a folder, gs://… or s3://…  [default: reports/]")
    ] = "",
    to: Annotated[str, typer.Option(help="Tell about it: slack, or dir:PATH for a preview.")] = "",
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 for a finding at or above: critical, warning, info.")
    ] = "critical",
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit 0 whatever a completed run found.")
    ] = False,
    cell_timeout: Annotated[
        str, typer.Option(help="Longest time for one cell: 90s, 15m, 2h.")
    ] = "15m",
    timeout: Annotated[str, typer.Option(help="Longest time for the whole run.")] = "1h",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the path of findings.json.")
    ] = False,
    help_params: Annotated[
        bool, typer.Option("--help-params", help="Show the notebook's parameters; run nothing.")
    ] = False,
) -> None:
    """Run a notebook and keep its report.

    Prints the paths of the report and, last, of findings.json. Exits 0 when all is well, 1 for a
    finding at or above --fail-on or data not fit to judge, 2 for misuse, 3 when the run failed
    (what it had made is kept).
    """
    from nbkit.report.notebooks import find_notebook

    project = find_project()
    source = find_notebook(project, notebook)
    if help_params:
        _show_parameters(source.content, source.name)
        return
    from nbkit.report.limits import Limits
    from nbkit.report.plan import make_plan
    from nbkit.schedule.launch import INTERRUPTED, earned, near

    limit = severity_of(fail_on)
    cell_limit, run_limit = (
        length_of("--cell-timeout", cell_timeout),
        length_of("--timeout", timeout),
    )
    if to and to != "slack" and not to.startswith("dir:"):
        raise InputError(f"--to {to}: write slack, or dir:PATH for a preview.")
    plan = make_plan(
        source,
        project=project,
        now=datetime.now(UTC),
        params_file=params,
        assignments=assignments or [],
        as_of=as_of,
        warehouse=warehouse,
    )
    report = _run(plan, project, out, to, Limits(cell=cell_limit, run=run_limit), quiet=quiet)
    code = earned(report, fail_on=limit)
    if code == INTERRUPTED:
        kept = near(report.file("index.html"))
        typer.echo(f"nbkit: interrupted. What was made until then: {kept}", err=True)
    elif failed := report.error(plan.source.name):
        raise failed
    if code > 1 or (code and not exit_zero):
        raise typer.Exit(code)


def _run(plan: Plan, project: Project, out: str, to: str, limits: Limits, *, quiet: bool) -> Report:
    from nbkit.schedule.launch import launch
    from nbkit.store import open_store

    store = open_store(out or project.reports)
    total = len(plan.source.content["cells"])
    shown = not quiet and sys.stderr.isatty()
    with ExitStack() as bar:
        on_cell = bar.enter_context(_progress(plan.source.name, total, shown=shown))

        def on_report(report: Report) -> None:
            bar.close()  # while it is shown, it takes what is printed for itself
            _print(report, quiet=quiet)

        return launch(
            plan,
            project=project,
            store=store,
            environment=os.environ,
            clock=lambda: datetime.now(UTC),
            limits=limits,
            to=to,
            on_cell=on_cell,
            on_report=on_report,
        )


def _print(report: Report, *, quiet: bool) -> None:
    from nbkit.schedule.launch import near

    if not quiet:
        from nbkit.report.page import VERDICT_WORDS, counted

        verdict = report.emitted.verdict
        said = "" if report.failure else counted(report.emitted.counts())
        typer.echo(f"{verdict}: {VERDICT_WORDS[verdict]}" + (f" ({said})" if said else ""))
        typer.echo(near(report.file("index.html")))
    typer.echo(near(report.file("findings.json")))


@contextmanager
def _progress(name: str, total: int, *, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal (cell n of m, its question, time so far); nothing anywhere else."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(f"[bold]{escape(name)}[/]"),
        BarColumn(bar_width=16),
        TextColumn("cell {task.completed} of {task.total}"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[question]}[/]"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total, question="starting")

        def on_cell(progress: Progress) -> None:
            question = escape(progress.question[:40])
            bar.update(task, completed=progress.number, question=question)

        yield on_cell


def severity_of(text: str) -> Severity:
    """`--fail-on` as a severity. Raises InputError: it is none."""
    from nbkit.findings import Severity

    try:
        return Severity(text)
    except ValueError:
        known = ", ".join(reversed(Severity))
        raise InputError(f"--fail-on {text}: not a severity; use one of {known}.") from None


def _show_parameters(content: object, name: str) -> None:
    import json
    from typing import Any, cast

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.params import read_parameters

    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("Parameter", "Type", "Default", ""):
        grid.add_column(header, overflow="fold", no_wrap=header in ("Parameter", "Type"))
    for parameter in read_parameters(cast(dict[str, Any], content), where=name):
        default = json.dumps(parameter.default, ensure_ascii=False)
        grid.add_row(
            Text(parameter.name, style="bold"), parameter.kind, Text(default), Text(parameter.help)
        )
    Console(highlight=False).print(grid)
