"""`nbkit import`: anybody's run table becomes a warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.errors import ImportFileError, InputError

if TYPE_CHECKING:
    from nbkit.warehouse.importing import ColumnMap, ImportReport

_KEYS = ("columns", "values", "derive")


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
        mapping=_read_map(map_file) if map_file else None,
    )
    if as_json:
        typer.echo(json.dumps(_document(report), indent=1))
    else:
        _tell(report)


def _tell(report: ImportReport) -> None:
    typer.echo(
        f"Read {report.read:,} rows: imported {report.imported:,}, rejected "
        f"{report.rejected:,}. Moments without a zone were taken as UTC."
    )
    for reason, count in report.reasons:
        typer.echo(f"  {count:>9,}  {reason}")
    if report.rejected:
        typer.secho("The rejected rows are in the table nbkit_import.rejected.", fg="yellow")
    if report.ignored:
        typer.echo(f"Not columns of a run history, left out: {', '.join(report.ignored)}")
    typer.echo(f"duckdb:///{report.out}")


def _document(report: ImportReport) -> dict[str, Any]:
    return {
        "out": str(report.out),
        "read": report.read,
        "imported": report.imported,
        "rejected": report.rejected,
        "reasons": dict(report.reasons),
        "ignored_columns": list(report.ignored),
        "absent_columns": list(report.absent),
    }


def _read_map(path: Path) -> ColumnMap:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    from nbkit.warehouse.importing import ColumnMap
    from nbkit.warehouse.schema import COLUMN_NAMES

    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ImportFileError(f"{path}: cannot be read ({error.strerror}).") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ImportFileError(f"{path}:{line}: not YAML: {error.problem}.") from None
    if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
        raise ImportFileError(f"{path}: should have mappings called {', '.join(_KEYS)}.")
    for key in values:
        if key not in _KEYS:
            raise ImportFileError(f"{path}: unknown key {key!r}; there are {', '.join(_KEYS)}.")
    for key in _KEYS:
        for column in values.get(key, {}):
            if column not in COLUMN_NAMES:
                raise ImportFileError(f"{path}: {key}: {column!r} is no column of a run history.")
    if set(values.get("derive", {})) - {"data_date"}:
        raise ImportFileError(f"{path}: derive: only data_date can be taken from a moment.")
    return ColumnMap(**values)
