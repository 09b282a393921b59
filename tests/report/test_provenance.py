from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nbkit.report.provenance import package_versions, read_commit, without_credentials


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_commit_is_read_and_a_changed_file_makes_it_dirty(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert read_commit(tmp_path) is None, "a repository without a commit"
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "one")
    commit = read_commit(tmp_path)
    assert commit is not None
    assert commit.to_json() == {"commit": git(tmp_path, "rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "report.html").write_text("untracked files change no report")
    assert read_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    changed = read_commit(tmp_path)
    assert changed is not None
    assert changed.dirty


def test_a_folder_outside_version_control_has_no_commit(tmp_path: Path) -> None:
    assert read_commit(tmp_path) is None


def test_versions_name_what_can_change_a_report() -> None:
    assert {"python", "nbkit", "pandas", "papermill"} <= package_versions().keys()


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("duckdb:////data/x.duckdb", "duckdb:////data/x.duckdb"),
        ("bigquery://me:pw@p/d?location=us-west2", "bigquery://p/d?location=us-west2"),
        (
            "bigquery://p/d?access_token=abc&location=us",
            "bigquery://p/d?access_token=…&location=us",
        ),
        ("bigquery://p/d?API_KEY=abc", "bigquery://p/d?API_KEY=…"),
    ],
)
def test_credentials_are_taken_out_of_urls(url: str, clean: str) -> None:
    assert without_credentials(url) == clean
