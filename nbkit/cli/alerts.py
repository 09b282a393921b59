"""`nbkit alerts`: the alert policies of Cloud Monitoring, checked before they can wake anybody."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="Alert policies that fire on real failures alone.",
    no_args_is_help=True,
)


@app.command("check")
def check_command() -> None:
    """Check all files of registry/alerts: their shape, the metrics and runbooks that they name, and
    that none can fire on a run that had nothing to do. Exits 2 with every problem."""
    from nbkit.project import find_project
    from nbkit.runs.alert_policies import load_alerts

    found = load_alerts(find_project())
    typer.echo(f"{len(found.policies)} policies and {len(found.metrics)} metrics are sound.")


@app.command("commands")
def commands_command(
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Notification channel that the policies tell; may be given again."),
    ] = None,
) -> None:
    """Print the gcloud commands that create the metrics and policies, to be run once."""
    from nbkit.project import find_project
    from nbkit.runs.alert_policies import load_alerts

    project = find_project()
    if not channel:
        typer.echo(
            "Without --channel the policies open incidents but tell nobody; "
            "gcloud beta monitoring channels list has the names.",
            err=True,
        )
    for command in load_alerts(project).commands(project, channel or ()):
        typer.echo(command)
