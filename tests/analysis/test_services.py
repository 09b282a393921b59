"""Deployment states: read from gcloud's own shape, never green for lack of data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbkit.analysis.services import deployments, service_states
from nbkit.errors import ParameterError
from nbkit.warehouse.services import read_services


def service(name: str, ready: str, message: str = "") -> dict[str, object]:
    return {
        "metadata": {"name": name},
        "status": {
            "latestReadyRevisionName": f"{name}-00042",
            "conditions": [
                {"type": "ConfigurationsReady", "status": "True"},
                {"type": "Ready", "status": ready, "message": message},
            ],
        },
    }


def test_a_phase_is_as_bad_as_its_worst_service_and_unmeasured_without_one() -> None:
    states = service_states([service("a", "True"), service("b", "False", "no such image")])
    raw, predictions = deployments(states, {"phase_2_raw": ["a", "b"], "phase_5": ["c"]})
    assert raw.state == "not ready"
    assert raw.services[1].message == "no such image"
    assert predictions.state == "not measured"
    assert [d.state for d in deployments(None, {"phase_2_raw": ["a"]})] == ["not measured"]


def test_a_deploy_under_way_is_neither_ready_nor_broken() -> None:
    assert service_states([service("a", "Unknown")])[0].state == "deploying"
    assert service_states([{"metadata": {"name": "fresh"}}])[0].state == "deploying"


def test_the_output_of_gcloud_is_read_from_a_file(tmp_path: Path) -> None:
    listing = tmp_path / "services.json"
    listing.write_text(json.dumps([service("a", "True")]))
    states = read_services(str(listing))
    assert states is not None
    assert [(s.name, s.state, s.revision) for s in states] == [("a", "ready", "a-00042")]
    assert read_services("") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot read"), ("{", "is not JSON"), ("{}", "not a list"), ("[{}]", "metadata.name")],
)
def test_anything_else_is_refused_with_the_command_that_makes_it(
    tmp_path: Path, content: str | None, words: str
) -> None:
    listing = tmp_path / "services.json"
    if content is not None:
        listing.write_text(content)
    with pytest.raises(ParameterError, match=words) as caught:
        read_services(str(listing))
    assert "gcloud run services list --format=json" in str(caught.value)


def test_a_cloud_run_source_must_name_project_and_region() -> None:
    with pytest.raises(ParameterError, match="cloudrun://PROJECT/REGION"):
        read_services("cloudrun://only-a-project")
