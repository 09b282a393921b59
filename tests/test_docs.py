"""The code and the commands in the documents run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from nbkit.cli import main

ROOT = Path(__file__).parents[1]
RECORDING = (ROOT / "docs" / "recording.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", RECORDING, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_on_recording_runs_as_it_stands(
    snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("notebooks", "registry"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
    exec(compile(snippet, "docs/recording.md", "exec"), {"__name__": "snippet"})
    assert (tmp_path / "runs.duckdb").is_file()
    assert not (tmp_path / ".nbkit" / "spool").exists()


COMMANDS = sorted(
    {
        command.split("#")[0].strip()
        for page in (ROOT / "docs").glob("*.md")
        for block in re.findall(r"```(?:bash)?\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for command in block.splitlines()
        if command.startswith("nbkit ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_the_documents_exists(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command.replace("[", "").replace("]", ""))[1:]
    names = []
    for word in words:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", word):
            break
        names.append(word)
    options = [word.split("=")[0] for word in words if word.startswith("--") and word != "--"]
    # The deepest of the leading words that is a command: what follows are its arguments.
    for depth in (2, 1):
        if main([*names[:depth], "--help"]) == 0:
            shown = capsys.readouterr().out
            break
        capsys.readouterr()
    else:
        raise AssertionError(f"no such command: {command}")
    assert all(option in shown for option in options), (command, options)


DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
GCLOUD = [
    line
    for block in re.findall(r"```bash\n(.*?)```", DEPLOY, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("gcloud ")
]


def flags(words: list[str]) -> dict[str, str]:
    return dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))


def test_each_entry_point_is_deployed_once_as_its_kind_needs() -> None:
    import main as deployed

    found = {}
    for line in GCLOUD:
        words = shlex.split(line)
        if words[1:3] == ["functions", "deploy"]:
            given = flags(words)
            assert "gen2" in given
            assert given["service-account"] == "$FUNCTIONS"
            assert ("trigger-http" in given) != ("trigger-topic" in given)
            if "trigger-http" in given:
                assert "no-allow-unauthenticated" in given
            found[given["entry-point"]] = given.get("trigger-topic", "http")
    assert set(found) == set(deployed.__all__)
    assert {name: topic for name, topic in found.items() if topic != "http"} == {
        "self_heal": "nba-processor-failure",
        "cleanup_upcoming_tables": "upcoming-tables-cleanup-trigger",
    }


def test_every_function_that_answers_http_has_a_clock_and_an_invoker() -> None:
    deployed = {
        shlex.split(line)[3]
        for line in GCLOUD
        if "functions deploy" in line and "--trigger-http" in line
    }
    invoked = {shlex.split(line)[3] for line in GCLOUD if "add-invoker-policy-binding" in line}
    called = {
        flags(shlex.split(line))["uri"].rsplit("/", 1)[1]
        for line in GCLOUD
        if "scheduler jobs create http" in line
    }
    assert deployed == invoked == called


def test_the_clocks_are_read_as_the_entry_points_say() -> None:
    from nbkit.schedule.cron import Cron

    said = (ROOT / "nbkit" / "cloud" / "__init__.py").read_text(encoding="utf-8")
    for line in GCLOUD:
        if "scheduler jobs create http" in line:
            given = flags(shlex.split(line))
            Cron(given["schedule"], given["time-zone"])
            assert f"HTTP, {given['schedule']}" in said


@pytest.mark.parametrize("line", GCLOUD, ids=range(len(GCLOUD)))
def test_a_gcloud_command_is_whole(line: str) -> None:
    words = shlex.split(line)
    assert all(not word.startswith("-") or word.startswith("--") for word in words)
    groups = {"iam", "projects", "storage", "secrets", "functions", "pubsub", "scheduler"}
    assert words[1] in groups | {"builds", "run", "config"}
