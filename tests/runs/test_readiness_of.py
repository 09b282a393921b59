"""Readiness is asked of a history with one query, from Python and from the command line."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nbkit.cli import main
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
NAME = "TeamDefenseZoneAnalysisProcessor"


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


def test_the_command_answers_with_its_exit_code(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--warehouse", url, "--as-of", "2026-01-13T12:00:00Z"]
    assert main(["ready", "PlayerGameSummaryProcessor", *asked]) == 1
    assert "not ready for 2026-01-12" in capsys.readouterr().out.replace("\n", " ")
    assert main(["ready", "PlayerGameSummaryProcessor", *asked, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is False
    assert told["missing"]
    assert main(["ready", load_registry().roots()[0], *asked]) == 0
    assert main(["ready", "NoSuch", *asked]) == 2
    assert main(["ready", NAME, *asked, "--date", "today"]) == 2


def test_timeouts_are_listed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = load_registry().get_dependencies(NAME)[0]
    asked = ["timeouts", "--warehouse", url, "--as-of", "2026-01-13T12:00:00Z", "--json"]
    assert main(asked) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["processor"], one["successes"], one["suggested_s"]) == (first, 1, None)
