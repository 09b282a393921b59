"""What is written for Gen1 is found, with what to write instead; what is not is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbkit.cli import main
from nbkit.gen1 import scan

SEED_BEFORE = """
import base64

def self_heal(event, context):
    message_data = base64.b64decode(event['data']).decode('utf-8')
    print(context.event_id, event.get("attributes"))
"""
SEED_AFTER = """
import functions_framework
from cloudevents.http import CloudEvent

@functions_framework.cloud_event
def self_heal(cloud_event: CloudEvent):
    message_data = base64.b64decode(cloud_event.data["message"]["data"])
"""


def kinds(folder: Path, name: str, text: str) -> list[tuple[int, str]]:
    (folder / name).write_text(text)
    return [(use.line, use.kind) for use in scan(folder).uses]


def test_the_customers_example_is_found_whole(tmp_path: Path) -> None:
    assert sorted(kinds(tmp_path, "main.py", SEED_BEFORE)) == [
        (4, "function of a Gen1 event"),
        (5, "payload of a Gen1 event"),
        (6, "attributes of a Gen1 event"),
        (6, "context of a Gen1 event"),
    ]


def test_it_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(SEED_BEFORE)
    said = {use.kind: use.instead for use in scan(tmp_path).uses}
    assert said["function of a Gen1 event"].endswith(
        "@functions_framework.cloud_event\ndef self_heal(cloud_event):"
    )
    assert said["payload of a Gen1 event"].startswith('cloud_event.data["message"]["data"]')
    assert said["context of a Gen1 event"] == 'cloud_event["id"]'


@pytest.mark.parametrize(
    "signature",
    ["event, context", "event=None, context=None", "data, context", "_event, _context", "e, ctx"],
)
def test_the_signature_is_known_by_other_names_too(tmp_path: Path, signature: str) -> None:
    first = signature.split(",")[0].split("=")[0]
    text = f"def cleanup({signature}):\n    return {first}['data']\n"
    assert (1, "function of a Gen1 event") in kinds(tmp_path, "main.py", text)


@pytest.mark.parametrize(
    "text",
    [
        SEED_AFTER,
        "def http(request):\n    return request.get_json()\n",
        "def plus(left, right):\n    return left + right\n",
        "class A:\n    def on(self, event):\n        return event['data']\n",
        "def render(template, context):\n    return template.format(**context)\n",
        "def three(event, context, more):\n    return event['data']\n",
        "'''def self_heal(event, context): in a text'''\n",
    ],
)
def test_what_is_not_gen1_is_left_alone(tmp_path: Path, text: str) -> None:
    assert kinds(tmp_path, "main.py", text) == []


DEPLOY = """
# gcloud functions deploy old --trigger-topic=t
gcloud functions deploy self-heal --region=us-west2 \\
  --runtime=python39 --trigger-topic=nba-processor-failure
gcloud functions deploy self-heal --gen2 --runtime=python311 --trigger-topic=t
"""


def test_a_deployment_without_gen2_and_an_old_runtime_are_found(tmp_path: Path) -> None:
    assert kinds(tmp_path, "deploy.sh", DEPLOY) == [
        (3, "deployment as Gen1"),
        (3, "old runtime"),
    ]


def test_the_client_of_the_old_api_is_found(tmp_path: Path) -> None:
    assert kinds(tmp_path, "a.py", "from google.cloud import functions_v1\n") == [
        (1, "client of the Gen1 API")
    ]


def test_what_cannot_be_read_is_told_and_keeps_nothing_else_from_being_found(
    tmp_path: Path,
) -> None:
    (tmp_path / "old.py").write_text("print 'two'\n")
    (tmp_path / "latin.py").write_bytes("# é\n".encode("latin-1"))
    (tmp_path / "main.py").write_text(SEED_BEFORE)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "lib.py").write_text(SEED_BEFORE)
    (tmp_path / "loop").symlink_to(tmp_path)
    found = scan(tmp_path)
    assert {use.path.name for use in found.uses} == {"main.py"}
    assert {(u.path.name, u.reason) for u in found.unread} == {
        ("old.py", "not Python 3 (line 1)"),
        ("latin.py", "not UTF-8 text"),
    }


def test_the_command_exits_1_for_gen1_and_0_for_our_own_entry_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main.py").write_text(SEED_BEFORE)
    assert main(["cloud", "check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert f"{tmp_path / 'main.py'}:4: function of a Gen1 event" in shown
    assert "  - def self_heal(event, context):" in shown
    assert main(["cloud", "check", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["gen1"][0]["line"] == 4
    root = Path(__file__).parents[1]
    assert main(["cloud", "check", str(root / "main.py")]) == 0
    assert main(["cloud", "check", str(root / "nbkit" / "cloud")]) == 0
    assert main(["cloud", "check", str(tmp_path / "nowhere")]) == 2
