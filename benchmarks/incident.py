"""Is the incident analysis quick, small and quiet? `python benchmarks/incident.py [DEMO]`.

Three questions: how often the range of a further week holds it (worlds without anything planted),
how long six hours of the demo take, and what a window of five million runs costs. About two minutes
on one core; `--runs 500000` is a quick look.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from nbkit.analysis.false_discovery import benjamini_hochberg
from nbkit.analysis.incident.usual import common_wildness, predicted
from nbkit.questions.incident import incident
from nbkit.registry import load_registry
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

END = datetime(2026, 1, 12, 6, tzinfo=UTC)
ROWS = """
INSERT INTO {history} BY NAME
SELECT
  'P' || (i % 60) AS processor_name,
  'r' || {first} + i AS run_id,
  CASE WHEN i % 7 = 0 THEN 'failed' ELSE 'success' END AS status,
  TIMESTAMPTZ '{start}' + to_microseconds(CAST(i AS BIGINT) * {step}) AS started_at,
  TIMESTAMPTZ '{start}' + to_microseconds(CAST(i AS BIGINT) * {step} + 4000000) AS processed_at,
  CAST(TIMESTAMPTZ '{start}' + to_microseconds(CAST(i AS BIGINT) * {step}) AS DATE) AS data_date,
  4.0 + i % 50 AS duration_seconds,
  CASE WHEN i % 7 = 0 THEN CAST('["503 for game ' || i % 1000 || '"]' AS JSON) END AS errors
FROM range({runs}) AS numbers(i)
"""


def ranges(rounds: int) -> None:
    draws = np.random.default_rng(7)
    print("over-dispersion    mean   held by the 95 % range   odd at q <= 1 %")
    for size in (1.0, 4.0, 1_000.0):
        for mean in (0.3, 2.0, 20.0, 300.0):
            weeks = draws.negative_binomial(size, size / (size + mean), size=(rounds, 5))
            # Forty processors are looked at together, as in a report.
            common = common_wildness([int(n) for n in w[1:]] for w in weeks[:40])
            found = [predicted(int(w[0]), [int(n) for n in w[1:]], wildness=common) for w in weeks]
            held = np.mean([(f.low or 0) <= f.now <= (f.high or 0) for f in found])
            odd = int(np.sum(benjamini_hochberg([f.p for f in found]) <= 0.01))
            print(f"size {size:7,.0f} {mean:11,.1f} {held:18.1%} {odd:17} of {rounds}")


def timed(url: str, end: datetime, hours: int) -> None:
    registry = load_registry()
    with open_warehouse(url) as warehouse:
        start = time.perf_counter()
        report = incident(warehouse, registry, as_of=end, since=f"{hours}h")
        took = time.perf_counter() - start
        queries = sum(query.seconds for query in warehouse.queries)
        rows = {query.name: query.rows for query in warehouse.queries}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(
        f"{report.whole.runs.now:,} runs in {hours} h: {took:.1f} s ({queries:.1f} s in queries), "
        f"peak {peak:,.0f} MB, {rows['window_outcomes']:,} rows of the window came back"
    )


def large(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            for first, start, count in (
                (0, END - timedelta(days=31), 200_000),
                (10**9, END - timedelta(hours=6), runs),
            ):
                length = END - start - timedelta(seconds=10)
                connection.execute(
                    ROWS.format(
                        history=RUN_HISTORY,
                        first=first,
                        start=start.isoformat(),
                        step=int(length / timedelta(microseconds=1)) // count,
                        runs=count,
                    )
                )
        timed(f"duckdb:///{path}", END, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", nargs="?", type=Path, default=Path("demo.duckdb"))
    parser.add_argument("--runs", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=300)
    asked = parser.parse_args()
    ranges(asked.rounds)
    if asked.demo.exists():
        timed(f"duckdb:///{asked.demo}", datetime(2026, 1, 8, 9, tzinfo=UTC), 6)
    large(asked.runs)


if __name__ == "__main__":
    main()
