"""`nbkit health`: the daily verdict in the terminal. A screen, not a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from nbkit.cli.moments import default_moment
from nbkit.cli.verdict import first_findings, print_finding, print_verdict, severity_of

if TYPE_CHECKING:
    from rich.console import Console

    from nbkit.findings import Finding
    from nbkit.questions.health_report import DailyHealth

WORSE_SHOWN = 5


def health_command(
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_of: Annotated[
        str, typer.Option(help="The moment to judge, e.g. 2026-01-13T12:00:00Z. [default: now]")
    ] = "",
    services: Annotated[
        str,
        typer.Option(help="Output of `gcloud run services list --format=json`, or cloudrun://…"),
    ] = "",
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 for a finding at or above: critical, warning, info.")
    ] = "critical",
    as_json: Annotated[bool, typer.Option("--json", help="findings.json on stdout.")] = False,
) -> None:
    """Is everything okay? The verdict of the daily report, in seconds."""
    from nbkit.project import find_project
    from nbkit.questions.daily_health import daily_health

    limit = severity_of(fail_on)
    project = find_project()
    moment = as_of or default_moment(warehouse, project)
    report = daily_health(warehouse, as_of=moment, services=services)
    if as_json:
        document = {"schema": 1, "notebook": "daily_health", **report.judgement.to_json()}
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        from rich.console import Console

        _show(report, Console(highlight=False))
    if any(finding.severity.rank >= limit.rank for finding in report.findings):
        raise typer.Exit(1)


def _show(report: DailyHealth, console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings import Severity
    from nbkit.findings.trends import KINDS
    from nbkit.findings.wording import moment, percent

    print_verdict(report.verdict, f"Pipeline health, 24 hours to {moment(report.as_of)}", console)
    console.print(Text(report.freshness_note().text, style="dim"))
    console.print()
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header, justify in (
        ("Phase", "left"),
        ("Runs", "right"),
        ("Real", "right"),
        ("Expected", "right"),
        ("Effective 7 d", "right"),
        ("Raw 7 d", "right"),
    ):
        grid.add_column(header, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for phase in report.phases:
        rate = phase.week.effective_rate
        style = "" if rate is None or rate >= 0.95 else "red" if rate < 0.5 else "yellow"
        grid.add_row(
            escape(phase.title),
            f"{phase.day.runs:,}",
            f"{phase.day.real:,}",
            f"{phase.day.expected:,}",
            Text(percent(rate), style=style),
            percent(phase.week.raw_rate),
        )
    console.print(grid)
    console.print()
    # What gets worse has lines of its own below, unless it cannot wait.
    trends = set(KINDS.values()) | {"timeout_ahead", "deadline_at_risk"}
    findings = tuple(
        f for f in report.findings if f.kind not in trends or f.severity is Severity.CRITICAL
    )
    shown = first_findings(findings)
    for finding in shown:
        print_finding(finding, console)
    folded = [f for f in findings if f not in shown]
    if folded:
        console.print(Text(f"  and {len(folded)} more: {_summary(folded)}", style="dim"))
    if not report.findings:
        console.print("Nothing needs attention.")
    _show_worse(report, console)
    console.print()
    console.print(
        Text("Whole report: nbkit run daily_health    Machines: nbkit health --json", style="dim")
    )


def _show_worse(report: DailyHealth, console: Console) -> None:
    from rich.text import Text

    from nbkit.findings.trends import change_named, size_told
    from nbkit.findings.wording import count_of

    warned = report.worse.warnings
    console.print()
    console.print(
        Text.assemble(
            ("Getting worse: ", "bold"),
            f"{len(warned.warnings)} of {count_of(len(warned.judged), 'processor')}"
            + (f"; {thin} with too little history" if (thin := len(warned.insufficient)) else "")
            + (" (nbkit trends)" if warned.warnings else ""),
        )
    )
    for warning, change in report.worse.worse[:WORSE_SHOWN]:
        forecast = report.worse.timeouts.get(warning.processor)
        on = forecast.on if forecast is not None and change.metric == "duration" else None
        console.print(
            Text.assemble(
                ("▲ ", "yellow"),
                f"{warning.processor} {change_named(change)} since {change.since}, "
                f"{size_told(change)}" + (f", timeout reached {on}" if on else ""),
            )
        )
    if len(report.worse.worse) > WORSE_SHOWN:
        console.print(Text(f"  and {len(report.worse.worse) - WORSE_SHOWN} more", style="dim"))


def _summary(findings: list[Finding]) -> str:
    from collections import Counter

    kinds = Counter(finding.kind.replace("_", " ") for finding in findings)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
