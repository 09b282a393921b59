"""`nbkit cloud`: what of a tree is still written for Cloud Functions Gen1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nbkit.errors import InputError

app = typer.Typer(help="Cloud Functions: what is still Gen1.", no_args_is_help=True)


@app.command("check")
def check_command(
    path: Annotated[Path, typer.Argument(help="A file or a folder.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Find Gen1 signatures, payloads and deployments, and print what to write instead.

    Exits 1 when there are any.
    """
    from nbkit.gen1 import scan

    if not path.exists():
        raise InputError(f"{path} is not there. Give a file or a folder.")
    found = scan(path)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "files": found.files,
                    "gen1": [
                        {
                            "path": str(use.path),
                            "line": use.line,
                            "kind": use.kind,
                            "found": use.found,
                            "instead": use.instead,
                        }
                        for use in found.uses
                    ],
                    "unread": [{"path": str(u.path), "why": u.reason} for u in found.unread],
                },
                indent=1,
            )
        )
    else:
        for use in found.uses:
            typer.echo(str(use))
            typer.echo(f"  - {use.found}")
            for line in use.instead.splitlines():
                typer.echo(f"  + {line}" if line else "  +")
        for unread in found.unread:
            typer.echo(f"{unread.path}: not looked into, {unread.reason}", err=True)
        many = "1 place is" if len(found.uses) == 1 else f"{len(found.uses)} places are"
        said = f"{many} Gen1" if found.uses else "nothing is Gen1"
        if found.unread:
            said += f" in what could be read; {len(found.unread)} could not"
        typer.echo(f"{found.files} files; {said}.")
        if found.uses:
            typer.echo(
                "Deploy the new one beside the old under another name, and let both run for 7 days "
                "before the old one goes (docs/deploy.md)."
            )
    if found.uses:
        raise typer.Exit(1)
