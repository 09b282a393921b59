"""What a report's page shows around the notebook: verdict, findings, failure, where it is from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from nbkit import tables
from nbkit.findings import Severity, Verdict
from nbkit.findings.wording import count_of, moment
from nbkit.report.judgement import Emitted
from nbkit.report.outcome import Failure
from nbkit.report.provenance import Commit

# The second wall behind the sanitiser: even markup that got through may neither run nor load.
CSP = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
SHOWN_FINDINGS = 8
# Where a long name may break: before the capital of a camelCase word, behind a separator.
BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[_./:-])(?=\w)")
VERDICT_WORDS = {
    Verdict.RED: "Needs action",
    Verdict.YELLOW: "Needs a look",
    Verdict.GREEN: "Healthy",
    Verdict.UNKNOWN: "Cannot tell",
}
SEVERITY_WORDS = {
    Severity.CRITICAL: ("critical", "critical"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("note", "notes"),
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything on the page that is not a cell of the notebook. Nothing in it changes when the
    same report is made again: times and costs in seconds stand in the manifest."""

    notebook: str
    as_of: datetime
    emitted: Emitted
    failure: Failure | None
    total_cells: int
    parameters: Mapping[str, Any]
    warehouse: str
    commit: Commit | None
    version: str

    @property
    def verdict(self) -> Verdict:
        return self.emitted.verdict

    @property
    def verdict_words(self) -> str:
        return VERDICT_WORDS[self.verdict]

    @property
    def as_of_text(self) -> str:
        return moment(self.as_of)

    @property
    def window_text(self) -> str:
        window = self.emitted.window
        return f"{_short(window['start'])} to {_short(window['end'])}" if window else ""

    @property
    def summary(self) -> str:
        """`2 critical, 1 warning`; why there is no verdict where there is none."""
        if self.failure:
            return "The report did not finish, so it does not judge."
        return counted(self.emitted.counts()) or "Nothing to report."

    @property
    def shown(self) -> list[Mapping[str, Any]]:
        return self._alerts()[:SHOWN_FINDINGS]

    @property
    def folded(self) -> list[Mapping[str, Any]]:
        return self._alerts()[SHOWN_FINDINGS:]

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        return [f for f in self.emitted.findings if f["severity"] == Severity.INFO]

    @property
    def failed_place(self) -> str:
        place = self.failure.place(self.total_cells) if self.failure else ""
        return place[:1].upper() + place[1:]

    def _alerts(self) -> list[Mapping[str, Any]]:
        return [f for f in self.emitted.findings if f["severity"] != Severity.INFO]


def add_filters(environment: Environment) -> None:
    """The filters of our templates. `markup` is for HTML that `sanitise.clean` has passed."""
    environment.filters.update(
        markup=Markup,
        inline_code=inline_code,
        breakable=breakable,
        plain=plain,
        query_cost=query_cost,
        query_title=query_title,
        counted=counted,
        file_name=lambda path: str(path).rpartition("/")[2],
    )


def counted(counts: Mapping[str, int]) -> str:
    """`2 critical, 1 warning` from findings by severity, worst first."""
    parts = []
    for severity in reversed(Severity):
        number = counts.get(severity.value, 0)
        if number:
            one, many = SEVERITY_WORDS[severity]
            parts.append(f"{number:,} {one if number == 1 else many}")
    return ", ".join(parts)


def inline_code(text: str) -> Markup:
    """Text with `backticks` as code and places where long names may break; all else stays text."""
    return Markup(tables.inline_code(text, plain=breakable))


def breakable(text: str) -> Markup:
    """Text whose long words may wrap where a reader would break them."""
    words = re.split(r"(\S{19,})", text)
    return Markup("").join(
        Markup("<wbr>").join(BREAK.split(word)) if number % 2 else word
        for number, word in enumerate(words)
    )


def plain(value: Any) -> str:
    """A JSON value in words: numbers with separators, moments short, lists by their items."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, str):
        return _short(value)
    return json.dumps(value, ensure_ascii=False)


def query_cost(query: Mapping[str, Any]) -> str:
    """`1.2 GB billed`, `0.4 GB estimated`, `not billed`."""
    billed, estimated = query.get("bytes_billed"), query.get("bytes_estimated")
    if billed is not None:
        return f"{_bytes(billed)} billed"
    return f"{_bytes(estimated)} estimated" if estimated is not None else "not billed"


def query_title(queries: tuple[Mapping[str, Any], ...]) -> str:
    return count_of(len(queries), "query").replace("querys", "queries")


def _bytes(number: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number:,.0f} bytes"


def _short(text: str) -> str:
    """`2026-01-13T12:00:00Z` → `2026-01-13 12:00 UTC`; other text as it is."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)", text):
        return moment(datetime.fromisoformat(text))
    return text
