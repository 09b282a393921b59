"""Breakers read from a history hold across processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.analysis.breaker import State
from nbkit.cli import main
from nbkit.errors import BreakerOpen, ParameterError
from nbkit.runs.breaker import breaker_of, breakers, require_closed, reset
from nbkit.runs.history import record
from nbkit.warehouse import open_history

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"duckdb:///{tmp_path / 'runs.duckdb'}"


def fail(url: str, spool: Path, minute: int, message: str = "boom") -> None:
    with record(
        url,
        processor="A",
        data_date=NOON.date(),
        clock=lambda: NOON + timedelta(minutes=minute),
        spool=spool,
        has_witness=False,
    ) as run:
        run.fail(message)


@pytest.fixture
def broken(url: str, tmp_path: Path) -> str:
    for minute in range(3):
        fail(url, tmp_path / "spool", minute)
    return url


def test_it_opens_from_the_history_and_says_what_to_do(broken: str) -> None:
    with open_history(broken) as warehouse:
        state = breaker_of(warehouse, "A", as_of=NOON + timedelta(minutes=3))
        assert state.state is State.OPEN
        assert breakers(warehouse, as_of=NOON + timedelta(minutes=3))["A"] == state
        with pytest.raises(BreakerOpen, match=r"open until 2026-01-12 12:17 UTC.*boom.*reset A"):
            require_closed(warehouse, "A", now=NOON + timedelta(minutes=3))
        assert require_closed(warehouse, "B", now=NOON).may_start


def test_of_two_that_ask_when_a_probe_is_due_one_is_let_through(broken: str) -> None:
    later = NOON + timedelta(minutes=20)
    with open_history(broken) as one:
        assert require_closed(one, "A", now=later).state is State.HALF_OPEN
    with (
        open_history(broken) as other,
        pytest.raises(BreakerOpen, match="another run is its probe"),
    ):
        require_closed(other, "A", now=later)


def test_a_reset_stands_in_the_history_and_closes_it(broken: str, tmp_path: Path) -> None:
    at = NOON + timedelta(minutes=5)
    with pytest.raises(ParameterError, match="Give a reason"):
        reset(broken, "A", reason=" ", who="me", clock=lambda: at)
    reset(broken, "A", reason="fixed", who="me", clock=lambda: at, spool=tmp_path / "spool")
    with open_history(broken) as warehouse:
        assert breaker_of(warehouse, "A", as_of=at + timedelta(minutes=1)).may_start


def test_the_command_shows_and_resets(
    broken: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--warehouse", broken, "--as-of", "2026-01-12T12:04:00Z"]
    assert main(["breaker", "status", *asked]) == 0
    shown = capsys.readouterr().out
    assert "open" in shown
    assert "until 2026-01-12 12:17 UTC" in shown
    assert "boom" in shown
    assert main(["breaker", "status", "A", *asked, "--json"]) == 1
    assert '"state": "open"' in capsys.readouterr().out
    assert main(["breaker", "status", "NoSuchProcessor", *asked]) == 2
    assert "NoSuchProcessor" in capsys.readouterr().err
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "registry").mkdir()
    monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
    assert main(["breaker", "reset", "A", "--reason", "fixed", "--warehouse", broken]) == 0
    assert "closed" in capsys.readouterr().out
