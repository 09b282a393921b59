"""`nbkit new`: a notebook of the right shape, to be filled with a question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nbkit.project import find_project


def new_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as retry_storm.")],
    title: Annotated[
        str, typer.Option(help="The question that it answers. [default: from the name]")
    ] = "",
) -> None:
    """Make a notebook of the right shape, with its parameter files. It runs as it stands."""
    from nbkit.report.notebooks import create_notebook

    project = find_project()
    question = title or f"{name.replace('_', ' ').capitalize()}: what is the question?"
    for path in create_notebook(project, name, title=question):
        inside = path.is_relative_to(Path.cwd())
        typer.echo(path.relative_to(Path.cwd()) if inside else path)
