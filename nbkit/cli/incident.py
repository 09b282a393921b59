"""`nbkit incident`: what happened, in the terminal: root, blast radius, who waits, what next."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import default_moment
from nbkit.cli.verdict import first_findings, print_finding, print_verdict
from nbkit.errors import InputError
from nbkit.project import Project, find_project

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from nbkit.analysis.incident.cascade import Incident
    from nbkit.questions.incident_report import IncidentReport

_MESSAGES = 6
_CHANGES = 5


def incident_command(
    since: Annotated[
        str, typer.Option(help="Look at the last so long: 90m, 2h. [default: 2h]")
    ] = "",
    start: Annotated[
        str, typer.Option(help="First moment of the window, e.g. 2026-01-08T04:00Z.")
    ] = "",
    end: Annotated[
        str, typer.Option(help="First moment after the window. [default: the --as-of moment]")
    ] = "",
    processor: Annotated[
        str, typer.Option(help="Only this one, what it needs and what needs it.")
    ] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_of: Annotated[
        str,
        typer.Option(help="The moment at which it is asked who waits. [default: --end, or now]"),
    ] = "",
    report: Annotated[
        bool, typer.Option("--report", help="Run the notebook on this window and keep its report.")
    ] = False,
    to: Annotated[str, typer.Option(help="Tell about it: slack, or dir:PATH for a preview.")] = "",
    slack: Annotated[
        bool, typer.Option("--slack", help="Print the summary in Slack's markup, to paste.")
    ] = False,
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 for a finding at or above: critical, warning, info.")
    ] = "critical",
    as_json: Annotated[bool, typer.Option("--json", help="findings.json on stdout.")] = False,
) -> None:
    """What happened? Root, blast radius, new messages and who waits, for a window of time.

    Beside the window stand the same hours of the last four weeks and the 30 days before it. Exits
    0 when all is well, 1 for a finding at or above --fail-on.
    """
    from nbkit.cli.run import run_command, severity_of

    if report + slack + as_json > 1:
        raise InputError("--report, --slack and --json exclude one another; give one of them.")
    if since and start and end:
        raise InputError(
            "--since gives the length of a window of which --start or --end is not "
            "given; leave one of the three out."
        )
    limit = severity_of(fail_on)
    project = find_project()
    moment = as_of or end or default_moment(warehouse, project).isoformat()
    if start and since:
        start, end = _from(start, since)
        moment = as_of or end
    if report:
        given = {"start": start, "end": end, "since": since or "2h", "processor": processor}
        run_command(
            "incident",
            params=None,
            assignments=[f"{name}={value}" for name, value in given.items()],
            as_of=moment,
            warehouse=warehouse,
            out="",
            to=to,
            fail_on=fail_on,
            exit_zero=False,
            cell_timeout="15m",
            timeout="1h",
            quiet=False,
            help_params=False,
        )
        return
    from nbkit.questions.incident import incident

    found = incident(
        warehouse,
        as_of=moment,
        start=start,
        end=end,
        since=since or "2h",
        processor=processor,
    )
    if as_json:
        typer.echo(json.dumps(_document(found), indent=1, ensure_ascii=False))
    elif slack:
        typer.echo(str(found.slack_summary()))
    else:
        from rich.console import Console

        _show(found, Console(highlight=False))
    if to:
        series = (
            f"{found.start:%Y%m%dT%H%MZ}-{found.end:%Y%m%dT%H%MZ}" if start or end else "latest"
        )
        _tell(found, to, series, project)
    if any(finding.severity.rank >= limit.rank for finding in found.findings):
        raise typer.Exit(1)


def _from(start: str, since: str) -> tuple[str, str]:
    """The window that begins at `start` and is `since` long."""
    from nbkit.cli.lengths import length_of
    from nbkit.params import parse_moment

    first = parse_moment(start)
    return first.isoformat(), (first + length_of("--since", since)).isoformat()


def _document(found: IncidentReport) -> dict[str, Any]:
    return {"schema": 1, "notebook": "incident", **found.judgement.to_json()}


def _tell(found: IncidentReport, to: str, series: str, project: Project) -> None:
    """Through the same outbox and ledger as reports; there is no page to link to."""
    from nbkit.delivery import deliver

    with TemporaryDirectory() as folder:
        place = Path(folder) / f"{found.as_of.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{series}"
        place.mkdir()
        (place / "findings.json").write_text(json.dumps(_document(found)), encoding="utf-8")
        done = deliver(
            place,
            to=to,
            project=project,
            now=datetime.now(UTC),
            environment=os.environ,
            report_url=f"none was made; {_again(found)} makes it",
        )
    where = done.path / "preview.html" if done.path else f"Told in {done.destination}"
    typer.echo(where, err=True)


def _again(found: IncidentReport) -> str:
    """The command that makes the whole report of this window."""
    from nbkit.findings import iso_utc

    words = [f"--start {iso_utc(found.start)}", f"--end {iso_utc(found.end)}"]
    if found.processor:
        words.append(f"--processor {found.processor}")
    return f"nbkit incident {' '.join(words)} --report"


def _show(found: IncidentReport, console: Console) -> None:
    from rich.text import Text

    from nbkit.findings.wording import count_of

    print_verdict(found.verdict, found.headline, console)
    for finding in found.findings[:1]:
        if finding.title == found.headline:
            console.print(Text(f"→ {finding.next_step}"))
    console.print(Text(found.freshness_note().text, style="dim"))
    for each in found.incidents[:3]:
        console.print()
        _show_incident(each, found, console)
    if len(found.incidents) > 3:
        rest = [each.root for each in found.incidents[3:]]
        told = f"  and {count_of(len(rest), 'more root')}: {', '.join(rest)}"
        console.print(Text(told, style="dim"))
    _show_messages(found, console)
    _show_changes(found, console)
    # The headline is the first finding's title already.
    others = [f for f in first_findings(found.findings) if f.title != found.headline]
    if others:
        console.print()
    for finding in others:
        print_finding(finding, console)
    console.print()
    console.print(Text(f"Whole report: {_again(found)}", style="dim"), soft_wrap=True)
    console.print(
        Text("To paste: nbkit incident … --slack    Machines: nbkit incident … --json", style="dim")
    )


def _show_incident(each: Incident, found: IncidentReport, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.incident import ground_of, incident_failures
    from nbkit.findings.wording import count_of, some
    from nbkit.questions.incident_report import criticalities

    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("Root", Text.assemble((some(each.roots), "bold"), f"  {ground_of(each)}"))
    clock = f"{each.since:%H:%M} to {each.until:%H:%M} UTC"
    well = each.recovered_at
    after = f"; all well again by {well:%H:%M} UTC" if well else "; going on"
    grid.add_row("When", f"{clock}{after}")
    if each.trouble:
        usual = each.trouble.usual
        told = ""
        if usual.low is not None and usual.high is not None and not each.shared:
            told = f", usually {usual.low:,.0f} to {usual.high:,.0f}"
        why = ", ".join(each.trouble.reasons)
        grid.add_row("Failures", f"{incident_failures(each):,}{told}  {why}")
    if each.followers:
        listed = ", ".join(f"{f.processor} ({f.failures:,})" for f in each.followers)
        grid.add_row("Then", listed)
    affected = found.affected(each)
    levels = f" ({criticalities(affected)})" if affected else ""
    grid.add_row("Blast radius", count_of(len(affected), "processor") + levels)
    grid.add_row("Waiting", _waits(each, found))
    console.print(grid)


def _waits(each: Incident, found: IncidentReport) -> Text:
    from rich.text import Text

    from nbkit.analysis.incident.waiting import waiting
    from nbkit.findings.wording import span

    rows = waiting(found.standings.get(each.root, ()))
    if not rows:
        return Text("nobody")
    told = []
    for row in rows[:4]:
        left = row.left
        due = ""
        if left is not None:
            due = (
                f" (due {span(-left)} ago)"
                if left.total_seconds() < 0
                else f" (due in {span(left)})"
            )
        told.append(f"{row.processor.name}{due}")
    more = f" and {len(rows) - 4} more" if len(rows) > 4 else ""
    return Text(f"{', '.join(told)}{more}", style="yellow")


def _show_messages(found: IncidentReport, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.wording import count_of, some

    real = [group for group in found.messages if not group.expected]
    fresh = [group for group in found.messages if group.expected and group.is_new]
    shown = [*real[:_MESSAGES], *fresh[:2]]
    if not shown:
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    # What is short stays whole; the message gets what the terminal has left.
    whose = min(34, console.width // 4)
    grid.add_column("", no_wrap=True, min_width=3)
    grid.add_column("Failures", justify="right", no_wrap=True, min_width=8)
    grid.add_column("Usual", justify="right", no_wrap=True, min_width=5)
    rest = max(20, console.width - 3 - 8 - 5 - 2 * 4 - whose)
    grid.add_column("Message", no_wrap=True, overflow="ellipsis", max_width=rest)
    grid.add_column("Whose", no_wrap=True, overflow="ellipsis", max_width=whose)
    for group in shown:
        grid.add_row(
            Text("NEW", style="bold red") if group.is_new else "",
            f"{group.failures:,}",
            f"{group.usual:,.0f}",
            Text(" ".join(group.example.split()) or "no message recorded"),
            Text(some(group.processors, 1)),
        )
    console.print()
    console.print(grid)
    left = real[_MESSAGES:]
    if left:
        new = sum(group.is_new for group in left)
        told = count_of(len(left), "more message")
        console.print(Text(f"  and {told}, {new or 'none'} of them new", style="dim"))


def _show_changes(found: IncidentReport, console: Console) -> None:
    from rich.text import Text

    if not found.surroundings:
        return
    console.print()
    console.print(Text("What else changed", style="dim"))
    for change in found.surroundings[:_CHANGES]:
        before = f"{change.before} → " if change.before else ""
        console.print(
            Text(f"{change.at:%H:%M} {change.what} of {change.subject}: {before}{change.now}"),
            overflow="ellipsis",
            no_wrap=True,
        )
    left = len(found.surroundings) - _CHANGES
    if left > 0:
        console.print(Text(f"  and {left} more", style="dim"))
