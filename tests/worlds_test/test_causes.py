"""Each cause shows the tell-tale that the contract gives it, and yields to the right fix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made import failures_in_windows, runs_in_windows, world
from worlds import PLANNED_WINDOW
from worlds.names import descendants

SEEDS = range(2)
every_seed = pytest.mark.parametrize("seed", SEEDS)


def storm_failures(name: str, seed: int) -> pd.DataFrame:
    failures = failures_in_windows(world(name, seed))
    return failures[failures["processor_name"].isin(world(name, seed).truth.processors)]


def attempts_per_message(runs: pd.DataFrame) -> float:
    carried = runs.dropna(subset=["trigger_message_id"])
    return len(carried) / carried["trigger_message_id"].nunique()


@every_seed
def test_collisions_start_on_marks_and_fail_more_the_more_start(seed: int) -> None:
    made = world("scheduler_collision", seed)
    runs = runs_in_windows(made)
    scheduled = runs[runs["trigger_source"] == "scheduler"]
    first = scheduled[scheduled["retry_attempt"] == 1]
    seconds = first["started_at"].dt.second
    assert (seconds < 20).mean() > 0.8
    together = scheduled.groupby(scheduled["started_at"].dt.floor("1min")).size()
    assert together.median() >= 10
    assert made.truth.attempts / made.truth.messages < 2.3
    assert made.what_if("jitter").reduction > 0.25
    assert made.what_if("window").reduction == pytest.approx(0, abs=0.05)


@every_seed
def test_amplified_messages_come_back_at_gaps_that_grow(seed: int) -> None:
    made = world("retry_amplification", seed)
    assert made.truth.attempts / made.truth.messages >= 3
    runs = made.history[made.history["retry_attempt"] > 3]
    assert len(runs) > 50
    chains = made.history.dropna(subset=["trigger_message_id"])
    chains = chains.sort_values(["trigger_message_id", "started_at"])
    gap = (
        chains["started_at"] - chains.groupby("trigger_message_id")["processed_at"].shift()
    ).dt.total_seconds()
    second = gap[chains["retry_attempt"] == 2].median()
    late = gap[chains["retry_attempt"] >= 5].median()
    assert late > 1.5 * second
    assert made.what_if("window").reduction == pytest.approx(0, abs=0.05)


@every_seed
def test_poison_is_few_messages_with_one_error_and_no_success(seed: int) -> None:
    made = world("poison_message", seed)
    failures = failures_in_windows(made)
    counts = failures["trigger_message_id"].value_counts()
    poisoned = counts[counts >= 10]
    assert len(poisoned) <= 12 * len(made.truth.windows)
    assert poisoned.sum() > 0.6 * len(failures)
    own = made.history[made.history["trigger_message_id"].isin(poisoned.index)]
    assert (own["status"] != "success").all()
    texts = own[own["status"] == "failed"].groupby("trigger_message_id")["errors"].nunique()
    assert (texts == 1).all()


@every_seed
def test_republished_work_has_new_messages_at_the_healers_period(seed: int) -> None:
    made = world("republish_loop", seed)
    period = float(made.truth.settings["period_s"])
    failures = storm_failures("republish_loop", seed)
    healed = failures[failures["triggered_by"] == "retry"]
    firsts = healed[healed["retry_attempt"] == 1]
    into = firsts["started_at"].astype("int64") / 1e6 % period
    assert (into <= 61).all()
    assert attempts_per_message(healed) < 2.1
    busiest = firsts.groupby(["processor_name", "data_date"])["trigger_message_id"].nunique()
    assert busiest.max() >= 4
    # It had succeeded before.
    keys = firsts[["processor_name", "data_date"]].drop_duplicates()
    good = made.history[made.history["status"] == "success"]
    before = good.groupby(["processor_name", "data_date"])["started_at"].min()
    start = firsts.groupby(["processor_name", "data_date"])["started_at"].min()
    both = pd.concat([before, start], axis=1, keys=["good", "again"]).loc[
        list(map(tuple, keys.to_numpy()))
    ]
    assert (both["good"] < both["again"]).mean() > 0.9


@every_seed
def test_premature_runs_fail_for_want_of_data_until_it_lands(seed: int) -> None:
    made = world("premature_start", seed)
    failures = storm_failures("premature_start", seed)
    wanting = failures["failure_category"].isin(["no_data_available", "dependency_missing"])
    assert wanting.mean() > 0.8
    items = failures[wanting].groupby(["processor_name", "data_date"])
    last = items["started_at"].max()
    good = made.history[made.history["status"] == "success"]
    later = good.groupby(["processor_name", "data_date"])["started_at"].max()
    found = later.reindex(last.index)
    assert (found > last).mean() > 0.85
    assert made.what_if("window").reduction > 0.85


@every_seed
def test_an_outage_takes_a_root_and_its_descendants_which_name_it(seed: int) -> None:
    made = world("upstream_outage", seed)
    root = str(made.truth.settings["root"])
    assert set(made.truth.processors) <= {root, *descendants(root)}
    failures = storm_failures("upstream_outage", seed)
    below = failures[failures["failure_category"] == "dependency_missing"]
    assert len(below) > 0.4 * len(failures)
    assert made.what_if("window").reduction > 0.4
    assert made.what_if(PLANNED_WINDOW).reduction == pytest.approx(0, abs=0.05)


@every_seed
def test_a_quota_caps_successes_a_minute(seed: int) -> None:
    made = world("rate_limit", seed)
    limit = int(made.truth.settings["limit"])
    runs = runs_in_windows(made)
    own = runs[runs["processor_name"].isin(made.truth.processors)]
    good = own[own["status"] == "success"]
    a_minute = good.groupby(good["started_at"].dt.floor("1min")).size()
    # Others of their runs, the ordinary ones, come on top.
    assert a_minute.median() <= limit + 1
    said = storm_failures("rate_limit", seed)["errors"].str.contains(
        "429|quota|rateLimit", case=False
    )
    assert said.mean() > 0.8


@every_seed
def test_a_sweep_ends_old_rows_at_one_instant(seed: int) -> None:
    made = world("cleanup_artifact", seed)
    failures = storm_failures("cleanup_artifact", seed)
    swept = failures[failures["errors"].str.contains("stale_running_cleanup")]
    assert len(swept) >= 0.95 * len(failures)
    for window in made.truth.windows:
        assert (window.end - window.start).total_seconds() <= 25
    assert (swept["processed_at"] - swept["started_at"]).min() > pd.Timedelta(hours=4)
    assert np.ptp(swept["started_at"].astype("int64")) > 2 * 3600 * 1e6
    for fix in ("jitter", "backoff", "window"):
        assert made.what_if(fix).reduction == pytest.approx(0, abs=0.02)


@every_seed
def test_a_backfill_is_about_old_dates(seed: int) -> None:
    made = world("backfill", seed)
    failures = storm_failures("backfill", seed)
    age = failures["started_at"].dt.tz_localize(None) - pd.to_datetime(failures["data_date"])
    assert (age > pd.Timedelta(days=15)).mean() > 0.9
    for fix in ("jitter", "backoff", "window"):
        assert made.what_if(fix).reduction == pytest.approx(0, abs=0.05)


def test_a_longer_backoff_saves_redeliveries_of_poison_on_average() -> None:
    saved = [world("poison_message", seed).what_if("backoff").reduction for seed in SEEDS]
    assert np.mean(saved) > 0.4
