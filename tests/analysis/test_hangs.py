"""How runs ended, told from their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from nbkit.analysis.hangs import (
    Ending,
    PhaseRun,
    SweptBy,
    by_day,
    decompose,
    mean_duration_s,
    phase_runs,
    success_of,
)

T0 = datetime(2026, 1, 5, 15, 7, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def row(run_id: str, status: str = "success", **given: Any) -> dict[str, Any]:
    started = given.pop("started_at", T0)
    ended = given.pop("ended_at", started + timedelta(seconds=40))
    return {
        "run_id": run_id,
        "processor_name": "Coordinator",
        "status": status,
        "started_at": started,
        "ended_at": ended,
        "duration_s": None if ended is None else (ended - started).total_seconds(),
        **given,
    }


def read(*rows: dict[str, Any]) -> dict[str, PhaseRun]:
    texts = ("errors_text", "summary_text", "timing_text")
    absent = dict.fromkeys(
        (*texts, "heartbeat_at", "failure_category", "skip_reason", "killed_by_timeout")
    )
    frame = pd.DataFrame([absent | each for each in rows])
    for column in ("started_at", "ended_at", "heartbeat_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return {run.run_id: run for run in phase_runs(frame)}


def test_a_run_is_told_by_how_it_ended() -> None:
    found = read(
        row("good"),
        row("idle", "skipped", skip_reason="no_data"),
        row("bad", "failed", errors_text='["ValueError: boom"]'),
        row("killed", "failed", failure_category="timeout", killed_by_timeout=True),
        row("open", "running", ended_at=None),
    )
    assert {name: run.ending for name, run in found.items()} == {
        "good": Ending.SUCCEEDED,
        "idle": Ending.IDLE,
        "bad": Ending.FAILED,
        "killed": Ending.KILLED,
        "open": Ending.OPEN,
    }


def test_a_sweep_is_known_by_its_message_also_beside_the_runs_own_error() -> None:
    text = '[{"cleanup":"stale_running_cleanup","original_errors":["ValueError: boom"]}]'
    (run,) = read(row("swept", "failed", errors_text=text)).values()
    assert (run.ending, run.swept_by) == (Ending.SWEPT, SweptBy.MESSAGE)
    assert "boom" in run.message


def test_without_messages_one_end_for_starts_hours_apart_is_a_sweep() -> None:
    end = T0 + timedelta(hours=30)
    starts = [T0 + timedelta(hours=hours) for hours in (0, 5, 11)]
    found = read(
        *(row(f"r{n}", "failed", started_at=s, ended_at=end) for n, s in enumerate(starts))
    )
    assert {run.swept_by for run in found.values()} == {SweptBy.SHARED_END}


def test_many_failures_of_one_burst_are_no_sweep() -> None:
    end = T0 + timedelta(minutes=20)
    starts = [T0 + timedelta(seconds=n) for n in range(5)]
    found = read(
        *(row(f"r{n}", "failed", started_at=s, ended_at=end) for n, s in enumerate(starts))
    )
    assert {run.ending for run in found.values()} == {Ending.FAILED}


@pytest.mark.parametrize(
    ("hours", "minute", "ending"),
    [(5, 30, Ending.SWEPT), (5, 17, Ending.FAILED), (2, 30, Ending.FAILED)],
)
def test_an_end_on_a_sweeps_mark_counts_after_four_hours_only(
    hours: int, minute: int, ending: Ending
) -> None:
    end = (T0 + timedelta(hours=hours)).replace(minute=minute, second=1)
    (run,) = read(row("r", "failed", ended_at=end)).values()
    assert run.ending is ending


def test_the_mean_is_taken_apart_without_rest() -> None:
    end = T0 + timedelta(hours=100)
    swept = '["stale_running_cleanup"]'
    runs = list(
        read(
            row("a"),
            row("b"),
            row("c", "failed", ended_at=end, errors_text=swept),
            row("d", "skipped", skip_reason="no_data", duration_s=None),
        ).values()
    )
    shares = {share.ending: share for share in decompose(runs)}
    assert mean_duration_s(runs) == pytest.approx((40 + 40 + 360_000) / 3)
    assert sum(share.adds_s for share in shares.values()) == pytest.approx(mean_duration_s(runs))
    assert shares[Ending.SWEPT].adds_s == pytest.approx(120_000)
    assert shares[Ending.SUCCEEDED].median_s == 40
    assert shares[Ending.IDLE].median_s is None


def test_a_run_that_is_open_for_too_long_has_not_succeeded() -> None:
    runs = list(read(row("good"), row("open", "running", ended_at=None)).values())
    soon, late = T0 + timedelta(minutes=10), T0 + timedelta(minutes=40)
    assert success_of(runs, as_of=soon, limit=HALF_HOUR).total == 1
    assert success_of(runs, as_of=late, limit=HALF_HOUR).total == 2


def test_days_without_work_are_off_days_and_none_is_left_out() -> None:
    runs = list(
        read(
            row("good"),
            row("idle", "skipped", skip_reason="no_data", started_at=T0 + timedelta(days=1)),
        ).values()
    )
    days = by_day(runs, start=T0, as_of=T0 + timedelta(days=2), limit=HALF_HOUR)
    assert [day.is_off for day in days] == [False, True, True]
    assert [day.expected for day in days] == [0, 1, 0]


@pytest.mark.parametrize(
    ("given", "stage"),
    [
        ({"summary_text": '{"stage": "gather"}'}, "gather"),
        ({"timing_text": '{"fetch": 3.1, "fan_out": 0.2}'}, "after fan_out"),
        ({"errors_text": '[{"message": "x", "step": "publish"}]'}, "publish"),
        ({"summary_text": '{"stage": "gat'}, None),
        ({}, None),
    ],
)
def test_a_stage_is_read_where_it_was_logged(given: dict[str, str], stage: str | None) -> None:
    (run,) = read(row("r", "failed", **given)).values()
    assert run.stage == stage


def test_no_rows_no_runs() -> None:
    assert phase_runs(pd.DataFrame()) == ()
    assert decompose([]) == ()
    assert mean_duration_s([]) is None
