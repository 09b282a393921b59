"""How long a demo takes to build and how much memory: `python benchmarks/demo.py [RUNS …]`.

Memory is that of the whole process at its highest. It levels off at what one part needs plus
DuckDB's limit of 1 GB, whatever the number of runs, which makes `--runs 50_000_000` possible.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEFAULT = (269_971, 1_000_000, 3_000_000)


def measure(runs: int) -> None:
    """Build one demo in this process and print what it cost."""
    from nbkit.warehouse.demo import build_demo

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.duckdb"
        started = time.perf_counter()
        build_demo(path, runs=runs)
        seconds = time.perf_counter() - started
        size = path.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{runs:>12,} runs  {seconds:7.1f} s  {peak:7,.0f} MiB at most  {size:8,.0f} MB file")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(int(sys.argv[2]))
    else:
        # A process each: the highest memory of a process never comes down again.
        for count in [int(a) for a in sys.argv[1:]] or DEFAULT:
            subprocess.run([sys.executable, __file__, "--one", str(count)], check=True)
