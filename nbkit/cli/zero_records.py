"""`nbkit zero-records`: which successes recorded nothing, beside the 105 days before the fix."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nbkit.analysis.count_rates import CountRate
    from nbkit.analysis.zero_records import ZeroRecords
    from nbkit.questions.zero_records import ZeroRecordReport

# The published baseline: 2,346 runs in the 105 days before the tracking fix.
_BASELINE = (date(2025, 10, 1), date(2026, 1, 14))
_WORDS = ("Processor", "Open dates")


def zero_records_command(
    start_date: Annotated[str, typer.Option(help="The first UTC day, such as 2026-01-14.")],
    end_date: Annotated[
        str, typer.Option(help="The first UTC day not looked at. [default: as-of's day]")
    ] = "",
    processor: Annotated[
        str, typer.Option(help="Only processors that match, such as 'Bdl*' (* and ?).")
    ] = "",
    warehouse: Annotated[
        str, typer.Option(help="Warehouse URL. [default: NBKIT_WAREHOUSE, else the demo]")
    ] = "",
    as_of: Annotated[str, typer.Option(help="Nothing later is looked at. [default: now]")] = "",
    baseline_start: Annotated[
        str, typer.Option(help="The first day of the baseline.")
    ] = f"{_BASELINE[0]}",
    baseline_end: Annotated[
        str, typer.Option(help="The first day after the baseline.")
    ] = f"{_BASELINE[1]}",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Count the successes that recorded zero records, by processor, beside the baseline.

    "Healed": a later run of the same date had data. "Had data": an earlier one had. "Open": none
    had; the date lost its data, or had none to lose.
    """
    from nbkit.cli.moments import moment_of
    from nbkit.project import find_project
    from nbkit.questions.zero_records import zero_record_report

    first = _day("--start-date", start_date)
    last = _day("--end-date", end_date) if end_date else None
    usual = (_day("--baseline-start", baseline_start), _day("--baseline-end", baseline_end))
    # Given all days, the moment at which the last of them is over is the one to ask about.
    if last and not as_of:
        latest = max(last, usual[1])
        moment = datetime(latest.year, latest.month, latest.day, tzinfo=UTC)
    else:
        moment = moment_of(as_of, warehouse, find_project())
    report = zero_record_report(
        warehouse,
        days=(first, min(last or moment.date(), moment.date())),
        baseline_days=usual,
        as_of=moment,
        processor=processor,
    )
    if as_json:
        typer.echo(json.dumps(_document(report), indent=1))
    else:
        _show(report, processor)


def _day(option: str, text: str) -> date:
    from nbkit.errors import ParameterError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"{option}: {text!r} is not a date; write 2026-01-14.") from None


def _show(report: ZeroRecordReport, pattern: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nbkit.findings.wording import count_of, percent

    console = Console(highlight=False, soft_wrap=True)
    rate, baseline, ratio, total = report.rate, report.baseline, report.ratio, report.total
    where = f"{_days_told(report.days)}{f', processors {pattern}' if pattern else ''}"
    if rate.rate is None:
        console.print(f"The history knows no run of {where}: nothing was observed.", style="yellow")
        return
    console.print(
        f"Found {count_of(total.runs, 'zero-record run')} in {count_of(rate.units, 'day')} "
        f"({where}): {rate.rate:.1f} a day, 95 % interval {rate.low:.1f} to {rate.high:.1f}",
        style="bold",
    )
    if report.processors:
        grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for header in ("Processor", "Runs", "Healed", "Had data", "Open", "Open dates"):
            grid.add_column(header, justify="left" if header in _WORDS else "right")
        for row in report.processors:
            dates = [f"{day:%d %b}" for day in row.open_dates]
            grid.add_row(
                row.subject,
                *(f"{n:,}" for n in (row.runs, row.healed, row.covered, row.open)),
                ", ".join(dates[:3]) + (f" +{len(dates) - 3}" if len(dates) > 3 else ""),
            )
        console.print(grid, soft_wrap=False)
        share = f"At least {percent(total.false_alarms.rate)}" if total.open else "All"
        console.print(f"{share} are false alarms: their date has data.")
    if baseline.rate is None or ratio is None or ratio.value is None:
        console.print(Text("Nothing is known of the baseline to compare with.", style="dim"))
        return
    console.print(
        f"Baseline {_days_told(report.baseline_days)}: {baseline.events:,} in "
        f"{count_of(baseline.units, 'day')}, {baseline.rate:.1f} a day; now {ratio.value:.2f} "
        f"times that (95 % interval {ratio.low:.2f} to {ratio.high:.2f}), "
        f"{'a clear change' if ratio.is_clear else 'which may be chance'}."
    )


def _days_told(days: tuple[date, date]) -> str:
    return f"{days[0]} to {days[1] - timedelta(days=1)}"


def _document(report: ZeroRecordReport) -> dict[str, Any]:
    from nbkit.findings.plain import plain

    def rated(one: CountRate) -> dict[str, Any]:
        known = one.units > 0
        return {
            "runs": one.events,
            "days": one.units,
            "per_day": one.rate,
            "low": one.low if known else None,
            "high": one.high if known else None,
        }

    def counted(one: ZeroRecords) -> dict[str, Any]:
        return {
            "runs": one.runs,
            "healed": one.healed,
            "had_data": one.covered,
            "open": one.open,
            "open_dates": [day.isoformat() for day in one.open_dates],
        }

    ratio = report.ratio
    # Nothing bounds from above how many times none it is.
    document: dict[str, Any] = {
        "start_date": report.days[0].isoformat(),
        "end_date": report.days[1].isoformat(),
        **rated(report.rate),
        "baseline": rated(report.baseline),
        "ratio": None
        if ratio is None
        else {"value": ratio.value, "low": ratio.low, "high": ratio.high, "p": ratio.p_value},
        "all": counted(report.total),
        "processors": {row.subject: counted(row) for row in report.processors},
    }
    return {key: plain(value) for key, value in document.items()}
