"""Findings made into a message, for any channel: frozen values in plain text, no markup.

Texts here come from the data as they are; each channel escapes them in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from nbkit.delivery.changes import Changes, Open, Said, changes
from nbkit.delivery.run_folder import Run
from nbkit.findings import Finding, Severity, Verdict
from nbkit.findings.wording import count_of, moment, seconds

# The zone that the platform's deadlines are written in.
LOCAL_ZONE = ZoneInfo("America/New_York")


class Mark(StrEnum):
    """The sign in front of a line; always beside a word, never instead of one."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    RECOVERED = "recovered"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One finding in a list. `details` are short phrases: how bad, since when, whose."""

    mark: Mark
    title: str
    details: tuple[str, ...] = ()
    next_step: str = ""
    runbook: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A list of findings under a heading that says how many there are."""

    heading: str
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A label and its value."""

    label: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is said about one run. `text` is the one line of a notification; `location` tells where
    the report is kept when there is no link to it."""

    run_id: str
    content: str
    verdict: Verdict
    title: str
    headline: str
    text: str
    sections: tuple[Section, ...]
    notices: tuple[str, ...]
    facts: tuple[Fact, ...]
    footer: tuple[str, ...]
    report_url: str | None
    location: str
    figure_alt: str | None


def compose(
    run: Run,
    *,
    before: Said | None = None,
    newer: datetime | None = None,
    corrects: Said | None = None,
    report_url: str | None = None,
    location: str = "",
) -> Message:
    """The message about `run`.

    Args:
        before: the last message of this report in this channel that is older than the run.
        newer: as_of of a message already sent that is newer than the run. Then this one is late:
            it announces nothing as new or recovered, for the newer one has told that already.
        corrects: an earlier message about the same run, where it cannot be edited.
        report_url: where a reader opens the report.
        location: where the report is kept, in words, for readers without a link.
    """
    found = changes(run, before)
    notices = []
    if newer is not None:
        notices.append(f"Late: the report of {moment(newer)} has been sent before this one.")
    if corrects is not None:
        notices.append(f"Corrects the earlier message about this run: {difference(run, corrects)}.")
    name = _title(run)
    return Message(
        run_id=run.run_id,
        content=run.content,
        verdict=run.verdict,
        title=f"{name}: {'run failed' if run.failure else run.verdict.value}",
        headline=_headline(run, found, before, late=newer is not None),
        text=_notification(run, found, name),
        sections=_late_sections(run) if newer else _sections(run, found),
        notices=tuple(notices),
        facts=_facts(run),
        footer=(f"As of {moment(run.as_of)} ({_local(run.as_of)})", f"run {run.run_id}"),
        report_url=report_url,
        location=location,
        figure_alt=run.figure.alt if run.figure else None,
    )


def difference(run: Run, earlier: Said) -> str:
    """What a rerun changed against what was said about the same run, as one sentence's worth."""
    then = {item.fingerprint: item for item in earlier.open}
    now = {f.fingerprint: f for f in run.findings if f.severity is not Severity.INFO}
    parts = []
    if run.verdict is not earlier.verdict:
        parts.append(f"{earlier.verdict.value} became {run.verdict.value}")
    more = [f.title for key, f in now.items() if key not in then]
    fewer = [item.title for key, item in then.items() if key not in now]
    if more:
        parts.append(f"{len(more)} more: {_some(more)}")
    if fewer:
        parts.append(f"{len(fewer)} no longer found: {_some(fewer)}")
    return "; ".join(parts) or "the same findings with other figures"


def _title(run: Run) -> str:
    name = run.notebook.replace("_", " ").strip()
    name = name[:1].upper() + name[1:]
    # A failed run beside a good one has `failed` for a variant; the title says so itself.
    variant = run.variant.removesuffix("failed").rstrip("-") if run.failure else run.variant
    return f"{name} ({variant})" if variant else name


def _headline(run: Run, found: Changes, before: Said | None, *, late: bool) -> str:
    if run.failure:
        where = f" in {run.failure.cell}" if run.failure.cell else ""
        kept = " What was made before it is in the partial report." if run.html else ""
        return f"The run failed{where}: {run.failure.reason.rstrip('. ')}.{kept}"
    tally = _tally(run.findings)
    if run.verdict is Verdict.UNKNOWN:
        return f"The data was not fit to judge. {tally}".strip()
    if late or before is None:
        return tally or "Nothing to report."
    parts = [
        f"{len(items)} {word}"
        for items, word in (
            (found.new, "new"),
            (found.worse, "worse"),
            (found.still_open, "still open"),
            (found.recovered, "recovered"),
        )
        if items
    ]
    told = f"since the message of {moment(before.as_of)}"
    if not parts:
        return f"{tally or 'Nothing to report.'} No change {told}."
    return f"{tally} {_sentence(parts)} {told}.".strip()


def _sentence(parts: Sequence[str]) -> str:
    return ", ".join(parts)


def _tally(findings: Iterable[Finding]) -> str:
    counts = dict.fromkeys(reversed(Severity), 0)
    for finding in findings:
        counts[finding.severity] += 1
    nouns = {Severity.CRITICAL: "critical finding", Severity.WARNING: "warning"}
    parts = [count_of(counts[s], noun) for s, noun in nouns.items() if counts[s]]
    if parts:
        return f"{' and '.join(parts)}."
    return "Nothing at or above a warning."


def _notification(run: Run, found: Changes, name: str) -> str:
    """What a phone shows: verdict, and the worst thing that is new."""
    if run.failure:
        where = f" in {run.failure.cell}" if run.failure.cell else ""
        return f"{name}: run failed{where}: {run.failure.reason}"
    loud = (*found.new, *found.worse, *found.still_open)
    if not loud:
        over = f" ({len(found.recovered)} recovered)" if found.recovered else ""
        return f"{name} is {run.verdict.value}{over}"
    worst = max(loud, key=lambda f: f.severity.rank)
    rest = f" (and {len(loud) - 1} more)" if len(loud) > 1 else ""
    return f"{name} is {run.verdict.value}: {worst.title}{rest}"


def _sections(run: Run, found: Changes) -> tuple[Section, ...]:
    lists = [
        *_alarms(run, found),
        ("Still open", [_short(f, run) for f in found.still_open]),
        ("Not judged this time", [_remembered(item) for item in found.not_judged]),
        (
            "Recovered",
            [Item(mark=Mark.RECOVERED, title=item.title) for item in found.recovered],
        ),
        ("Also noted", [_short(f, run) for f in found.remarks]),
    ]
    return tuple(
        Section(heading=f"{heading} ({len(items)})", items=tuple(items))
        for heading, items in lists
        if items
    )


def _alarms(run: Run, found: Changes) -> list[tuple[str, list[Item]]]:
    """What is new and what got worse; first the list with the worst finding."""
    lists = [("New", found.new), ("Worse than before", found.worse)]
    lists.sort(key=lambda pair: -max((f.severity.rank for f in pair[1]), default=0))
    return [(heading, [_full(f, run) for f in findings]) for heading, findings in lists]


def _late_sections(run: Run) -> tuple[Section, ...]:
    items = tuple(_short(f, run) for f in sorted(run.findings, key=lambda f: -f.severity.rank))
    return (Section(heading=f"Open at that time ({len(items)})", items=items),) if items else ()


def _full(finding: Finding, run: Run) -> Item:
    details = [finding.severity.value, *_since(finding, run)]
    if finding.owner:
        details.append(f"owner {finding.owner}")
    return Item(
        mark=Mark(finding.severity.value),
        title=finding.title,
        details=tuple(details),
        next_step=finding.next_step,
        runbook=finding.runbook,
    )


def _short(finding: Finding, run: Run) -> Item:
    details = (finding.severity.value, *_since(finding, run))
    return Item(mark=Mark(finding.severity.value), title=finding.title, details=details)


def _remembered(item: Open) -> Item:
    return Item(mark=Mark(item.severity.value), title=item.title, details=(item.severity.value,))


def _since(finding: Finding, run: Run) -> list[str]:
    # A beginning at the edge of the window is where looking began, not where the trouble did.
    if finding.since is None:
        return []
    edge = run.window is not None and finding.since <= run.window[0]
    return [f"since {'before ' if edge else ''}{moment(finding.since)}"]


def _facts(run: Run) -> tuple[Fact, ...]:
    facts = []
    if run.window:
        start, end = run.window
        facts.append(Fact(label="Window", value=f"{start:%Y-%m-%d %H:%M} to {moment(end)}"))
    if "queries" in run.facts:
        spent = f"{run.facts['queries']:.0f}"
        if "query_seconds" in run.facts:
            spent += f" in {seconds(run.facts['query_seconds'])}"
        if run.facts.get("bytes_billed"):
            spent += f", {run.facts['bytes_billed'] / 1e9:,.2f} GB billed"
        facts.append(Fact(label="Queries", value=spent))
    return tuple(facts)


def _local(value: datetime) -> str:
    return f"{value.astimezone(LOCAL_ZONE):%H:%M %Z}"


def _some(titles: Sequence[str], most: int = 3) -> str:
    shown = "; ".join(titles[:most])
    return f"{shown}; and {len(titles) - most} more" if len(titles) > most else shown
