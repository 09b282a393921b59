"""What quantiles of every processor and day cost: `python benchmarks/profiles.py [--runs N …]`.

The question is P50, P95 and P99 of the duration of successes, by processor and day (55 × 90). Each
way to answer it has a process of its own, which gives seconds and its peak of memory, imports
(about 150 MiB) included. All are ratios to one baseline of the same run: DuckDB's exact
quantile_disc. The file has just been written, so it is read from memory.

Answers of quantiles are final: the next window or grouping is another scan. Those of histograms
merge; "from there, a month by phase" is what the next question costs once they are there. The
whole query of the catalog does more than the others: it makes one run of a run's several rows, and
counts records as well as seconds. pandas is left out where its rows would not fit into memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from nbkit.analysis.profiles import quantiles_by
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.schema import RUN_HISTORY

DEFAULT = (270_000, 5_000_000)
QS = (0.5, 0.95, 0.99)
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
KEYS = ["processor_name", "day"]
BASELINE = "DuckDB quantile_disc, exact"
BYTES_A_ROW = 120  # of pandas' peak, measured at five million

# One row a run, none twice; log-normal seconds of 55 processors over 90 days.
ROWS = f"""
CREATE SCHEMA nba_reference;
SELECT setseed(0.4);
CREATE TABLE {RUN_HISTORY} AS
SELECT
  'Demo' || i % 55 || 'Processor' AS processor_name,
  'run_' || i AS run_id,
  CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'success' END AS status,
  'phase_' || i % 55 % 5 AS phase,
  CAST(started_at AS DATE) AS data_date,
  started_at,
  started_at + to_milliseconds(CAST(1000 * duration_seconds AS BIGINT)) AS processed_at,
  duration_seconds,
  CAST(7 * duration_seconds AS BIGINT) AS records_processed
FROM (
  SELECT
    i,
    TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(random() * 89 * 86400) AS started_at,
    exp(2 + i % 55 / 20 + 0.6 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))
      AS duration_seconds
  FROM range($runs) AS numbers(i)
);
"""
SUCCESSES = f"FROM {RUN_HISTORY} WHERE status = 'success'"
DAY = "CAST(timezone('UTC', processed_at) AS DATE) AS day"
BUCKETS = f"""
SELECT processor_name, phase, {DAY}, CAST(ceil(ln(duration_seconds) / ln(1.02)) AS INT) AS bucket,
  count(*) AS runs {SUCCESSES} GROUP BY ALL
"""


def quantiles_in_duckdb(path: Path, function: str) -> pd.DataFrame:
    columns = ", ".join(f"{function}(duration_seconds, {q}) AS q{100 * q:.0f}" for q in QS)
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            f"SELECT processor_name, {DAY}, {columns} {SUCCESSES} GROUP BY ALL"
        ).df()


def quantiles_in_pandas(path: Path) -> pd.DataFrame:
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(f"SELECT processor_name, {DAY}, duration_seconds {SUCCESSES}")
        rows = found.to_arrow_table().to_pandas()
    return rows.groupby(KEYS, observed=True)["duration_seconds"].quantile(list(QS))


def histograms(path: Path) -> pd.DataFrame:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(BUCKETS).to_arrow_table().to_pandas()


def histograms_of_catalog(path: Path) -> pd.DataFrame:
    with open_warehouse(f"duckdb:///{path}") as warehouse:
        found = warehouse.query("daily_histograms", start=FIRST, end=LAST, as_of=LAST)
    return found[(found["metric"] == "duration_s") & (found["outcome"] == "success")]


def worst_error(path: Path, found: pd.DataFrame) -> float:
    """The largest relative error of our quantiles, against the lower order statistics."""
    exact = ", ".join(
        f"list_extract(sorted, 1 + CAST(floor({q} * (len(sorted) - 1) + 1e-9) AS BIGINT)) "
        f"AS q{100 * q:.0f}"
        for q in QS
    )
    with duckdb.connect(str(path), read_only=True) as connection:
        table = connection.execute(
            f"SELECT processor_name, day, {exact} FROM (SELECT processor_name, {DAY}, "
            f"list_sort(list(duration_seconds)) AS sorted {SUCCESSES} GROUP BY ALL) ORDER BY ALL"
        ).df()
    truth = table[[f"q{100 * q:.0f}" for q in QS]].to_numpy()
    return float(np.abs(found.sort_values(KEYS)[list(QS)].to_numpy() / truth - 1).max())


WAYS: dict[str, Callable[[Path], pd.DataFrame]] = {
    BASELINE: lambda path: quantiles_in_duckdb(path, "quantile_disc"),
    "DuckDB approx_quantile": lambda path: quantiles_in_duckdb(path, "approx_quantile"),
    "pandas groupby.quantile": quantiles_in_pandas,
    "histograms, quantiles_by": lambda path: quantiles_by(histograms(path), KEYS, QS),
    "daily_histograms.sql, quantiles_by": lambda path: quantiles_by(
        histograms_of_catalog(path), KEYS, QS
    ),
}


def peak() -> int:
    """The largest resident size of this process so far, in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def work(way: str, path: Path) -> None:
    """One way in this process: seconds, bytes and what else is known of it, as JSON."""
    began = time.perf_counter()
    found = WAYS[way](path)
    told = {"seconds": time.perf_counter() - began, "bytes": peak(), "rows": len(found)}
    if way.startswith("histograms"):
        rows = histograms(path)
        rows["month"] = pd.to_datetime(rows["day"]).dt.month
        began = time.perf_counter()
        quantiles_by(rows, ["phase", "month"], QS)
        told |= {"again": time.perf_counter() - began, "error": worst_error(path, found)}
        told["histogram_rows"] = len(rows)
    print(json.dumps(told))


def build(runs: int, path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in ROWS.strip().split(";")[:-1]:
            connection.execute(statement, {"runs": runs} if "$runs" in statement else None)


def in_a_process(*arguments: str) -> str:
    # The parent stays small: a child's peak begins with what its parent had when it was born.
    child = subprocess.run(
        [sys.executable, __file__, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    return child.stdout


def measure(runs: int, path: Path, most_bytes: int) -> None:
    in_a_process("--way", "build", "--file", str(path), "--runs", str(runs))
    print(f"{runs:,} runs; baseline: {BASELINE}")
    baseline: dict[str, float] = {}
    for way in WAYS:
        if way.startswith("pandas") and runs * BYTES_A_ROW > most_bytes:
            need = runs * BYTES_A_ROW / 2**30
            print(f"  {way:36} left out: it would need about {need:.0f} GiB")
            continue
        told = json.loads(in_a_process("--way", way, "--file", str(path)))
        baseline = baseline or told
        print(
            f"  {way:36} {told['seconds']:7.2f} s {told['seconds'] / baseline['seconds']:6.2f} ×"
            f"  {told['bytes'] / 2**20:7,.0f} MiB {told['bytes'] / baseline['bytes']:6.2f} ×"
        )
        if "again" in told:
            print(
                f"    from there, a month by phase: {told['again']:.3f} s "
                f"{told['again'] / baseline['seconds']:.2f} × "
                f"({told['histogram_rows']:,} rows of histograms); worst error {told['error']:.2%}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, nargs="+", default=DEFAULT)
    parser.add_argument("--most-gib", type=float, default=10.0, help="for pandas")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way == "build":
        build(given.runs[0], given.file)
        return
    if given.way:
        work(given.way, given.file)
        return
    for runs in given.runs:
        with tempfile.TemporaryDirectory() as folder:
            measure(runs, Path(folder) / "runs.duckdb", int(given.most_gib * 2**30))


if __name__ == "__main__":
    main()
