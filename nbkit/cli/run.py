"""`nbkit run`: one notebook, from its parameters to a stored report."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.errors import DeliveryError, InputError, NbkitError
from nbkit.project import Project, find_project

if TYPE_CHECKING:
    from nbkit.findings import Severity
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
    from nbkit.report.plan import make_plan

    limit = _severity(fail_on)
    cell_limit, run_limit = _length("--cell-timeout", cell_timeout), _length("--timeout", timeout)
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
    report = _run(plan, project, out, cell_limit, run_limit, quiet=quiet)
    _print(report, quiet=quiet)
    _end(report, plan, project, to=to, limit=limit, exit_zero=exit_zero)


def _run(
    plan: Plan,
    project: Project,
    out: str,
    cell_limit: timedelta,
    run_limit: timedelta,
    *,
    quiet: bool,
) -> Report:
    from nbkit.report.run import run
    from nbkit.report.store import open_store
    from nbkit.report.watchdog import Limits

    store = open_store(out or project.reports)
    shown = not quiet and sys.stderr.isatty()
    total = len(plan.source.content["cells"])
    with _progress(plan.source.name, total, shown=shown) as on_cell:
        return run(
            plan,
            project=project,
            store=store,
            environment=os.environ,
            clock=lambda: datetime.now(UTC),
            limits=Limits(cell=cell_limit, run=run_limit),
            on_cell=on_cell,
        )


def _end(
    report: Report,
    plan: Plan,
    project: Project,
    *,
    to: str,
    limit: Severity,
    exit_zero: bool,
) -> None:
    """Deliver, then leave with the exit code that the run has earned."""
    from nbkit.findings import Severity, Verdict
    from nbkit.report.outcome import ExitState

    if report.state is ExitState.INTERRUPTED:
        kept = _near(report.file("index.html"))
        typer.echo(f"nbkit: interrupted. What was made until then: {kept}", err=True)
        raise typer.Exit(130)
    failed = report.error(plan.source.name)
    if to:
        try:
            _deliver(report, to, project)
        except NbkitError as error:
            # Both are told; the exit code is 3 for the one as for the other.
            raise DeliveryError(f"{failed}\n{error}" if failed else str(error)) from error
    if failed:
        raise failed
    found = any(Severity(f["severity"]).rank >= limit.rank for f in report.emitted.findings)
    unfit = report.emitted.verdict is Verdict.UNKNOWN
    if (found or unfit) and not exit_zero:
        raise typer.Exit(1)


def _deliver(report: Report, to: str, project: Project) -> None:
    from tempfile import TemporaryDirectory

    from nbkit.delivery import deliver
    from nbkit.report.run import keep_locally

    url = report.file("index.html") if "://" in report.folder else None
    with TemporaryDirectory(prefix="nbkit-report-") as temporary:
        folder = keep_locally(report, Path(temporary))
        try:
            deliver(
                folder,
                to=to,
                project=project,
                now=datetime.now(UTC),
                environment=os.environ,
                report_url=url,
            )
        except NbkitError as error:
            raise DeliveryError(
                f"{error}\nThe report is kept: {_near(report.folder)}. "
                f"Send it later with: nbkit deliver {_near(report.folder)} --to {to}"
            ) from error


def _print(report: Report, *, quiet: bool) -> None:
    if not quiet:
        from nbkit.report.page import VERDICT_WORDS, counted

        verdict = report.emitted.verdict
        said = "" if report.failure else counted(report.emitted.counts())
        typer.echo(f"{verdict}: {VERDICT_WORDS[verdict]}" + (f" ({said})" if said else ""))
        typer.echo(_near(report.file("index.html")))
    typer.echo(_near(report.file("findings.json")))


def _near(path: str) -> str:
    """A path below the working directory as it would be typed there."""
    here = f"{Path.cwd()}{os.sep}"
    return path.removeprefix(here)


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


def _severity(text: str) -> Severity:
    from nbkit.findings import Severity

    try:
        return Severity(text)
    except ValueError:
        known = ", ".join(reversed(Severity))
        raise InputError(f"--fail-on {text}: not a severity; use one of {known}.") from None


def _length(option: str, text: str) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?", text.strip())
    if not match or float(match[1]) <= 0:
        raise InputError(f"{option} {text}: not a length of time; write 90s, 15m or 2h.")
    unit = {"m": 60, "min": 60, "h": 3600}.get(match[2] or "s", 1)
    return timedelta(seconds=float(match[1]) * unit)


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
