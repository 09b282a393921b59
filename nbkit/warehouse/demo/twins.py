"""What self_heal found on its last seven days, by its first and its second generation.

Two small tables beside the demo's history, for the report on cutting over: the second generation
misses two rows, has one too many, decides three times otherwise, and takes a few milliseconds less
or more, which is within any tolerance.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

TABLES = ("nba_orchestration.self_heal_gen1", "nba_orchestration.self_heal_gen2")
MISSING, EXTRA, DIFFERING = 2, 1, 3
_FIRST, _DAYS = date(2026, 1, 6), 7
_PROCESSORS = (
    *("PlayerGameSummaryProcessor", "TeamOffenseGameSummaryProcessor"),
    *("TeamDefenseGameSummaryProcessor", "UpcomingPlayerGameContextProcessor"),
    *("UpcomingTeamGameContextProcessor", "PlayerCompositeFactorsProcessor"),
    *("PlayerDailyCacheProcessor", "PlayerShotZoneAnalysisProcessor"),
    *("MLFeatureStoreProcessor", "PredictionCoordinator"),
)


def add_twins(connection: duckdb.DuckDBPyConnection, *, shift: timedelta) -> None:
    """Write both tables."""
    first, second = outputs(shift=shift)
    connection.execute("CREATE SCHEMA IF NOT EXISTS nba_orchestration")
    for table, rows in zip(TABLES, (first, second), strict=True):
        connection.register("demo_twin", rows)
        connection.execute(f"CREATE TABLE {table} AS FROM demo_twin")
        connection.unregister("demo_twin")


def outputs(*, shift: timedelta = timedelta(0)) -> tuple[pd.DataFrame, pd.DataFrame]:
    """data_date, processor_name, action, attempts, took_s, checked_at: of the first generation, and
    of the second."""
    rows = []
    for day in range(_DAYS):
        for number, name in enumerate(_PROCESSORS):
            failed = (day * 7 + number * 3) % 5 == 0
            data_date = _FIRST + timedelta(days=day) + shift
            rows.append(
                {
                    "data_date": data_date,
                    "processor_name": name,
                    "action": "retrigger" if failed else "none",
                    "attempts": 1 + (day + number) % 3 if failed else 0,
                    "took_s": round(1.2 + 0.07 * ((day * 11 + number * 5) % 13), 3),
                    "checked_at": datetime(
                        data_date.year, data_date.month, data_date.day, 17, 45, number, tzinfo=UTC
                    ),
                }
            )
    first = pd.DataFrame(rows)
    second = first.assign(
        took_s=[round(value + 0.004 * (-1) ** n, 3) for n, value in enumerate(first["took_s"])],
        checked_at=first["checked_at"] + timedelta(seconds=40),
    )
    healed = second.index[second["action"] == "retrigger"][:DIFFERING]
    second.loc[healed, "action"] = "none"
    late = second.index[second["action"] == "none"][-MISSING:]
    more = second.iloc[[0]].assign(processor_name="NbacGamebookProcessor")
    return first, pd.concat([second.drop(index=late), more], ignore_index=True)
