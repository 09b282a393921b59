"""A storm is told by the hours that hold it, not by those into which its last failures spill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from nbkit.analysis.storms.runs import classified, mark_failures
from nbkit.analysis.storms.storm import Storm, study
from nbkit.analysis.storms.windows import FoundWindow, Span

MONDAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (5, 12, 19, 26)]
COUNTS = pd.DataFrame(
    {
        "processor_name": ["A"],
        "status": ["failed"],
        "category": ["error"],
        "ended_hour": [pd.Timestamp(MONDAYS[0])],
        "runs": [1],
    }
)
# Nothing fails in other hours.
QUIET = pd.DataFrame(
    {
        "failures": 0.0,
        "real": 0.0,
        "runs": 0.0,
        "failure_share": 0.0,
        "attempts_per_message": 1.0,
    },
    index=["A"],
)


def storm(*stretches: tuple[float, float, int], exact: bool = False) -> Storm:
    """A weekly window found at 00:00 to 02:00 on Mondays; in each of them stretches of failures:
    from and to (hours after midnight), and how many an hour."""
    rows = []
    for monday in MONDAYS:
        for begin, until, rate in stretches:
            for number in range(round((until - begin) * rate)):
                end = monday + timedelta(hours=begin + (number + 0.5) / rate)
                rows.append(
                    {
                        "processor_name": "A",
                        "run_id": f"{end:%d%H%M%S}-{begin}",
                        "data_date": pd.Timestamp(monday.date()),
                        "started_at": end - timedelta(seconds=5),
                        "ended_at": end,
                        "status": "failed",
                        "errors_text": '["ValueError: malformed"]',
                    }
                )
    spans = tuple(Span(start=monday, end=monday + timedelta(hours=2)) for monday in MONDAYS)
    window = FoundWindow(
        spans=spans,
        processors=(),
        is_of_all=True,
        measures=frozenset({"failures"}),
        seen=len(rows),
        usual=0.0,
        q=0.0,
        weekly=True,
    )
    return study(
        window,
        classified(pd.DataFrame(rows)),
        mark_failures(COUNTS),
        None,
        usual=QUIET,
        is_exact=exact,
    )


@pytest.mark.parametrize(
    ("stretches", "name"),
    [
        ([(0, 2, 120)], "Monday 00:00–01:59 UTC"),
        ([(0, 2, 120), (2, 2.3, 60)], "Monday 00:00–01:59 UTC"),
        ([(-0.5, 0, 40), (0, 2, 120)], "Monday 00:00–01:59 UTC"),
        ([(0, 2.5, 120)], "Monday 00:00–02:59 UTC"),
        ([(0.6, 1.7, 120)], "Monday 00:00–01:59 UTC"),
    ],
    ids=["the hours", "a tail", "a lead", "an hour half full", "one hour over two"],
)
def test_an_hour_counts_that_holds_its_part(
    stretches: list[tuple[float, float, int]], name: str
) -> None:
    found = storm(*stretches)
    assert found.name == name


def test_the_spill_is_counted_though_its_hour_is_not_told() -> None:
    found = storm((0, 2, 120), (2, 2.3, 60))
    assert found.end > MONDAYS[-1] + timedelta(hours=2, minutes=15)
    assert found.failures == 4 * (240 + 18)


def test_hours_that_somebody_asked_for_are_told_as_asked() -> None:
    assert storm((0, 1, 120), (1, 2, 10), exact=True).name == "Monday 00:00–01:59 UTC"
    assert storm((0, 1, 120)).name == "Monday 00:00–00:59 UTC"
