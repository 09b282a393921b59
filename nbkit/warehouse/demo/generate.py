"""Build a demo warehouse: part by part into a file aside, sorted, then renamed into place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbkit.errors import InputError
from nbkit.warehouse import schema
from nbkit.warehouse.demo.around import after, before, verification
from nbkit.warehouse.demo.calendar import micros
from nbkit.warehouse.demo.facts import (
    AS_OF,
    FIX_DATE,
    HISTORY_START,
    MAIN_END,
    MAIN_START,
    TWO_ROWS_UNTIL,
    DemoFacts,
    load_facts,
    load_published,
)
from nbkit.warehouse.demo.main_period import main_period
from nbkit.warehouse.demo.plan import Plan, plans
from nbkit.warehouse.demo.runs import Runs, Status, join_runs
from nbkit.warehouse.demo.tables import processors_table, run_tables
from nbkit.warehouse.demo.truth import DemoTruth
from nbkit.warehouse.demo.twins import add_twins
from nbkit.warehouse.demo.witness import incidents, merge

if TYPE_CHECKING:
    import duckdb

DEFAULT_RUNS = 269_971
DEFAULT_SEED = 20260113
_WEEK = timedelta(days=7)
_MEMORY_LIMIT = "1GB"
_ROWS_A_SORT = 500_000


def build_demo(
    path: Path,
    *,
    runs: int = DEFAULT_RUNS,
    seed: int = DEFAULT_SEED,
    as_of: datetime | None = None,
) -> DemoTruth:
    """Write a demo warehouse to `path`, replacing what is there only once it is whole.

    The same `runs`, `seed` and `as_of` give the same rows. Memory is bounded whatever `runs` is:
    the main period is made in parts no larger than the published history, and DuckDB sorts them
    within 1 GB, spilling to files beside `path`.

    Args:
        runs: distinct runs that start in the main period (31 days); at least 20,000.
        as_of: aware; move the history so that its own moment (2026-01-13 12:00 UTC) comes to lie
            at this one or up to a week before it. Moves are whole weeks, because the trouble
            follows weekdays: what remains is left over, and `DemoTruth.as_of` says where the moment
            is. None: the history keeps its own dates.

    Raises:
        InputError: too few runs, a negative seed, a naive `as_of`, a folder that does not exist,
            or one where the file should be.
    """
    import duckdb

    path = path.absolute()
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} does not exist. Make the folder first.")
    if path.is_dir():
        raise InputError(f"{path} is a folder. Name a file in it, such as {path.name}/demo.duckdb.")
    if seed < 0:
        raise InputError(f"A seed of {seed} does not work; it must be 0 or more.")
    if as_of is not None and as_of.tzinfo is None:
        raise InputError(
            f"as_of {as_of} has no time zone; write it with a Z, as in {AS_OF:%FT%TZ}."
        )
    shift = _WEEK * ((as_of - AS_OF) // _WEEK) if as_of else timedelta(0)
    facts = load_facts()
    whole = plans(facts, runs)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        aside = Path(folder) / "demo.duckdb"
        with duckdb.connect(str(aside)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
            connection.execute("SET temp_directory = ?", [str(Path(folder) / "spill")])
            truth = _fill(connection, Path(folder), facts, whole, seed=seed, shift=shift)
        aside.replace(path)
    return truth


def _fill(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    facts: DemoFacts,
    whole: list[Plan],
    *,
    seed: int,
    shift: timedelta,
) -> DemoTruth:
    connection.execute(f"CREATE SCHEMA {schema.DATASET}; CREATE SCHEMA nbkit_demo")
    connection.execute(schema.duckdb_ddl())
    connection.register("demo_processors", processors_table(facts))
    seen = []
    with _staging(connection, folder, parts=len(whole)) as target:
        for plan in whole:
            runs = part_of_history(facts, plan, seed=seed)
            seen.append(incidents(facts, runs, part=plan.part, seed=seed, shift=shift))
            _insert(connection, target, facts, runs, part=plan.part, seed=seed, shift=shift)
    start = datetime(MAIN_START.year, MAIN_START.month, MAIN_START.day, tzinfo=UTC)
    end = datetime(MAIN_END.year, MAIN_END.month, MAIN_END.day, tzinfo=UTC) + timedelta(days=1)
    truth = DemoTruth(
        as_of=AS_OF + shift,
        shift=shift,
        seed=seed,
        runs=sum(plan.runs for plan in whole),
        start=start + shift,
        end=end + shift,
        incidents=merge(seen),
    )
    add_twins(connection, shift=shift)
    connection.execute("CREATE TABLE nbkit_demo.truth (truth JSON NOT NULL)")
    connection.execute("INSERT INTO nbkit_demo.truth VALUES (?)", [truth.to_json()])
    return truth


def part_of_history(facts: DemoFacts, plan: Plan, *, seed: int) -> Runs:
    """The runs of one part: all of them the main period, the first also what lies around it."""
    rng = np.random.default_rng([seed, plan.part])
    main = main_period(facts, plan, rng)
    if plan.part:
        return main
    zeros = int(((main.status == Status.SUCCESS) & (main.records == 0)).sum())
    earlier = before(facts, rng, zeros_in_main=zeros)
    share = float(load_published()["zero_record_runs"]["false_positive_share"])
    past = join_runs([earlier, main])
    return join_runs([past, after(facts, rng), verification(facts, past, rng, false_share=share)])


@contextmanager
def _staging(connection: duckdb.DuckDBPyConnection, folder: Path, *, parts: int) -> Iterator[str]:
    """Where the parts go before they are sorted: one part needs no place of its own."""
    if parts == 1:
        yield schema.RUN_HISTORY
        return
    staged = folder / "staged.duckdb"
    connection.execute(f"ATTACH '{str(staged).replace(chr(39), chr(39) * 2)}' AS staged")
    connection.execute(f"CREATE TABLE staged.runs AS FROM {schema.RUN_HISTORY} LIMIT 0")
    yield "staged.runs"
    # Stretch of dates by stretch: a sort never holds much more than a part does.
    for first, last in connection.execute(
        f"SELECT min(data_date), max(data_date) FROM (SELECT data_date, "
        f"sum(count(*)) OVER (ORDER BY data_date) // {_ROWS_A_SORT} AS stretch "
        "FROM staged.runs GROUP BY data_date) GROUP BY stretch ORDER BY 1"
    ).fetchall():
        connection.execute(
            f"INSERT INTO {schema.RUN_HISTORY} SELECT * FROM staged.runs "
            "WHERE data_date BETWEEN ? AND ? "
            "ORDER BY data_date, processor_name, started_at, run_id, status",
            [first, last],
        )
    connection.execute("DETACH staged")


def _insert(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    facts: DemoFacts,
    runs: Runs,
    *,
    part: int,
    seed: int,
    shift: timedelta,
) -> None:
    rng = np.random.default_rng([seed, part, 1])
    numbers, errors = run_tables(facts, runs, part=part, shift_days=shift.days, rng=rng)
    connection.register("demo_runs", numbers)
    connection.register("demo_errors", errors)
    rows = files("nbkit.warehouse.demo").joinpath("rows.sql").read_text(encoding="utf-8")
    connection.execute(
        f"INSERT INTO {target} BY NAME SELECT * FROM ({rows}) "
        "ORDER BY data_date, processor_name, started_at, run_id, status",
        {
            "shift_us": shift // timedelta(microseconds=1),
            "shift_days": shift.days,
            "fix_us": micros(FIX_DATE),
            "two_rows_us": micros(TWO_ROWS_UNTIL),
            "origin_us": micros(HISTORY_START),
            "seed": str(seed),
        },
    )
    connection.unregister("demo_runs")
    connection.unregister("demo_errors")
