"""The catalog: signatures read from the files, checked before anything is sent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from nbkit.errors import UnknownQuery
from nbkit.warehouse import catalog
from nbkit.warehouse.schema import RUN_HISTORY

NOW = datetime(2026, 1, 13, tzinfo=UTC)
WINDOW: dict[str, Any] = {"start": NOW, "end": NOW, "as_of": NOW}


@pytest.mark.parametrize("name", catalog.query_names())
def test_a_file_says_what_a_row_is_and_declares_every_parameter_it_uses(name: str) -> None:
    query = catalog.query(name)
    assert query.row_meaning.startswith("One row")
    used = {p.name for p in sqlglot.parse_one(query.text, read="bigquery").find_all(exp.Parameter)}
    used = {str(u) for u in used} or set()
    declared = {parameter.name for parameter in query.parameters}
    text = "\n".join(line for line in query.text.splitlines() if "--" not in line)
    assert {name for name in declared if f"@{name}" in text} == declared
    assert all(parameter.help for parameter in query.parameters)


@pytest.mark.parametrize("name", catalog.query_names())
def test_comments_hold_no_at_sign_which_the_emulator_would_count(name: str) -> None:
    comments = [line for line in catalog.query(name).text.splitlines() if "--" in line]
    assert not [line for line in comments if "@" in line.split("--", 1)[1]]


def shared(name: str, cte: str, column: str) -> str | None:
    """How a query makes a column of a CTE, and which rows of it count."""
    tree = sqlglot.parse_one(catalog.query(name).text, read="bigquery")
    found = next((c.this for c in tree.find_all(exp.CTE) if c.alias == cte), None)
    made = found and next((e for e in found.selects if e.alias_or_name == column), None)
    if not found or not isinstance(made, exp.Alias):
        return None
    if found.args.get("group"):
        return None  # not rows of the history, but what is made of them
    qualify = found.args.get("qualify")
    return made.sql() + (qualify.sql() if qualify else "")


@pytest.mark.parametrize(
    ("cte", "column"),
    [
        ("history", "finished_at"),
        ("runs", "ended_at"),
        ("judged", "category"),
        ("masked", "error_signature"),
    ],
)
def test_what_a_run_is_stands_in_every_query_in_the_same_words(cte: str, column: str) -> None:
    texts = {name: shared(name, cte, column) for name in catalog.query_names()}
    having = {name: text for name, text in texts.items() if text}
    assert len(having) >= 4
    assert len(set(having.values())) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "@start .TIMESTAMP. is missing"),
        (WINDOW | {"stat": NOW}, r"takes no @stat \(did you mean start\?\)"),
        (WINDOW | {"start": "2026-01-12"}, "@start takes TIMESTAMP, not str"),
        (WINDOW | {"start": date(2026, 1, 12)}, "@start takes TIMESTAMP, not date"),
        (WINDOW | {"start": datetime(2026, 1, 12)}, "without time zone"),  # noqa: DTZ001
        (WINDOW | {"slack_days_before": True}, "@slack_days_before takes INT64, not bool"),
        (WINDOW | {"slack_days_before": 1.5}, "@slack_days_before takes INT64, not float"),
    ],
)
def test_a_wrong_argument_is_told_before_a_query_is_sent(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownQuery, match=words):
        catalog.query("open_runs").bind(given)


def test_defaults_are_filled_in_and_a_nullable_one_may_be_null() -> None:
    values = catalog.query("failed_runs").bind(WINDOW)
    assert values["slack_days_before"] == 35
    assert values["processor_name"] is None
    assert catalog.query("failed_runs").bind(WINDOW | {"processor_name": None})


def test_with_the_usual_table_bigquery_gets_the_file_as_it_stands() -> None:
    assert catalog.googlesql("open_runs") == catalog.query("open_runs").text


def test_another_table_replaces_the_usual_one_everywhere() -> None:
    text = catalog.googlesql("hourly_counts", table="other-project.ops.runs")
    assert RUN_HISTORY not in text
    tables = {
        f"{t.catalog}.{t.db}.{t.name}"
        for t in sqlglot.parse_one(text, read="bigquery").find_all(exp.Table)
        if t.db
    }
    assert tables == {"other-project.ops.runs"}


def test_there_is_no_query_of_another_name() -> None:
    with pytest.raises(UnknownQuery, match="did you mean open_runs"):
        catalog.query("open_run")
