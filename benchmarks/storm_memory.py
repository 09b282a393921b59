"""How much memory and time the storm question takes as the window's runs grow.

A world in which redelivery makes a storm (docs/decisions/0014-storm-worlds.md), copied until it
has that many runs. Each figure is of a process of its own: peak resident memory and CPU seconds,
without kernel and report. The baseline is what a notebook without the catalog does first: bring the
runs, nine columns of them, into a DataFrame.

    python benchmarks/storm_memory.py [ROWS …] [--own-words]

With `--own-words` every failure says something else (an object's and a request's id), so that
nothing adds up by its text alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from worlds import build_world
from worlds.files import replicate, write_warehouse

from nbkit.warehouse.schema import RUN_HISTORY

KIND, SEED = "retry_amplification", 1000
DEFAULT = (500_000, 2_000_000, 5_000_000)
OWN_WORDS = (
    f"UPDATE {RUN_HISTORY} SET errors = to_json(errors::VARCHAR || ' while reading object ' || "
    "md5(run_id) || ', request ' || run_id) WHERE errors IS NOT NULL"
)
ROWS = (
    "SELECT processor_name, run_id, status, started_at, processed_at, duration_seconds, "
    f"data_date, trigger_message_id, errors::VARCHAR AS errors FROM {RUN_HISTORY} "
    "WHERE started_at >= $start AND started_at < $as_of"
)


def ask(url: str, as_of: datetime) -> str:
    from nbkit.questions.retry_storm import retry_storm

    report = retry_storm(url, as_of=as_of)
    return f"{report.headline} ({report.sampled:.0%} of the messages read)"


def read(url: str, as_of: datetime) -> str:
    with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
        found = connection.execute(ROWS, {"start": as_of - timedelta(days=35), "as_of": as_of})
        return f"{len(found.to_arrow_table().to_pandas()):,} rows"


WORKS = {"question": ask, "baseline": read}


def measured(work: str, url: str, as_of: datetime) -> dict[str, object]:
    """The work in a process of its own: what it said, peak memory in MB, CPU and wall seconds."""
    command = [sys.executable, __file__, "--only", work, url, as_of.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def only(work: str, url: str, as_of: str) -> None:
    started = time.perf_counter()
    said = WORKS[work](url, datetime.fromisoformat(as_of))
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    print(json.dumps({"said": said, "mb": used.ru_maxrss / 1024, "cpu": cpu, "wall": wall}))


def compare(rows: int, *, own_words: bool) -> None:
    world = build_world(KIND, SEED)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "storm.duckdb"
        url = write_warehouse(world.history, path)
        have = replicate(path, rows)
        if own_words:
            with duckdb.connect(str(path)) as connection:
                connection.execute(OWN_WORDS)
        asked, base = (measured(work, url, world.as_of) for work in WORKS)
    print(f"{have:,} runs: {asked['said']}")
    for name, unit in (("mb", "MB"), ("cpu", "s of CPU"), ("wall", "s")):
        one, other = float(str(asked[name])), float(str(base[name]))
        print(f"  {one:8,.1f} {unit:9} {one / other:5.2f} × baseline ({other:,.1f})", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--only"]:
        only(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rows", nargs="*", type=int, default=list(DEFAULT))
    parser.add_argument("--own-words", action="store_true")
    options = parser.parse_args()
    for rows in options.rows:
        compare(rows, own_words=options.own_words)


if __name__ == "__main__":
    main()
