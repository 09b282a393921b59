"""What is deployed: entry points that load quickly, and requirements that pyproject knows."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbkit.cloud

ROOT = Path(__file__).parent.parent.parent
# What takes long to import, or makes clients of the network.
HEAVY = ("pandas", "duckdb", "papermill", "networkx", "google.cloud.bigquery", "slack_sdk")


def test_the_requirements_are_this_folder_with_extras_that_exist() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (line,) = [line for line in lines if line.strip() and not line.startswith("#")]
    match = re.fullmatch(r"\.\[([\w,]+)\]", line)
    assert match
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    wanted = match[1].split(",")
    assert set(wanted) <= set(extras)
    named = " ".join(requirement for extra in wanted for requirement in extras[extra])
    assert "functions-framework" in named
    assert "gcsfs" in named  # reports go to a bucket: the disk of a function is its memory


def test_loading_the_entry_points_loads_nothing_heavy() -> None:
    probe = f"import sys, main; print([m for m in {HEAVY} if m in sys.modules], main.__all__)"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("]")[0] == "["
    assert all(name in done.stdout for name in nbkit.cloud.__all__)
