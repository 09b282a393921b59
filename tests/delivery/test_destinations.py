from __future__ import annotations

from pathlib import Path

import pytest

from nbkit.delivery import unsent
from nbkit.delivery.destinations import Bot, Folder, Webhook, resolve
from nbkit.errors import DeliveryError, InputError

HOOK = "https://hooks.example/services/T1/B1/sEcReT"


def where(to: str = "slack", channel: str | None = None, **environment: str):
    return resolve(to, channel=channel, environment=environment)


def test_a_token_with_a_channel_is_preferred_to_a_webhook():
    found = where(SLACK_BOT_TOKEN="xoxb-1", SLACK_CHANNEL="#a", SLACK_WEBHOOK_URL=HOOK)
    assert isinstance(found, Bot)


def test_a_token_without_a_channel_gives_way_to_a_webhook():
    assert isinstance(where(SLACK_BOT_TOKEN="xoxb-1", SLACK_WEBHOOK_URL=HOOK), Webhook)


def test_a_given_channel_wins():
    found = where(channel="#b", SLACK_BOT_TOKEN="xoxb-1", SLACK_CHANNEL="#a")
    assert isinstance(found, Bot)
    assert found.channel == "#b"


def test_a_folder_is_kept_as_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert where("dir:out") == Folder(path=Path(tmp_path, "out").resolve())


@pytest.mark.parametrize("to", ["", "dir:", "mail", "slack:#a"])
def test_another_destination_is_a_misuse(to):
    with pytest.raises(InputError, match="Use `slack` or `dir:PATH`"):
        where(to)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, r"Set SLACK_BOT_TOKEN and SLACK_CHANNEL .*, or SLACK_WEBHOOK_URL"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "Set SLACK_CHANNEL"),
        ({"SLACK_BOT_TOKEN": "xoxb-1\nsEcReT"}, "SLACK_BOT_TOKEN holds blanks"),
        ({"SLACK_WEBHOOK_URL": "hooks.example/sEcReT"}, "not an https address"),
        ({"SLACK_WEBHOOK_URL": "http://hooks.example/sEcReT"}, "not an https address"),
        ({"SLACK_WEBHOOK_URL": "https://[sEcReT"}, "not an https address"),
    ],
)
def test_what_is_not_configured_is_named_without_its_value(environment, says):
    with pytest.raises(DeliveryError, match=says) as caught:
        where(**environment)
    assert "sEcReT" not in str(caught.value)


def test_a_channel_for_a_webhook_is_not_silently_ignored():
    with pytest.raises(DeliveryError, match="posts to its own channel only"):
        where(channel="#b", SLACK_WEBHOOK_URL=HOOK)


@pytest.mark.parametrize(
    "url", ["https://slack.com/api", "https://slack-gov.com/api/", "http://127.0.0.1:9/api/"]
)
def test_the_api_may_be_slack_or_this_machine(url):
    found = where(SLACK_BOT_TOKEN="xoxb-1", SLACK_CHANNEL="#a", SLACK_API_URL=url)
    assert isinstance(found, Bot)
    assert found.api_url.endswith("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "https://slack.com.evil.example/api/",
        "https://evilslack.com/",
        "https://127.0.0.1.evil.example/",
        "file:///etc/passwd",
        "nonsense",
        "https://[",
    ],
)
def test_the_token_goes_nowhere_else(url):
    with pytest.raises(DeliveryError, match="SLACK_API_URL may only name Slack"):
        where(SLACK_BOT_TOKEN="xoxb-1", SLACK_CHANNEL="#a", SLACK_API_URL=url)


def test_secrets_do_not_show_when_a_destination_is_printed():
    shown = repr(where(SLACK_BOT_TOKEN="xoxb-sEcReT", SLACK_CHANNEL="#a"))
    shown += repr(where(SLACK_WEBHOOK_URL=HOOK)) + where(SLACK_WEBHOOK_URL=HOOK).key
    assert "sEcReT" not in shown


def test_a_run_is_kept_until_slack_is_configured_and_then_sent_once(send, slack, project):
    with pytest.raises(DeliveryError, match=r"Slack is not configured.*--pending"):
        send([], environment={})
    (entry,) = unsent(project)
    assert "SLACK_BOT_TOKEN" in (entry.error or "")

    send([])
    assert unsent(project) == ()
    assert len(slack.posts()) == 1
