"""Incidents in simulated worlds that were not made for this analysis: the root of a one-off outage
is found, and where nothing is wrong nobody is woken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from worlds import build_world, write_warehouse

from nbkit.findings import Verdict
from nbkit.questions.incident import incident
from nbkit.registry import load_registry


def test_the_root_of_a_simulated_outage_is_found(tmp_path: Path) -> None:
    made = build_world("upstream_outage", 1)
    (window,) = made.truth.windows
    report = incident(
        write_warehouse(made.history, tmp_path / "world.duckdb"),
        as_of=made.as_of,
        start=window.start - timedelta(hours=1),
        end=window.end,
    )
    registry, hit = load_registry(), set(made.truth.processors)
    (root,) = [name for name in hit if hit - {name} <= set(registry.downstream(name))]
    assert report.main is not None
    assert report.main.root == root
    followers = {follower.processor for follower in report.main.followers}
    assert followers <= hit
    assert len(followers) >= 0.8 * (len(hit) - 1)


@pytest.mark.parametrize("name", ["busy_burst", "healthy_marks"])
def test_a_busy_world_is_no_incident(name: str, tmp_path: Path) -> None:
    made = build_world(name, 0)
    end = made.as_of - timedelta(hours=24)
    url = write_warehouse(made.history, tmp_path / "world.duckdb")
    report = incident(url, as_of=end, since="6h")
    assert report.verdict is Verdict.GREEN
    assert report.incidents == ()
