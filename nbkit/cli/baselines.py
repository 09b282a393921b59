"""`nbkit baselines`: what is normal, in the terminal and as a view beside the run history."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of

if TYPE_CHECKING:
    from nbkit.analysis.baselines import Baseline
    from nbkit.analysis.day_clusters import Estimate
    from nbkit.analysis.proportions import Proportion
    from nbkit.questions.baseline_report import BaselineReport

app = typer.Typer(
    help="What is normal for each processor: show it, or install it as a view.",
    no_args_is_help=True,
)

Warehouse_ = Annotated[
    str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("show")
def show_command(
    processor: Annotated[str, typer.Argument(metavar="[PROCESSOR]", help="Only this one.")] = "",
    warehouse: Warehouse_ = "",
    as_of: Annotated[
        str, typer.Option(help="Its UTC day is the first not looked at. [default: now]")
    ] = "",
    days: Annotated[int, typer.Option(help="Whole UTC days before it.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show what is normal, the least predictable processor first.

    Durations and records are of successes; every figure comes with its 95 % interval. "–" stands
    for what history is too short to say. With a PROCESSOR also its weekdays, where they matter.
    """
    from nbkit.project import find_project
    from nbkit.questions.baselines import baselines
    from nbkit.registry import load_registry

    moment = moment_of(as_of, warehouse, find_project())
    registry = load_registry()
    report = baselines(warehouse, registry, as_of=moment, days=days)
    if processor and all(each.subject != processor for each in report.processors):
        registry.processor(processor)  # a name that is misspelt is told
    if as_json:
        typer.echo(json.dumps(_document(report, processor), indent=1))
    elif processor:
        _show_one(report, processor)
    else:
        _show_all(report)


@app.command("install")
def install_command(
    warehouse: Warehouse_ = "",
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without: only show it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create the view nba_orchestration.processor_baselines, or replace it.

    Shows the statement first, and what one read of the view costs; --apply runs it. Safe to
    repeat. The view looks at the 30 days before each read.
    """
    from nbkit.project import find_project
    from nbkit.runs import baselines_view
    from nbkit.runs.baselines_view import VIEW
    from nbkit.warehouse import open_warehouse

    now = moment_of("", warehouse, find_project())
    with open_warehouse(warehouse or None) as opened:
        plan = baselines_view.plan(opened, now=now)
        if apply:
            baselines_view.apply(opened, plan)
    if as_json:
        document = {
            "view": VIEW,
            "there": plan.is_there,
            "applied": apply,
            "statements": list(plan.sql),
            "bytes_of_a_read": plan.bytes_of_a_read,
        }
        typer.echo(json.dumps(document, indent=1))
        return
    if not apply:
        for statement in plan.sql:
            typer.echo(f"{statement};\n")
    if plan.bytes_of_a_read is not None:
        typer.echo(f"A read of the view scans about {plan.bytes_of_a_read / 1e6:,.1f} MB.")
    if not apply:
        what = "It would be replaced." if plan.is_there else "It is not there yet."
        typer.echo(f"{VIEW}: {what} Nothing was changed; --apply does it.")
    else:
        typer.echo(f"{VIEW}: {'replaced' if plan.is_there else 'created'}.")


def _show_all(report: BaselineReport) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.intervals import between, plainly, share_between
    from nbkit.findings.wording import count_of, percent, seconds

    console = Console(highlight=False)
    known = report.known
    # The narrow one fits 80 columns.
    wide = ("Runs", "CoV", "P50", "P95", "interval", "P99", "Failed", "interval ")
    narrow = ("Runs", "P50", "P95", "interval", "Failed")

    def grid(headers: tuple[str, ...]) -> Table:
        made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        made.add_column("Processor", overflow="fold")
        for header in headers:
            made.add_column(header, justify="left" if "interval" in header else "right")
        for each in known:
            cells = {
                "Runs": f"{each.runs:,}",
                "CoV": _share(each.duration.cov.value),
                "P50": seconds(each.duration.p50.value),
                "P95": seconds(each.duration.p95.value),
                "interval": plainly(between(each.duration.p95)),
                "P99": seconds(each.duration.p99.value),
                "Failed": percent(each.failures.rate),
                "interval ": plainly(share_between(each.failures)),
            }
            made.add_row(each.subject, *(cells[header] for header in headers))
        return made

    if known:
        full = grid(wide)
        needed = console.measure(full, options=console.options.update(width=1_000)).maximum
        console.print(full if needed <= console.width else grid(narrow))
    thin = len(report.processors) - len(known)
    if thin:
        console.print(
            Text(f"{count_of(thin, 'processor')} with too little history (--json has why)", "dim")
        )
    console.print(Text(_window(report.start, report.days), style="dim"))


def _show_one(report: BaselineReport, processor: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from nbkit.findings.intervals import (
        between,
        busy,
        plainly,
        share_between,
        whole,
        whole_percent,
    )
    from nbkit.findings.wording import count_of, percent, seconds

    console = Console(highlight=False, soft_wrap=True)
    found = report.baseline(processor)

    def line(name: str, value: str | None, interval: str | None) -> None:
        console.print(
            f"{name:<22}{value or '–':>10}   ", Text(plainly(interval), style="dim"), sep=""
        )

    console.print(processor, style="bold")
    if found.thin:
        console.print(f"Not enough history: {found.thin}.", style="yellow")
    console.print(
        Text(
            f"{count_of(found.runs, 'run')} with something to do on "
            f"{count_of(found.days, 'day')}, {found.successes:,} of them successful; idle on "
            f"{count_of(found.idle_days, 'day')}",
            style="dim",
        )
    )
    for name, spread, show in (
        ("duration", found.duration, seconds),
        ("records", found.records, whole),
    ):
        for rank in ("p50", "p95", "p99"):
            estimate: Estimate = getattr(spread, rank)
            value = None if estimate.value is None else show(estimate.value)
            line(f"{name} {rank.upper()}", value, between(estimate, show))
        line(f"{name} CoV", _share(spread.cov.value), between(spread.cov, whole_percent))
    for name, share in (
        ("really failed", found.failures),
        ("nothing to do", found.nothing_to_do),
        ("zero records", found.zero_records),
    ):
        line(name, percent(share.rate) if share.total else None, share_between(share))
    if found.busy:
        console.print(f"Work ends mostly {busy(found.busy)} UTC.")
    levels = report.level_table(processor)
    if levels.rows:
        console.print("\nDays that differ beyond chance:")
        table = type(levels)(
            levels.columns[1:], tuple(row[1:] for row in levels.rows), levels.empty
        )
        console.print(plainly(repr(table)), markup=False)
    console.print(Text(_window(report.start, report.days), style="dim"))


def _window(start: datetime, days: int) -> str:
    last = start + timedelta(days=days - 1)
    return f"{days} whole UTC days, {start:%Y-%m-%d} to {last:%Y-%m-%d}; 95 % intervals"


def _share(value: float | None) -> str | None:
    from nbkit.findings.intervals import whole_percent

    return None if value is None else whole_percent(value)


def _document(report: BaselineReport, processor: str) -> dict[str, Any]:
    wanted = [b for b in report.processors if processor in ("", b.subject)]
    return {
        "as_of": report.as_of.isoformat(),
        "start": report.start.isoformat(),
        "days": report.days,
        "confidence": report.rules.confidence,
        "off_days": [str(day) for day in report.seasonality.off_days],
        "processors": [_plain(each) for each in wanted],
        "levels": [
            {"factor": each.factor.value, "level": each.level, **_plain(each.baseline)}
            for each in report.levels
            if processor in ("", each.baseline.subject)
        ],
        **({} if processor else {"phases": [_plain(each) for each in report.phases]}),
    }


def _plain(each: Baseline) -> dict[str, Any]:
    def estimate(one: Estimate) -> dict[str, float | None]:
        return {"value": one.value, "low": one.low, "high": one.high}

    def share(one: Proportion) -> dict[str, float | int | None]:
        known = one.total > 0
        return {
            "value": one.rate,
            "low": one.low if known else None,
            "high": one.high if known else None,
            "of": one.total,
        }

    return {
        "subject": each.subject,
        "not_enough_history": each.thin,
        "runs": each.runs,
        "successes": each.successes,
        "expected": each.expected,
        "days": each.days,
        "idle_days": each.idle_days,
        **{
            name: {
                "count": spread.count,
                **{rank: estimate(getattr(spread, rank)) for rank in ("p50", "p95", "p99", "cov")},
            }
            for name, spread in (("duration_s", each.duration), ("records", each.records))
        },
        "real_failures": share(each.failures),
        "nothing_to_do": share(each.nothing_to_do),
        "zero_records": share(each.zero_records),
        "busy_hours_utc": None
        if each.busy is None
        else {
            "first": each.busy.first,
            "length": each.busy.length,
            "share": each.busy.share,
            "by_hour": list(each.busy.by_hour),
        },
    }
