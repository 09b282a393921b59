"""Schedules and subscriptions are read, and told what they cannot be read for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nbkit.analysis.storms.attempts import BackoffLaw
from nbkit.analysis.storms.outside import read_jobs, read_policies, shared_marks
from nbkit.analysis.storms.windows import Span
from nbkit.errors import ParameterError

START = datetime(2026, 1, 12, tzinfo=UTC)
NIGHT = Span(start=START, end=START + timedelta(hours=3))


def written(folder: Path, entries: Any) -> Path:
    path = folder / "given.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def job(name: str, schedule: str, **more: str) -> dict[str, str]:
    return {"name": f"projects/p/locations/l/jobs/{name}", "schedule": schedule, **more}


def test_jobs_that_share_a_mark_are_found_in_any_zone(tmp_path: Path) -> None:
    jobs = read_jobs(
        written(
            tmp_path,
            [
                job("a", "0 1 * * *"),
                job("b", "0 * * * *"),
                job("c", "0 20 * * *", timeZone="America/New_York"),  # 01:00 UTC in winter
                job("d", "17 * * * *"),
                job("off", "0 1 * * *", state="PAUSED"),
            ],
        )
    )
    assert [each.name for each in jobs] == ["a", "b", "c", "d"]
    marks = shared_marks(jobs, NIGHT)
    assert [(mark.at, mark.jobs) for mark in marks] == [
        (START + timedelta(hours=1), ("a", "b", "c"))
    ]
    assert len(shared_marks(jobs, NIGHT, least=1)) == 6


def test_a_mark_at_the_start_counts_and_one_at_the_end_does_not(tmp_path: Path) -> None:
    (hourly,) = read_jobs(written(tmp_path, [job("a", "0 * * * *")]))
    assert [moment.hour for moment in hourly.fires(NIGHT)] == [0, 1, 2]


@pytest.mark.parametrize(
    "entry", [job("a", "every hour"), job("a", "0 * * * *", timeZone="Mars/Olympus")]
)
def test_a_schedule_that_is_none_is_told_by_name(tmp_path: Path, entry: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="job 'a'"):
        read_jobs(written(tmp_path, [entry]))


def test_policies_have_the_defaults_of_pubsub(tmp_path: Path) -> None:
    own, defaults, at_once = read_policies(
        written(
            tmp_path,
            [
                {
                    "name": "projects/p/subscriptions/own",
                    "retryPolicy": {"minimumBackoff": "60s", "maximumBackoff": "300s"},
                    "deadLetterPolicy": {"maxDeliveryAttempts": 5},
                },
                {"name": "defaults", "retryPolicy": {"minimumBackoff": "10s"}},
                {"name": "at_once"},
            ],
        )
    )
    assert (own.name, own.min_s, own.max_s, own.attempts) == ("own", 60, 300, 5)
    assert (defaults.min_s, defaults.max_s, defaults.attempts) == (10, 600, None)
    assert (at_once.min_s, at_once.max_s) == (0, 0)


def test_waits_are_explained_by_the_policy_that_allows_them(tmp_path: Path) -> None:
    (policy,) = read_policies(
        written(
            tmp_path,
            [{"name": "s", "retryPolicy": {"minimumBackoff": "60s", "maximumBackoff": "300s"}}],
        )
    )
    law = BackoffLaw(min_s=62, max_s=310, factor=2, jitter=0.1, fit=0.9, gaps=100)
    assert policy.explains(law)
    assert not policy.explains(replace(law, min_s=10))
    assert not policy.explains(replace(law, max_s=3_600))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"items": []}, "no list"),
        ([{"name": "s", "retryPolicy": {"minimumBackoff": "soon"}}], "no duration"),
    ],
)
def test_subscriptions_that_cannot_be_read_are_told_so(
    tmp_path: Path, entries: Any, said: str
) -> None:
    with pytest.raises(ParameterError, match=said):
        read_policies(written(tmp_path, entries))


def test_a_file_that_is_not_there_is_told_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="gcloud scheduler jobs list"):
        read_jobs(tmp_path / "none.json")
