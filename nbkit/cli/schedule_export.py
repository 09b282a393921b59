"""`nbkit schedule export`: the schedule in the words of another scheduler."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nbkit.errors import InputError
from nbkit.project import find_project


def export_command(
    to: Annotated[
        str,
        typer.Option(
            "--to", help="cloud-scheduler, crontab, systemd, kubernetes or github-actions."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the files to. [default: show them]")
    ] = None,
    project: Annotated[str, typer.Option(help="Google Cloud project.")] = "nba-props-platform",
    region: Annotated[str, typer.Option(help="Its region.")] = "us-west2",
    image: Annotated[
        str, typer.Option(help="Container image. [default: nbkit:latest of the project]")
    ] = "",
    service_account: Annotated[
        str, typer.Option(help="That runs and starts the jobs. [default: nbkit@ of the project]")
    ] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the project's]")
    ] = "",
    runs: Annotated[
        str, typer.Option(help="NBKIT_RUNS of the jobs. [default: the project's nbkit_runs]")
    ] = "",
    reports: Annotated[
        str, typer.Option(help="NBKIT_REPORTS of the jobs. [default: gs://PROJECT-nbkit-reports]")
    ] = "",
    slack_channel: Annotated[str, typer.Option(help="SLACK_CHANNEL of the jobs.")] = (
        "#pipeline-health"
    ),
    slack_secret: Annotated[
        str, typer.Option(help="Secret with the Slack bot token.")
    ] = "nbkit-slack-bot-token",
    command: Annotated[
        str, typer.Option(help="Path of nbkit, for crontab and systemd. [default: this one]")
    ] = "",
    folder: Annotated[
        str, typer.Option(help="Path of the project, for crontab and systemd. [default: this one]")
    ] = "",
) -> None:
    """The enabled jobs for another scheduler: complete text, to be installed as it stands."""
    from nbkit.schedule.export import EXPORTERS, Target
    from nbkit.schedule.loading import load_schedule

    if to not in EXPORTERS:
        raise InputError(f"--to {to}: not a scheduler we know; use one of {', '.join(EXPORTERS)}.")
    here = find_project()
    target = Target(
        project=project,
        region=region,
        image=image,
        service_account=service_account,
        warehouse=warehouse or os.environ.get("NBKIT_WAREHOUSE", ""),
        runs=runs,
        reports=reports,
        slack_channel=slack_channel,
        slack_secret=slack_secret,
        command=command or str(Path(sys.argv[0]).absolute()),
        folder=folder or str(here.root),
    )
    files = EXPORTERS[to](load_schedule(here).enabled, target, datetime.now(UTC))
    if out is None:
        named = len(files) > 1
        typer.echo(
            "\n".join(f"# ── {n} ──\n{text}" if named else text for n, text in files.items())
        )
        return
    for name, text in files.items():
        _write(out / name, text)
        typer.echo(str(out / name))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".sh":
            path.chmod(0o755)
    except OSError as error:
        raise InputError(f"--out: {path} cannot be written: {error.strerror}.") from None
