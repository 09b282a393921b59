"""What recording a run costs beside writing its two rows by hand; and a guard beside nothing.

    python benchmarks/record.py [RUNS]

Prints seconds a run and the ratio to the baseline, all measured in this process.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from nbkit.runs.guard import guard
from nbkit.runs.history import record
from nbkit.runs.rows import frame_of_rows
from nbkit.warehouse import open_history
from nbkit.warehouse.schema import RUN_HISTORY

DAY = date(2026, 1, 12)
ROW = {
    "processor_name": "A",
    "run_id": "r",
    "status": "success",
    "data_date": DAY,
    "started_at": datetime(2026, 1, 12, tzinfo=UTC),
}


def seconds(work: Callable[[], None], runs: int) -> float:
    began = time.perf_counter()
    for _ in range(runs):
        work()
    return (time.perf_counter() - began) / runs


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"duckdb:///{folder}/runs.duckdb"

        def by_hand() -> None:
            for _ in range(2):
                with open_history(url) as history:
                    history.append(RUN_HISTORY, frame_of_rows([ROW]))

        def recorded(*, has_witness: bool) -> None:
            with record(
                url,
                processor="A",
                data_date=DAY,
                spool=Path(folder) / "spool",
                has_witness=has_witness,
            ):
                pass

        def guarded() -> None:
            with guard():
                pass

        by_hand()
        base = seconds(by_hand, runs)
        print(f"two rows by hand        {base * 1000:7.1f} ms   1.00")
        for name, has_witness in (("record, no witness", False), ("record", True)):
            took = seconds(lambda w=has_witness: recorded(has_witness=w), runs)
            print(f"{name:<22}  {took * 1000:7.1f} ms   {took / base:.2f}")
        took = seconds(guarded, runs)
        print(f"guard                   {took * 1000:7.1f} ms   {took / base:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
