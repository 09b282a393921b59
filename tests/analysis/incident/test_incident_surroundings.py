"""What else changed: new values are told, old ones and newcomers' own are not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from planted_window import START, Planted, at

from nbkit.analysis.incident.surroundings import Surrounding, surroundings


def setting(name: str, first: datetime, earlier: int, **values: str) -> dict[str, Any]:
    return {
        "processor_name": name,
        "cloud_run_service": values.get("service"),
        "cloud_run_revision": values.get("revision"),
        "trigger_source": values.get("source"),
        "triggered_by": values.get("trigger"),
        "execution_host": None,
        "data_source_primary": values.get("data"),
        "runs": earlier + 2,
        "earlier_runs": earlier,
        "first_started_at": first,
        "last_started_at": first + timedelta(minutes=1),
    }


def changed(*rows: dict[str, Any], planted: Planted | None = None) -> tuple[Surrounding, ...]:
    window, baseline = (planted or Planted()).frames()
    return surroundings(pd.DataFrame(rows), window, baseline, start=START)


OLD = START - timedelta(days=9)


def test_a_new_revision_is_told_once_a_service_with_the_one_before_it() -> None:
    found = changed(
        setting("A", OLD, 5, service="s", revision="s-1"),
        setting("B", OLD, 5, service="s", revision="s-2"),
        setting("A", at(10), 0, service="s", revision="s-3"),
        setting("B", at(4), 0, service="s", revision="s-3"),
    )
    (one,) = found
    assert (one.what, one.subject, one.before, one.now) == ("revision", "s", "s-2", "s-3")
    assert one.at == at(4)
    assert one.runs == 4


def test_a_new_trigger_or_source_is_told_of_its_processor() -> None:
    found = changed(
        setting("A", OLD, 5, trigger="scheduler", data="espn"),
        setting("A", at(3), 0, trigger="manual", data="espn"),
        setting("B", OLD, 5, trigger="manual"),
    )
    assert [(c.what, c.subject, c.before, c.now) for c in found] == [
        ("trigger", "A", "scheduler", "manual")
    ]


def test_a_newcomer_is_one_change_not_one_for_each_of_its_settings() -> None:
    found = changed(setting("New", at(3), 0, service="n", revision="n-1", trigger="scheduler"))
    assert [(c.what, c.subject) for c in found] == [("processor", "New")]


def test_a_column_that_was_empty_before_is_no_change() -> None:
    assert changed(setting("A", OLD, 5), setting("A", at(3), 0, trigger="scheduler")) == ()


def test_a_first_failure_after_a_week_without_is_told() -> None:
    planted = Planted()
    planted.before("A", hours=range(1, 100), status="success")
    planted.before("A", hours=[24 * 9])
    planted.before("B", hours=range(1, 100), status="success")
    planted.before("B", hours=[24 * 3])
    planted.before("Rare", hours=[5, 6], status="success")
    for name in ("A", "B", "Rare"):
        planted.ended(name, [7])
    old = setting("A", OLD, 5)
    found = changed(old, {**old, "processor_name": "B"}, planted=planted)
    assert [(c.what, c.subject, c.at) for c in found] == [("first failure", "A", at(7))]
    assert found[0].before == "the last on 2026-01-03"
