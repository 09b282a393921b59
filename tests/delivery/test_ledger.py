"""Day after day: a finding is announced once, its recovery once, and nothing is claimed unseen."""

from __future__ import annotations

import json
import sqlite3

import pytest
from run_folders import a_finding
from slack_server import broken

from nbkit.delivery import deliver_entry, unsent
from nbkit.errors import DeliveryError


def day(number: int) -> str:
    return f"2026-01-{number:02}T12:00:00Z"


def latest(slack) -> str:
    return "\n".join(
        block["text"]["text"]
        for block in slack.posts()[-1].blocks
        if block["type"] in ("section", "header") and "text" in block
    )


@pytest.fixture
def tell(send, slack):
    """Deliver the report of a day; gives the words of its message."""

    def _tell(number: int, *findings, **options) -> str:
        send(findings, as_of=day(number), picture=False, html=None, **options)
        return latest(slack)

    return _tell


def test_a_finding_is_new_once_then_still_open_then_recovered_once(tell, slack):
    assert "New (1)" in tell(1, a_finding())
    second = tell(2, a_finding())
    assert "Still open (1)" in second
    assert "New" not in second
    third = tell(3)
    assert "Recovered (1)" in third
    assert "1 recovered since the message of 2026-01-02 12:00 UTC" in third
    assert slack.posts()[-1].text == "Daily health is GREEN (1 recovered)"
    fourth = tell(4)
    assert "Recovered" not in fourth
    assert "No change since the message of 2026-01-03" in fourth


def test_trouble_that_comes_back_is_new_again(tell):
    tell(1, a_finding())
    tell(2)
    assert "New (1)" in tell(3, a_finding())


def test_a_warning_that_turned_critical_is_announced_as_worse(tell):
    tell(1, a_finding())
    words = tell(2, a_finding(severity="critical"))
    assert "Worse than before (1)" in words
    assert "Still open" not in words
    assert "Still open (1)" in tell(3, a_finding())


def test_remarks_neither_open_nor_recover(tell):
    assert "Also noted (1)" in tell(1, a_finding(severity="info"))
    words = tell(2)
    assert "Recovered" not in words


@pytest.mark.parametrize("failed", [False, True])
def test_a_run_that_could_not_judge_claims_no_recovery(tell, failed):
    tell(1, a_finding())
    manifest = {"exit": {"state": "failed", "error": "boom"}} if failed else {}
    unknown = tell(2, verdict="UNKNOWN", manifest=manifest)
    assert "Not judged this time (1)" in unknown
    assert "Recovered" not in unknown
    assert "Recovered (1)" in tell(3)


def test_a_finding_after_an_unfit_day_is_not_new_again(tell):
    tell(1, a_finding())
    tell(2, verdict="UNKNOWN")
    assert "Still open (1)" in tell(3, a_finding())


def test_reports_variants_and_channels_are_remembered_apart(tell, slack):
    tell(1, a_finding())
    assert "New (1)" in tell(2, a_finding(), notebook="retry_storm")
    assert "New (1)" in tell(2, a_finding(), variant="backfill")
    slack.members.add("C0999999999")
    assert "New (1)" in tell(2, a_finding(), channel="C0999999999")
    assert "Still open (1)" in tell(2, a_finding())


def test_a_message_that_comes_late_announces_nothing(tell, send, slack, project):
    tell(1)
    slack.fail("chat.postMessage", *[broken(503)] * 6)
    with pytest.raises(DeliveryError):
        tell(2, a_finding())
    assert "New (1)" in tell(3, a_finding())
    (entry,) = unsent(project)
    deliver_entry(entry, project=project, now=entry.queued_at, environment=slack.bot_environment)

    late = latest(slack)
    assert "Late: the report of 2026-01-03 12:00 UTC has been sent before this one." in late
    assert "Open at that time (1)" in late
    assert "New" not in late
    assert "Still open (1)" in tell(4, a_finding())


def test_an_old_report_that_is_run_again_is_edited_and_not_called_late(tell, slack):
    tell(1, a_finding())
    tell(2, a_finding())
    tell(1, a_finding("other"))

    first = slack.posts()[0]
    assert first.edits == 1
    assert "Late" not in json.dumps(first.blocks)
    (note,) = slack.thread(first.ts)
    assert not note.broadcast


def test_waiting_messages_are_told_of(send, slack):
    slack.fail("chat.postMessage", *[broken(503)] * 6)
    with pytest.raises(DeliveryError):
        send([a_finding()], as_of=day(1), picture=False)
    assert send([a_finding()], as_of=day(2)).waiting == 1


def test_what_waits_needs_its_folder_no_more(send, slack, project):
    import shutil

    slack.fail("chat.postMessage", *[broken(503)] * 6)
    with pytest.raises(DeliveryError):
        send([a_finding()])
    shutil.rmtree(project.reports)
    (entry,) = unsent(project)
    deliver_entry(entry, project=project, now=entry.queued_at, environment=slack.bot_environment)

    (post,) = slack.posts()
    assert [block for block in post.blocks if block["type"] == "image"]
    assert slack.shared() == ["daily_health-2026-01-13T1200.html"]


def test_what_is_sent_is_not_kept(send, project):
    send([a_finding()])
    with sqlite3.connect(project.state / "delivery.sqlite") as file:
        kept = file.execute("SELECT state, run, figure, html FROM entry").fetchall()
    file.close()
    assert kept == [("sent", None, None, None)]


def test_a_damaged_outbox_sends_nothing_and_says_what_to_do(send, slack, project):
    project.state.mkdir()
    (project.state / "delivery.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(DeliveryError, match=r"cannot be used .*move it aside"):
        send([a_finding()])
    assert slack.calls == []


def test_an_outbox_of_a_newer_nbkit_is_left_alone(send, slack, project):
    send([])
    with sqlite3.connect(project.state / "delivery.sqlite") as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(DeliveryError, match="newer nbkit"):
        send([a_finding()], as_of=day(20))
