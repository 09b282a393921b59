"""`nbkit ready` answers with its exit code and says what is missing; `nbkit timeouts` suggests."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from nbkit.cli import main
from nbkit.registry import load_registry
from nbkit.warehouse import open_history
from nbkit.warehouse.schema import RUN_HISTORY

NAME = "MLFeatureStoreProcessor"
ASKED = ["--as-of", "2026-01-13T12:00:00Z"]
DAY = date(2026, 1, 12)


def run(name: str, day: date, hours: float, *, seconds: float = 20, **more: object) -> object:
    """A success that began so many hours after its data date did."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)
    return {
        "processor_name": name,
        "run_id": f"{name} {day} {hours}",
        "status": "success",
        "data_date": day,
        "started_at": pd.Timestamp(start),
        "processed_at": pd.Timestamp(start + timedelta(seconds=seconds)),
        "duration_seconds": seconds,
        "records_processed": 30,
        "errors": None,
        **more,
    }


def written(path: Path, rows: list[object]) -> str:
    url = f"duckdb:///{path}"
    with open_history(url) as warehouse:
        warehouse.append(RUN_HISTORY, pd.DataFrame(rows))
    return url


@pytest.fixture
def needed() -> tuple[str, ...]:
    return load_registry().get_dependencies(NAME)


@pytest.fixture
def url(tmp_path: Path, needed: tuple[str, ...]) -> str:
    """All that is needed is there, but the last one failed; on earlier dates it came at 14:00."""
    rows = [run(name, DAY, 30) for name in needed[:-1]]
    rows.append(run(needed[-1], DAY, 31, status="failed", errors='["KeyError: x"]'))
    rows += [run(needed[-1], DAY - timedelta(days=n), 38) for n in range(1, 8)]
    return written(tmp_path / "runs.duckdb", rows)


def test_what_is_missing_is_shown_first_with_its_reason_and_its_usual_time(
    url: str, needed: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ready", NAME, "--warehouse", url, *ASKED]) == 1
    heading, _, first, *rest = capsys.readouterr().out.splitlines()
    assert heading == f"{NAME} is not ready for 2026-01-12"  # yesterday in New York
    assert first.split() == f"✖ {needed[-1]} failed: error 01-13 07:00 01-13 14:00".split()
    assert rest[-1] == (
        f"{len(needed) - 1} of {len(needed)} upstreams are done; "
        "usually all of it is there by 2026-01-13 14:00 UTC."
    )


def test_machines_get_all_of_it(
    url: str, needed: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ready", NAME, "--warehouse", url, *ASKED, "--date", "2026-01-12", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ready"], told["expected_at"]) == (False, "2026-01-13T14:00:20Z")
    assert len(told["missing"]) == 1
    by_name = {u["name"]: u for u in told["upstreams"]}
    assert by_name[needed[-1]]["category"] == "error"
    assert by_name[needed[0]]["records"] == 30


def test_ready_is_exit_code_0(
    tmp_path: Path, needed: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    url = written(tmp_path / "all.duckdb", [run(name, DAY, 30) for name in needed])
    assert main(["ready", NAME, "--warehouse", url, *ASKED]) == 0
    assert f"All {len(needed)} upstreams are done." in capsys.readouterr().out
    assert main(["ready", load_registry().roots()[0], "--warehouse", url, *ASKED]) == 0
    assert "It needs nothing." in capsys.readouterr().out
    whole = ["ready", "PredictionCoordinator", "--warehouse", url, *ASKED, "--all-upstream"]
    assert main([*whole, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {u["name"] for u in told["upstreams"]} == set(
        load_registry().upstream("PredictionCoordinator")
    )


def test_what_makes_no_sense_is_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ready", "MLFeatureStore", "--warehouse", url, *ASKED]) == 2
    assert f"Did you mean {NAME}" in capsys.readouterr().err
    assert main(["ready", NAME, "--warehouse", url, *ASKED, "--date", "today"]) == 2
    assert "write it like 2026-01-12" in capsys.readouterr().err


def test_timeouts_are_suggested_where_history_is_enough(
    tmp_path: Path, needed: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    often, seldom = needed[:2]
    rows = [run(often, DAY, n / 10, seconds=50 if n else 900) for n in range(40)]
    rows.append(run(seldom, DAY, 1))
    url = written(tmp_path / "runs.duckdb", rows)
    assert main(["timeouts", "--warehouse", url, *ASKED, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["processor"], first["successes"]) == (often, 40)
    assert first["suggested_s"] == pytest.approx(200, rel=0.02)
    assert first["successes_over_suggestion"] == 1
    assert (second["processor"], second["suggested_s"]) == (seldom, None)
    assert main(["timeouts", seldom, "--warehouse", url, *ASKED]) == 0
    shown = capsys.readouterr().out
    assert often not in shown
    assert "not enough history: fewer than 20 successes" in shown
    assert main(["timeouts", "MLFeatureStore", "--warehouse", url, *ASKED]) == 2


def test_a_history_without_successes_suggests_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["timeouts", "--warehouse", url, "--as-of", "2025-01-01T00:00:00Z"]) == 0
    assert "No processor succeeded in those 30 days" in capsys.readouterr().out
