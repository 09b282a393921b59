"""Claims in a warehouse: once from wherever, on both engines; lost when their time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from emulator import PROJECT, emulator_client
from schedule_samples import at, job, notebook, project

from nbkit.cli import main
from nbkit.schedule.claims import MISSED, Outcome, last_scheduled
from nbkit.schedule.due import Due, Standing
from nbkit.schedule.shared_claims import SharedClaims, held_until
from nbkit.warehouse import open_history

SEVEN = at("2026-01-13T12:00Z")
WELL = Outcome(exit_code=0, said="GREEN (1 note)", report="gs://bucket/index.html")
HEALTH = job()
Open = Callable[[], SharedClaims]
_datasets = count(1)


@pytest.fixture
def on_bigquery(emulator: str) -> str:
    """A dataset without any table, as it is before the first run."""
    dataset = f"claims_{next(_datasets)}"
    with emulator_client(emulator) as client:
        client.create_dataset(dataset)
    return f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}"


@pytest.fixture
def on_duckdb(tmp_path: Path) -> str:
    return f"duckdb:///{tmp_path}/runs.duckdb"


@pytest.fixture(params=["on_duckdb", "on_bigquery"])
def open_claims(request: pytest.FixtureRequest) -> Iterator[Open]:
    url = request.getfixturevalue(request.param)
    opened: list[SharedClaims] = []

    def open_claims() -> SharedClaims:
        # A process opens a DuckDB file in one way only.
        if opened and request.param == "on_duckdb":
            return opened[0]
        opened.append(SharedClaims(open_history(url)))
        return opened[-1]

    yield open_claims
    for claims in opened:
        claims.close()


def run(scheduled_at: datetime = SEVEN, attempt: int = 1) -> Due:
    return Due(job=HEALTH, scheduled_at=scheduled_at, attempt=attempt)


def test_a_claim_runs_until_its_end_and_is_remembered(open_claims: Open) -> None:
    here, there = open_claims(), open_claims()
    assert there.latest([HEALTH], now=SEVEN) == ()
    now = SEVEN + timedelta(seconds=20)
    with here.turn(run(), now=now) as turn:
        assert turn
        with there.turn(run(), now=now) as second:
            assert second is None
        (entry,) = there.latest([HEALTH], now=now)
        assert (entry.standing, entry.scheduled_at) == (Standing.RUNNING, SEVEN)
        turn.end(WELL, now=now + timedelta(minutes=1))
    (entry,) = there.latest([HEALTH], now=now)
    assert (entry.standing, entry.outcome) == (Standing.ENDED, WELL)
    assert (entry.claimed_at, entry.ended_at) == (now, now + timedelta(minutes=1))
    with there.turn(run(), now=now) as second:
        assert second is None


def test_a_claim_without_an_end_is_lost_when_its_time_is_over(open_claims: Open) -> None:
    claims = open_claims()
    with claims.turn(run(), now=SEVEN):
        pass  # the process goes away here
    limit = held_until(SEVEN, HEALTH)
    (entry,) = claims.latest([HEALTH], now=limit)
    assert entry.standing is Standing.RUNNING
    (entry,) = claims.latest([HEALTH], now=limit + timedelta(seconds=1))
    assert entry.standing is Standing.LOST
    with claims.turn(run(attempt=2), now=limit) as turn:
        assert turn
        turn.end(Outcome(exit_code=3, said='broke: "x"'), now=limit)
    (entry,) = claims.latest([HEALTH], now=limit)
    assert (entry.attempt, entry.standing) == (2, Standing.ENDED)
    assert entry.outcome
    assert entry.outcome.said == 'broke: "x"'


def test_by_hand_and_missed_runs_are_on_record(open_claims: Open) -> None:
    claims = open_claims()
    claims.note(run(), MISSED, now=SEVEN)
    claims.note(run(SEVEN - timedelta(days=3), attempt=0), WELL, now=SEVEN + timedelta(hours=1))
    entries = claims.latest([HEALTH], now=SEVEN + timedelta(hours=2))
    assert {(e.by_hand, e.outcome) for e in entries} == {(True, WELL), (False, MISSED)}
    assert last_scheduled(entries)["health"].scheduled_at == SEVEN


def test_of_many_at_the_same_instant_one_has_the_turn(on_bigquery: str) -> None:
    claims = [SharedClaims(open_history(on_bigquery)) for _ in range(4)]

    def take(mine: SharedClaims) -> bool:
        with mine.turn(run(), now=SEVEN) as turn:
            return turn is not None

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, claims)) == 1
    for mine in claims:
        mine.close()


def test_a_job_started_on_two_machines_runs_on_one(
    on_bigquery: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As Cloud Scheduler may: it delivers at least once, and each container has its own disk."""
    entry = """\
  - {name: well, notebook: well, params: params/well/production.yaml, cron: 0 7 * * *,
     time_zone: America/New_York, channel: none, owner: data-platform, timeout: 30m}
"""
    monkeypatch.setenv("NBKIT_RUNS", on_bigquery)
    for name in ("NBKIT_PROJECT", "NBKIT_WAREHOUSE", "NBKIT_REPORTS"):
        monkeypatch.delenv(name, raising=False)
    said = []
    for machine in ("one", "other"):
        root = project(tmp_path / machine, entry, notebooks=("well",)).root
        (root / "notebooks" / "well.ipynb").write_text(notebook())
        monkeypatch.chdir(root)
        now = ("--now", "2026-01-13T12:00:30Z")
        assert main(["schedule", "run", "well", "--only-if-due", *now]) == 0
        said.append(capsys.readouterr().out)
    assert said[0].startswith("well Tue 13 Jan 07:00 EST: GREEN")
    assert said[1] == ""
    assert not (tmp_path / "other" / "ran.txt").exists()
