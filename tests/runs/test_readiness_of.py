"""Readiness is asked of a history with one query, from Python and from the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.errors import DependenciesNotReady
from nbkit.registry import load_registry
from nbkit.runs.history import record
from nbkit.runs.readiness import (
    check_dependencies,
    readiness_table,
    ready_in,
    require_ready,
)
from nbkit.warehouse import open_history

DAY = date(2026, 1, 12)
AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
NAME = "MLFeatureStoreProcessor"


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"duckdb:///{tmp_path / 'runs.duckdb'}"
    first = load_registry().get_dependencies(NAME)[0]
    with record(
        url,
        processor=first,
        data_date=DAY,
        clock=lambda: datetime(2026, 1, 13, 6, tzinfo=UTC),
        spool=tmp_path / "spool",
        has_witness=False,
    ) as run:
        run.records(processed=30)
    return url


def test_what_is_there_and_what_is_missing_comes_from_one_query(url: str) -> None:
    needed = load_registry().get_dependencies(NAME)
    with open_history(url) as warehouse:
        found = check_dependencies(NAME, DAY, warehouse=warehouse, as_of=AS_OF)
        assert len(warehouse.queries) == 1
        assert [u.name for u in found.upstreams] == list(needed)
        assert [u.is_ready for u in found.upstreams] == [True] + [False] * (len(needed) - 1)
        assert len(readiness_table(found).rows) == len(needed)


def test_requiring_it_raises_with_what_is_missing(url: str) -> None:
    name = "PlayerGameSummaryProcessor"
    with (
        open_history(url) as warehouse,
        pytest.raises(DependenciesNotReady, match=rf"{name} has not got its input for 2026-01-12"),
    ):
        require_ready(name, DAY, warehouse=warehouse, as_of=AS_OF)


def test_the_registry_answers_with_a_history_behind_it(url: str) -> None:
    registry = load_registry()
    with open_history(url) as warehouse:
        is_ready = ready_in(warehouse, as_of=AS_OF, registry=registry)
        assert not registry.check_dependencies_ready("PlayerGameSummaryProcessor", DAY, is_ready)
        assert registry.check_dependencies_ready(registry.roots()[0], DAY, is_ready)
        first, *others = registry.get_dependencies(NAME)
        assert is_ready(first, DAY)
        assert not any(is_ready(name, DAY) for name in others)
        assert not is_ready("PredictionCoordinator", DAY)
        assert len(warehouse.queries) == 1


def test_a_run_says_what_it_misses_and_starts_no_work(url: str, tmp_path: Path) -> None:
    """The composition that docs/readiness.md shows."""
    with (
        open_history(url) as warehouse,
        record(
            warehouse,
            processor=NAME,
            data_date=DAY,
            clock=lambda: AS_OF,
            spool=tmp_path / "spool",
            has_witness=False,
        ) as run,
    ):
        found = check_dependencies(NAME, DAY, warehouse=warehouse, as_of=AS_OF)
        assert not found.is_ready
        run.missing(found.missing)
    later = AS_OF + timedelta(minutes=1)
    with open_history(url) as warehouse:
        rows = warehouse.query("work_states", first_date=DAY, last_date=DAY, as_of=later)
    (row,) = rows[rows["processor_name"] == NAME].to_dict("records")
    assert row["failure_category"] == "dependency_missing"
