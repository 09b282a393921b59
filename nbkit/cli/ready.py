"""`nbkit ready`: is the input of a processor there? `nbkit timeouts`: how long may it take?"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of
from nbkit.errors import ParameterError

if TYPE_CHECKING:
    from nbkit.analysis.readiness import Readiness
    from nbkit.analysis.timeouts import TimeoutSuggestion

Url = Annotated[str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")]
AsOf = Annotated[str, typer.Option(help="The moment asked about. [default: now]")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
_WINDOW = timedelta(days=30)


def ready_command(
    processor: Annotated[str, typer.Argument(metavar="NAME", help="A registered processor.")],
    day: Annotated[
        str, typer.Option("--date", help="The data date. [default: yesterday in New York]")
    ] = "",
    warehouse: Url = "",
    as_of: AsOf = "",
    whole: Annotated[
        bool, typer.Option("--all-upstream", help="All ancestors, not only the direct ones.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether the input of a processor for a date is there: exit 0 ready, 1 not.

    An upstream that had nothing to do (no games) counts as ready.
    """
    from zoneinfo import ZoneInfo

    from nbkit.project import find_project
    from nbkit.runs.readiness import check_dependencies
    from nbkit.warehouse import open_warehouse

    moment = moment_of(as_of, warehouse, find_project())
    # The work of a night in New York is about the day that has just ended there.
    asked = _date(day) or moment.astimezone(ZoneInfo("America/New_York")).date() - timedelta(1)
    with open_warehouse(warehouse or None) as opened:
        found = check_dependencies(processor, asked, warehouse=opened, as_of=moment, whole=whole)
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=1))
    else:
        _show(found)
    if not found.is_ready:
        raise typer.Exit(1)


def timeouts_command(
    processor: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this one.")] = "",
    warehouse: Url = "",
    as_of: AsOf = "",
    as_json: AsJson = False,
) -> None:
    """Suggest a timeout for each processor: four times the P95 of its successes in 30 days.

    Not below 1 minute, not above 30; none where there were fewer than 20 successes.
    """
    from nbkit.analysis.profiles import profiles_by
    from nbkit.analysis.timeouts import suggest_timeouts
    from nbkit.project import find_project
    from nbkit.registry import load_registry
    from nbkit.warehouse import open_warehouse

    moment = moment_of(as_of, warehouse, find_project())
    registry = load_registry()
    with open_warehouse(warehouse or None) as opened:
        frame = opened.query("daily_histograms", start=moment - _WINDOW, end=moment, as_of=moment)
    good = frame[(frame["metric"] == "duration_s") & (frame["outcome"] == "success")]
    durations = {
        name: profile for (name,), profile in profiles_by(good, ["processor_name"]).items()
    }
    if processor and processor not in durations:
        registry.processor(processor)  # a name that is misspelt is told
    found = [
        one
        for one in suggest_timeouts(durations, registry)
        if (one.processor == processor if processor else one.successes)
    ]
    if as_json:
        typer.echo(json.dumps([_plain_suggestion(one) for one in found], indent=1))
    else:
        _show_suggestions(found)


def _show(found: Readiness) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.wording import moment

    def shown(at: datetime | None, otherwise: str) -> str:
        return f"{at:%m-%d %H:%M}" if at else otherwise

    console = Console(highlight=False)
    word, colour = ("ready", "green") if found.is_ready else ("not ready", "red")
    console.print(
        Text.assemble((found.processor, "bold"), " is ", (word, colour), f" for {found.data_date}")
    )
    if not found.upstreams:
        console.print(Text("It needs nothing.", style="dim"))
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("", "Upstream", "What", "Since (UTC)", "Usually by"):
        grid.add_column(header, overflow="fold", no_wrap=header == "Upstream")
    for upstream in sorted(found.upstreams, key=lambda u: u.is_ready):
        grid.add_row(
            Text("✓", style="green") if upstream.is_ready else Text("✖", style="red"),
            upstream.name,
            upstream.reason,
            shown(upstream.since, "–"),
            shown(upstream.usual.median if upstream.usual else None, "unknown"),
        )
    console.print(grid)
    if not found.is_ready:
        when = moment(found.expected_at) if found.expected_at else "not known"
        console.print(Text(f"Expected: {when}. The rest: nbkit registry impact NAME", style="dim"))


def _show_suggestions(found: list[TimeoutSuggestion]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.wording import span

    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("Processor", "Now", "Suggested", "P95", "Successes", "Over it"):
        is_name = header == "Processor"
        grid.add_column(header, justify="left" if is_name else "right", no_wrap=is_name)
    for one in found:
        now = span(one.current) + (" *" if one.is_default else "")
        suggested = Text(span(one.suggested)) if one.suggested else Text("not enough", style="dim")
        grid.add_row(
            one.processor,
            now,
            suggested,
            span(one.p95),
            f"{one.successes:,}",
            Text(f"{one.over:,}", style="yellow" if one.over else "dim"),
        )
    console = Console(highlight=False)
    console.print(grid)
    console.print(
        Text("* the registry's default for the phase, stated by no document", style="dim")
    )


def _plain(found: Readiness) -> dict[str, Any]:
    from nbkit.findings import iso_utc

    return {
        "processor": found.processor,
        "data_date": str(found.data_date),
        "as_of": iso_utc(found.as_of),
        "ready": found.is_ready,
        "reason": found.reason,
        "missing": list(found.missing),
        "expected_at": iso_utc(found.expected_at) if found.expected_at else None,
        "upstreams": [
            {
                "name": u.name,
                "state": str(u.state),
                "ready": u.is_ready,
                "reason": u.reason,
                "since": iso_utc(u.since) if u.since else None,
                "records": u.records,
                "category": str(u.category) if u.category else None,
                "usually_by": iso_utc(u.usual.median) if u.usual else None,
                "nine_in_ten_by": iso_utc(u.usual.p90) if u.usual else None,
            }
            for u in found.upstreams
        ],
    }


def _plain_suggestion(one: TimeoutSuggestion) -> dict[str, Any]:
    def seconds(length: timedelta | None) -> float | None:
        return None if length is None else round(length.total_seconds(), 3)

    return {
        "processor": one.processor,
        "current_s": seconds(one.current),
        "current_is_default": one.is_default,
        "suggested_s": seconds(one.suggested),
        "p95_s": seconds(one.p95),
        "successes": one.successes,
        "successes_over_suggestion": one.over,
    }


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"--date {text}: not a date; write it like 2026-01-12.") from None
