"""A webhook's delivery: words only, at most once, and a person decides where nobody can know."""

from __future__ import annotations

import json

import pytest
from run_folders import NOW, a_finding
from slack_server import CUT_AFTER, CUT_BEFORE, HOOK, Fault, broken, rate_limited

from nbkit.delivery import deliver_entry, forget, mark_arrived, unsent
from nbkit.errors import DeliveryError


def test_a_webhook_posts_words_and_link_without_a_picture(send, slack):
    delivery = send([a_finding()], hook=True, report_url="https://reports.example/x")

    (sent,) = slack.posted_by_hook
    assert "<https://reports.example/x|Open the report>" in json.dumps(sent["blocks"])
    assert "image" not in {block["type"] for block in sent["blocks"]}
    assert sent["text"].startswith("Daily health is YELLOW: late has been silent")
    assert delivery.parts == ("message",)
    assert delivery.ts is None


def test_a_rerun_with_the_same_findings_says_nothing_again(send, slack):
    send([a_finding()], hook=True)
    assert send([a_finding()], hook=True).already_sent
    assert len(slack.posted_by_hook) == 1


def test_a_rerun_with_other_findings_sends_a_second_message_that_says_what_changed(send, slack):
    send([a_finding("late")], hook=True)
    send([a_finding("broken", "critical")], hook=True)

    correction = json.dumps(slack.posted_by_hook[1]["blocks"])
    assert "Corrects the earlier message about this run: YELLOW became RED" in correction
    assert "1 no longer found: late has been silent for 9 h" in correction


@pytest.mark.parametrize("fault", [rate_limited(3), broken(500), broken(502), broken(503)])
def test_an_explicit_failure_is_tried_again(send, slack, waits, fault):
    slack.fail("hook", fault)
    send([a_finding()], hook=True)

    assert len(slack.posted_by_hook) == 1
    assert waits.slept == [3 if fault.status == 429 else 1]


@pytest.mark.parametrize(
    "fault",
    [CUT_BEFORE, CUT_AFTER, broken(504, lost=True), Fault(body="<html>Log in</html>", lost=True)],
)
def test_silence_is_not_answered_with_a_second_message(send, slack, project, fault):
    slack.fail("hook", fault)
    for _ in range(2):
        with pytest.raises(DeliveryError, match=r"not known whether.*--arrived.*--resend"):
            send([a_finding()], hook=True)

    assert len(slack.posted_by_hook) == (1 if fault.lost else 0)
    (entry,) = unsent(project)
    assert entry.state == "doubtful"


def test_in_doubt_a_person_may_have_it_sent_again(send, slack, project):
    slack.fail("hook", CUT_BEFORE)
    with pytest.raises(DeliveryError):
        send([a_finding()], hook=True)
    send([a_finding()], hook=True, resend=True)

    assert len(slack.posted_by_hook) == 1
    assert unsent(project) == ()


def test_in_doubt_a_person_may_say_that_it_is_there(send, slack, project):
    slack.fail("hook", CUT_AFTER)
    with pytest.raises(DeliveryError):
        send([a_finding()], hook=True)
    (entry,) = unsent(project)
    mark_arrived(entry, project=project, now=NOW)

    assert unsent(project) == ()
    assert send([a_finding()], hook=True).already_sent
    tomorrow = send([a_finding()], hook=True, as_of="2026-01-14T12:00:00Z")
    assert not tomorrow.already_sent
    assert "Still open (1)" in json.dumps(slack.posted_by_hook[-1]["blocks"])


def test_a_message_can_be_dropped(send, slack, project):
    slack.fail("hook", CUT_BEFORE)
    with pytest.raises(DeliveryError):
        send([a_finding()], hook=True)
    forget(unsent(project)[0], project=project)

    assert unsent(project) == ()


def test_what_nobody_knows_to_be_said_is_told_as_new_once_more(send, slack):
    slack.fail("hook", CUT_AFTER)
    with pytest.raises(DeliveryError):
        send([a_finding()], hook=True)
    send([a_finding()], hook=True, as_of="2026-01-14T12:00:00Z")

    assert "New (1)" in json.dumps(slack.posted_by_hook[-1]["blocks"])


def test_refused_blocks_are_sent_as_one_text(send, slack):
    slack.fail("hook", Fault(status=400, body="invalid_blocks"))
    send([a_finding()], hook=True)

    (sent,) = slack.posted_by_hook
    assert "blocks" not in sent
    assert "late has been silent for 9 h" in sent["text"]


@pytest.mark.parametrize(
    ("status", "body", "fix"),
    [
        (403, "invalid_token", "set SLACK_WEBHOOK_URL again"),
        (404, "no_service", "set SLACK_WEBHOOK_URL again"),
        (403, "action_prohibited", "Ask a workspace admin"),
        (410, "channel_is_archived", "channel is archived"),
        (418, "", "HTTP 418"),
    ],
)
def test_a_refusal_is_told_with_the_fix_and_kept(send, slack, project, status, body, fix):
    slack.fail("hook", Fault(status=status, body=body or " "))
    with pytest.raises(DeliveryError) as caught:
        send([a_finding()], hook=True)

    assert fix in str(caught.value)
    (entry,) = unsent(project)
    assert entry.state == "waiting"


def test_a_webhook_that_was_replaced_gets_what_waited_for_the_old_one(send, slack, project):
    old = {"SLACK_WEBHOOK_URL": f"{slack.url}/services/T0001/B0001/gone"}
    with pytest.raises(DeliveryError):
        send([a_finding()], environment=old)
    (entry,) = unsent(project)
    deliver_entry(entry, project=project, now=NOW, environment=slack.hook_environment)

    assert len(slack.posted_by_hook) == 1
    assert unsent(project) == ()


def test_two_webhooks_are_two_channels(send, slack):
    send([a_finding()], environment=slack.bot_environment)
    send([a_finding()], hook=True)

    assert len(slack.posts()) == 1
    assert len(slack.posted_by_hook) == 1


def test_the_address_of_the_webhook_is_a_secret(send, slack, project, caplog):
    caplog.set_level(0)
    slack.fail("hook", Fault(status=403, body=f"no hook {HOOK}"))
    with pytest.raises(DeliveryError) as caught:
        send([a_finding()], hook=True)
    send([a_finding()], hook=True)

    everything = [str(caught.value), caplog.text]
    everything += [p.read_bytes().decode("latin-1") for p in project.state.rglob("*")]
    assert not [text for text in everything if "hOoKsEcReT" in text]
