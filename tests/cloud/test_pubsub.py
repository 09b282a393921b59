"""Publishing over REST: what arrives, and what is said when it does not."""

from __future__ import annotations

import pytest
from google_server import Google

from nbkit.errors import PublishFailed
from nbkit.runs.pubsub import publish

PAYLOAD = {"processor_name": "MLFeatureStoreProcessor"}


def at(google: Google, **more: str) -> dict[str, str]:
    return {"GOOGLE_CLOUD_PROJECT": "p", "PUBSUB_EMULATOR_HOST": google.host, **more}


def test_a_message_arrives_with_its_attributes(google: Google) -> None:
    google.published.clear()
    found = publish("nba-phase4-trigger", PAYLOAD, attributes={"n": "1"}, environment=at(google))
    assert found == "1"
    assert google.published == [("nba-phase4-trigger", PAYLOAD, {"n": "1"})]


def test_a_refusal_is_told_and_not_repeated(google: Google) -> None:
    google.published.clear()
    google.faults.append(503)
    with pytest.raises(PublishFailed, match=r"refused the message \(503\): try later"):
        publish("nba-phase4-trigger", PAYLOAD, environment=at(google))
    assert google.published == []


def test_nobody_there_is_told(google: Google) -> None:
    with pytest.raises(PublishFailed, match="not known whether"):
        publish("t", PAYLOAD, environment=at(google, PUBSUB_EMULATOR_HOST="127.0.0.1:1"))


def test_without_a_project_or_with_an_emulator_elsewhere_nothing_is_sent(google: Google) -> None:
    with pytest.raises(PublishFailed, match="GOOGLE_CLOUD_PROJECT"):
        publish("t", PAYLOAD, environment={})
    with pytest.raises(PublishFailed, match="not on this machine"):
        publish("t", PAYLOAD, environment=at(google, PUBSUB_EMULATOR_HOST="example.org:8085"))
