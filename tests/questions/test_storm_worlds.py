"""The retry-storm question named the cause of these worlds right once, and must not forget how.

A few worlds, so that it is quick; `benchmarks/storms.py` judges by hundreds.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from worlds import CAUSES, VARIANTS, World, build_world, write_warehouse
from worlds.judging import Score, score

from nbkit.questions.retry_storm import retry_storm


@lru_cache(maxsize=64)
def world(name: str, seed: int) -> World:
    return build_world(name, seed)


def judged(made: World, variant: str, folder: Path) -> Score:
    url = write_warehouse(VARIANTS[variant](made.history), folder / "world.duckdb")
    report = retry_storm(url, as_of=made.as_of)
    return score(made, report.judgement.to_json()["findings"], what_if=False)


@pytest.mark.parametrize(
    ("name", "variant"),
    [(name, ("full", "no_category")[number % 2]) for number, name in enumerate(CAUSES)],
)
def test_the_cause_of_a_storm_is_named(name: str, variant: str, tmp_path: Path) -> None:
    found = judged(world(name, 2), variant, tmp_path)
    assert found.named == name
    assert "failure_storm" in found.alarms
    assert found.overlaps


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("busy_sundays", 0),
        ("busy_burst", 0),
        ("no_data_noise", 0),
        ("healthy_marks", 0),
        (
            "evening_polls",
            9001,
        ),  # polls that fail as always, beside work that starts at other times
        ("healthy_backfill", 12001),  # a third fails, as of its processors always does
    ],
)
def test_where_nothing_is_wrong_nobody_is_woken(name: str, seed: int, tmp_path: Path) -> None:
    assert judged(world(name, seed), "no_category", tmp_path).alarms == ()
