"""What the tests of the cloud share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google_server import Google, playing_google
from warehouses import Fill, write_bigquery, write_duckdb

sys.path.append(str(Path(__file__).parent.parent / "warehouse"))
from demo_fixture import shared_demo


@pytest.fixture(scope="module")
def google() -> Iterator[Google]:
    with playing_google() as server:
        yield server


@pytest.fixture(scope="session")
def demo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default demo warehouse; shared, so read-only."""
    return shared_demo(tmp_path_factory)


@pytest.fixture(params=["duckdb", "bigquery"])
def fill(request: pytest.FixtureRequest, tmp_path: Path) -> Fill:
    """Makes a run history, on each engine in turn."""
    if request.param == "duckdb":
        return lambda rows: write_duckdb(tmp_path / "history.duckdb", rows)
    emulator = request.getfixturevalue("emulator")
    return lambda rows: write_bigquery(emulator, rows)
