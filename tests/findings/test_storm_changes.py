"""The change that a fix means is written out, so that it can be run as it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from nbkit.analysis.storms.attempts import BackoffLaw
from nbkit.analysis.storms.fixes import BACKOFF, JITTER, PUBSUB, WINDOW, Fix
from nbkit.analysis.storms.outside import RetryPolicy, SchedulerJob
from nbkit.analysis.storms.what_if import Effect, WhatIf
from nbkit.analysis.storms.windows import Span
from nbkit.findings.storm_changes import changes_of, staggered

START = datetime(2026, 1, 12, tzinfo=UTC)
SPAN = Span(start=START, end=START + timedelta(hours=4))
LAW = BackoffLaw(min_s=10, max_s=600, factor=2, jitter=0, fit=1, gaps=100)


def effect(fix: Fix, saves: float) -> Effect:
    return Effect(
        fix=fix,
        failures=round(1_000 * (1 - saves)),
        failures_low=0,
        failures_high=1_000,
        reduction=saves,
        low=saves - 0.05,
        high=min(saves + 0.05, 1.0),
    )


def found(**saves: float) -> WhatIf:
    fixes = {"jitter": JITTER, "backoff": BACKOFF, "window": WINDOW, "pubsub": PUBSUB}
    return WhatIf(
        observed=1_000,
        replayed=1_010.0,
        replayed_low=1_000.0,
        replayed_high=1_020.0,
        fits=True,
        effects=tuple(effect(fixes[name], value) for name, value in saves.items()),
        reasons=(),
        scheduled=1.0,
        sampled=1.0,
    )


def runs() -> pd.DataFrame:
    """Three processors at each quarter of an hour; one finds its input missing."""
    rows = [
        {
            "processor_name": name,
            "run_id": f"{name}-{minute}",
            "started_at": pd.Timestamp(START + timedelta(minutes=minute, seconds=2)),
            "attempt": 1,
            "is_failure": True,
            "category": "no_data_available" if name == "NbacGamebookProcessor" else "error",
            "data_date": pd.Timestamp(2026, 1, 11),
        }
        for minute in range(0, 240, 15)
        for name in ("NbacGamebookProcessor", "NbacScheduleProcessor", "OddsApiPropsProcessor")
    ]
    return pd.DataFrame(rows)


def jobs() -> tuple[SchedulerJob, ...]:
    return (
        SchedulerJob(name="one", cron="*/15 * * * *", time_zone="UTC"),
        SchedulerJob(name="two", cron="0 0 * * *", time_zone="UTC"),
        SchedulerJob(name="three", cron="0,30 * * * *", time_zone="UTC"),
        SchedulerJob(name="alone", cron="7 0 * * *", time_zone="UTC"),
    )


def test_only_what_surely_helps_is_offered_and_the_best_first() -> None:
    made = changes_of(found(jitter=0.03, backoff=0.4, window=0.7), runs(), span=SPAN)
    assert [change.fix for change in made] == ["window", "backoff"]


def test_jobs_that_share_a_mark_get_minutes_of_their_own() -> None:
    (change,) = changes_of(found(jitter=0.9), runs(), span=SPAN, jobs=jobs())
    lines = "\n".join(change.commands)
    assert "alone" not in lines
    assert "jobs update http one --location=us-west2 --schedule='0-59/15 * * * *'" in lines
    marks = [line.split("--schedule=")[1].strip("'").split()[0] for line in change.commands]
    assert len(set(marks)) == 3


def test_without_schedules_they_are_read_from_the_starts_and_said_to_be() -> None:
    (change,) = changes_of(found(jitter=0.9), runs(), span=SPAN)
    assert len(change.commands) == 3
    assert all("JOB-OF-" in line and "-59/15" in line for line in change.commands)
    assert "scheduler_jobs" in change.note


def test_the_retry_policy_names_the_subscriptions_that_wait_like_that() -> None:
    policies = (
        RetryPolicy(name="raw-sub", min_s=10, max_s=600, attempts=5),
        RetryPolicy(name="slow-sub", min_s=300, max_s=600, attempts=5),
    )
    predicted = found(backoff=0.6, pubsub=0.3)
    (change,) = changes_of(predicted, runs(), span=SPAN, law=LAW, policies=policies)
    assert change.commands[0] == (
        "gcloud pubsub subscriptions update raw-sub --min-retry-delay=60s --max-retry-delay=600s "
        "--max-delivery-attempts=5 --dead-letter-topic=raw-sub-dead"
    )
    assert "slow-sub" not in "".join(change.commands)
    assert "600 s is the longest wait that Pub/Sub can be told" in change.note
    assert "30" in change.note


def test_the_readiness_check_names_who_waits_and_for_which_date() -> None:
    (change,) = changes_of(found(window=0.8), runs(), span=SPAN)
    assert change.commands[0] == "nbkit ready NbacGamebookProcessor --date 2026-01-11"
    assert "require_ready" in change.commands[-1]


@pytest.mark.parametrize(
    ("cron", "minutes", "later"),
    [
        ("*/15 * * * *", 4, "4-59/15 * * * *"),
        ("*/3 19-23 * * *", 7, "1-59/3 19-23 * * *"),
        ("0 23 * * *", 9, "9 23 * * *"),
        ("50 23 * * *", 14, "59 23 * * *"),  # not into the next hour
        ("0,30 * * * *", 10, "10,40 * * * *"),
        ("* * * * *", 10, "* * * * *"),
        ("10-20 5 * * 1", 5, "10-20 5 * * 1"),
    ],
)
def test_a_schedule_moves_within_its_period_and_hour(cron: str, minutes: int, later: str) -> None:
    assert staggered(cron, minutes) == later
