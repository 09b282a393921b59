"""Tables of what was odd for a day or in a single run, as the trends report shows them."""

from __future__ import annotations

from nbkit.analysis.anomalies import DayAnomalies, DayAnomaly, RunAnomalies, RunAnomaly, RunKind
from nbkit.analysis.trends.outlook import Outlook
from nbkit.findings.intervals import joined, whole
from nbkit.findings.odd_days import anomaly_told, is_part_of_trend, odd_days
from nbkit.findings.wording import count_of, moment, percent, seconds
from nbkit.tables import Column, Note, Table


def day_note(found: DayAnomalies) -> Note:
    """How many tests were made, and how many false alarms to expect."""
    number = len(found.anomalies)
    return Note(
        f"{count_of(number, 'odd figure')} in {count_of(found.tests, 'test')} of "
        f"{count_of(len(found.days), 'day')}. The false discovery rate is held at "
        f"{percent(found.rules.false_discovery_rate)} on each day: of these, at most "
        f"{found.expected_false:.1f} are expected to be false alarms."
    )


def day_table(found: DayAnomalies, outlook: Outlook, processor: str = "") -> Table:
    """Days that depart from their processor's own past, the newest and least likely first; what is
    odd in the same way on several days stands once."""
    return Table.of(
        [
            Column("Processor"),
            Column("What"),
            Column("Last day (UTC)", "date"),
            Column("Days", "count"),
            Column("Expected (95 % range)"),
            Column("Seen"),
            Column("How unlikely"),
            Column("Off since", "date"),
        ],
        [
            (
                odd.latest.processor,
                odd.latest.kind + (" (trend above)" if is_part_of_trend(odd, outlook) else ""),
                odd.latest.day,
                odd.days,
                _day_range(odd.latest),
                anomaly_told(odd.latest, odd.latest.seen),
                one_in(odd.latest.p_value),
                odd.latest.since,
            )
            for odd in odd_days(found.anomalies)
            if processor in ("", odd.latest.processor)
        ],
        empty=f"No odd day among the last {len(found.days)}.",
    )


def run_note(found: RunAnomalies) -> Note:
    """The same of single runs."""
    return Note(
        f"{count_of(len(found.anomalies), 'odd run')} in the 24 hours to {moment(found.end)}, from "
        f"{found.departures:,} of {found.tests:,} tests (a processor and a kind of oddity): of "
        f"these, at most {found.expected_false:.1f} are expected to be false alarms."
    )


def run_table(found: RunAnomalies, processor: str = "") -> Table:
    """Single runs that depart from their processor's own past, and runs that are missing; the least
    likely first."""
    return Table.of(
        [
            Column("Processor"),
            Column("What"),
            Column("Ended (UTC)", "moment"),
            Column("Expected (95 % range)"),
            Column("Seen"),
            Column("How unlikely"),
            Column("Run", "code"),
        ],
        [
            (
                odd.processor,
                odd.kind.value,
                odd.at,
                _run_range(odd),
                _run_told(odd, odd.seen),
                one_in(odd.p_value),
                odd.run_id,
            )
            for odd in found.anomalies
            if processor in ("", odd.processor)
        ],
        empty="No single run was odd, and none was missing.",
    )


def one_in(p_value: float) -> str:
    """`1 in 3,600`, to two digits."""
    if p_value <= 0 or 1 / p_value >= 1e9:
        return "under 1 in a billion"
    odds = 1 / p_value
    digits = max(len(f"{odds:.0f}") - 2, 0)
    return f"1 in {round(odds, -digits):,.0f}"


def _day_range(odd: DayAnomaly) -> str:
    low, high = anomaly_told(odd, odd.low), anomaly_told(odd, odd.high)
    return f"{anomaly_told(odd, odd.expected)} ({joined(low, high)})"


def _run_range(odd: RunAnomaly) -> str:
    low, high = _run_told(odd, odd.low), _run_told(odd, odd.high)
    middle = _run_told(odd, odd.expected)
    return middle if low == high == middle else f"{middle} ({joined(low, high)})"


def _run_told(odd: RunAnomaly, value: float) -> str:
    if odd.kind in (RunKind.SLOW, RunKind.FAST):
        return seconds(value)
    if odd.kind is RunKind.SILENCE:
        return f"{value:.1f}\u00a0h" if value else "<\u00a01\u00a0h"
    return f"{whole(value)}\u00a0records"
