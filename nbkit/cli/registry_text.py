"""The registry in words, for a terminal of 80 columns; plain when piped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from shutil import get_terminal_size
from zoneinfo import ZoneInfo

from typer import style

from nbkit.findings.wording import count_of
from nbkit.registry import (
    BlastRadius,
    Criticality,
    DeadlineAtRisk,
    Processor,
    ProcessorRegistry,
    RegistryDrift,
)
from nbkit.registry.deadlines import ZONES, Deadline
from nbkit.registry.slas import FILE_NAME
from nbkit.registry.yaml_lines import shown_path

_COLOUR = {
    Criticality.CRITICAL: "red",
    Criticality.HIGH: "yellow",
    Criticality.MEDIUM: "cyan",
    Criticality.LOW: None,
}
_LABEL = 12


def size(registry: ProcessorRegistry) -> str:
    """One line: what a sound file holds."""
    exporters = sum(p.is_exporter for p in registry.processors)
    return (
        f"{shown_path(registry.source)}: {count_of(len(registry) - exporters, 'processor')}, "
        f"{count_of(exporters, 'exporter')}, "
        f"{count_of(sum(len(p.dependencies) for p in registry.processors), 'dependency')}: "
        "no problems."
    )


def promises(registry: ProcessorRegistry, targets: int, exceptions: int) -> str:
    """One line: what the sound files of SLAs beside it hold."""
    return (
        f"{shown_path(registry.source.with_name(FILE_NAME))}: {count_of(targets, 'target')}, "
        f"{count_of(exceptions, 'exception')}: no problems."
    )


def listing(registry: ProcessorRegistry) -> str:
    """All names by phase, one a line, with criticality and what it does."""
    parts = []
    for phase in registry.phases:
        own = registry.by_phase(phase.name)
        if own:
            parts.append(style(f"{phase.title} ({len(own)})", bold=True))
            width = max(len(p.name) for p in own)
            for p in own:
                line = f"  {_level(p)} {p.name:<{width}}  {p.description}"
                parts.append(_cut(line, extra=len(_level(p)) - 8))
    return "\n".join(parts)


def processor(registry: ProcessorRegistry, found: Processor) -> str:
    """Everything about one processor; defaults marked, their sources below."""
    phase = registry.phase(found.phase)
    due, records = found.sla_completion_time, found.expected_record_range
    rows: list[tuple[str, str, str | None]] = [
        ("Phase", phase.title, None),
        ("Criticality", found.criticality, "criticality"),
        ("Owner", found.owner, "owner"),
        ("Frequency", found.expected_frequency, "expected_frequency"),
        ("Deadline", _due(due) if due else "none", "sla_completion_time"),
        ("Timeout", _span(found.timeout), "timeout_seconds"),
        (
            "Records",
            f"{records.min:,} to {records.max:,} a date" if records else "unknown",
            "expected_record_range",
        ),
    ]
    rows += [
        (label, value, None)
        for label, value in (
            ("Sport", found.sport),
            ("Table", found.bigquery_table),
            ("Output", found.gcs_output),
            ("Source", found.gcs_source_pattern),
        )
        if value
    ]
    title = style(found.name, bold=True)
    mark = "  (default)" if found.is_default("description") else ""
    parts = [title, *_wrap(found.description + mark, indent="")] if found.description else [title]
    parts.append("")
    for label, value, field in rows:
        default = field is not None and found.is_default(field)
        parts.append(f"{label:<{_LABEL}}{value}" + (style("  (default)", dim=True) * default))
    parts += _names("Needs", found.dependencies)
    parts += _names("Needed by", found.dependents)
    further = len(registry.downstream(found.name)) - len(found.dependents)
    if further:
        parts.append(f"{'':<{_LABEL}}and, through them, {further} more: nbkit registry impact")
    others = registry.by_table(found.bigquery_table) if found.bigquery_table else ()
    parts += _names("Same table", [p.name for p in others if p.name != found.name], empty="")
    parts += ["", f"Stands in   {shown_path(registry.source)}:{registry.line_of(found.name)}"]
    if found.default_sources:
        parts += ["", style(f"Not stated; defaults of {phase.title}:", dim=True)]
        for field, reason in found.default_sources.items():
            bare = reason.removeprefix("default (").removesuffix(")")
            parts += [
                style(line, dim=True)
                for line in _wrap(f"{field}: {bare}", indent="  ", hanging="    ")
            ]
    return "\n".join(parts)


def impact(registry: ProcessorRegistry, radius: BlastRadius, at: datetime) -> str:
    """What breaks, by phase; the next deadline; the owners; possible stand-ins."""
    failed = radius.processor
    if radius.affected:
        levels = ", ".join(f"{n} {level.lower()}" for level, n in radius.by_criticality.items())
        title = (
            f"If {failed.name} fails, {count_of(len(radius.affected), 'other')} may fail with it"
        )
        parts = [style(title, bold=True), f"{len(radius.direct)} directly; {levels}", ""]
    else:
        title = f"If {failed.name} fails, nothing else registered breaks"
        parts = [style(title, bold=True), ""]
    deadlines = radius.deadlines(at)
    worst = [d for d in deadlines if d.processor.criticality is Criticality.CRITICAL]
    own = [d for d in deadlines if d.processor is failed]
    shown: list[DeadlineAtRisk] = []
    for label, found in (("Next due", deadlines), ("Critical", worst), ("Its own", own)):
        if found and found[0] not in shown:
            shown.append(found[0])
            parts += _deadline(label, found[0], at)
    parts += _just_due(deadlines, at)
    parts += _names("Owners", radius.owners)
    parts += _names("Same table", [p.name for p in radius.same_table], empty="")
    if radius.same_table:
        parts.append(f"{'':<{_LABEL}}may stand in for it: see whether that ran")
    due = {d.processor.name: d for d in deadlines}
    for phase in registry.phases:
        members = radius.by_phase.get(phase.name, ())
        if members:
            parts += ["", *_phase_impact(phase.title, members, radius, due)]
    return "\n".join(parts)


def _deadline(label: str, found: DeadlineAtRisk, at: datetime) -> list[str]:
    mark = "  (default)" if found.processor.is_default("sla_completion_time") else ""
    when = f"{_local(found, found.due)} ({found.due:%H:%M} UTC), in {_span(found.due - at)}"
    return [
        f"{label:<{_LABEL}}{when}{mark}",
        f"{'':<{_LABEL}}{found.processor.name}, data of {found.data_date}",
    ]


def _phase_impact(
    title: str,
    members: Sequence[Processor],
    radius: BlastRadius,
    due: dict[str, DeadlineAtRisk],
) -> list[str]:
    """The affected of one phase; a deadline that they share stands in the heading."""
    when = {
        p.name: _local(due[p.name], due[p.name].due) if p.name in due else "no deadline"
        for p in members
    }
    shared = len(set(when.values())) == 1
    heading = style(f"{title} ({len(members)})", bold=True)
    lines = [heading + (f"  due {when[members[0].name]}" if shared else "")]
    width = max(len(p.name) for p in members)
    for p in members:
        step = count_of(radius.distance[p.name], "step")
        line = f"  {_level(p)} {p.name:<{width}}  {step:<7}"
        lines.append(line.rstrip() if shared else f"{line}  {when[p.name]}")
    return lines


def _just_due(deadlines: Sequence[DeadlineAtRisk], at: datetime) -> list[str]:
    """Deadlines of the last hours: of this night, and nearer the trouble than those to come."""
    groups: dict[str, list[DeadlineAtRisk]] = {}
    for found in sorted(deadlines, key=lambda d: d.passed):
        if at - found.passed <= timedelta(hours=6):
            when = f"{_local(found, found.passed)}, {_span(at - found.passed)} ago"
            groups.setdefault(when, []).append(found)
    rows = [f"{when}: {len(found)} of these" for when, found in groups.items()]
    return [
        f"{label:<{_LABEL}}{row}"
        for label, row in zip(["Just due", *[""] * len(rows)], rows, strict=False)
    ]


def drift(found: RegistryDrift, start: datetime, end: datetime) -> str:
    """Where history and registry disagree, the contradictions first."""
    parts = [
        f"Compared with {count_of(found.runs, 'run')} from {start:%Y-%m-%d %H:%M} to "
        f"{end:%Y-%m-%d %H:%M} UTC."
    ]
    if found.not_registered:
        parts += ["", _heading("Seen but not registered", found.not_registered)]
        for s in found.not_registered:
            parts.append(
                f"  {s.name}  {count_of(s.runs, 'run')}, last {s.last_started_at:%Y-%m-%d}"
            )
            where = " → ".join(filter(None, (s.phase, s.table))) or "no phase or table recorded"
            parts.append(f"    {where}")
            if s.nearest:
                parts.append(f"    is it {s.nearest}, renamed?")
    if found.moved:
        parts += ["", _heading("Tables that moved", found.moved)]
        for m in found.moved:
            verb = "now writes" if m.instead else "also writes"
            parts.append(f"  {m.name}  {count_of(m.runs, 'run')} since {m.since:%Y-%m-%d}")
            parts.append(f"    {verb} {m.seen}")
            parts.append(f"    registered {m.registered}")
    if found.other_phase:
        parts += ["", _heading("Runs labelled with another phase", found.other_phase)]
        for o in found.other_phase:
            parts.append(f"  {o.name}  {count_of(o.runs, 'run')}")
            parts.append(f"    {o.seen}, registered {o.registered}")
    if found.never_seen:
        parts += ["", _heading("Registered but never seen", found.never_seen)]
        by_phase: dict[str, list[str]] = {}
        for p in found.never_seen:
            by_phase.setdefault(p.phase, []).append(p.name)
        for phase, names in by_phase.items():
            parts += _wrap(f"{phase}: {', '.join(names)}", indent="  ", hanging="    ")
        parts.append("  No error: off season, or they keep no history.")
    if not found.contradicts:
        parts += ["", "Nothing that ran contradicts the registry."]
    return "\n".join(parts)


def _heading(text: str, rows: Sequence[object]) -> str:
    return style(f"{text} ({len(rows)})", bold=True)


def _names(label: str, names: Iterable[str], empty: str = "nothing registered") -> list[str]:
    text = ", ".join(names) or empty
    if not text:
        return []
    first, *rest = _wrap(text, indent=" " * _LABEL)
    return [f"{label:<{_LABEL}}{first.lstrip()}", *rest]


def _level(found: Processor) -> str:
    return style(f"{found.criticality:<8}", fg=_COLOUR[found.criticality])


def _due(due: Deadline) -> str:
    other = "" if due.zone == "UTC" else f" ({due.zone})"
    return f"{due}{other}"


def _local(found: DeadlineAtRisk, moment: datetime) -> str:
    """A moment in the deadline's own zone."""
    promise = found.processor.sla_completion_time
    zone = promise.zone if promise else "UTC"
    label = next((short for short, name in ZONES.items() if name == zone), zone)
    return f"{moment.astimezone(ZoneInfo(zone)):%a %d %b %H:%M} {label}"


def _span(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, rest = divmod(minutes, 60)
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    if minutes:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return f"{seconds} s"


def _width() -> int:
    return min(max(get_terminal_size().columns, 60), 100)


def _wrap(text: str, *, indent: str, hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _width(),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(line: str, *, extra: int) -> str:
    """At most a line; `extra` characters of it are colour codes."""
    limit = _width() + extra
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
