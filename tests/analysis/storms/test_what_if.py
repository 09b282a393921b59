"""A window played again: what was planted comes out, fixes do what they must, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.storms.fixes import (
    BACKOFF,
    JITTER,
    PUBSUB,
    STANDARD,
    WINDOW,
    Backoff,
    Fix,
    named_fixes,
)
from nbkit.analysis.storms.redelivery import learn
from nbkit.analysis.storms.runs import classified
from nbkit.analysis.storms.what_if import WhatIf, what_if

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from worlds import CAUSES, build_world

START = datetime(2026, 1, 12, tzinfo=UTC)
END = START + timedelta(hours=4)
AS_OF = START + timedelta(hours=12)
WINDOWS = [(START, END)]
Row = dict[str, object]


def run(
    at_s: float,
    *,
    lasts_s: float = 5.0,
    fails: str = "",
    message: str | None = None,
    processor: str = "OddsApiPropsProcessor",
    day: int = 12,
    source: str = "pubsub",
) -> Row:
    """One run, `at_s` seconds after the start of the window; `fails` is its category."""
    begun = START + timedelta(seconds=at_s)
    return {
        "processor_name": processor,
        "run_id": f"{processor}-{at_s:.3f}-{message}",
        "data_date": pd.Timestamp(2026, 1, day),
        "started_at": begun,
        "ended_at": begun + timedelta(seconds=lasts_s),
        "duration_s": lasts_s,
        "status": "failed" if fails else "success",
        "failure_category": fails or "success",
        "errors_text": f'"{fails} as told"' if fails else None,
        "trigger_message_id": message,
        "trigger_source": source,
    }


def asked(rows: Sequence[Row], *fixes: Fix, as_of: datetime = AS_OF) -> WhatIf:
    return what_if(classified(pd.DataFrame(rows)), WINDOWS, as_of=as_of, fixes=fixes or STANDARD)


def reduction(found: WhatIf, fix: Fix) -> float:
    effect = found.effect(fix.name)
    assert effect is not None
    return effect.reduction


def ordinary(rng: np.random.Generator, runs: int = 300) -> list[Row]:
    """Successes all the time, from before the window to after it."""
    return [
        run(float(at), message=f"calm-{at:.3f}", day=13, processor="NbacScheduleProcessor")
        for at in np.sort(rng.uniform(-3 * 3_600, 6 * 3_600, runs))
    ]


@pytest.fixture
def calm() -> list[Row]:
    return ordinary(np.random.default_rng(5))


@pytest.fixture
def poison(calm: list[Row]) -> list[Row]:
    """Two messages that fail every minute for three hours, while everything else goes well."""
    return calm + [
        run(60.0 * n + 7 * each, fails="error", message=f"bad-{each}")
        for each in range(2)
        for n in range(180)
    ]


@pytest.fixture
def early(calm: list[Row]) -> list[Row]:
    """Twenty pieces of work, polled every ten minutes; their input comes at 03:05."""
    names = [f"Early{each}Processor" for each in range(20)]
    return calm + [
        run(
            at,
            fails="no_data_available" if at < 3 * 3_600 + 300 else "",
            processor=name,
            source="scheduler",
        )
        for name in names
        for at in np.arange(0.0, 3.4 * 3_600, 600.0)
    ]


@pytest.fixture
def outage(calm: list[Row]) -> list[Row]:
    """From 00:10 to 02:40 everything fails; messages come back after 10 s, doubling up to 100."""
    rows = list(calm)
    rng = np.random.default_rng(3)
    for number in range(60):
        at, attempt = float(rng.uniform(0, 7_200)), 0
        while True:
            fails = 600 <= at < 9_600
            rows.append(
                run(at, fails="error" if fails else "", message=f"m-{number}", processor="Down")
            )
            if not fails:
                break
            at += 5 + min(10 * 2**attempt, 100)
            attempt += 1
    rows += [run(at, processor="Down", message=f"before-{at}") for at in np.arange(-9e3, -60, 400)]
    return rows


@pytest.fixture
def collision(calm: list[Row]) -> list[Row]:
    """Eighty jobs at each quarter of an hour; thirty are served, the others turned away."""
    rows = list(calm)
    rng = np.random.default_rng(4)
    for mark in np.arange(0.0, 4 * 3_600, 900.0):
        for order, job in enumerate(rng.permutation(80)):
            served = order < 30
            rows.append(
                run(
                    mark + 0.02 * order,
                    lasts_s=40.0 if served else 1.0,
                    fails="" if served else "error",
                    processor=f"Job{job % 12}",
                    source="scheduler",
                    message=f"job-{mark}-{job}",
                )
            )
    return rows


def test_poison_is_told_and_only_a_longer_backoff_helps(poison: list[Row]) -> None:
    found = asked(poison)
    assert found.fits
    assert "hopeless" in {reason.law for reason in found.reasons}
    assert reduction(found, JITTER) == pytest.approx(0, abs=0.01)
    assert reduction(found, WINDOW) == pytest.approx(0, abs=0.01)
    # One delivery a minute, afterwards about one in half an hour.
    assert 0.9 < reduction(found, BACKOFF) < 1


def test_the_window_check_saves_what_came_too_early_and_nothing_else(early: list[Row]) -> None:
    late = [
        run(100.0 * n, fails="error", processor="NbacScheduleProcessor", message=f"luck-{n}")
        for n in range(40)
    ]
    found = asked(early + late)
    assert found.fits
    assert found.observed == 20 * 19 + 40
    assert found.effects[2].failures == pytest.approx(40, abs=8)
    assert reduction(found, BACKOFF) == pytest.approx(0, abs=0.02)


def test_work_of_the_same_item_that_needs_another_input_hides_nothing(early: list[Row]) -> None:
    """Routine runs of the same processors and date go well all the while."""
    routine = [
        run(at, processor=f"Early{each}Processor", source="scheduler")
        for each in range(20)
        for at in np.arange(-7_000.0, 4 * 3_600, 1_100.0)
    ]
    found = asked(early + routine)
    assert reduction(found, WINDOW) > 0.95
    assert abs(reduction(found, BACKOFF)) < 0.02


def test_each_message_waits_for_its_own_input_until_that_comes(calm: list[Row]) -> None:
    """Games of one date end one after another; a message is delivered again until its own has."""
    rows = list(calm)
    for game in range(30):
        lands = 3_600 + 240.0 * game
        at = 20.0 * game
        while True:
            fails = at < lands
            told = "no_data_available" if fails else ""
            rows.append(run(at, fails=told, processor="Games", message=f"game-{game}"))
            if not fails:
                break
            at += 125
    found = asked(rows)
    assert found.fits
    assert abs(found.misfit) < 0.02
    assert reduction(found, WINDOW) > 0.95
    assert 0.5 < reduction(found, BACKOFF) < 0.9


def test_starts_held_back_no_longer_crowd_out_the_others(calm: list[Row]) -> None:
    """Forty runs start at each mark and twenty of them are served; thirty are too early for their
    input (a few say so never, being crowded out themselves). Without them all go through."""
    rows = list(calm)
    rng = np.random.default_rng(8)
    for mark in range(4):
        for place, job in enumerate(rng.permutation(40)):
            fails = "error" if place >= 20 else "no_data_available" if job < 30 else ""
            name = f"Kid{job}Processor" if job < 30 else f"Other{job}Processor"
            at = 1_800.0 * mark + 0.1 * place
            rows.append(run(at, lasts_s=30, fails=fails, processor=name, source="scheduler"))
    rows += [run(9_000 + 60.0 * each, processor=f"Kid{each}Processor") for each in range(30)]
    crowded_out = sum(
        str(each["processor_name"]).startswith("Other") and each["status"] == "failed"
        for each in rows
    )
    found = asked(rows)
    assert found.fits
    assert crowded_out > 0.1 * found.observed
    assert reduction(found, WINDOW) > 0.8


def test_a_schedule_that_starts_runs_through_messages_is_a_schedule(outage: list[Row]) -> None:
    """Its runs come at any second of the minute, yet they can be moved."""
    rng = np.random.default_rng(9)
    rows = [each for each in outage if each["processor_name"] != "Down"]
    for number, at in enumerate(np.sort(rng.uniform(-3_600, 7_200, 700))):
        fails = "error" if 600 <= at < 1_800 else ""
        each = run(float(at), fails=fails, processor="Down", message=f"short-{number}")
        rows.append({**each, "triggered_by": "scheduler"})
    found = asked(rows)
    assert found.scheduled > 0.5
    assert reduction(asked([{**r, "triggered_by": "workflow"} for r in rows]), JITTER) == 0


def test_polls_that_never_find_anything_are_not_promised_away(calm: list[Row]) -> None:
    polls = [
        run(at, fails="no_data_available", processor="Quiet", source="scheduler")
        for at in np.arange(-3 * 3_600, 6 * 3_600, 120.0)
    ]
    found = asked(calm + polls)
    assert found.fits
    assert reduction(found, WINDOW) == pytest.approx(0, abs=0.01)


def test_an_outage_is_found_by_its_edges_and_backoff_spares_retries(outage: list[Row]) -> None:
    found = asked(outage)
    assert found.fits
    assert "outage" in {reason.law for reason in found.reasons}
    assert reduction(found, JITTER) == pytest.approx(0, abs=0.03)
    # A message that waits 100 s, then 60 s to an hour: a third of the deliveries or fewer.
    assert 0.65 < reduction(found, BACKOFF) < 0.95


def test_work_that_does_not_need_what_is_broken_goes_on_through_an_outage(
    outage: list[Row],
) -> None:
    """Of the same processor; without message it is not redelivered, nor counted as luck."""
    rng = np.random.default_rng(6)
    others = [run(float(at), processor="Down", day=11) for at in rng.uniform(0, 9_600, 150)]
    some = [run(float(at), processor="Down", day=10) for at in rng.uniform(0, 600, 20)]
    found = asked(outage + others + some)
    assert found.fits
    assert abs(found.misfit) < 0.05
    alone = asked(outage)
    assert reduction(found, BACKOFF) == pytest.approx(reduction(alone, BACKOFF), abs=0.08)


def test_a_collision_is_told_from_load_and_goes_with_jitter(collision: list[Row]) -> None:
    found = asked(collision)
    assert found.fits
    assert "load" in {reason.law for reason in found.reasons}
    assert reduction(found, JITTER) > 0.9
    assert reduction(found, BACKOFF) == pytest.approx(0, abs=0.05)
    assert found.scheduled > 0.6
    assert found.best is not None
    assert found.best.fix == JITTER


def test_who_is_hit_seldom_by_a_collision_is_hit_by_it_all_the_same(calm: list[Row]) -> None:
    """Of ninety jobs a fifth fails, some of them more often by chance: that is not their rate."""
    rows = list(calm)
    rng = np.random.default_rng(13)
    for mark in range(12):
        for place, job in enumerate(rng.permutation(90)):
            fails = "error" if place >= 60 and rng.random() < 0.5 else ""
            at = 900.0 * mark + 0.05 * place
            name = f"Job{job}Processor"
            rows.append(run(at, lasts_s=40, fails=fails, processor=name, source="scheduler"))
    found = asked(rows)
    assert found.fits
    assert reduction(found, JITTER) > 0.85


def test_what_a_sweep_closed_no_fix_undoes(calm: list[Row]) -> None:
    swept = [
        run(-9_000.0 + n, lasts_s=9_000.0 - n + 1_800, fails="timeout", processor="Stuck")
        for n in range(50)
    ]
    found = asked(calm + swept)
    assert found.fits
    assert found.observed == 50
    assert {effect.reduction for effect in found.effects} == {0.0}


def test_the_same_runs_give_the_same_predictions(outage: list[Row]) -> None:
    shuffled = list(np.random.default_rng(1).permutation(np.array(outage, dtype=object)))
    assert asked(outage) == asked(shuffled)


@pytest.mark.parametrize("made", ["poison", "outage", "collision"])
def test_longer_backoff_never_adds_deliveries(made: str, request: pytest.FixtureRequest) -> None:
    rows = request.getfixturevalue(made)
    longer = [
        Fix(name=f"b{s}", title="longer", backoff=Backoff(least_s=s, most_s=20 * s))
        for s in (120.0, 240.0, 480.0)
    ]
    found = asked(rows, *longer)
    failures = [effect.failures for effect in found.effects]
    # Chance remains: which redelivery falls behind the end of the window.
    assert all(b <= a * 1.02 + 2 for a, b in pairwise(failures))
    assert failures[0] <= found.observed * 1.02 + 2


def test_fewer_attempts_leave_fewer_failures(outage: list[Row]) -> None:
    fixes = [Fix(name=f"a{n}", title="limit", attempts=n) for n in (1, 2, 5, 1_000)]
    failures = [effect.failures for effect in asked(outage, *fixes).effects]
    assert failures == sorted(failures)
    assert failures[0] == pytest.approx(60, abs=15)  # each message once


def test_a_retry_budget_bounds_redeliveries(outage: list[Row]) -> None:
    budget = Fix(name="budget", title="budget", retry_budget=0.1)
    found = asked(outage, budget)
    # About one failure a message, ten free retries, and a tenth of all first deliveries.
    assert found.effects[0].failures < 60 + 10 + 40


def test_without_a_fit_nothing_is_predicted(
    outage: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["nbkit.analysis.storms.what_if"]

    def gives_up_at_once(*seen: object) -> object:
        again = learn(*seen)  # type: ignore[arg-type]
        return replace(again, chance=np.zeros_like(again.chance), limit=np.ones_like(again.limit))

    assert asked(outage).fits
    monkeypatch.setattr(module, "learn", gives_up_at_once)
    found = asked(outage)
    assert found.misfit < -0.5
    assert not found.fits
    assert found.effects == ()
    assert set(found.evidence()) == {"calibration"}


def test_without_failures_there_is_nothing_to_predict(calm: list[Row]) -> None:
    found = asked(calm)
    assert not found.fits
    assert found.effects == ()


def test_evidence_carries_every_fix_with_bounds(poison: list[Row]) -> None:
    found = asked(poison, *named_fixes())
    evidence = found.evidence()
    assert {"jitter", "backoff", "window", "pubsub", "jitter_backoff"} <= set(evidence)
    for name in ("jitter", "backoff", "window"):
        each = evidence[name]
        assert each["reduction_low"] <= each["reduction"] <= each["reduction_high"] <= 1
        assert each["failures_low"] <= each["failures"] <= each["failures_high"]


def test_where_no_run_names_its_message_a_backoff_is_less_sure(outage: list[Row]) -> None:
    known = asked(outage).effect("backoff")
    guessed = asked([{**each, "trigger_message_id": None} for each in outage]).effect("backoff")
    assert known is not None
    assert guessed is not None
    assert guessed.high - guessed.low > known.high - known.low + 0.3


def test_other_parameters_give_other_names() -> None:
    names = [
        fix.name
        for fix in named_fixes(
            jitter_minutes=30, least_s=120, most_s=1_800, attempts=3, retry_budget=0.1
        )
    ]
    assert names[-4:] == ["jitter_30min", "backoff_120_1800s", "attempts_3", "budget_10pc"]
    assert [fix.name for fix in named_fixes()][:4] == ["jitter", "backoff", "window", "pubsub"]
    assert PUBSUB.backoff is not None
    assert PUBSUB.backoff.most_s == 600  # Pub/Sub knows no longer delay


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Backoff(least_s=60, most_s=10),
        lambda: Fix(name="x", title="x", attempts=0),
        lambda: Fix(name="x", title="x", jitter_s=-1),
        lambda: Fix(name="x", title="x", retry_budget=-0.1),
    ],
)
def test_a_fix_without_sense_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"needs|below|least"):
        wrong()


@pytest.mark.parametrize("cause", CAUSES)
def test_predictions_hold_in_a_made_world(cause: str) -> None:
    world = build_world(cause, 21, weekly=True)
    windows = [(window.start, window.end) for window in world.truth.windows]
    runs = world.history.rename(
        columns={
            "processed_at": "ended_at",
            "duration_seconds": "duration_s",
            "errors": "errors_text",
        }
    )
    near = np.zeros(len(runs), dtype=bool)
    for start, end in windows:
        near |= (runs["started_at"] > start - timedelta(hours=4)) & (
            runs["started_at"] < end + timedelta(hours=3)
        )
        near |= (runs["ended_at"] >= start) & (runs["ended_at"] < end)
    found = what_if(classified(runs[near]), windows, as_of=world.as_of, fixes=STANDARD)
    assert found.fits
    for fix in STANDARD:
        true = world.what_if(fix.name).reduction
        assert reduction(found, fix) == pytest.approx(true, abs=0.15), fix.name
