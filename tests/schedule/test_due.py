"""What is due: once for each moment, never for the past of a new job, once for many missed ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from schedule_samples import at, job

from nbkit.schedule.due import ATTEMPTS, FIRST_GRACE, LastRun, Standing, due

HEALTH = job()
SEVEN = at("2026-01-13T12:00Z")  # 07:00 in New York
DAY = timedelta(days=1)


def last(scheduled_at: datetime, standing: Standing = Standing.ENDED, attempt: int = 1) -> LastRun:
    return LastRun(scheduled_at=scheduled_at, standing=standing, attempt=attempt)


def test_a_job_is_due_from_its_moment_until_it_has_run() -> None:
    ran = {"health": last(SEVEN - DAY)}
    assert due([HEALTH], ran, SEVEN - timedelta(seconds=1)) == ()
    (found,) = due([HEALTH], ran, SEVEN)
    assert (found.scheduled_at, found.missed, found.too_late) == (SEVEN, 0, False)
    assert due([HEALTH], {"health": last(SEVEN)}, SEVEN) == ()


def test_the_run_is_about_the_scheduled_moment_however_late_it_starts() -> None:
    (found,) = due([HEALTH], {"health": last(SEVEN - DAY)}, SEVEN + timedelta(minutes=47))
    assert found.scheduled_at == SEVEN


def test_ten_missed_moments_are_one_run_for_the_latest() -> None:
    every_hour = job(cron="0 * * * *")
    (found,) = due([every_hour], {"health": last(SEVEN)}, SEVEN + timedelta(hours=10, minutes=5))
    assert (found.scheduled_at, found.missed) == (SEVEN + timedelta(hours=10), 9)


def test_a_moment_beyond_the_grace_is_missed_not_run() -> None:
    ran = {"health": last(SEVEN - DAY)}
    (in_time,) = due([HEALTH], ran, SEVEN + timedelta(hours=6))
    (late,) = due([HEALTH], ran, SEVEN + timedelta(hours=6, seconds=1))
    assert not in_time.too_late
    assert late.too_late


def test_a_new_job_does_not_fire_for_the_past() -> None:
    assert due([HEALTH], {}, SEVEN + FIRST_GRACE) == ()
    (found,) = due([HEALTH], {}, SEVEN + timedelta(minutes=1))
    assert (found.scheduled_at, found.missed) == (SEVEN, 0)


def test_a_job_that_still_runs_is_not_started_again() -> None:
    ran = {"health": last(SEVEN - DAY, Standing.RUNNING)}
    assert due([HEALTH], ran, SEVEN) == ()


def test_a_run_whose_process_died_is_taken_up_once() -> None:
    now = SEVEN + timedelta(minutes=10)
    (again,) = due([HEALTH], {"health": last(SEVEN, Standing.LOST)}, now)
    assert (again.scheduled_at, again.attempt) == (SEVEN, 2)
    assert due([HEALTH], {"health": last(SEVEN, Standing.LOST, ATTEMPTS)}, now) == ()
    (tomorrow,) = due([HEALTH], {"health": last(SEVEN, Standing.LOST, ATTEMPTS)}, SEVEN + DAY)
    assert (tomorrow.scheduled_at, tomorrow.attempt) == (SEVEN + DAY, 1)


def test_a_lost_run_beyond_its_grace_stays_lost() -> None:
    assert due([HEALTH], {"health": last(SEVEN, Standing.LOST)}, SEVEN + timedelta(hours=7)) == ()


def test_a_disabled_job_is_never_due() -> None:
    off = job(enabled=False, reason="its notebook comes later")
    assert due([off], {"health": last(SEVEN - DAY)}, SEVEN) == ()


def test_the_earliest_moment_runs_first_and_equal_ones_in_the_order_of_the_file() -> None:
    jobs = [job(name="b"), job(name="early", cron="0 6 * * *"), job(name="a")]
    ran = {j.name: last(SEVEN - DAY) for j in jobs}
    assert [d.job.name for d in due(jobs, ran, SEVEN)] == ["early", "b", "a"]


@given(
    cron=st.sampled_from(["0 7 * * *", "30 2 * * *", "30 1 * * *", "*/30 * * * *", "0 8 * * SUN"]),
    night=st.sampled_from(["2026-03-06T00:00Z", "2026-10-30T00:00Z"]),
    ticks=st.lists(st.integers(1, 400), min_size=1, max_size=40),
)
def test_whenever_one_looks_every_moment_has_one_run_or_is_counted_as_missed(
    cron: str, night: str, ticks: list[int]
) -> None:
    """Ticks at any distance, across the nights when the clocks change."""
    looked = start = at(night)
    one = job(cron=cron, grace="24h")
    runs: list[datetime] = []
    missed = 0
    ran = {"health": last(start)}
    for minutes in ticks:
        looked += timedelta(minutes=minutes)
        for found in due([one], ran, looked):
            runs.append(found.scheduled_at)
            missed += found.missed
            ran = {"health": last(found.scheduled_at)}
    moments = list(one.when.between(start, looked))
    assert len(runs) + missed == len(moments)
    assert set(runs) <= set(moments)
    assert len(set(runs)) == len(runs)
