"""The SLAs as a page for people: docs/slas.md is this text, and a test keeps it so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from nbkit.registry.graph import ProcessorRegistry
from nbkit.registry.slas import BurnAlert, Measure, Response, Slas, Target

_HEAD = """\
# Service levels

Made from `registry/slas.yaml` by `nbkit slas docs`: change that file, then run the command again.
Last updated {updated}.

```
nbkit slas                    every target now: attainment, error budget left, what burns it
nbkit slas show --json        the same for machines
nbkit slas docs               write this page; --check only says whether it is current
nbkit run sla_weekly          the weekly report
nbkit run sla_monthly         the monthly report
nbkit registry check          all that is wrong with the file, each with its line
```

A target is judged over {days} days up to the moment asked about, in the monthly report over
calendar months of {zone}. Its *error budget* is what may be bad: of 1,000 runs at 95 % fifty may
fail. A run that had nothing to do (`no_data_available`) is no failure and counts nowhere.
"""

_MEASURES = {
    Measure.AVAILABILITY: "Time. The platform is down while any phase is past the deadline of a "
    "date with neither that date nor a later one complete.",
    Measure.ON_TIME: "Of the dates that had work and whose deadline has passed, those complete by "
    "it: every processor that counts had its first success. A processor that had nothing to do "
    "does not count for that date; one that did not run at all on a date with work does.",
    Measure.SUCCESS_RATE: "Successes over the runs that had something to do, by the hour in which "
    "they ended. A run that a sweep closed, or that is open past its timeout, has failed.",
    Measure.NOT_BLOCKING: "Of the works (a processor and a date) that others need and that ran, "
    "those with a success by the deadline of the first later phase that needs them.",
    Measure.FRESHNESS: "Time. Fresh while the last run of the processor that succeeded, or had "
    "nothing to do, is younger than the age allowed; to the hour.",
    Measure.SOURCE: "Not in run history. It reads *not measured* until somebody writes its counts; "
    "see below.",
}

_SOURCES = """\
## What run history cannot measure

A target with measure `source` reads the table `nba_orchestration.sla_measurements` of the same
warehouse. One row is what one day brought:

| column | type | what |
|---|---|---|
| `sla` | STRING | the key of the target |
| `measured_on` | DATE | the day that is measured (partition the table by it) |
| `good` | INT64 | how many were good |
| `total` | INT64 | how many there were |

Where the table or the rows of a key are not there, the target is not measured: never green. Rows of
one day and key add up. For example, where the grading table has a column `is_right`:

```sql
INSERT INTO `nba_orchestration.sla_measurements` (sla, measured_on, good, total)
SELECT 'hit_rate', game_date, COUNTIF(is_right), COUNT(*)
FROM `nba_predictions.prediction_accuracy`
WHERE game_date = '2026-01-12'
GROUP BY game_date
```
"""

_EXCEPTIONS = """\
## Exceptions

What broke a target from outside (an upstream API that was down) is written into
`registry/sla_exceptions.yaml` by name, with its time, targets, processors, evidence and who
approved it. An exception changes no figure. Reports show the figure as it was and beside it the
figure without the exception, and call a miss *excused* only where the second one holds.

## Burn rates

A burn rate of 1 spends the budget of the period exactly by its end. An alert needs a fast enough
burn over a long window and still over a short one (Google's SRE Workbook, chapter 5):

{alerts}
Time is measured on these windows as they stand. Where things are counted, a batch pipeline has few
of them: there the windows are the same shares of the period, counted in trials instead of hours.
docs/decisions/0020-slas.md says how, and why.
"""


def slas_page(slas: Slas, registry: ProcessorRegistry) -> str:
    """The page in Markdown."""
    parts = [
        _HEAD.format(
            updated=slas.last_updated, days=slas.period.days, zone=slas.zone.key.replace("_", " ")
        ),
        "## The platform\n\n" + _table(t for t in slas.targets if t.phase is None),
    ]
    for phase in registry.phases:
        own = [target for target in slas.targets if target.phase == phase.name]
        if own:
            parts.append(f"## {phase.title}\n\n" + _table(own))
    parts += [
        "## Incidents\n\n" + _responses(slas.responses),
        "## How each is measured\n\n"
        + _rows(("measure", "means"), [(f"`{m}`", _MEASURES[m]) for m in Measure if slas.of(m)]),
        _SOURCES + "\n" + _keys(slas.of(Measure.SOURCE)),
        _EXCEPTIONS.format(alerts=_alerts(slas.burn_alerts)),
    ]
    return "\n".join(parts)


def _table(targets: Iterable[Target]) -> str:
    return _rows(
        ("target", "name", "objective", "measured by", "stated", "read here as"),
        [
            (t.title, f"`{t.name}`", objective_of(t), f"`{t.measure}`", t.stated, t.assumed or "")
            for t in targets
        ],
    )


def objective_of(target: Target) -> str:
    """`99 % of dates by 02:00 ET, the day after`."""
    share = f"{100 * target.objective:.4g}\u00a0% of {target.unit}"
    if target.by is not None:
        return f"{share} by {target.by}"
    if target.max_age_hours is not None:
        return f"{share} fresher than {target.max_age_hours:g}\u00a0h"
    return share


def promised(target: Target) -> str:
    """`99 % of dates by 02:00 ET`: as `objective_of`, without the day."""
    return objective_of(target).partition(",")[0]


def _responses(responses: Iterable[Response]) -> str:
    return _rows(
        ("severity", "first response within", "solved within"),
        [(f"{r.severity} {r.title}", _words(r.respond), _words(r.resolve)) for r in responses],
    ) + ("\nNo run history says when an incident was answered or solved: these are not measured.\n")


def _alerts(alerts: Iterable[BurnAlert]) -> str:
    return _rows(
        ("alert", "burn rate", "long window", "short window", "severity"),
        [(a.name, f"{a.rate:g}", _words(a.long), _words(a.short), a.severity) for a in alerts],
    )


def _words(length: timedelta | str) -> str:
    if isinstance(length, str):
        return length
    for unit, name in ((timedelta(weeks=1), "week"), (timedelta(days=1), "day")):
        if length >= unit and length % unit == timedelta():
            return _count(length // unit, name)
    hours = length / timedelta(hours=1)
    return _count(int(hours), "hour") if hours >= 1 else f"{length // timedelta(minutes=1)} minutes"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _keys(targets: Iterable[Target]) -> str:
    return _rows(
        ("`sla`", "target", "`good`", "`total`"),
        [
            (f"`{t.source.key}`", t.title, t.source.good, t.source.total)
            for t in targets
            if t.source
        ],
    )


def _rows(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headers, tuple("---" for _ in headers), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
