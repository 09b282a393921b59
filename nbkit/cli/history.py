"""`nbkit history`: columns that an older history lacks, categories that its rows lack."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.errors import ParameterError

if TYPE_CHECKING:
    from nbkit.runs.categories import Batch, Counted

app = typer.Typer(
    help="Change a run history: add nbkit's columns, fill missing failure categories.",
    no_args_is_help=True,
)

Warehouse_ = Annotated[
    str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
]


@app.command("migrate")
def migrate_command(
    warehouse: Warehouse_ = "",
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without: only show it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Add columns that an older history lacks.

    These are failure_category, heartbeat_at and killed_by_timeout. Shows the statements first;
    --apply runs them. Safe to repeat.
    """
    from nbkit.runs import migration
    from nbkit.warehouse import open_warehouse

    with open_warehouse(warehouse or None) as opened:
        table, steps = opened.history, migration.plan(opened)
        if apply:
            migration.apply(opened)
    absent = [step for step in steps if not step.present]
    if as_json:
        document = {
            "table": table,
            "applied": apply,
            "absent": {step.column: step.sql for step in absent},
        }
        typer.echo(json.dumps(document, indent=1))
        return
    for step in steps:
        typer.echo(f"{step.column}: there" if step.present else f"{step.column}: absent")
    for step in absent:
        typer.echo(f"{step.sql};")
    if not absent:
        typer.echo(f"{table} has all columns.")
    elif apply:
        typer.echo(f"Added to {table}: {', '.join(step.column for step in absent)}.")
    else:
        typer.echo("Nothing was changed. Run it again with --apply.")


@app.command("classify")
def classify_command(
    since: Annotated[str, typer.Option(help="First data date: 2025-12-14.")],
    until: Annotated[str, typer.Option(help="Last data date. [default: today, UTC]")] = "",
    warehouse: Warehouse_ = "",
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without: only show it.")] = False,
    batch_days: Annotated[int, typer.Option(min=1, max=365, help="Data dates of one MERGE.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Fill missing failure categories.

    Rows without one get theirs by the rules of `nbkit classify`; others keep what they have.
    Shows what would come of it; --apply writes it, a batch of dates at a time. Interrupted, it
    goes on where it stopped when it is run again. Rows of the last two hours are left alone.
    """
    from nbkit.runs import categories
    from nbkit.warehouse import open_warehouse

    now = datetime.now(UTC)
    span = categories.Span(
        since=_date("--since", since),
        until=_date("--until", until) if until else now.date(),
        before=now - categories.SETTLED,
    )
    with open_warehouse(warehouse or None) as opened:
        table = opened.history
        before = categories.count(opened, span)
        with _progress((span.until - span.since).days + 1, shown=not as_json) as on_batch:
            try:
                batches = categories.fill(
                    opened, span, batch_days=batch_days, apply=apply, now=now, on_batch=on_batch
                )
            except KeyboardInterrupt:
                if apply:
                    typer.echo("What was filled stays; run it again to go on from there.", err=True)
                raise
        after = categories.count(opened, span) if apply else before.after(batches)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "table": table,
                    "since": str(span.since),
                    "until": str(span.until),
                    "applied": apply,
                    "filled": sum(batch.filled for batch in batches),
                    "before": _named(before),
                    "after": _named(after),
                },
                indent=1,
            )
        )
        return
    _show(before, after, table=table, applied=apply)


def _named(counted: Counted) -> dict[str, int]:
    return {category or "none": rows for category, rows in counted.categories.items()}


def _show(before: Counted, after: Counted, *, table: str, applied: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.wording import count_of

    if not before.missing:
        typer.echo(f"Every ended row of {table} in these dates has a category.")
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header, justify in (("Category", "left"), ("Before", "right"), ("After", "right")):
        grid.add_column(header, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    names = sorted(
        {*before.categories, *after.categories},
        key=lambda name: -max(before.categories.get(name, 0), after.categories.get(name, 0)),
    )
    for name in names:
        grid.add_row(
            Text(name or "none recorded", style="" if name else "yellow"),
            f"{before.categories.get(name, 0):,}",
            f"{after.categories.get(name, 0):,}",
        )
    Console(highlight=False).print(grid)
    told = count_of(before.missing - after.missing, "row")
    if applied:
        typer.echo(f"{told} of {table} filled.")
    else:
        typer.echo(f"{told} would be filled. Nothing was changed; --apply does it.")


@contextmanager
def _progress(days: int, *, shown: bool) -> Iterator[Callable[[Batch], None]]:
    """A bar on a terminal, by dates; nothing anywhere else."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("classifying"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed} of {task.total} dates, {task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=days, rows=0)
        rows = 0

        def on_batch(batch: Batch) -> None:
            nonlocal rows
            rows += batch.rows
            bar.update(task, advance=batch.days, rows=rows)

        yield on_batch


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"{option} {text}: not a date; write it like 2025-12-14.") from None
