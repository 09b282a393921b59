"""The rules that tell causes apart where a history says little: each on a small planted storm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.storms.diagnosis import Diagnosis, RankedCause, diagnose
from nbkit.analysis.storms.evidence.evidence import CauseEvidence, Evidence
from nbkit.analysis.storms.runs import classified
from nbkit.analysis.storms.storm import Storm, distinct
from nbkit.analysis.storms.windows import FoundWindow, Span
from nbkit.findings import Severity
from nbkit.findings.storms import StormRules, judge_storm, severity_of
from nbkit.registry import load_registry

BEGIN = datetime(2026, 1, 7, 8, tzinfo=UTC)
DAY = pd.Timestamp(2026, 1, 6)
BROKEN = '["ValueError: malformed path in message 12"]'
NOT_YET = '["No data available yet for 2026-01-06"]'


def run(name: str, minute: float, *, error: str | None = None, **more: Any) -> dict[str, Any]:
    start = BEGIN + timedelta(minutes=minute)
    return {
        "processor_name": name,
        "run_id": f"{name}-{minute:.6f}-{more.get('trigger_message_id')}-{error is None}",
        "data_date": DAY,
        "started_at": start,
        "ended_at": start + timedelta(seconds=5),
        "duration_s": 5.0,
        "status": "failed" if error else "success",
        "errors_text": error,
        **more,
    }


def routine(name: str, *, until: int, every: int = 20) -> list[dict[str, Any]]:
    return [run(name, minute + 0.3) for minute in range(-600, until, every)]


def named(rows: list[dict[str, Any]], hours: float, usual: pd.DataFrame | None = None) -> Diagnosis:
    span = Span(start=BEGIN, end=BEGIN + timedelta(hours=hours))
    return diagnose(classified(pd.DataFrame(rows)), None, [span], usual=usual)


def known(value: float | None, **more: Any) -> Evidence:
    return Evidence(name="a", value=value, against=0, full=1, words="", **more)


def test_a_cause_whose_main_evidence_is_unknown_is_never_named() -> None:
    untold = CauseEvidence(
        cause="a", share=1.0, evidence=(known(None, is_main=True), known(1.0, weight=5.0))
    )
    told = CauseEvidence(
        cause="a", share=1.0, evidence=(known(None, is_main=True), known(1.0, is_main=True))
    )
    assert untold.strength == pytest.approx(0.3)
    assert told.strength > 0.6


def test_replayed_dates_of_an_unseen_processor_are_a_backfill_and_not_organic_load() -> None:
    rows = [
        run(
            "New", place / 2, error=BROKEN if place % 2 else None,
            data_date=DAY - pd.Timedelta(days=20 + place % 40), triggered_by="manual",
            trigger_message_id=f"m{place}",
        )
        for place in range(240)
    ]  # fmt: skip
    found = named(rows, 2)
    assert found.cause == "backfill"
    assert found.score("organic_load") < 0.35


@pytest.mark.parametrize("has_routine_runs", [True, False])
def test_work_that_waits_until_its_data_lands_started_too_early(has_routine_runs: bool) -> None:
    rows = []
    for place, name in enumerate(("A", "B", "C")):
        rows += [
            run(name, minute + place / 10, error=NOT_YET if minute < 300 else None)
            for minute in range(0, 330, 5)
        ]
        rows += routine(name, until=420) if has_routine_runs else []
    found = named(rows, 5)
    assert found.cause == "premature_start"


def test_polls_that_find_no_data_before_and_after_are_no_premature_start() -> None:
    rng = np.random.default_rng(1)
    rows = [
        run(name, minute + place / 10, error=NOT_YET if rng.random() < 0.5 else None)
        for place, name in enumerate(("A", "B", "C"))
        for minute in range(-600, 600, 4)
    ]
    found = named(rows, 5)
    assert found.score("premature_start") < 0.35


def test_more_polls_of_one_work_without_message_ids_are_no_redelivery() -> None:
    rng = np.random.default_rng(2)
    rows = [
        run("A", minute, error=NOT_YET if rng.random() < 0.55 else None)
        for minute in [*range(-1200, 0, 10), *range(300), *range(300, 600, 10)]
    ]
    found = named(rows, 5)
    assert found.cause in ("organic_load", "unknown")
    assert found.score("retry_amplification") < 0.35


def passing_fault() -> list[dict[str, Any]]:
    """Thirty messages of three processors, each tried with growing waits until the fault ends."""
    rows = []
    for place in range(30):
        minute, wait = place * 1.5, 0.5
        while minute < 90:
            rows.append(run("ABC"[place % 3], minute, error=BROKEN))
            minute, wait = minute + wait, min(2 * wait, 10)
        rows.append(run("ABC"[place % 3], minute))
    return rows


def test_failures_in_a_row_are_redelivery_where_no_message_has_an_id() -> None:
    rows = passing_fault() + [row for name in "ABC" for row in routine(name, until=0)]
    found = named(rows, 1.7)
    assert found.cause == "retry_amplification"
    assert "trigger_message_id and retry_attempt: which message, which attempt" in found.missing


def poisoned(*, hours: int = 10) -> list[dict[str, Any]]:
    """Two messages without ids that never succeed, each every eight minutes."""
    return [
        run("A", minute + offset, error=BROKEN)
        for offset in (0.0, 3.7)
        for minute in np.arange(0, 60 * hours, 8.1)
    ]


def test_one_error_for_hours_beside_work_that_succeeds_is_a_poisoned_message() -> None:
    found = named(poisoned() + routine("A", until=700), 10)
    assert found.cause == "poison_message"
    assert "trigger_message_id: which message a run was started by" in found.missing


def test_one_error_for_hours_is_no_poison_where_the_other_work_stops_too() -> None:
    found = named(poisoned() + routine("A", until=0, every=5), 10)
    assert found.score("poison_message") == 0


def test_one_error_is_no_poison_where_the_work_comes_through_in_the_end() -> None:
    assert named(passing_fault(), 1.7).score("poison_message") == 0
    many = [run("A", 595 + place / 20) for place in range(60)]
    assert named(poisoned() + many, 10).score("poison_message") == 0


def storm(rows: list[dict[str, Any]], start: float, end: float, cause: str) -> Storm:
    """A storm that was named so; [start, end) in minutes."""
    span = Span(start=BEGIN + timedelta(minutes=start), end=BEGIN + timedelta(minutes=end))
    runs = classified(pd.DataFrame(rows))
    found = diagnose(runs, None, [span])
    failures = len(found.facts.failures)
    assert failures
    names = tuple(sorted({row["processor_name"] for row in rows}))
    window = FoundWindow(
        spans=(span,), processors=names, is_of_all=False, measures=frozenset({"failures"}),
        seen=failures, usual=0, q=0, weekly=False,
    )  # fmt: skip
    named_so = RankedCause(cause=cause, score=0.9, share=1.0, evidence=())
    return Storm(
        window=window, spans=(span,), runs=runs, diagnosis=replace(found, causes=(named_so,)),
        failures=failures, real=failures, usual_failures=0, by_processor={}, by_week={},
    )  # fmt: skip


def failing(name: str, first: float, count: int) -> list[dict[str, Any]]:
    return [run(name, first + place / 5, error=BROKEN) for place in range(count)]


def test_a_splinter_of_a_larger_storm_is_part_of_it() -> None:
    rows = failing("A", 0, 600) + failing("B", 0, 600)
    whole = storm(rows, 0, 120, "scheduler_collision")
    assert distinct([whole, storm(failing("A", 100, 50), 100, 111, "retry_amplification")]) == [
        whole
    ]


@pytest.mark.parametrize(
    ("name", "first", "count", "cause"),
    [
        ("A", 100, 50, "cleanup_artifact"),  # its failures say themselves what they are
        ("C", 100, 50, "retry_amplification"),  # of another processor
        ("A", 1500, 50, "retry_amplification"),  # at another time
        ("A", 10, 400, "retry_amplification"),  # as large
    ],
)
def test_another_trouble_beside_a_larger_storm_stays_one(
    name: str, first: float, count: int, cause: str
) -> None:
    rows = failing("A", 0, 600) + failing("B", 0, 600)
    whole = storm(rows, 0, 120, "scheduler_collision")
    other = storm(failing(name, first, count), first, first + count / 5 + 1, cause)
    assert distinct([whole, other]) == [whole, other]


def test_a_crowd_whose_failures_come_back_twice_is_still_a_collision() -> None:
    rows = []
    for mark in range(0, 180, 15):
        for job in range(40):
            name, message = f"P{job % 8}", f"{mark}-{job}"
            crowd = 0 if job < 6 else 3 if job < 34 else 2
            for attempt, wait in enumerate((0.0, 1.2, 3.5)[: max(crowd, 1)]):
                last = attempt == crowd - 1 and crowd == 2
                rows.append(
                    run(
                        name, mark + job / 1000 + wait, trigger_message_id=message,
                        error=None if crowd == 0 or last else BROKEN,
                        retry_attempt=attempt + 1, trigger_source="scheduler",
                    )
                )  # fmt: skip
    found = named(rows, 3)
    assert found.facts.attempts.factor == pytest.approx(2.55, abs=0.1)
    assert found.cause == "scheduler_collision"
    assert "retry_amplification" in {each.cause for each in found.others}


def healed(*, days_ago: int, **more: Any) -> list[dict[str, Any]]:
    """Every ten minutes a healer sends ten pieces of work again, each under a new message."""
    dates = [DAY - pd.Timedelta(days=days_ago + work) for work in range(10)]
    rows = [run(f"P{work}", -500 + work, data_date=dates[work]) for work in range(10)]
    for batch in range(18):
        rows += [
            run(
                f"P{work}", batch * 10 + work / 60, error=None if work == batch % 10 else BROKEN,
                data_date=dates[work], trigger_message_id=f"{batch}-{work}", **more,
            )
            for work in range(10)
        ]  # fmt: skip
    return rows


def test_old_work_that_a_healer_sends_at_its_period_is_no_backfill() -> None:
    assert named(healed(days_ago=12, triggered_by="pubsub"), 3).cause == "republish_loop"


def test_old_work_that_somebody_sends_is_a_backfill() -> None:
    assert named(healed(days_ago=12, triggered_by="manual"), 3).cause == "backfill"


def test_work_that_was_done_waits_for_nothing_whatever_it_says() -> None:
    rows = healed(days_ago=1, triggered_by="pubsub")
    for each in rows:
        each["errors_text"] = NOT_YET if each["errors_text"] else None
    found = named(rows, 3)
    assert found.cause == "republish_loop"
    assert found.score("premature_start") < 0.1


def test_a_history_that_says_nothing_names_no_cause_that_needs_words() -> None:
    rows = [
        {**each, "errors_text": None, "ended_at": None, "duration_s": None}
        for each in passing_fault() + [row for name in "ABC" for row in routine(name, until=0)]
    ]
    found = named(rows, 1.7)
    assert found.cause == "unknown"
    assert not found.facts.speaks
    assert any(need.startswith("trigger_message_id") for need in found.missing)


def test_a_few_works_that_fail_for_all_of_a_short_storm_are_poison_too() -> None:
    found = named(poisoned(hours=1) + routine("A", until=200), 1)
    assert found.cause == "poison_message"


def test_only_columns_that_are_not_there_are_asked_for() -> None:
    rows = [{**each, "retry_attempt": 1} for each in healed(days_ago=1)]
    asked = " ".join(named(rows, 3).missing)
    assert "trigger_source" in asked
    assert "trigger_message_id" not in asked
    assert "processed_at" not in asked


def test_expected_failures_that_came_once_wake_nobody_until_they_are_many() -> None:
    few = storm(failing("A", 0, 100), 0, 30, "premature_start")
    many = storm(failing("A", 0, 400), 0, 90, "premature_start")
    rules = StormRules()
    assert severity_of(few, rules) is Severity.WARNING
    assert severity_of(replace(few, real=0), rules) is Severity.INFO
    assert severity_of(replace(many, real=0), rules) is Severity.WARNING


def test_a_storm_without_a_cause_says_where_to_look_and_what_to_log() -> None:
    rows = [{**each, "errors_text": None} for each in passing_fault()]
    mute = storm(rows, 0, 102, "unknown")
    mute = replace(mute, diagnosis=replace(mute.diagnosis, missing=("errors: what a run says",)))
    told = judge_storm(mute, load_registry(), rules=StormRules()).next_step
    assert f"nbkit run incident -p start={BEGIN:%Y-%m-%dT%H:%M:%SZ}" in told
    assert "errors: what a run says" in told
