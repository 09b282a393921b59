"""`reports/index.html`: how each notebook has been doing, and every run, newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader

from nbkit.findings import Verdict
from nbkit.findings.wording import count_of
from nbkit.report.outcome import ExitState
from nbkit.report.page import CSP, VERDICT_WORDS, add_filters, counted

if TYPE_CHECKING:
    from nbkit.report.archive import Run

SHOWN_RUNS = 40
TREND_RUNS = 40
# Height as well as colour tells the verdicts of a trend apart.
_HEIGHTS = {Verdict.GREEN: 6, Verdict.YELLOW: 12, Verdict.RED: 20, Verdict.UNKNOWN: 12}


@dataclass(frozen=True)
class Bar:
    """One run in a trend: its place in the picture and its verdict (a class name)."""

    x: int
    y: int
    height: int
    verdict: str


@dataclass(frozen=True)
class Card:
    """A notebook at a glance: its newest run and the verdicts of the last ones."""

    number: int
    notebook: str
    title: str
    newest: Line
    total: int
    bars: tuple[Bar, ...]
    trend: str


@dataclass(frozen=True)
class Line:
    """A run in the list, ready to print."""

    href: str
    when: str
    notebook: str
    number: int
    variant: str
    verdict: Verdict
    words: str
    said: str


@dataclass(frozen=True)
class Month:
    """The older runs of a month, behind a fold."""

    name: str
    lines: tuple[Line, ...]


def render_index(runs: Sequence[Run]) -> str:
    """The page as HTML text.

    Args:
        runs: newest first.
    """
    names = sorted({run.notebook for run in runs})
    numbers = {name: number for number, name in enumerate(names)}
    lines = [(run, _line(run, numbers[run.notebook])) for run in runs]
    older = lines[SHOWN_RUNS:]
    months = [
        Month(name, tuple(line for _, line in group))
        for name, group in groupby(older, key=lambda item: f"{item[0].as_of:%B %Y}")
    ]
    by_name: dict[str, list[Run]] = {name: [] for name in names}
    for run in runs:
        by_name[run.notebook].append(run)
    return (
        _environment()
        .get_template("reports.html.j2")
        .render(
            csp=CSP,
            cards=[_card(by_name[name], numbers[name]) for name in names],
            lines=[line for _, line in lines[:SHOWN_RUNS]],
            months=months,
            total=len(runs),
            verdicts=[verdict for verdict in Verdict if any(r.verdict is verdict for r in runs)],
        )
    )


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent / "template" / "nbkit"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    add_filters(environment)
    return environment


def _line(run: Run, number: int) -> Line:
    said = counted(run.counts)
    if run.state is not ExitState.COMPLETED:
        said = "did not finish" if run.state is ExitState.FAILED else "was interrupted"
    return Line(
        href=f"{quote(run.path)}/index.html",
        when=f"{run.as_of:%Y-%m-%d %H:%M}",
        notebook=run.notebook,
        number=number,
        variant=run.variant,
        verdict=run.verdict,
        words=VERDICT_WORDS[run.verdict],
        said=said,
    )


def _card(runs: Sequence[Run], number: int) -> Card:
    recent = [run.verdict for run in runs[:TREND_RUNS]][::-1]
    found = Counter(recent)
    told = ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict if found[verdict])
    return Card(
        number=number,
        notebook=runs[0].notebook,
        title=runs[0].title,
        newest=_line(runs[0], number),
        total=len(runs),
        bars=tuple(
            Bar(x=7 * place, y=21 - _HEIGHTS[v], height=_HEIGHTS[v], verdict=v.lower())
            for place, v in enumerate(recent)
        ),
        trend=f"The last {count_of(len(recent), 'run')}, oldest first: {told}",
    )
