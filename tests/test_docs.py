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
