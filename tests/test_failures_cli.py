"""`nbkit classify` explains a verdict on the terminal."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from nbkit.cli import app
from nbkit.errors import InputError


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["classify", *arguments], input=stdin)


def test_a_verdict_is_explained_with_rule_reason_and_next_step() -> None:
    result = run("504 Deadline Exceeded")
    assert result.exit_code == 0
    assert "timeout  (real)" in result.output
    for part in ("means", "rule   too_long", "next"):
        assert part in result.output


def test_an_explanation_fits_the_terminal() -> None:
    lines = run("No games found, although the calendar lists 8").output.splitlines()
    assert all(len(line) <= 80 for line in lines)


def test_an_expected_failure_is_said_to_be_one() -> None:
    assert "no_data_available  (expected)" in run("No games found for 2026-01-24").output


def test_what_is_known_besides_the_message_counts() -> None:
    found = run("", "--exception-type", "asyncio.exceptions.TimeoutError", "--json")
    assert json.loads(found.output)["category"] == "timeout"
    named = "NoGamesFoundThing"
    found = run(f"{named}: 503", "--processor", named, "--phase", "phase_2_raw", "--json")
    assert json.loads(found.output)["category"] == "error"
    assert "success" in run("anything", "--status", "success").output


def test_json_has_all_that_the_text_has() -> None:
    document = json.loads(run("504 Deadline Exceeded", "--json").output)
    assert set(document) == {"message", "category", "expected", "rule", "reason", "next_step"}
    assert document["expected"] is False


def test_stdin_is_judged_line_by_line() -> None:
    lines = b"No games found for 2026-01-24\n\n503 Service Unavailable\n\xff\xfe broken bytes\n"
    table = run("-", stdin=lines).output.splitlines()
    assert [line.split()[0] for line in table] == ["no_data_available", "error", "error"]
    documents = [json.loads(line) for line in run("-", "--json", stdin=lines).output.splitlines()]
    assert [document["rule"] for document in documents][:2] == ["nothing_to_do", "service_fault"]


def test_an_empty_stdin_is_misuse() -> None:
    result = run("-", stdin=b"\n")
    assert isinstance(result.exception, InputError)
    assert "stdin" in str(result.exception)


def test_help_tells_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Explain the failure category" in run("--help").output
