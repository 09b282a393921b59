"""The command line as a whole: misuse is told and ends with 2, no traceback reaches a user."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbkit.cli import app, main


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["health", "--nope"], ["run"], ["health", "--fail-on", "loud"]]
)
def test_misuse_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.strip()
    assert "Traceback" not in told
    assert "internal error" not in told


def test_a_defect_is_told_in_one_sentence_and_its_trace_kept_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbkit.cli import _report_failure

    monkeypatch.delenv("NBKIT_DEBUG", raising=False)
    assert _report_failure(RuntimeError("the moon fell")) == 3
    told = capsys.readouterr().err
    assert "internal error: RuntimeError: the moon fell" in told
    assert "Traceback" not in told
    assert "nbkit-error-" in told


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for name in ("health", "run", "new", "deliver", "classify", "reports", "registry", "demo"):
        assert name in told
    for group in app.registered_groups:
        assert main([str(group.name), "--help"]) == 0


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from nbkit.cli import main; main(['--help']);"
        "print([m for m in ('pandas', 'duckdb', 'papermill', 'matplotlib', 'google.cloud.bigquery')"
        " if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_kernel_can_start_before_what_is_slow_to_import() -> None:
    code = (
        "import sys; import nbkit.cli.run, nbkit.schedule.launch, nbkit.report.kernel;"
        "print([m for m in ('pandas', 'duckdb', 'papermill', 'nbconvert', 'slack_sdk')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("nbkit ")
