"""A scheduled run is claimed by one scheduler, and its fate is on record."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from schedule_samples import at, job

from nbkit.errors import ScheduleError
from nbkit.schedule.claims import MISSED, Outcome, last_scheduled
from nbkit.schedule.due import Due, Standing
from nbkit.schedule.local_claims import LocalClaims

SEVEN = at("2026-01-13T12:00Z")
WELL = Outcome(exit_code=0, said="GREEN", report="reports/health/index.html")
HEALTH = job()
MOMENTS = [SEVEN + timedelta(days=day) for day in range(20)]


def run(scheduled_at: datetime = SEVEN, attempt: int = 1) -> Due:
    return Due(job=HEALTH, scheduled_at=scheduled_at, attempt=attempt)


def test_a_run_is_claimed_once_and_its_end_is_remembered(tmp_path: Path) -> None:
    claims = LocalClaims(tmp_path)
    with claims.turn(run(), now=SEVEN) as turn:
        assert turn
        turn.end(WELL, now=SEVEN + timedelta(minutes=2))
    claims.close()
    later = LocalClaims(tmp_path)
    with later.turn(run(), now=SEVEN) as turn:
        assert turn is None
    (entry,) = later.latest([HEALTH], now=SEVEN)
    later.close()
    assert (entry.scheduled_at, entry.outcome) == (SEVEN, WELL)
    assert entry.ended_at == SEVEN + timedelta(minutes=2)


def test_while_a_job_runs_it_has_no_other_turn_and_is_seen_to_run(tmp_path: Path) -> None:
    one, other = LocalClaims(tmp_path), LocalClaims(tmp_path)
    with one.turn(run(), now=SEVEN) as turn:
        assert turn
        with other.turn(run(SEVEN + timedelta(days=1)), now=SEVEN) as second:
            assert second is None
        (entry,) = other.latest([HEALTH], now=SEVEN)
        assert entry.standing is Standing.RUNNING
    (entry,) = other.latest([HEALTH], now=SEVEN)
    assert entry.standing is Standing.LOST  # the block was left without an end
    one.close()
    other.close()


def test_a_run_by_hand_is_shown_but_is_no_run_of_the_schedule(tmp_path: Path) -> None:
    claims = LocalClaims(tmp_path)
    claims.note(run(), MISSED, now=SEVEN)
    for _ in range(2):  # by hand, the same moment may be run again
        by_hand = run(SEVEN + timedelta(hours=3), attempt=0)
        claims.note(by_hand, WELL, now=SEVEN + timedelta(hours=3))
    entries = claims.latest([HEALTH], now=SEVEN)
    claims.close()
    assert sorted(entry.by_hand for entry in entries) == [False, True]
    assert last_scheduled(entries)["health"].scheduled_at == SEVEN


def claim_all(folder: Path, barrier: object, won: object) -> None:
    claims = LocalClaims(folder)
    for moment in MOMENTS:
        barrier.wait()  # type: ignore[attr-defined]
        with claims.turn(run(moment), now=SEVEN) as turn:
            if turn:
                won.put(moment)  # type: ignore[attr-defined]
                turn.end(WELL, now=SEVEN)
    claims.close()


def test_of_four_processes_at_the_same_instant_one_has_the_turn(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier, won = context.Barrier(4), context.Queue()
    children = [context.Process(target=claim_all, args=(tmp_path, barrier, won)) for _ in range(4)]
    for child in children:
        child.start()
    taken = [won.get(timeout=60) for _ in MOMENTS]
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert sorted(taken) == MOMENTS
    assert won.empty()


def test_the_claim_of_a_killed_process_is_lost_and_can_be_taken_up(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    holds = context.Event()

    def hold() -> None:
        with LocalClaims(tmp_path).turn(run(), now=SEVEN):
            holds.set()
            signal.pause()

    child = context.Process(target=hold)
    child.start()
    assert holds.wait(60)
    claims = LocalClaims(tmp_path)
    (entry,) = claims.latest([HEALTH], now=SEVEN)
    assert entry.standing is Standing.RUNNING
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    child.join(60)
    (entry,) = claims.latest([HEALTH], now=SEVEN)
    assert entry.standing is Standing.LOST
    with claims.turn(run(attempt=2), now=SEVEN) as turn:
        assert turn
        turn.end(WELL, now=SEVEN)
    (entry,) = claims.latest([HEALTH], now=SEVEN)
    assert (entry.attempt, entry.standing) == (2, Standing.ENDED)
    claims.close()


def test_a_damaged_file_starts_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "schedule.sqlite").write_text("not a database, " * 100)
    with pytest.raises(ScheduleError, match="move it aside"):
        LocalClaims(tmp_path)


def test_a_lock_that_cannot_be_had_starts_nothing(tmp_path: Path) -> None:
    claims = LocalClaims(tmp_path)
    (tmp_path / "schedule-health.lock").mkdir()
    with pytest.raises(ScheduleError, match="cannot be locked"), claims.turn(run(), now=SEVEN):
        pass
    claims.close()


def test_a_file_of_a_newer_nbkit_is_left_alone(tmp_path: Path) -> None:
    LocalClaims(tmp_path).close()
    newer = sqlite3.connect(tmp_path / "schedule.sqlite")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ScheduleError, match="newer nbkit"):
        LocalClaims(tmp_path)
