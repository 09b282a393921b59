"""Where a report comes from: the commit, the package versions, the warehouse without secrets."""

from __future__ import annotations

import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "nbkit",
    "duckdb",
    "google-cloud-bigquery",
    "ipykernel",
    "matplotlib",
    "nbconvert",
    "numpy",
    "pandas",
    "papermill",
    "pyarrow",
    "scipy",
    "sqlglot",
)
_SECRET = re.compile(r"(?i)([?&](?:[^=&]*(?:key|token|secret|password|credential)[^=&]*)=)[^&]*")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The commit of the project's checkout; `dirty` when tracked files differ from it."""

    commit: str
    dirty: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_commit(root: Path) -> Commit | None:
    """None where `root` is no git checkout, or git is not there."""
    # One process for both: the first lines are the branch headers, any other line is a change.
    command = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.splitlines()
    commits = [line.removeprefix("# branch.oid ") for line in lines if "branch.oid" in line]
    if not commits or commits[0].startswith("("):  # "(initial)": a repository without a commit
        return None
    return Commit(commit=commits[0], dirty=any(not line.startswith("#") for line in lines))


@cache
def package_versions() -> dict[str, str]:
    """Python and the packages that can change what a report says."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def without_credentials(url: str) -> str:
    """`scheme://user:secret@host/x?token=y` → `scheme://host/x?token=…`."""
    url = re.sub(r"^([a-z0-9+.-]+://)[^/@?#]*@", r"\1", url, flags=re.IGNORECASE)
    return _SECRET.sub(r"\1…", url)
