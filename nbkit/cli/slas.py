"""`nbkit slas`: how every promise stands, in the terminal; and the page that is made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of
from nbkit.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from nbkit.analysis.slas import Attainment
    from nbkit.questions.slas import SlaStatus

app = typer.Typer(
    help="Service levels: how every target stands (shown without a command), and their page.",
    rich_markup_mode=None,
)
_MARKS = {"met": ("✔", "green"), "missed": ("✖", "red")}
_BAR = 10

Warehouse_ = Annotated[
    str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
]
AsOf = Annotated[
    str, typer.Option(help="The moment to judge, e.g. 2026-01-13T12:00:00Z. [default: now]")
]
FailOn = Annotated[
    str, typer.Option(help="Exit 1 for a finding at or above: critical, warning, info.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.callback(invoke_without_command=True)
def _default(
    context: typer.Context,
    warehouse: Warehouse_ = "",
    as_of: AsOf = "",
    fail_on: FailOn = "critical",
    as_json: AsJson = False,
) -> None:
    """Without a command: show."""
    if context.invoked_subcommand is None:
        show_command(target="", warehouse=warehouse, as_of=as_of, fail_on=fail_on, as_json=as_json)
    elif warehouse or as_of or as_json or fail_on != "critical":
        raise ParameterError(
            f"Write options behind the command: nbkit slas {context.invoked_subcommand} …"
        )


@app.command("show")
def show_command(
    target: Annotated[str, typer.Argument(metavar="[TARGET]", help="Only this one.")] = "",
    warehouse: Warehouse_ = "",
    as_of: AsOf = "",
    fail_on: FailOn = "critical",
    as_json: AsJson = False,
) -> None:
    """Show every target: attained, error budget left, what burns it now.

    Exit code 1 when a finding is at or above --fail-on, or when the data was not fit to judge.
    """
    from nbkit.findings import Severity, Verdict
    from nbkit.project import find_project
    from nbkit.questions.slas import sla_status

    try:
        limit = Severity(fail_on)
    except ValueError:
        known = ", ".join(Severity)
        raise ParameterError(f"--fail-on {fail_on}: not a severity; use one of {known}.") from None
    status = sla_status(warehouse, as_of=moment_of(as_of, warehouse, find_project()))
    _known(target, status)
    if as_json:
        typer.echo(json.dumps(_document(status, target), indent=1, ensure_ascii=False))
    else:
        from rich.console import Console

        console = Console(highlight=False)
        _show_one(status, target, console) if target else _show(status, console)
    own = [
        finding
        for finding in status.findings
        if not target or finding.evidence.get("target", target) == target
    ]
    worst = any(finding.severity.rank >= limit.rank for finding in own)
    if worst or status.verdict is Verdict.UNKNOWN:
        raise typer.Exit(1)


@app.command("docs")
def docs_command(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page. [default: docs/slas.md]")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 where the page is not current.")
    ] = False,
) -> None:
    """Write docs/slas.md from registry/slas.yaml."""
    from nbkit.project import find_project
    from nbkit.registry import load_registry
    from nbkit.registry.sla_page import slas_page
    from nbkit.registry.slas import load_slas
    from nbkit.registry.yaml_lines import shown_path

    page = out or find_project().root / "docs" / "slas.md"
    registry = load_registry()
    text = slas_page(load_slas(registry), registry)
    if not check:
        try:
            page.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ParameterError(f"{page}: cannot be written: {error.strerror}.") from None
        typer.echo(shown_path(page))
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        typer.echo(f"{shown_path(page)} is not current; run `nbkit slas docs`.", err=True)
        raise typer.Exit(1)


def _known(target: str, status: SlaStatus) -> None:
    from nbkit.registry.problems import nearest

    names = [each.target.name for each in status.attainments]
    if target and target not in names:
        hint = nearest(target, names).removeprefix("; ") or f"There are: {', '.join(names)}."
        raise ParameterError(f"No target {target!r} in registry/slas.yaml; {hint}")


def _show(status: SlaStatus, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from nbkit.analysis.slas import Standing
    from nbkit.cli.verdict import print_verdict
    from nbkit.findings.slas import amount
    from nbkit.findings.wording import moment, percent

    days = status.facts.slas.period.days
    print_verdict(status.verdict, f"Service levels, {days} days to {moment(status.as_of)}", console)
    console.print()
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column("")
    grid.add_column("Target", overflow="fold")
    for header in ("Attained", "Promised", "Of"):
        grid.add_column(header, justify="right", no_wrap=True)
    grid.add_column("Budget left", no_wrap=True)
    grid.add_column("Burning", no_wrap=True)
    measured = [a for a in status.attainments if a.standing is not Standing.NOT_MEASURED]
    for each in measured:
        mark, colour = _MARKS.get(each.standing, ("?", "yellow"))
        burn = status.burns[each.target.name]
        grid.add_row(
            Text(mark, colour),
            each.target.title,
            Text(percent(each.share.rate), colour),
            percent(each.target.objective),
            amount(each.target, each.share.total)
            if each.target.measure.is_time
            else f"{each.share.total:,} {each.target.unit}",
            _bar(each),
            Text(f"{burn.rate:.1f}×", "red" if burn.alert.severity == "critical" else "yellow")
            if burn
            else Text(""),
        )
    console.print(grid)
    unmeasured = [a.target.title for a in status.attainments if a not in measured]
    if unmeasured:
        console.print()
        console.print(Text(f"Not measured: {', '.join(unmeasured)}.", style="dim"))
    for excused, each in status.excused.items():
        console.print(
            Text(
                f"{excused}: {percent(each.share.rate)} without the exceptions of "
                "registry/sla_exceptions.yaml",
                style="dim",
            )
        )
    console.print()
    worst = max(measured, key=lambda a: a.spent or 0.0, default=None)
    name = worst.target.name if worst else status.attainments[0].target.name
    console.print(
        Text(f"One target: nbkit slas show {name}    Report: nbkit run sla_weekly", style="dim")
    )


def _bar(each: Attainment) -> Any:
    """What is left as a bar, or how often it was spent."""
    from rich.text import Text

    spent = each.spent or 0.0
    if spent > 1:
        return Text(f"spent {spent:,.1f}×", "red")
    full = round(_BAR * (1 - spent))
    return Text("█" * full, "green") + Text(
        f"{'░' * (_BAR - full)} {100 * (1 - spent):.0f}\u00a0%", "dim"
    )


def _show_one(status: SlaStatus, name: str, console: Console) -> None:
    from rich.text import Text

    from nbkit.analysis.slas.completion import counted
    from nbkit.findings.slas import amount, budgets
    from nbkit.findings.wording import percent
    from nbkit.registry.sla_page import objective_of
    from nbkit.registry.slas import Measure

    each = status.attainment(name)
    target, share = each.target, each.share
    unit = "" if target.measure.is_time else f"{target.unit} "
    console.print(Text(f"{target.title}: {each.standing}", "bold"))
    console.print(f"promised   {objective_of(target)}")
    console.print(f"stated     {target.stated}", markup=False)
    if target.assumed:
        console.print(f"read as    {target.assumed}", markup=False)
    if target.measure is Measure.ON_TIME:
        for processor in counted(target, status.facts.registry):
            # The documents promise the gamebook later than its phase.
            own = "" if processor.is_default("sla_completion_time") else " (itself due {})"
            due = own.format(processor.sla_completion_time)
            console.print(f"waits for  {processor.name}{due}", markup=False)
    if each.why_not:
        console.print(f"not measured: {each.why_not}", markup=False)
        return
    console.print(
        f"attained   {percent(share.rate)} ({amount(target, share.successes)} of "
        f"{amount(target, share.total)} {unit}good; {percent(share.confidence)} interval "
        f"{percent(share.low)} to {percent(share.high)})"
    )
    may = f"{each.budget / 60:,.1f} h" if target.measure.is_time else f"{each.budget:,.1f}"
    console.print(f"may be bad {may} {unit}(error budget); {budgets(each.spent or 0.0)}")
    for contribution in status.contributed[name][:5]:
        told = amount(target, contribution.bad)
        console.print(f"bad        {told} {unit}of {contribution.name}", markup=False)
    for finding in status.findings:
        if finding.evidence.get("target") == name or finding.fingerprint.endswith(f":{name}"):
            console.print(Text(f"{finding.severity}: {finding.title}", "yellow"))
            console.print(Text(f"           {finding.next_step}", "dim"))


def _document(status: SlaStatus, name: str) -> dict[str, Any]:
    return {
        **status.judgement.to_json(),
        "targets": [
            _plain(status, each) for each in status.attainments if name in ("", each.target.name)
        ],
        "exceptions": [
            {"name": e.name, "targets": list(e.targets), "reason": e.reason}
            for e in status.facts.exceptions
        ],
    }


def _plain(status: SlaStatus, each: Attainment) -> dict[str, Any]:
    known = each.share.total > 0
    burn = status.burns[each.target.name]
    excused = status.excused.get(each.target.name)
    return {
        "name": each.target.name,
        "standing": each.standing.value,
        "why_not": each.why_not or None,
        "objective": each.target.objective,
        "unit": each.target.unit,
        "attained": each.share.rate,
        "low": each.share.low if known else None,
        "high": each.share.high if known else None,
        "good": each.share.successes,
        "total": each.share.total,
        "budget": each.budget if known else None,
        "budget_spent": each.spent,
        "burn": {"alert": burn.alert.name, "rate": burn.rate, "limit": burn.limit}
        if burn
        else None,
        "without_exceptions": excused.share.rate if excused else None,
    }
