"""docs/add-a-report.md is followed to the letter, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "warehouse"))
from demo_fixture import shared_demo

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "add-a-report.md").read_text(encoding="utf-8")
# A path before a block makes it a file; the other blocks are run.
BLOCK = re.compile(
    r"(?:^`(?P<path>[\w./]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


@pytest.fixture
def copy(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as a clone has it, with the demo built."""
    for name in ("nbkit", "notebooks", "params", "registry", "docs"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    (tmp_path / "demo.duckdb").symlink_to(shared_demo(tmp_path_factory))
    return tmp_path


def test_the_page_is_followed_and_the_report_is_there(copy: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "NBKIT_PROJECT": str(copy),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    environment.pop("NBKIT_WAREHOUSE", None)
    steps = list(BLOCK.finditer(PAGE))
    assert [step["kind"] for step in steps] == ["bash", "sql", "python", "python", "bash"]
    for step in steps:
        if step["path"]:
            (copy / step["path"]).write_text(step["text"], encoding="utf-8")
            continue
        command = ["bash", "-euo", "pipefail", "-c", step["text"]]
        if step["kind"] == "python":
            command = [sys.executable, "-c", step["text"]]
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (copy / "reports" / "late_starts").iterdir()
    said = json.loads((folder / "findings.json").read_text())
    assert said["verdict"] == "GREEN"
    assert {finding["kind"] for finding in said["findings"]} == {"late_start"}
    assert "Latest hour (UTC)" in (folder / "index.html").read_text()


def test_the_query_of_the_page_is_googlesql() -> None:
    import sqlglot

    (query,) = [step["text"] for step in BLOCK.finditer(PAGE) if step["kind"] == "sql"]
    assert isinstance(sqlglot.parse_one(query, read="bigquery"), sqlglot.exp.Query)
