"""How long the catalog's queries take on DuckDB: `python benchmarks/queries.py [RUNS …]`.

The window is the demo's main month; every query is asked three times and the best counts, frame
included. The baseline is what a notebook without the catalog does first: bring that month's rows,
seven columns of them, into a DataFrame (and add them up afterwards, which is not counted here).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from nbkit.warehouse import catalog, open_warehouse
from nbkit.warehouse.demo import build_demo
from nbkit.warehouse.schema import RUN_HISTORY

DEFAULT = (269_971, 5_000_000)
AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
START = AS_OF - timedelta(days=31)
ROWS = (
    "SELECT processor_name, phase, status, processed_at, duration_seconds, records_processed, "
    f"errors FROM {RUN_HISTORY} WHERE processed_at >= $start AND processed_at < $as_of"
)


def best_of_three(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def measure(runs: int, path: Path) -> None:
    """Build a demo of that many runs and print what each query costs on it."""
    build_demo(path, runs=runs)
    with duckdb.connect(str(path), read_only=True) as connection:

        def month() -> pd.DataFrame:
            found = connection.execute(ROWS, {"start": START, "as_of": AS_OF})
            return found.to_arrow_table().to_pandas()

        baseline, rows = best_of_three(month), len(month())
    print(f"{runs:,} runs; baseline, the month's rows as a DataFrame: {baseline:.2f} s, {rows:,}")
    with open_warehouse(f"duckdb:///{path}") as warehouse:
        for name in catalog.query_names():
            took = best_of_three(
                lambda name=name: warehouse.query(name, start=START, end=AS_OF, as_of=AS_OF)
            )
            found = warehouse.queries[-1].rows
            print(f"  {name:20} {took:6.2f} s  {took / baseline:5.2f} × baseline  {found:>9,} rows")


if __name__ == "__main__":
    for count in [int(argument) for argument in sys.argv[1:]] or DEFAULT:
        with tempfile.TemporaryDirectory() as folder:
            measure(count, Path(folder) / "demo.duckdb")
