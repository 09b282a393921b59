"""What self-heal decides, question by question, and the laws that it keeps whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.healing import (
    Action,
    HealingCase,
    HealingRules,
    Nature,
    decide_healing,
    nature_of,
)
from nbkit.failures import Classification, FailureCategory, classify

NOW = datetime(2026, 1, 13, 12, tzinfo=UTC)
DAY = date(2026, 1, 12)


def case_of(message: str, **facts: object) -> HealingCase:
    failure = classify(message, status="failed")
    case = HealingCase(
        processor="PlayerDailyCacheProcessor",
        data_date=DAY,
        failure=failure,
        nature=nature_of(failure, message),
        topic="nba-phase4-trigger",
    )
    return replace(case, **facts)  # type: ignore[arg-type]


TIMEOUT = case_of("Query timed out after 300 s")


def action(case: HealingCase) -> Action:
    return decide_healing(case, now=NOW).action


@pytest.mark.parametrize(
    "message",
    [
        # 2026-01-18, 01-23, 02-08, 03-03, and the two processors that failed for weeks.
        "ModuleNotFoundError: No module named 'shared.utils'",
        "400 Bad Request: malformed gcs_path",
        "Malformed message: missing gcs_path",
        "HTTP 400: message without player_lookup",
        "AttributeError: 'NoneType' object has no attribute 'get'",
        "Cannot query over table 'nba_raw.nbac_play_by_play' without a filter over column(s) "
        "'game_date' that can be used for partition elimination",
        "Schema mismatch: field minutes changed type from STRING to FLOAT",
        "403 Forbidden: service account lacks storage.objects.get",
        "Record count 3 below minimum 100",
    ],
)
def test_what_cannot_succeed_is_escalated_and_never_requested_again(message: str) -> None:
    case = case_of(message)
    assert case.nature is Nature.LASTING
    assert action(case) is Action.ESCALATE


@pytest.mark.parametrize(
    "message",
    [
        "Query timed out after 300 s",
        "429 Too Many Requests",
        "status code: 503",
        "403 Quota exceeded: Your table exceeded quota for imports or query appends",
        "Could not serialize access to table due to concurrent update",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        "upstream PlayerGameSummaryProcessor failed",
    ],
)
def test_what_passes_is_requested_again_once_its_input_is_there(message: str) -> None:
    case = case_of(message)
    assert case.nature is Nature.PASSING
    assert action(case) is Action.REPROCESS


def test_numbers_that_are_no_answer_of_a_service_say_nothing_about_it() -> None:
    unknown = Classification(FailureCategory.ERROR, "unrecognised", "no rule knows it")
    assert nature_of(unknown, "flurb: 450 blorps and 503 flurbs") is Nature.UNKNOWN


def test_an_error_that_no_rule_knows_gets_one_try() -> None:
    case = case_of("flurb overblown")
    assert action(case) is Action.REPROCESS
    assert action(replace(case, attempt=2)) is Action.ESCALATE
    assert action(replace(case, generation=1)) is Action.ESCALATE


def test_an_expected_failure_needs_nothing() -> None:
    assert action(case_of("No games scheduled for 2026-01-12")) is Action.NOTHING


def test_work_that_succeeded_is_never_requested_again() -> None:
    decision = decide_healing(replace(TIMEOUT, succeeded_at=NOW - timedelta(hours=9)), now=NOW)
    assert decision.action is Action.NOTHING
    assert "never requested again" in decision.reasons[0]


def test_it_waits_for_a_run_that_is_at_work() -> None:
    assert action(replace(TIMEOUT, running_since=NOW - timedelta(minutes=3))) is Action.WAIT


def test_without_its_input_it_waits_and_past_the_deadline_it_calls() -> None:
    case = replace(TIMEOUT, not_ready={"PlayerGameSummaryProcessor": "failed at 04:00"})
    assert action(case) is Action.WAIT
    assert action(replace(case, due=NOW + timedelta(minutes=1))) is Action.WAIT
    late = decide_healing(replace(case, due=NOW), now=NOW)
    assert late.action is Action.ESCALATE
    assert late.reasons[1] == "PlayerGameSummaryProcessor: failed at 04:00"


def test_an_open_breaker_is_a_matter_for_a_person() -> None:
    case = replace(TIMEOUT, breaker_until=NOW + timedelta(minutes=20))
    assert action(case) is Action.ESCALATE


def test_nobody_requests_what_is_not_registered_or_has_no_topic() -> None:
    assert action(replace(TIMEOUT, is_registered=False)) is Action.ESCALATE
    assert action(replace(TIMEOUT, topic=None)) is Action.ESCALATE


def test_the_third_request_is_the_last() -> None:
    assert action(replace(TIMEOUT, attempt=3)) is Action.REPROCESS
    assert action(replace(TIMEOUT, attempt=4)) is Action.ESCALATE
    assert action(replace(TIMEOUT, attempt=None)) is Action.ESCALATE
    assert action(replace(TIMEOUT, generation=3)) is Action.ESCALATE


def test_when_the_hour_is_used_up_a_person_looks_for_the_common_cause() -> None:
    decision = decide_healing(replace(TIMEOUT, has_hourly_budget=False), now=NOW)
    assert decision.action is Action.ESCALATE
    assert "10 requests of this hour" in decision.reasons[0]


moments = st.none() | st.integers(-24, 24).map(lambda hours: NOW + timedelta(hours=hours))


@given(
    nature=st.sampled_from(Nature),
    message=st.sampled_from(["timed out after 300 s", "AttributeError: x", "flurb", "No games"]),
    succeeded=moments,
    running=moments,
    due=moments,
    breaker=moments,
    waiting=st.dictionaries(st.sampled_from(["A", "B"]), st.just("failed"), max_size=2),
    topic=st.none() | st.just("nba-phase4-trigger"),
    attempt=st.none() | st.integers(1, 9),
    generation=st.integers(0, 9),
    budget=st.booleans(),
)
def test_a_request_is_made_only_where_every_condition_allows_it(
    nature: Nature,
    message: str,
    succeeded: datetime | None,
    running: datetime | None,
    due: datetime | None,
    breaker: datetime | None,
    waiting: dict[str, str],
    topic: str | None,
    attempt: int | None,
    generation: int,
    budget: bool,
) -> None:
    case = replace(
        case_of(message),
        nature=nature,
        succeeded_at=succeeded,
        running_since=running,
        due=due,
        breaker_until=breaker,
        not_ready=waiting,
        topic=topic,
        attempt=attempt,
        generation=generation,
        has_hourly_budget=budget,
    )
    rules = HealingRules()
    decision = decide_healing(case, now=NOW, rules=rules)
    assert decision.reasons
    if decision.action is Action.REPROCESS:
        assert not case.failure.is_expected
        assert nature is not Nature.LASTING
        assert succeeded is running is breaker is None
        assert not waiting
        assert topic
        assert budget
        assert attempt is not None
        assert max(attempt, generation + 1) <= rules.requests_per_work
