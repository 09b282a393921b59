"""`nbkit registry`: is the registry right, what is a processor, what breaks if it fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.errors import InputError, RegistryError

if TYPE_CHECKING:
    from nbkit.registry import ProcessorRegistry, RegistryDrift

app = typer.Typer(
    help="The processors of the platform: check them, look one up, see what breaks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="Registry file. [default: registry/processor_registry.yaml]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]


@app.command("check")
def check_command(
    file: Annotated[
        Path | None,
        typer.Argument(help="Registry file. [default: registry/processor_registry.yaml]"),
    ] = None,
    warehouse: Annotated[
        str, typer.Option(help="Compare with the runs of this warehouse (a URL) too.")
    ] = "",
    as_of: Annotated[
        str,
        typer.Option(help="Look at runs before this moment: 2026-01-13T12:00:00Z. [default: now]"),
    ] = "",
    days: Annotated[int, typer.Option(min=1, help="How many days of runs to compare with.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with the registry, and with the SLAs beside it.

    With --warehouse, also where it disagrees with what ran: processors that are not registered,
    tables that moved, other phases (exit code 1), and those never seen (no error: off season).
    Errors in the file exit with 2.
    """
    from nbkit.params.checked import MOST_DAYS
    from nbkit.registry import load_registry

    if as_of and not warehouse:
        raise InputError("--as-of is about runs: give --warehouse too.")
    if days > MOST_DAYS:
        raise InputError(f"--days is at most {MOST_DAYS:,}, not {days}.")
    try:
        registry = load_registry(file)
        promised = _promised(registry)
    except RegistryError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"valid": False, "problems": _lines(error)}, indent=1))
        raise typer.Exit(error.exit_code) from None
    document: dict[str, Any] = {"valid": True, "file": str(registry.source), **_size(registry)}
    if promised is not None:
        document["slas"], document["sla_exceptions"] = promised
    drift = None
    if warehouse:
        end = _moment(as_of, warehouse)
        start = end - timedelta(days=days)
        drift = _drift(registry, warehouse, start, end)
        document |= {"window": {"start": _iso(start), "end": _iso(end)}, "drift": _plain(drift)}
    if as_json:
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        from nbkit.cli import registry_text

        typer.echo(registry_text.size(registry))
        if promised is not None:
            typer.echo(registry_text.promises(registry, *promised))
        if drift is not None:
            typer.echo(registry_text.drift(drift, start, end))
    if drift is not None and drift.contradicts:
        raise typer.Exit(1)


@app.command("show")
def show_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A processor; without, all are listed.")
    ] = None,
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Everything that is known about one processor; (default) marks what nobody stated."""
    from nbkit.cli import registry_text
    from nbkit.registry import load_registry

    registry = load_registry(file)
    if name is not None:
        processor = registry.processor(name)
        if as_json:
            typer.echo(json.dumps(_processor(registry, name), indent=1, ensure_ascii=False))
        else:
            typer.echo(registry_text.processor(registry, processor))
    elif as_json:
        entries = [_processor(registry, p.name) for p in registry.processors]
        typer.echo(json.dumps(entries, indent=1, ensure_ascii=False))
    else:
        typer.echo(registry_text.listing(registry))


@app.command("impact")
def impact_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The processor that fails.")],
    as_of: Annotated[
        str, typer.Option(help="When it fails: 2026-01-13T12:00:00Z. [default: now]")
    ] = "",
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """If it fails: what breaks, who owns that, which deadline is at risk."""
    from nbkit.registry import load_registry

    registry = load_registry(file)
    at = _moment(as_of)
    radius = registry.blast_radius(name)
    if not as_json:
        from nbkit.cli import registry_text

        typer.echo(registry_text.impact(registry, radius, at))
        return
    due = {d.processor.name: d for d in radius.deadlines(at)}
    document = {
        "processor": name,
        "at": _iso(at),
        "owners": radius.owners,
        "affected": [
            {
                "name": p.name,
                "phase": p.phase,
                "criticality": p.criticality,
                "owner": p.owner,
                "distance": radius.distance[p.name],
                "next_deadline": _iso(due[p.name].due) if p.name in due else None,
                "deadline_is_default": p.is_default("sla_completion_time"),
            }
            for p in radius.affected
        ],
        "deadlines": [
            {"name": d.processor.name, "due": _iso(d.due), "data_date": d.data_date.isoformat()}
            for d in radius.deadlines(at)
        ],
        "by_criticality": radius.by_criticality,
        "same_table": [p.name for p in radius.same_table],
    }
    typer.echo(json.dumps(document, indent=1, ensure_ascii=False))


@app.command("graph")
def graph_command(
    kind: Annotated[
        str | None,
        typer.Option("--format", help="svg, mermaid or dot. [default: by -o's ending, else svg]"),
    ] = None,
    processor: Annotated[
        str | None, typer.Option(help="Only what this one needs, and what needs it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write to this file. [default: stdout]")
    ] = None,
    file: FileOption = None,
) -> None:
    """Draw the dependencies: svg to look at, mermaid for a wiki, dot for graphviz."""
    from nbkit.registry import load_registry
    from nbkit.registry.diagram import ENDINGS, KINDS, draw

    if kind is None:
        kind = ENDINGS.get(out.suffix, "") if out else "svg"
        if not kind:
            known = ", ".join(ENDINGS)
            raise InputError(f"{out}: give --format, or one of the endings {known}.")
    if kind not in KINDS:
        raise InputError(f"--format {kind}: use one of {', '.join(KINDS)}.")
    text = draw(load_registry(file), kind=kind, processor=processor)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}.") from None
    typer.echo(out)


def _drift(registry: ProcessorRegistry, url: str, start: datetime, end: datetime) -> RegistryDrift:
    from nbkit.registry import compare_with_history
    from nbkit.warehouse import open_warehouse

    with open_warehouse(url) as warehouse:
        activity = warehouse.query("processor_activity", start=start, end=end, as_of=end)
    if activity.empty:
        raise InputError(
            f"No run started between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC: nothing "
            "to compare with. Give --as-of a moment of that history, or more --days."
        )
    return compare_with_history(registry, activity)


def _moment(as_of: str, warehouse: str = "") -> datetime:
    """What was asked; else, for the demo file, the moment its history was made for; else now."""
    from nbkit.params.declaration import parse_moment

    if as_of:
        return parse_moment(as_of)
    if warehouse:
        from nbkit.project import find_project

        demo = find_project().demo_warehouse
        named = Path(warehouse.removeprefix("duckdb:///").split("?")[0])
        if warehouse.startswith("duckdb:///") and demo.exists() and named.resolve() == demo:
            from nbkit.warehouse.demo.truth import load_truth

            return load_truth(demo).as_of
    return datetime.now(UTC).replace(second=0, microsecond=0)


def _promised(registry: ProcessorRegistry) -> tuple[int, int] | None:
    """How many SLAs and exceptions stand beside the registry; None where there is no such file."""
    from nbkit.registry.sla_exceptions import load_sla_exceptions
    from nbkit.registry.slas import FILE_NAME, load_slas

    file = registry.source.with_name(FILE_NAME)
    if not file.is_file():
        return None
    slas = load_slas(registry, file)
    return len(slas.targets), len(load_sla_exceptions(slas, registry))


def _size(registry: ProcessorRegistry) -> dict[str, int]:
    exporters = sum(p.is_exporter for p in registry.processors)
    return {
        "processors": len(registry) - exporters,
        "exporters": exporters,
        "dependencies": sum(len(p.dependencies) for p in registry.processors),
    }


def _processor(registry: ProcessorRegistry, name: str) -> dict[str, Any]:
    processor = registry.processor(name)
    due = processor.sla_completion_time
    return processor.model_dump(mode="json", exclude={"sla_completion_time"}) | {
        "sla_completion_time": due
        and {
            "text": due.text,
            "time": f"{due.time:%H:%M}",
            "zone": due.zone,
            "days_after": due.days_after,
        },
        "upstream": registry.upstream(name),
        "downstream": registry.downstream(name),
        "defaults": dict(processor.default_sources),
        "file": str(registry.source),
        "line": registry.line_of(name),
    }


def _plain(drift: RegistryDrift) -> dict[str, Any]:
    from dataclasses import asdict

    def rows(found: tuple[Any, ...]) -> list[dict[str, Any]]:
        return [
            {k: _iso(v) if isinstance(v, datetime) else v for k, v in asdict(row).items()}
            for row in found
        ]

    return {
        "runs": drift.runs,
        "not_registered": rows(drift.not_registered),
        "moved": rows(drift.moved),
        "other_phase": rows(drift.other_phase),
        "never_seen": [p.name for p in drift.never_seen],
    }


def _lines(error: RegistryError) -> list[str]:
    first, *others = str(error).split("\n  ")
    return others or [first]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
