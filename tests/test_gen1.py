"""What is written for Gen1 is found, with what to write instead; what is not is left alone."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cloudevents.http import CloudEvent

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
    assert kinds(tmp_path, "main.py", SEED_BEFORE) == [
        (4, "function of a Gen1 event"),
        (5, "payload of a Gen1 event"),
        (6, "payload and context of a Gen1 event"),
    ]


def changed(folder: Path, text: str) -> str:
    """The text with everything done that the scan says."""
    (folder / "main.py").write_text(text)
    lines = text.splitlines()
    for use in scan(folder / "main.py").uses:
        line = lines[use.line - 1]
        assert line.strip() == use.found
        indent = line[: len(line) - len(line.lstrip())]
        lines[use.line - 1] = "\n".join(indent + part for part in use.instead.splitlines())
    return "\n".join(lines) + "\n"


def test_changed_as_it_says_the_function_takes_the_cloud_event(tmp_path: Path) -> None:
    new = changed(
        tmp_path,
        "import base64, json\n\n"
        "def self_heal(event=None, context=None) -> str:\n"
        "    if 'data' not in event:\n"
        "        return 'empty'\n"
        "    message = json.loads(base64.b64decode(event['data']).decode('utf-8'))\n"
        "    kind = event.get('attributes', {}).get('kind')\n"
        "    return f\"{message['processor']} {kind} \" \\\n"
        '        f"context.event_id={context.event_id} {context.timestamp}"\n',
    )
    assert scan(tmp_path / "main.py").uses
    (tmp_path / "main.py").write_text(new)
    assert scan(tmp_path / "main.py").uses == ()
    names: dict[str, Any] = {}
    exec(compile(new, "main.py", "exec"), names)
    attributes = {"id": "m1", "source": "//pubsub", "type": "t", "time": "2026-01-12T00:00:00Z"}
    data = base64.b64encode(b'{"processor": "MLFeatureStoreProcessor"}').decode()
    full = {"message": {"data": data, "attributes": {"kind": "retry"}}}
    said = names["self_heal"](CloudEvent(attributes, full))
    assert said == "MLFeatureStoreProcessor retry context.event_id=m1 2026-01-12T00:00:00Z"
    assert names["self_heal"](CloudEvent(attributes, {"message": {}})) == "empty"


def test_the_event_of_a_bucket_is_the_data_itself(tmp_path: Path) -> None:
    new = changed(tmp_path, "def on_file(event, context):\n    return event['bucket']\n")
    assert "return cloud_event.data['bucket']" in new


def test_columns_are_counted_in_the_bytes_that_the_tree_counts(tmp_path: Path) -> None:
    new = changed(tmp_path, "def heal(event, context):\n    é = 'ü'; x = event['data']\n")
    assert "é = 'ü'; x = cloud_event.data[\"message\"]['data']" in new


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
        "import re\nPATTERN = '\\d'\n",
        "def http(request):\n    return request.get_json()\n",
        "def plus(left, right):\n    return left + right\n",
        "class A:\n    def on(self, event):\n        return event['data']\n",
        "def render(data, context):\n    return str(data)\n",
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
        (3, "deployment without --gen2"),
        (3, "old runtime"),
    ]
    assert scan(tmp_path).uses[0].instead == (
        "gcloud functions deploy self-heal --gen2 --region=us-west2 --runtime=python39 "
        "--trigger-topic=nba-processor-failure"
    )


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.sh", "gcloud functions deploy a --gen2 && gcloud functions deploy b --entry=b\n", [1]),
        ("b.sh", "gcloud functions deploy a --set-env-vars '^;^A=1;B=2' --gen2\n", []),
        ("c.sh", "gcloud --project p beta functions deploy a --no-gen2 --trigger-http\n", [1]),
        (
            "d.md",
            "We call gcloud functions deploy for each.\n`gcloud functions deploy a --gen2`\n",
            [],
        ),
        ("e.md", "```\ngcloud functions deploy a --trigger-topic=t\n```\n", [2]),
        ("f.yaml", "steps:\n- name: gcloud\n  args: [functions, deploy, a, --trigger-http]\n", [3]),
        ("g.yaml", "steps:\n- args:\n  - gcloud\n  - functions\n  - deploy\n  - a\n", [3]),
        ("h.yaml", "run: >\n  gcloud functions deploy a\n  --gen2 --trigger-http\n", []),
        ("i.yaml", "a: 1\nrun: |\n  cd a\n  gcloud functions deploy a --trigger-http\n", [4]),
        ("j.yaml", "{% if x %}\nrun: gcloud functions deploy a\n", [2]),
        ("k.py", "run(['gcloud', 'functions', 'deploy', name, '--trigger-http'])\n", [1]),
        ("l.py", "run(['gcloud', 'functions', 'deploy', name, '--gen2'])\n", []),
        ("Makefile", "deploy:\n\tgcloud functions deploy a --trigger-http\n", [2]),
        ("m.tf", 'resource "google_cloudfunctions_function" "a" {\n', [1]),
        ("n.tf", 'resource "google_cloudfunctions2_function" "a" {\n', []),
    ],
)
def test_deployments_are_found_where_they_are_written(
    name: str, text: str, lines: list[int], tmp_path: Path
) -> None:
    assert [line for line, _ in kinds(tmp_path, name, text)] == lines


def test_the_client_of_the_old_api_is_found(tmp_path: Path) -> None:
    assert kinds(tmp_path, "a.py", "from google.cloud import functions_v1\n") == [
        (1, "client of the Gen1 API")
    ]


def test_what_cannot_be_read_is_told_and_keeps_nothing_else_from_being_found(
    tmp_path: Path,
) -> None:
    (tmp_path / "old.py").write_text("def heal(event, context): print 'two'\n")
    (tmp_path / "latin.py").write_bytes("# context é\n".encode("latin-1"))
    (tmp_path / "latin.sh").write_bytes("# é\n".encode("latin-1"))
    (tmp_path / "deep.py").write_text("context = " + "(" * 5000 + ")" * 5000)
    (tmp_path / "large.md").write_text("x" * 2_000_001)
    os.mkfifo(tmp_path / "pipe.sh")
    (tmp_path / "main.py").write_text(SEED_BEFORE)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "lib.py").write_text(SEED_BEFORE)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere")
    found = scan(tmp_path)
    assert {use.path.name for use in found.uses} == {"main.py"}
    unread = {u.path.name: u.reason for u in found.unread}
    assert unread.pop("deep.py") in ("nested too deeply", "not Python 3 (line 1)")
    assert unread.pop("latin.py").startswith("not Python 3")
    assert unread == {
        "old.py": "not Python 3 (line 1)",
        "latin.sh": "not UTF-8 text",
        "large.md": "larger than 2 MB",
        "pipe.sh": "not a file",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + SEED_BEFORE.encode(),
        b"# \x0c\n" + SEED_BEFORE.encode(),
        b"# -*- coding: latin-1 -*-\n# \xe9\n" + SEED_BEFORE.encode(),
        SEED_BEFORE.replace("\n", "\r\n").encode(),
    ],
)
def test_a_file_is_read_in_the_encoding_that_it_declares(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes(content)
    assert len(scan(tmp_path).uses) == 3


def test_a_function_below_a_condition_is_found_and_a_method_is_not(tmp_path: Path) -> None:
    text = "if True:\n    def heal(event, context):\n        return event['data']\n"
    assert (2, "function of a Gen1 event") in kinds(tmp_path, "main.py", text)
    text = "class Function:\n    def heal(event, context):\n        return event['data']\n"
    assert kinds(tmp_path, "main.py", text) == []


def test_the_command_exits_1_for_gen1_and_0_for_our_own_entry_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main.py").write_text(SEED_BEFORE)
    assert main(["cloud", "check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert f"{tmp_path / 'main.py'}:4: function of a Gen1 event" in shown
    assert "  - def self_heal(event, context):" in shown
    assert "let both run for 7 days" in shown
    assert main(["cloud", "check", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["gen1"][0]["line"] == 4
    root = Path(__file__).parents[1]
    assert main(["cloud", "check", str(root / "main.py")]) == 0
    assert main(["cloud", "check", str(root / "nbkit" / "cloud")]) == 0
    assert main(["cloud", "check", str(tmp_path / "nowhere")]) == 2
