"""`nbkit import`: anybody's run table becomes a warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.errors import InputError

if TYPE_CHECKING:
    from nbkit.warehouse.importing import ImportReport

_REASONS = 10  # told; the table has all


def import_command(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="FILE... OUT.duckdb", help="CSV, Parquet or JSON lines, then OUT."),
    ],
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map",
            help="YAML: columns: {ours: theirs}, values: {status: {ok: success}}, "
            "derive: {data_date: started_at}.",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Make OUT anew.")] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Make a warehouse of any run table; rows that cannot be read are set aside, with reasons."""
    from nbkit.warehouse.column_map import read_column_map
    from nbkit.warehouse.importing import import_runs

    if len(paths) < 2:
        raise InputError("Give the files to import and, last, the warehouse: runs.csv OUT.duckdb.")
    if replace and append:
        raise InputError("--replace and --append exclude each other.")
    *given, out = paths
    files = [Path(path) for path in given]
    if Path(out).suffix != ".duckdb":
        raise InputError(f"{out}: the last argument is the warehouse to make; call it OUT.duckdb.")
    report = import_runs(
        files,
        Path(out),
        mode="replace" if replace else "append" if append else "create",
        mapping=read_column_map(map_file) if map_file else None,
    )
    if as_json:
        typer.echo(json.dumps(_document(report), indent=1))
    else:
        _tell(report)


def _tell(report: ImportReport) -> None:
    from nbkit.findings.wording import count_of
    from nbkit.warehouse.importing import REJECTED, shown

    typer.echo(
        f"Read {count_of(report.read, 'row')}: imported {report.imported:,}, "
        f"rejected {report.rejected:,}."
    )
    for reason in report.reasons[:_REASONS]:
        typer.echo(f"  {reason.rows:>9,}  {shown(reason)}")
    if len(report.reasons) > _REASONS:
        typer.echo(f"             and {len(report.reasons) - _REASONS} more reasons")
    if report.rejected:
        typer.secho(
            f"REJECTED ROWS ARE NOT IN THE HISTORY. They are kept, with their reasons, in the "
            f"table {REJECTED}.",
            fg="yellow",
        )
    if report.naive_rows:
        typer.echo(f"Rows with moments without a zone, taken as UTC: {report.naive_rows:,}")
    if report.ignored:
        typer.echo(f"Not columns of a run history, left out: {', '.join(report.ignored)}")
    typer.echo(f"duckdb:///{report.out}")


def _document(report: ImportReport) -> dict[str, Any]:
    return {
        "out": str(report.out),
        "read": report.read,
        "imported": report.imported,
        "rejected": report.rejected,
        "reasons": [
            {"reason": one.words, "rows": one.rows, "examples": list(one.examples)}
            for one in report.reasons
        ],
        "naive_rows": report.naive_rows,
        "ignored_columns": list(report.ignored),
        "absent_columns": list(report.absent),
    }
