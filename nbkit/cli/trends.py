"""`nbkit trends`: what is getting worse, in the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of
from nbkit.cli.verdict import print_finding, print_verdict, severity_of

if TYPE_CHECKING:
    from rich.console import Console

    from nbkit.questions.trend_report import TrendReport

SHOWN = 10

app = typer.Typer(
    help="What is getting worse, since when, and what comes of it.", invoke_without_command=True
)


@app.callback()
def trends_group(context: typer.Context) -> None:
    """What is getting worse, since when, and what comes of it. Alone: as `show`."""
    if context.invoked_subcommand is None:
        show_command()


@app.command("show")
def show_command(
    processor: Annotated[str, typer.Argument(metavar="[PROCESSOR]", help="Only this one.")] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_of: Annotated[
        str, typer.Option(help="Its UTC day is the first not looked at. [default: now]")
    ] = "",
    days: Annotated[int, typer.Option(help="Whole UTC days before it.")] = 90,
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 for a finding at or above: critical, warning, info.")
    ] = "critical",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what is getting worse, critical processors first.

    Steps, drifts, scatter, failures, records and runs of each processor beside its own past; when
    a drift meets the timeout or the deadline; which of the last days were odd. Known incidents are
    left out of the past: registry/marked_spans.yaml.
    """
    from nbkit.project import find_project
    from nbkit.questions.trends import trends
    from nbkit.registry import load_registry

    limit = severity_of(fail_on)
    moment = moment_of(as_of, warehouse, find_project())
    registry = load_registry()
    report = trends(warehouse, registry, as_of=moment, days=days)
    if processor and not report.has_run(processor):
        registry.processor(processor)  # a name that is misspelt is told
        report.check_processor(processor)
    if as_json:
        typer.echo(json.dumps(_document(report, processor), indent=1, ensure_ascii=False))
    else:
        from rich.console import Console

        _show(report, processor, Console(highlight=False))
    own = [f for f in report.findings if processor in ("", f.subject)]
    if any(finding.severity.rank >= limit.rank for finding in own):
        raise typer.Exit(1)


def _show(report: TrendReport, processor: str, console: Console) -> None:
    from rich.text import Text

    from nbkit.findings import Severity

    days = (report.end - report.start).days
    print_verdict(report.verdict, f"Trends, {days} whole UTC days to {report.found.day}", console)
    if not processor:
        console.print(Text(report.summary_note().text, style="dim"))
    console.print()
    own = [f for f in report.findings if processor in ("", f.subject)]
    worse = [f for f in own if f.kind != "anomalous_day"]
    for finding in worse[:SHOWN]:
        print_finding(finding, console)
    if len(worse) > SHOWN:
        console.print(Text(f"  and {len(worse) - SHOWN} more (--json has all)", style="dim"))
    if not any(f.severity is not Severity.INFO for f in worse):
        console.print(report.nothing_worse(processor))
    _lines("Recovered", report.recovered_lines(processor), console)
    _lines("Odd days", [f.title for f in own if f.kind == "anomalous_day"], console)
    console.print()
    console.print(
        Text("Whole report: nbkit run trends    Machines: nbkit trends show --json", style="dim")
    )


def _lines(name: str, lines: list[str], console: Console) -> None:
    from rich.text import Text

    if not lines:
        return
    console.print(f"\n{name}", style="bold")
    for line in lines[:SHOWN]:
        console.print(Text(f"· {line}"))
    if len(lines) > SHOWN:
        console.print(Text(f"  and {len(lines) - SHOWN} more", style="dim"))


def _document(report: TrendReport, processor: str) -> dict[str, Any]:
    document = {"schema": 1, "notebook": "trends", **report.judgement.to_json()}
    document["findings"] = [f for f in document["findings"] if processor in ("", f["subject"])]
    warned = report.found.warnings
    return document | {
        "judged": list(warned.judged),
        "insufficient": list(warned.insufficient),
        "silent": list(warned.silent),
        "expected_false": warned.expected_false,
        "recovered": [
            {
                "processor": warning.processor,
                "shape": change.kind,
                "since": str(change.since),
                "until": str(change.until),
                "effect": change.effect,
                "low": change.low,
                "high": change.high,
                "baseline": change.baseline,
                "recent": change.recent,
            }
            for warning, change in report.found.recovered
            if processor in ("", warning.processor)
        ],
    }
