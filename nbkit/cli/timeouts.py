"""`nbkit timeouts`: how long may each processor take before it is ended?"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of

if TYPE_CHECKING:
    from nbkit.analysis.timeouts import TimeoutSuggestion

_WINDOW = timedelta(days=30)


def timeouts_command(
    processor: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this one.")] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_of: Annotated[str, typer.Option(help="The end of the 30 days. [default: now]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Suggest a timeout for each processor: four times the P95 of its successes in 30 days.

    Not below 1 minute, not above 30; none where there were fewer than 20 successes. "Over" counts
    the successes that took longer: a guard with that timeout would have ended them.
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
    found = sorted(
        (
            one
            for one in suggest_timeouts(durations, registry)
            if (one.processor == processor if processor else one.successes)
        ),
        key=lambda one: (one.suggested is None, -one.over, one.processor),
    )
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in found], indent=1))
    else:
        _show(found)


def _show(found: list[TimeoutSuggestion]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.analysis.timeouts import TimeoutRules

    console = Console(highlight=False)
    if not found:
        console.print(
            "No processor succeeded in those 30 days. Is this the right --warehouse, the right "
            "--as-of?"
        )
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for header in ("Processor", "Now", "Suggested", "P95", "Successes", "Over"):
        grid.add_column(header, justify="left" if header == "Processor" else "right", no_wrap=True)
    for one in found:
        grid.add_row(
            one.processor,
            f"{_seconds(one.current)}{'*' if one.is_default else ' '}",
            _seconds(one.suggested),
            _seconds(one.p95),
            f"{one.successes:,}",
            Text(f"{one.over:,}", style="yellow" if one.over else "dim") if one.suggested else "–",
        )
    console.print(Text("Timeouts in seconds, as timeout_seconds in the registry", style="dim"))
    console.print(grid)
    if any(one.is_default for one in found):
        console.print(Text("* the registry's default, stated by no document", style="dim"))
    if any(one.suggested is None for one in found):
        enough = TimeoutRules().enough
        console.print(
            Text(f"– not enough history: fewer than {enough} successes in 30 days", style="dim")
        )


def _seconds(length: timedelta | None) -> str:
    return "–" if length is None else f"{length.total_seconds():,.0f}"


def _plain(one: TimeoutSuggestion) -> dict[str, Any]:
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
