"""Worlds are what they claim, or no diagnosis can be judged by them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from made import failures_in_windows, world
from worlds import BENIGN, CAUSES, FIXES, KINDS, MIXTURES, NO_FIX, Window, World, build_world
from worlds.said import FAMILIES, speak

from nbkit.failures import classify

SEEDS = (0, 1)


@pytest.mark.parametrize("name", ["retry_amplification", "busy_sundays"])
def test_a_world_follows_from_its_name_and_seed(name: str) -> None:
    one, same, other = (build_world(name, seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(one.history, same.history)
    assert one.truth == same.truth
    assert not one.history.equals(other.history)


@pytest.mark.parametrize("name", KINDS)
def test_a_history_is_in_order_and_ends_at_its_moment(name: str) -> None:
    made = world(name)
    history = made.history
    assert 3_000 < len(history) < 90_000
    assert history["started_at"].is_monotonic_increasing
    assert history["started_at"].max() < made.as_of
    assert history["processed_at"].max() < made.as_of
    assert not history["run_id"].duplicated().any()
    assert made.as_of - history["started_at"].min() > timedelta(weeks=4) - timedelta(days=1)
    assert (history["status"] == "running").equals(history["processed_at"].isna())


@pytest.mark.parametrize("name", [*CAUSES, *MIXTURES])
def test_the_truth_counts_what_stands_in_the_history(name: str) -> None:
    made = world(name)
    truth = made.truth
    assert len(failures_in_windows(made)) == truth.failures
    assert 200 <= truth.storm_failures <= truth.failures
    assert sum(truth.processors.values()) == truth.storm_failures
    if not truth.apart:
        assert sum(truth.shares.values()) == pytest.approx(1)
    assert len(truth.windows) == (len(made.scene.spans) if truth.weekly else 1)
    assert all(not _meet(one, other) for one in truth.windows for other in _apart(made))


def _apart(made: World) -> list[Window]:
    return [window for windows in made.truth.apart.values() for window in windows]


def _meet(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end


@pytest.mark.parametrize("name", CAUSES)
def test_without_a_fix_the_same_world_happens_again(name: str) -> None:
    made = world(name)
    assert made.attempts(NO_FIX) == made.attempts()
    assert made.what_if(NO_FIX).reduction == 0.0
    assert made.failures_under(NO_FIX, made.truth.windows) == made.truth.failures


def test_there_are_storms_of_every_size_and_length() -> None:
    made = [world(name, seed) for name in CAUSES for seed in SEEDS]
    lengths = [each.truth.windows[-1].end - each.truth.windows[-1].start for each in made]
    sizes = [each.truth.storm_failures for each in made]
    assert {each.truth.weekly for each in made} == {True, False}
    assert min(lengths) < timedelta(minutes=20)
    assert max(lengths) > timedelta(hours=10)
    assert min(sizes) < 500
    assert max(sizes) > 5_000


def test_a_world_can_be_asked_to_recur_or_not() -> None:
    assert len(build_world("poison_message", 3, weekly=True).truth.windows) >= 4
    assert len(build_world("poison_message", 3, weekly=False).truth.windows) == 1


@pytest.mark.parametrize("name", BENIGN)
def test_nothing_is_wrong_in_a_benign_world(name: str) -> None:
    truth = world(name).truth
    assert truth.benign
    assert not truth.windows


@pytest.mark.parametrize("seed", SEEDS)
def test_on_busy_sundays_no_larger_share_fails(seed: int) -> None:
    history = world("busy_sundays", seed).history
    ended = history[history["status"] != "running"]
    day = ended["started_at"].dt.floor("D")
    sunday = ended["started_at"].dt.day_of_week == 6
    failed = ended["status"] == "failed"
    work = ended.groupby(day).size()
    sundays = work[work.index.day_of_week == 6]
    assert sundays.median() > 1.7 * work[work.index.day_of_week == 3].median()
    # By processor: those that poll more on Sundays may be those that find nothing.
    table = ended.assign(failed=failed, sunday=sunday).groupby(["processor_name", "sunday"])
    counts = table["failed"].agg(["sum", "size"]).unstack()
    enough = counts[(counts["size"] > 60).all(axis=1)]
    shares = enough["sum"] / enough["size"]
    spread = np.sqrt((shares * (1 - shares) / enough["size"]).sum(axis=1)).clip(lower=0.01)
    score = (shares[True] - shares[False]) / spread
    assert abs(score.mean()) < 1.0


def test_every_message_has_the_category_that_nbkit_gives_it() -> None:
    """A platform that recorded other categories than the classifier's would be another test."""
    for lines in FAMILIES.values():
        for line in lines:
            text = speak(
                line,
                processor="BdlBoxscoresProcessor",
                day=20_450,
                names="NbacGamebookProcessor",
                pick=12_345,
                hours=5.0,
            )
            found = classify(text, exception_type=line.kind or None).category
            assert found == line.category, text


@pytest.mark.parametrize("name", MIXTURES)
def test_the_main_cause_of_a_mixture_is_most_of_it(name: str) -> None:
    truth = world(name).truth
    assert truth.shares[truth.cause] >= 0.6
    assert truth.others
    assert all(truth.shares[cause] > 0 or truth.apart[cause] for cause in truth.others)


def test_a_fix_meets_the_same_luck() -> None:
    """What a fix does not touch happens run for run as before."""
    made = world("backfill")
    for fix in FIXES.values():
        assert made.attempts(fix) == made.attempts()
