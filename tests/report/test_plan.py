from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from report_samples import code, notebook

from nbkit.errors import ParameterError
from nbkit.project import WAREHOUSE_VARIABLE, Project
from nbkit.report.notebooks import Source
from nbkit.report.plan import Plan, make_plan

NOW = datetime(2026, 1, 20, 7, 30, 59, 999, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv(WAREHOUSE_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "params" / "sample"
    folder.mkdir(parents=True)
    (folder / "demo.yaml").write_text('as_of: "2026-01-13T12:00:00Z"\ndays: 1\n')
    (folder / "production.yaml").write_text("days: 2\n")
    return Project(tmp_path)


def plan(project: Project, **options: object) -> Plan:
    source = Source(name="sample", path=Path("sample.ipynb"), content=notebook())
    return make_plan(source, project=project, now=NOW, **options)  # type: ignore[arg-type]


def test_the_demo_parameters_belong_to_the_demo_warehouse(project: Project) -> None:
    made = plan(project)
    assert made.as_of == datetime(2026, 1, 13, 12, tzinfo=UTC)
    assert (made.parameters["days"], made.label) == (1, "demo")
    assert made.warehouse == "duckdb:///demo.duckdb"


def test_another_warehouse_takes_the_production_parameters_and_the_clock(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(project, warehouse="bigquery://p/d")
    assert made.as_of == datetime(2026, 1, 20, 7, 30, tzinfo=UTC)
    assert (made.parameters["days"], made.label) == (2, "production")
    assert made.parameters["warehouse"] == made.warehouse == "bigquery://p/d"
    monkeypatch.setenv(WAREHOUSE_VARIABLE, "bigquery://me:secret@p/d")
    made = plan(project)
    assert made.parameters["days"] == 2
    assert made.parameters["warehouse"] == "", "the notebook reads the variable itself"
    assert made.warehouse == "bigquery://p/d"


def test_what_is_typed_wins_over_the_file_and_takes_its_label(project: Project) -> None:
    made = plan(project, assignments=["days=3"], as_of="2026-01-01T00:00:00+01:00")
    assert made.parameters["days"] == 3
    assert made.parameters["as_of"] == "2025-12-31T23:00:00Z"
    assert made.label == ""


def test_a_relative_warehouse_is_meant_from_where_it_was_typed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = project.root / "data"
    below.mkdir()
    monkeypatch.chdir(below)
    made = plan(project, warehouse="duckdb:///mine.duckdb")
    assert made.parameters["warehouse"] == f"duckdb:///{below}/mine.duckdb"
    assert made.warehouse == "duckdb:///data/mine.duckdb"
    monkeypatch.setenv(WAREHOUSE_VARIABLE, "duckdb:///mine.duckdb")
    assert plan(project).environment == {WAREHOUSE_VARIABLE: f"duckdb:///{below}/mine.duckdb"}


def test_problems_of_file_options_and_assignments_are_told_together(project: Project) -> None:
    bad = project.root / "bad.yaml"
    bad.write_text("days: [1,\n")
    with pytest.raises(ParameterError) as caught:
        plan(project, params_file=bad, assignments=["dys=1"], as_of="today")
    message = str(caught.value)
    assert "bad.yaml:2: not YAML" in message
    assert "did you mean `days`?" in message
    assert "--as-of: `as_of` is no timestamp" in message


def test_a_notebook_must_say_which_moment_it_is_about(project: Project) -> None:
    content = {"cells": [code("days = 1", tags=("parameters",))]}
    source = Source(name="sample", path=Path("sample.ipynb"), content=content)
    with pytest.raises(ParameterError, match="sample has no parameter `as_of`"):
        make_plan(source, project=project, now=NOW)
