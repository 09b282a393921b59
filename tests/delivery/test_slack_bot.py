"""A bot's delivery against a server that plays Slack: once, whole, in the right place."""

from __future__ import annotations

import json

import pytest
from run_folders import a_finding, a_png
from slack_server import (
    CUT_AFTER,
    CUT_BEFORE,
    GARBLED,
    TOKEN,
    Fault,
    Message,
    broken,
    rate_limited,
    says,
)

from nbkit.delivery import slack as slack_module
from nbkit.delivery import unsent
from nbkit.errors import DeliveryError

FILES = ["daily_health-2026-01-13T1200.html"]


def words(message: Message) -> str:
    return json.dumps(message.blocks, ensure_ascii=False)


def picture_of(message: Message) -> str | None:
    return next((b["slack_file"]["id"] for b in message.blocks if b["type"] == "image"), None)


def test_words_and_picture_are_posted_and_the_report_is_in_the_thread(send, slack):
    delivery = send([a_finding(severity="critical")], report_url="https://reports.example/x")

    (post,) = slack.posts()
    assert "🔴 Daily health: RED" in words(post)
    assert "late has been silent for 9 h" in words(post)
    assert "<https://reports.example/x|Open the report>" in words(post)
    assert post.metadata == {
        "event_type": "nbkit_run",
        "event_payload": post.metadata["event_payload"] | {"run_id": delivery.run_id},
    }
    assert slack.files[picture_of(post)].data == a_png()
    assert slack.shared() == FILES
    assert slack.thread(post.ts)[0].files
    assert delivery.ts == post.ts
    assert delivery.parts == ("message", "report")
    assert not delivery.already_sent


def test_a_rerun_with_the_same_findings_says_nothing_again(send, slack):
    first = send([a_finding()])
    calls = len(slack.calls)
    again = send([a_finding()])

    assert again.already_sent
    assert again.ts == first.ts
    assert len(slack.calls) == calls


def test_a_rerun_with_other_findings_edits_the_message_and_says_so_in_the_thread(send, slack):
    send([a_finding("late")])
    again = send([a_finding("late"), a_finding("broken", "critical")])

    (post,) = slack.posts()
    note, *_ = [m for m in slack.thread(post.ts) if m.text]
    assert again.edited
    assert post.edits == 1
    assert "Daily health: RED" in words(post)
    assert "YELLOW became RED; 1 more: broken has been silent for 9 h" in note.text
    assert note.broadcast, "an edit notifies nobody, so what got worse is shown in the channel"


def test_findings_that_change_only_in_their_figures_are_edited_in_silence(send, slack):
    send([a_finding("late")])
    send([a_finding("late", title="late has been silent for 10 h")])

    (post,) = slack.posts()
    assert "silent for 10 h" in words(post)
    assert not [m for m in slack.thread(post.ts) if m.text]


def test_a_rerun_that_got_better_does_not_ring_again(send, slack):
    send([a_finding("late", "critical")])
    send([])

    (post,) = slack.posts()
    (note,) = [m for m in slack.thread(post.ts) if m.text]
    assert "RED became GREEN; 1 no longer found" in note.text
    assert not note.broadcast


def test_a_message_that_somebody_deleted_is_posted_again_with_the_new_findings(send, slack):
    send([a_finding("late")])
    slack.messages.clear()
    send([a_finding("other")])

    (post,) = slack.posts()
    assert "Corrects the earlier message about this run" in words(post)


def test_a_channel_given_by_name_is_found_for_the_files(send, slack):
    environment = slack.bot_environment | {"SLACK_CHANNEL": "#data-monitoring"}
    send([a_finding()], environment=environment)

    assert len(slack.posts()) == 1
    assert slack.shared() == FILES


def test_a_run_without_picture_or_page_is_words_only(send, slack):
    delivery = send([a_finding()], picture=False, html=None)

    assert delivery.parts == ("message",)
    assert slack.calls == ["chat.postMessage"]


def test_a_failed_run_is_told_with_its_cell_and_its_partial_report(send, slack):
    ended = {"state": "failed", "error": "KeyError: 'phase'", "cell": "cell 7 (“Who is slow?”)"}
    send([], verdict="UNKNOWN", picture=False, manifest={"exit": ended})

    (post,) = slack.posts()
    assert "Daily health: run failed" in words(post)
    assert "in cell 7 (“Who is slow?”): KeyError: 'phase'" in words(post)
    assert slack.shared() == FILES


def test_a_report_in_a_bucket_is_named_though_it_is_no_link(send, slack):
    send([], report_url="gs://reports/daily_health/x/index.html")

    assert "Report: gs://reports/daily_health/x/index.html" in words(slack.posts()[0])


# Faults that pass


PASSING = [
    rate_limited(7),
    broken(500),
    broken(502),
    broken(502, lost=True),
    broken(503),
    broken(504, lost=True),
    CUT_BEFORE,
    CUT_AFTER,
    GARBLED,
    Fault(body="[]", lost=True),
    Fault(body='["ok"]', lost=True),
    Fault(body='{"ok": true}', lost=True),
    Fault(body="null", headers={"Content-Type": "text/plain; charset=nope"}, lost=True),
]
# The place for the bytes answers with a status only; these are of the Web API.
PASSING_CODES = [says("ratelimited"), says("internal_error"), says("service_unavailable")]
METHODS = ["files.getUploadURLExternal", "files.completeUploadExternal", "chat.postMessage"]


@pytest.mark.parametrize(
    ("method", "fault"),
    [(method, fault) for method in METHODS for fault in PASSING + PASSING_CODES]
    + [("upload", fault) for fault in PASSING],
    ids=lambda value: (
        f"{value.status}-{value.body}-{'after' if value.lost else 'before'}"[:40]
        if isinstance(value, Fault)
        else value
    ),
)
def test_a_passing_fault_neither_loses_nor_doubles_anything(send, slack, method, fault):
    slack.fail(method, fault)
    send([a_finding()])

    assert len(slack.posts()) == 1
    assert slack.shared() == FILES
    assert picture_of(slack.posts()[0])


@pytest.mark.parametrize("fault", [CUT_AFTER, GARBLED, broken(502, lost=True)])
@pytest.mark.parametrize("share", [1, 2])
def test_a_lost_reply_to_the_share_in_the_thread_is_looked_up(send, slack, fault, share):
    """`completeUploadExternal` is called for the picture, then for the report."""
    slack.fail("files.completeUploadExternal", *([Fault(lost=True)] * (share - 1)), fault)
    send([a_finding()])

    assert slack.shared() == FILES


@pytest.mark.parametrize("fault", [CUT_AFTER, broken(503), GARBLED])
def test_a_lost_reply_to_an_edit_or_its_note_is_harmless(send, slack, fault):
    send([a_finding("late")])
    slack.fail("chat.update", fault)
    slack.fail("chat.postMessage", fault)
    send([a_finding("broken", "critical")])

    (post,) = slack.posts()
    assert "Daily health: RED" in words(post)
    assert len([m for m in slack.thread(post.ts) if m.text]) == 1


def test_the_time_that_slack_asks_for_is_waited(send, slack, waits):
    slack.fail("chat.postMessage", rate_limited(17))
    send([a_finding()])

    assert waits.slept == [17]


def test_a_wait_longer_than_our_patience_leaves_it_in_the_outbox(send, slack, waits, project):
    slack.fail("chat.postMessage", rate_limited(3_600))
    with pytest.raises(DeliveryError, match=r"asks to wait 3600 s.*--pending"):
        send([a_finding()])

    assert waits.slept == []
    assert len(unsent(project)) == 1


def test_a_slack_that_stays_down_is_given_up_within_the_time(send, slack, waits, project):
    for method in ("chat.postMessage", "files.getUploadURLExternal"):
        slack.fail(method, *[broken(503)] * 50)
    with pytest.raises(DeliveryError, match=r"HTTP 503.*kept in the outbox"):
        send([a_finding()], total_s=40)

    assert sum(waits.slept) <= 40
    slack.faults.clear()
    send([a_finding()])
    assert len(slack.posts()) == 1
    assert slack.shared() == FILES
    assert unsent(project) == ()


def test_a_slow_reply_is_looked_up_and_not_sent_again(send, slack, monkeypatch):
    monkeypatch.setattr(slack_module, "TIMEOUT_S", 0.2)
    slack.fail("chat.postMessage", Fault(delay_s=0.6, lost=True))
    send([a_finding()])

    assert len(slack.posts()) == 1


def test_no_server_at_all_keeps_the_message(send, slack, project):
    environment = slack.bot_environment | {"SLACK_API_URL": "http://127.0.0.1:9/api/"}
    with pytest.raises(DeliveryError, match=r"could not be reached \(connection refused\)"):
        send([a_finding()], environment=environment)

    assert len(unsent(project)) == 1
    send([a_finding()])
    assert len(slack.posts()) == 1


# The picture


def test_a_file_that_slack_does_not_know_yet_is_waited_for(send, slack, waits):
    slack.file_not_found_for = 2
    send([a_finding()])

    assert picture_of(slack.posts()[0])
    assert waits.slept == [0.5, 1.0]


def test_a_picture_that_slack_never_takes_goes_into_the_thread(send, slack):
    slack.file_not_found_for = 99
    delivery = send([a_finding()])

    (post,) = slack.posts()
    assert picture_of(post) is None
    assert slack.shared() == ["daily_health-2026-01-13T1200.png", *FILES]
    assert delivery.parts == ("message", "picture in thread", "report")


def test_words_do_not_wait_long_for_a_picture_that_cannot_be_uploaded(send, slack, waits):
    slack.fail("upload", *[broken(500)] * 3)
    slack.fail("upload", broken(500))
    delivery = send([a_finding()])

    assert sum(waits.slept) <= 20
    assert delivery.parts == ("message", "picture in thread", "report")


def test_without_permission_for_files_the_words_still_arrive_and_the_rest_follows(send, slack):
    slack.scopes.discard("files:write")
    with pytest.raises(DeliveryError) as caught:
        send([a_finding()])

    assert "The message is in C0123456789, but" in str(caught.value)
    assert "files:write" in str(caught.value)
    assert len(slack.posts()) == 1
    slack.scopes.add("files:write")
    send([a_finding()])
    assert len(slack.posts()) == 1
    assert slack.shared() == ["daily_health-2026-01-13T1200.png", *FILES]


def test_blocks_that_slack_refuses_are_sent_as_one_text(send, slack):
    slack.fail("chat.postMessage", *[says("invalid_blocks")] * 6)
    send([a_finding()])

    (post,) = slack.posts()
    assert post.blocks == []
    assert "late has been silent for 9 h" in post.text


# Doubt


def test_without_permission_to_look_a_lost_reply_is_not_sent_again(send, slack, project):
    slack.scopes.discard("channels:history")
    slack.fail("chat.postMessage", CUT_AFTER)
    for _ in range(2):
        with pytest.raises(DeliveryError, match="add the permission channels:history"):
            send([a_finding()])

    assert len(slack.posts()) == 1
    slack.scopes.add("channels:history")
    send([a_finding()])
    assert len(slack.posts()) == 1
    assert slack.shared() == FILES
    assert unsent(project) == ()


def test_without_permission_to_look_a_refusal_is_believed(send, slack):
    slack.scopes.discard("channels:history")
    slack.fail("chat.postMessage", broken(502))
    send([a_finding()])

    assert len(slack.posts()) == 1


def test_a_lost_message_is_found_in_a_busy_channel(send, slack):
    slack.page_size = 3
    slack.fail("chat.postMessage", CUT_AFTER)
    fill = iter(range(10))
    template = Message("0", "C0123456789", "chatter", [], None)

    def chatter(method: str) -> None:
        if method == "chat.postMessage":
            for _ in fill:
                slack.messages.append(Message(**{**template.__dict__, "ts": slack._ts()}))

    slack.on_call = chatter
    send([a_finding()])

    assert len([m for m in slack.posts() if m.metadata]) == 1
    assert slack.calls.count("conversations.history") == 4


def test_a_message_lost_with_its_process_is_brought_up_to_date(send, slack, project):
    """Posted, reply lost, no way to look; then the notebook ran again with other findings."""
    slack.scopes.discard("channels:history")
    slack.fail("chat.postMessage", CUT_AFTER)
    with pytest.raises(DeliveryError):
        send([a_finding("late")])
    slack.scopes.add("channels:history")
    send([a_finding("other", "critical")])

    (post,) = slack.posts()
    assert "other has been silent" in words(post)
    assert post.edits == 1


def test_a_second_message_for_a_deleted_one_is_not_doubled_either(send, slack):
    send([a_finding("late")])
    slack.messages.clear()
    slack.scopes.discard("channels:history")
    slack.fail("chat.postMessage", CUT_AFTER)
    with pytest.raises(DeliveryError):
        send([a_finding("other")])
    slack.scopes.add("channels:history")
    send([a_finding("other")])

    assert len(slack.posts()) == 1


# Errors in plain words


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("invalid_auth", "set SLACK_BOT_TOKEN again"),
        ("token_revoked", "set SLACK_BOT_TOKEN again"),
        ("channel_not_found", "Check SLACK_CHANNEL"),
        ("not_in_channel", "/invite"),
        ("is_archived", "set SLACK_CHANNEL to another"),
        ("something_new", "Slack refused it (something_new)"),
    ],
)
def test_what_slack_refuses_is_told_with_the_fix_and_kept(send, slack, project, code, fix):
    slack.fail("chat.postMessage", *[says(code)] * 9)
    with pytest.raises(DeliveryError) as caught:
        send([a_finding()], picture=False)

    assert fix in str(caught.value)
    assert f"({code})" in str(caught.value)
    (entry,) = unsent(project)
    assert f"nbkit deliver {entry.run_id}" in str(caught.value)
    slack.faults.clear()
    send([a_finding()], picture=False)
    assert len(slack.posts()) == 1, "a refusal leaves no doubt, so nothing had to be looked up"
    assert "conversations.history" not in slack.calls


def test_a_missing_permission_is_named(send, slack):
    slack.scopes.discard("chat:write")
    with pytest.raises(DeliveryError, match="lacks the permission chat:write"):
        send([a_finding()])


def test_a_wrong_token_is_not_repeated_anywhere(send, slack, project, caplog):
    caplog.set_level(0)
    wrong = "xoxb-WrOnGtOkEn-123"
    slack.fail("chat.postMessage", says(f"bad token {wrong}"))
    with pytest.raises(DeliveryError) as caught:
        send([a_finding()], environment=slack.bot_environment | {"SLACK_BOT_TOKEN": wrong})
    send([a_finding()])

    everything = [str(caught.value), repr(caught.value.__cause__), caplog.text]
    everything += [p.read_bytes().decode("latin-1") for p in project.state.rglob("*")]
    assert not [text for text in everything if wrong in text or TOKEN in text]
