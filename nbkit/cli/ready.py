"""`nbkit ready`: is the input of a processor there, and when will it be?"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.moments import moment_of
from nbkit.errors import ParameterError

if TYPE_CHECKING:
    from nbkit.analysis.readiness import Readiness, Upstream

Url = Annotated[str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")]
AsOf = Annotated[str, typer.Option(help="The moment asked about. [default: now]")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


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

    moment = moment_of(as_of, warehouse, find_project(), exact=True)
    # The work of a night in New York is about the day that has just ended there.
    asked = _date(day) or moment.astimezone(ZoneInfo("America/New_York")).date() - timedelta(days=1)
    with open_warehouse(warehouse or None) as opened:
        found = check_dependencies(processor, asked, warehouse=opened, as_of=moment, whole=whole)
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=1))
    else:
        _show(found)
    if not found.is_ready:
        raise typer.Exit(1)


def _show(found: Readiness) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.wording import capital, part_of, verb

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
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for header in ("", "Upstream", "What", "Since (UTC)", "Usually by"):
        grid.add_column(header, overflow="fold", no_wrap=header != "What")
    for upstream in sorted(found.upstreams, key=lambda u: u.is_ready):
        grid.add_row(
            Text("✓", style="green") if upstream.is_ready else Text("✖", style="red"),
            upstream.name,
            _what(upstream),
            shown(upstream.since, "–"),
            shown(upstream.usual.median if upstream.usual else None, "unknown"),
        )
    console.print(grid)
    done = len(found.upstreams) - len(found.not_ready)
    told = capital(part_of(done, len(found.upstreams), "upstream"))
    outlook = "" if found.is_ready else f"; {found.outlook}"
    console.print(
        Text(f"{told} {verb(done, 'are')} done{outlook}.", style="dim"),
        soft_wrap=not found.is_ready,
    )


def _what(upstream: Upstream) -> str:
    """Shorter than the reason, for a terminal of 80 columns."""
    from nbkit.findings.wording import count_of

    if upstream.state == "succeeded" and upstream.records is not None:
        return count_of(upstream.records, "record")
    return upstream.reason


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
        "usually_at": iso_utc(found.usually_at) if found.usually_at else None,
        "outlook": found.outlook,
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


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"--date {text}: not a date; write it like 2026-01-12.") from None
