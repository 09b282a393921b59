"""Who was in trouble: planted bursts, new words, hangs and silences are found, steady failing is
not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from planted_window import END, START, Planted, at

from nbkit.analysis.incident.troubles import Reason, Trouble, TroubleRules, troubles
from nbkit.analysis.incident.usual import Count, SameHours, Slowness, predicted
from nbkit.analysis.liveness import StuckRun

QUIET = Count(now=0, before=(0, 0, 0, 0))
UNTIMED = Slowness(p95_s=None, usual_p95_s=None, timed=0, over=0)
STEADY = range(1, 720, 6)


def usual(name: str, now: int, *before: int, runs: Count = QUIET) -> dict[str, SameHours]:
    found = predicted(now, before)
    corrected = Count(**{**vars(found), "q": found.p})
    return {
        name: SameHours(
            processor=name, runs=runs, real=corrected, expected=QUIET, durations=UNTIMED
        )
    }


def found(
    planted: Planted, rows: dict[str, SameHours], stuck: tuple[StuckRun, ...] = ()
) -> list[Trouble]:
    window, baseline = planted.frames()
    return list(troubles(window, baseline, rows, stuck, start=START, end=END, rules=TroubleRules()))


def test_words_that_nobody_has_written_are_trouble_from_the_third_on() -> None:
    for number, expected in ((2, 0), (3, 1)):
        planted = Planted()
        planted.before("A", hours=STEADY)
        planted.ended("A", range(10, 10 + number), message="certificate has expired")
        assert len(found(planted, usual("A", number, 1, 1, 1, 1))) == expected


def test_the_new_words_are_quoted_and_their_first_run_is_the_beginning() -> None:
    planted = Planted()
    planted.before("A", hours=STEADY)
    planted.ended("A", [1], message="boom")
    planted.ended("A", [20, 30, 40, 50], message="certificate has expired")
    (trouble,) = found(planted, usual("A", 5, 1, 1, 1, 1))
    assert trouble.reasons == (Reason.NEW_MESSAGE,)
    assert trouble.new_templates == ("certificate has expired",)
    assert trouble.example == "certificate has expired"
    assert trouble.example_run_id == "A-20"
    assert (trouble.since, trouble.until, trouble.failures) == (at(20), at(50), 4)


def test_words_that_another_processor_has_written_are_not_new() -> None:
    planted = Planted()
    planted.before("B", hours=STEADY, message="certificate has expired")
    planted.ended("A", [20, 30, 40, 50], message="certificate has expired")
    assert found(planted, usual("A", 4, 3, 4, 3, 4)) == []


def test_steady_failing_is_no_trouble_of_this_window() -> None:
    planted = Planted()
    planted.before("A", hours=range(1, 720), runs=20)
    planted.ended("A", range(0, 120, 2))
    assert found(planted, usual("A", 60, 55, 62, 58, 49)) == []


def test_a_burst_of_known_words_is_trouble_where_the_month_has_few_like_it() -> None:
    planted = Planted()
    planted.before("A", hours=STEADY)
    planted.ended("A", range(30, 90))
    (trouble,) = found(planted, usual("A", 60, 1, 0, 2, 1))
    assert trouble.reasons == (Reason.MORE_FAILURES,)


def test_a_burst_that_the_month_has_every_day_is_none() -> None:
    planted = Planted()
    planted.before("A", hours=range(1, 720, 24), runs=80)
    planted.ended("A", range(30, 90))
    assert found(planted, usual("A", 60, 1, 0, 2, 1)) == []


def test_a_lone_failure_before_a_burst_is_not_its_beginning() -> None:
    planted = Planted()
    planted.before("A", hours=STEADY)
    planted.ended("A", [2])
    planted.ended("A", range(60, 100))
    planted.ended("A", [118])
    (trouble,) = found(planted, usual("A", 42, 1, 0, 2, 1))
    assert (trouble.since, trouble.until, trouble.failures) == (at(60), at(99), 40)


def test_the_share_of_failures_before_and_during_leaves_out_what_had_nothing_to_do() -> None:
    planted = Planted()
    planted.before("A", hours=range(1, 24), status="success")
    planted.before("A", hours=[5], runs=2)
    planted.ended("A", [1, 3], status="success")
    planted.ended("A", range(10, 40), message="503 service unavailable")
    planted.ended("A", [20], status="success")
    planted.ended("A", [25], message="No games found for 2026-01-11", runs=50)
    (trouble,) = found(planted, usual("A", 30, 0, 0, 0, 0))
    assert (trouble.before.successes, trouble.before.total) == (2, 27)
    assert (trouble.during.successes, trouble.during.total) == (30, 31)


def test_it_is_over_with_the_first_success_after_the_last_failure() -> None:
    planted = Planted()
    planted.ended("A", range(10, 40), message="503 service unavailable")
    planted.ended("A", [5, 20], status="success")
    (trouble,) = found(planted, usual("A", 30, 0, 0, 0, 0))
    assert not trouble.is_over
    planted.ended("A", [55, 60], status="success")
    (trouble,) = found(planted, usual("A", 30, 0, 0, 0, 0))
    assert trouble.recovered_at == at(55)


def hanging(minutes: float, timeout: float) -> StuckRun:
    running = timedelta(minutes=minutes)
    limit = timedelta(minutes=timeout)
    return StuckRun("A", "A-1", END - running, running, limit, running > limit)


@pytest.mark.parametrize(
    ("minutes", "timeout", "count"), [(90, 30, 1), (20, 30, 0), (60 * 24, 30, 0)]
)
def test_a_run_past_its_timeout_is_trouble_of_the_window_in_which_it_passed_it(
    minutes: float, timeout: float, count: int
) -> None:
    planted = Planted()
    planted.ended("B", [5], status="success")
    planted.before("B", hours=[1], status="success")
    rows = found(planted, usual("B", 0, 0, 0, 0, 0), (hanging(minutes, timeout),))
    assert [trouble.reasons for trouble in rows] == [(Reason.STUCK,)] * count


def test_a_processor_that_should_have_run_and_did_not_is_in_trouble_since_its_last_run() -> None:
    planted = Planted()
    planted.before("A", hours=range(3, 720), status="success")
    planted.ended("B", [5], status="success")
    runs = Count(**{**vars(predicted(0, (48, 47, 48, 48))), "q": 0.0})
    (trouble,) = found(planted, usual("A", 0, 0, 0, 0, 0, runs=runs))
    assert trouble.reasons == (Reason.SILENT,)
    assert trouble.since == START - timedelta(hours=2)
    some = Count(**{**vars(predicted(0, (48, 0, 48, 48))), "q": 0.0})
    assert found(planted, usual("A", 0, 0, 0, 0, 0, runs=some)) == []


def test_the_data_dates_are_those_of_most_failures() -> None:
    planted = Planted()
    planted.ended("A", range(10, 40), message="503 service unavailable")
    planted.window[0]["last_data_date"] = START.date() - timedelta(days=9)
    (trouble,) = found(planted, usual("A", 30, 0, 0, 0, 0))
    assert trouble.data_dates == (planted.window[1]["last_data_date"],)
