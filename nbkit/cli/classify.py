"""`nbkit classify`: why a message is what it is."""

from __future__ import annotations

import json
import sys
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.errors import InputError

if TYPE_CHECKING:
    from nbkit.failures import Classification

_COLOURS = {
    "no_data_available": "green",
    "success": "green",
    "dependency_missing": "yellow",
    "validation_failed": "yellow",
    "timeout": "magenta",
    "error": "red",
}


def classify_command(
    message: Annotated[
        str, typer.Argument(help="The message, the JSON of the errors column, or - for stdin.")
    ],
    exception_type: Annotated[str, typer.Option(help="Class name, such as ValueError.")] = "",
    processor: Annotated[str, typer.Option(help="The processor that failed.")] = "",
    phase: Annotated[str, typer.Option(help="Its phase.")] = "",
    status: Annotated[str, typer.Option(help="Status of the run.")] = "failed",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Explain the failure category of a message: expected or real, by which rule, what to do.

    With - one message a line is read from stdin and a table is printed (with --json, JSON lines).
    """
    from nbkit.failures import classify

    def judge(text: str) -> Classification:
        return classify(
            text,
            exception_type=exception_type or None,
            processor_name=processor or None,
            phase=phase or None,
            status=status,
        )

    if message == "-":
        # Logs hold anything; bytes that are no text must not end the list.
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            raise InputError("No message on stdin. Give one a line, or as the argument.")
        for line in lines:
            verdict = judge(line)
            if as_json:
                typer.echo(json.dumps(_document(line, verdict), ensure_ascii=False))
            else:
                typer.secho(f"{verdict.category:<19}", fg=_COLOURS[verdict.category], nl=False)
                typer.echo(f"{verdict.rule:<17}{line}")
        return
    verdict = judge(message)
    if as_json:
        typer.echo(json.dumps(_document(message, verdict), indent=1, ensure_ascii=False))
    else:
        _explain(verdict)


def _explain(verdict: Classification) -> None:
    from nbkit.failures import MEANING, NEXT_STEP

    kind = "expected" if verdict.is_expected else "real"
    if verdict.category == "success":
        kind = "no failure"
    typer.secho(verdict.category, fg=_COLOURS[verdict.category], bold=True, nl=False)
    typer.echo(f"  ({kind})")
    for label, text in (
        ("means", MEANING[verdict.category]),
        ("rule", f"{verdict.rule}: {verdict.reason}"),
        ("next", NEXT_STEP[verdict.category]),
    ):
        typer.echo(fill(text, 80, initial_indent=f"  {label:<7}", subsequent_indent=" " * 9))


def _document(message: str, verdict: Classification) -> dict[str, Any]:
    from nbkit.failures import NEXT_STEP

    return {
        "message": message,
        "category": verdict.category.value,
        "expected": verdict.is_expected,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "next_step": NEXT_STEP[verdict.category],
    }
