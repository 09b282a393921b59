"""How a verdict and its findings look in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkit.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from nbkit.findings import Finding, Severity, Verdict

_COLOURS = {"RED": "bold white on red", "YELLOW": "bold black on yellow"}
_COLOURS |= {"GREEN": "bold black on green", "UNKNOWN": "bold white on magenta"}
_MARKS = {"critical": ("✖", "red"), "warning": ("▲", "yellow"), "info": ("·", "dim")}
SHOWN = 8


def severity_of(text: str) -> Severity:
    """`--fail-on` as a severity.

    Raises:
        ParameterError: it is none.
    """
    from nbkit.findings import Severity

    try:
        return Severity(text)
    except ValueError:
        known = ", ".join(Severity)
        raise ParameterError(f"--fail-on {text}: not a severity; use one of {known}.") from None


def print_verdict(verdict: Verdict, what: str, console: Console) -> None:
    """The verdict on its colour, and what it is about."""
    from rich.text import Text

    console.print(Text(f" {verdict} ", style=_COLOURS[verdict]), Text(f" {what}", style="bold"))


def print_finding(finding: Finding, console: Console) -> None:
    """One finding with what to do next."""
    from rich.padding import Padding
    from rich.text import Text

    mark, colour = _MARKS[finding.severity]
    console.print(
        Text.assemble((f"{mark} ", colour), finding.title),
    )
    console.print(Padding(Text(f"→ {finding.next_step}", style="dim"), (0, 0, 0, 2)))


def first_findings(findings: tuple[Finding, ...]) -> list[Finding]:
    """The first few, with every kind of critical finding before the second of one kind."""
    seen: dict[tuple[Severity, str], int] = {}
    ranked = []
    for position, finding in enumerate(findings):
        key = (finding.severity, finding.kind)
        seen[key] = seen.get(key, 0) + 1
        ranked.append((-finding.severity.rank, seen[key], position, finding))
    return [finding for *_, finding in sorted(ranked, key=lambda r: r[:3])[:SHOWN]]
