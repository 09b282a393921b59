from __future__ import annotations

import pytest
from run_folders import a_finding, write_run

from nbkit.delivery.message import Mark, compose
from nbkit.delivery.run_folder import read_run


@pytest.fixture
def message(tmp_path):
    def _message(*findings, **run):
        return compose(read_run(write_run(tmp_path, findings, **run)), location="reports/x")

    return _message


def test_a_good_day_is_told_in_one_line(message):
    told = message()
    assert told.title == "Daily health: GREEN"
    assert told.headline == "Nothing at or above a warning."
    assert told.text == "Daily health is GREEN"
    assert told.sections == ()


def test_a_notification_holds_the_worst_finding(message):
    told = message(a_finding("a"), a_finding("b", "critical"), a_finding("c"))
    assert told.text == "Daily health is RED: b has been silent for 9 h (and 2 more)"


def test_the_worst_stands_first(message):
    told = message(a_finding("a"), a_finding("b", "critical"), a_finding("c", "info"))
    new, noted = told.sections
    assert [item.mark for item in new.items] == [Mark.CRITICAL, Mark.WARNING]
    assert new.heading == "New (2)"
    assert noted.heading == "Also noted (1)"
    assert told.headline == "1 critical finding and 1 warning."


def test_a_finding_comes_with_owner_next_step_and_runbook(message):
    (section,) = message(a_finding()).sections
    (item,) = section.items
    assert item.details == ("warning", "since 2026-01-13 03:00 UTC", "owner data-eng")
    assert item.next_step == "Look at the trigger."
    assert item.runbook == "docs/runbooks/silent-processor.md"


def test_a_beginning_at_the_edge_of_the_window_is_not_claimed(message):
    (section,) = message(a_finding(since="2026-01-06T12:00:00Z")).sections
    assert "since before 2026-01-06 12:00 UTC" in section.items[0].details


def test_an_unknown_beginning_is_left_out(message):
    (section,) = message(a_finding(since=None, owner="")).sections
    assert section.items[0].details == ("warning",)


def test_the_same_finding_twice_is_told_once_and_as_bad_as_it_is(message):
    (section,) = message(a_finding("a"), a_finding("a", "critical")).sections
    assert [item.mark for item in section.items] == [Mark.CRITICAL]


def test_the_moment_is_told_in_utc_and_in_the_zone_of_the_deadlines(message):
    assert message().footer[0] == "As of 2026-01-13 12:00 UTC (07:00 EST)"
    summer = message(as_of="2026-07-13T12:00:00Z")
    assert summer.footer[0] == "As of 2026-07-13 12:00 UTC (08:00 EDT)"


def test_data_that_was_not_fit_is_not_called_good(message):
    told = message(verdict="UNKNOWN")
    assert told.title == "Daily health: UNKNOWN"
    assert told.headline.startswith("The data was not fit to judge.")


def test_a_failed_run_beside_a_good_one_is_titled_plainly(message):
    ended = {"exit": {"state": "failed", "error": "boom"}}
    told = message(verdict="UNKNOWN", variant="backfill-failed", manifest=ended)
    assert told.title == "Daily health (backfill): run failed"


def test_queries_and_their_cost_are_told_when_known(message):
    queries = [{"seconds": 1.5, "bytes_billed": 2e9}, {"seconds": 2.0, "bytes_billed": 5e8}]
    facts = {f.label: f.value for f in message(manifest={"queries": queries}).facts}
    assert facts["Queries"] == "2 in 3.5\u00a0s, 2.50 GB billed"
    unknown = [{"seconds": 1.5}, {"seconds": None}]
    facts = {f.label: f.value for f in message(manifest={"queries": unknown}).facts}
    assert facts["Queries"] == "2"
