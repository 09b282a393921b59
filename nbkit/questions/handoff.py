"""What does the next person on call have to know?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from nbkit.errors import WarehouseMissing
from nbkit.findings.handover import Judged, handover
from nbkit.params import parse_moment
from nbkit.params.checked import Bounds, checked
from nbkit.project import find_project
from nbkit.questions.daily_health import daily_health
from nbkit.questions.handoff_report import Deadline, Handoff, OwnRuns
from nbkit.questions.judgements import judgement_of
from nbkit.registry import Criticality, ProcessorRegistry, load_registry
from nbkit.store import messages_told, notes_between, open_store, past_reports
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse

# How far back the first report of a trouble is looked for: some reports are weekly.
_LOOK_BACK = timedelta(days=35)
_MOST_HOURS = _LOOK_BACK / timedelta(hours=1)
_AHEAD = timedelta(hours=24)
_INSTANT = timedelta(microseconds=1)


@checked
def handoff(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    *,
    as_of: datetime | str,
    since_hours: Annotated[float, Bounds(above=0, most=_MOST_HOURS)] = 24,
    reports: str = "",
    state: Path | None = None,
    runs_url: str | None = None,
) -> Handoff:
    """The state now, open findings with their age, what changed, what was done, what is next.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        as_of: the moment of handing over; nothing later is looked at.
        since_hours: how long the watch was.
        reports: where past reports are kept (empty: the project's `reports/`).
        state: the project's state folder, with its ledger and notes.
        runs_url: the history of nbkit's own runs (default: `NBKIT_RUNS`, else the project's).

    Raises:
        ParameterError: a watch of no length.
        WarehouseError, ReportError: the history or the reports could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return handoff(
                opened,
                registry,
                as_of=end,
                since_hours=since_hours,
                reports=reports,
                state=state,
                runs_url=runs_url,
            )
    registry = registry or load_registry()
    project = find_project()
    since = end - timedelta(hours=since_hours)
    health, health_before = (
        daily_health(warehouse, registry, as_of=moment) for moment in (end, since)
    )
    found, unreadable = past_reports(
        open_store(reports or project.reports),
        start=end - _LOOK_BACK,
        end=end + _INSTANT,
        leave_out=["handoff"],
    )
    judged = [
        Judged(notebook=r.notebook, as_of=r.as_of, verdict=r.verdict, findings=r.findings)
        for r in found
        if not (r.notebook == "daily_health" and r.as_of in (since, end))
    ]
    # Health is judged at both ends of the watch, whenever its reports were made.
    judged += [
        Judged(notebook="daily_health", as_of=at, verdict=each.verdict, findings=each.findings)
        for at, each in ((since, health_before), (end, health))
    ]
    told = handover(judged, since=since)
    folder = state or project.state
    open_findings = tuple(each.finding for each in told.open)
    return Handoff(
        as_of=end,
        since=since,
        health=health,
        handover=told,
        reports=len([r for r in found if r.as_of > since]),
        unreadable=unreadable,
        told=messages_told(folder, start=since, end=end),
        notes=notes_between(folder, start=since, end=end + _INSTANT),
        own_runs=_own_runs(runs_url or project.runs_url(), since, end),
        deadlines=_deadlines(registry, end),
        judgement=judgement_of(
            warehouse,
            verdict=health.verdict,
            findings=open_findings if open_findings or not health.findings else health.findings,
            as_of=end,
            window=(since, end),
        ),
    )


def _own_runs(url: str, since: datetime, end: datetime) -> tuple[OwnRuns, ...]:
    """nbkit's own runs, by notebook; none where none were recorded yet."""
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        with open_warehouse(url) as own:
            counts = own.query("hourly_counts", start=first, end=end, as_of=end)
    except WarehouseMissing:
        return ()
    rows: dict[str, dict[str, int]] = {}
    for row in counts.to_dict("records"):
        name = str(row["processor_name"]).removeprefix("notebook:")
        of = rows.setdefault(name, {"runs": 0, "failed": 0})
        of["runs"] += int(row["runs"])
        of["failed"] += int(row["runs"]) if row["status"] == "failed" else 0
    return tuple(OwnRuns(notebook=name, **of) for name, of in sorted(rows.items()))


def _deadlines(registry: ProcessorRegistry, end: datetime) -> tuple[Deadline, ...]:
    """What critical processors owe in the next day, the soonest first."""
    due = []
    for processor in registry.get_by_criticality(Criticality.CRITICAL):
        if processor.sla_completion_time is None:
            continue
        data_date, moment = processor.sla_completion_time.next_after(end)
        if moment <= end + _AHEAD:
            due.append(
                Deadline(
                    processor=processor.name,
                    data_date=data_date,
                    due=moment,
                    owner=processor.owner,
                )
            )
    return tuple(sorted(due, key=lambda each: (each.due, each.processor)))


def as_document(report: Handoff) -> Mapping[str, Any]:
    """The hand-off for machines."""
    return {
        "as_of": report.as_of.isoformat(),
        "since": report.since.isoformat(),
        "verdict": report.health.verdict.value,
        "open": [
            {
                **each.finding.to_json(),
                "notebook": each.notebook,
                "first_seen": each.first_seen.isoformat(),
                "is_new": each.is_new,
            }
            for each in report.handover.open
        ],
        "recovered": [each.finding.fingerprint for each in report.handover.recovered],
        "done": [
            {"at": note.at.isoformat(), "who": note.who, "what": note.what} for note in report.notes
        ],
        "told": len(report.told),
        "deadlines": [
            {"processor": each.processor, "due": each.due.isoformat()} for each in report.deadlines
        ],
    }
