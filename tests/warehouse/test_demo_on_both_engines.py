"""The same history gives the same answers on DuckDB and, through Google's client, on BigQuery.

A small demo (20,000 runs in the published period) is loaded into the emulator: messages, retries,
stuck runs and all that the demo plants, in place of rows written to please a query.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from emulator import PROJECT, emulator_client, load_history
from query_arguments import ON_THE_HISTORY, arguments

from nbkit.questions.daily_health import daily_health
from nbkit.questions.sla_monthly import sla_monthly
from nbkit.questions.sla_weekly import sla_weekly
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.demo import build_demo
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import COLUMNS, RUN_HISTORY

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
SWEEP = datetime(2026, 1, 4, 15, tzinfo=UTC)
FIRST_DATE = "2025-12-10"  # what the 30-day baseline reads; the rest would only take time
WINDOWS = {
    "the last day": (AS_OF - timedelta(days=1), AS_OF, AS_OF),
    "the last 30 days": (AS_OF - timedelta(days=30), AS_OF, AS_OF),
    "as it looked before the sweep of stuck runs": (
        SWEEP - timedelta(days=4),
        SWEEP,
        SWEEP - timedelta(minutes=17),
    ),
}


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "small.duckdb"
    build_demo(path, runs=20_000)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"DELETE FROM {RUN_HISTORY} WHERE data_date < '{FIRST_DATE}'")
    return path


@pytest.fixture(scope="module")
def here(demo_file: Path) -> Iterator[Warehouse]:
    with open_warehouse(f"duckdb:///{demo_file}") as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def there(demo_file: Path, emulator: str) -> Iterator[Warehouse]:
    with duckdb.connect(str(demo_file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = frame_of(connection.execute(f"FROM {RUN_HISTORY}").to_arrow_table())
    used = [column.name for column in COLUMNS if rows[column.name].notna().any()]
    with open_warehouse(load_history(emulator, "demo", rows[used])) as warehouse:
        yield warehouse


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", ON_THE_HISTORY)
def test_a_query_gives_equal_frames_on_both_engines(
    name: str, window: str, here: Warehouse, there: Warehouse
) -> None:
    start, end, as_of = WINDOWS[window]
    given = arguments(name, start=start, end=end, as_of=as_of)
    frames = [warehouse.query(name, **given) for warehouse in (here, there)]
    assert len(frames[0]) > 0, "an equality of nothing proves nothing"
    pd.testing.assert_frame_equal(*frames)


def test_the_daily_verdict_is_the_same_on_both_engines(here: Warehouse, there: Warehouse) -> None:
    first, second = (daily_health(warehouse, as_of=AS_OF) for warehouse in (here, there))
    assert first.findings
    assert second.findings == first.findings
    assert second.verdict == first.verdict
    assert second.phases == first.phases
    assert (second.day, second.day_before) == (first.day, first.day_before)


def test_the_sla_reports_are_the_same_on_both_engines(
    here: Warehouse, there: Warehouse, emulator: str, tmp_path: Path
) -> None:
    with emulator_client(emulator) as client:
        client.create_dataset("nba_orchestration", exists_ok=True)
        client.delete_table(f"{PROJECT}.nba_orchestration.sla_measurements", not_found_ok=True)
    days = [AS_OF.date() - timedelta(days=n) for n in range(1, 15)]
    rows = pd.DataFrame(
        [{"sla": "hit_rate", "measured_on": day, "good": 6, "total": 10} for day in days]
    )
    for warehouse in (here, there):
        warehouse.append("nba_orchestration.sla_measurements", rows)
    reports = str(tmp_path)
    first, second = (
        sla_weekly(warehouse, as_of=AS_OF, weeks=4, reports=reports) for warehouse in (here, there)
    )
    assert first.status.attainment("hit_rate").share.total == 140
    assert second.status.findings == first.status.findings
    assert second.status.attainments == first.status.attainments
    assert second.weeks == first.weeks
    before, after = (
        sla_monthly(warehouse, as_of=AS_OF, months=2, reports=reports)
        for warehouse in (here, there)
    )
    assert after.findings == before.findings
    assert after.costs == before.costs
    assert after.changes == before.changes
