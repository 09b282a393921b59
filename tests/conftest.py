"""What every test shares."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from emulator import Emulator, load_history, running_emulator
from hypothesis import settings

from nbkit.project import RUNS_VARIABLE
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

Fill = Callable[[pd.DataFrame], Warehouse]
_datasets = count(1)

# The tests start hundreds of processes: without cached bytecode each of them compiles the package.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Two busy cores make single examples slow now and then: timing belongs to benchmarks/.
settings.register_profile("nbkit", deadline=None)
settings.load_profile("nbkit")

# Who runs the tests in the background of a shell has them ignore Ctrl-C, and so would every process
# that they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """nbkit's own runs go to a history of the worker's own, not to the checkout's."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(RUNS_VARIABLE, f"duckdb:///{folder / 'runs.duckdb'}")
        yield


@pytest.fixture(scope="session")
def whole_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A BigQuery emulator, empty at first.

    Each xdist worker that asks has its own: one starts in 2 s, sharing one would need a lock.
    """
    with running_emulator(tmp_path_factory.mktemp("emulator")) as found:
        yield found


@pytest.fixture(scope="session")
def emulator(whole_emulator: Emulator) -> str:
    """Its URL."""
    return whole_emulator.url


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Fill:
    """Makes a DuckDB warehouse with the given runs in it."""

    def fill(runs: pd.DataFrame) -> Warehouse:
        path = tmp_path / "runs.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            if len(runs):
                connection.execute(f"INSERT INTO {RUN_HISTORY} BY NAME FROM runs")
        return open_warehouse(f"duckdb:///{path}")

    return fill


@pytest.fixture
def on_bigquery(emulator: str) -> Fill:
    """Makes a warehouse behind Google's real client, in a dataset of its own."""

    def fill(runs: pd.DataFrame) -> Warehouse:
        return open_warehouse(load_history(emulator, f"test_{next(_datasets)}", runs))

    return fill
