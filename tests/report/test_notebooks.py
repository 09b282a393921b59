from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from report_samples import notebook

from nbkit.errors import InputError, NotebookNotFound
from nbkit.params import read_parameters, read_values, resolve
from nbkit.project import Project
from nbkit.report.notebooks import create_notebook, find_notebook


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for folder in ("notebooks/reports", "notebooks/investigate", "registry"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("reports/daily_health", "reports/retry_storm", "investigate/one_run"):
        made = json.dumps(notebook(title=f"What about {name}?"))
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(made)
    return Project(tmp_path)


def test_a_notebook_is_found_by_name_and_by_path(project: Project) -> None:
    by_name = find_notebook(project, "one_run")
    by_path = find_notebook(project, str(project.notebooks / "investigate" / "one_run.ipynb"))
    assert by_name == by_path
    assert (by_name.name, by_name.title) == ("one_run", "What about investigate/one_run?")


def test_an_unknown_name_offers_the_nearest_and_lists_the_others(project: Project) -> None:
    with pytest.raises(NotebookNotFound) as caught:
        find_notebook(project, "dayly_health")
    assert "Did you mean `daily_health`?" in str(caught.value)
    assert "There are: daily_health, one_run, retry_storm." in str(caught.value)
    with pytest.raises(NotebookNotFound, match=r"none\.ipynb: no such notebook"):
        find_notebook(project, "none.ipynb")


def test_a_name_that_means_two_notebooks_asks_which(project: Project) -> None:
    copy = project.notebooks / "investigate" / "daily_health.ipynb"
    copy.write_text(json.dumps(notebook()))
    with pytest.raises(NotebookNotFound, match=r"means notebooks/investigate.*give the path"):
        find_notebook(project, "daily_health")


def test_a_notebook_says_what_it_asks_of_nbkit(project: Project) -> None:
    file = project.notebooks / "two.ipynb"
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "See nb.parity(...)"},
        {"cell_type": "code", "metadata": {}, "source": ["import nbkit as nb\n", "nb.trends()"]},
        {"cell_type": "code", "metadata": {}, "source": "nb.trends(); nb.emit(nb.registry)"},
    ]
    file.write_text(json.dumps({"nbformat": 4, "cells": cells}))
    assert find_notebook(project, "two").asks == ("trends", "emit")


@pytest.mark.parametrize("text", ["not json", "[]", '{"nbformat": 3, "cells": []}'])
def test_a_file_that_is_no_notebook_is_told(project: Project, text: str) -> None:
    file = project.notebooks / "bad.ipynb"
    file.write_text(text)
    with pytest.raises(NotebookNotFound, match=r"bad\.ipynb"):
        find_notebook(project, str(file))


def test_a_new_notebook_has_the_right_shape(project: Project) -> None:
    files = create_notebook(project, "late_data", title="Which data is late?")
    assert [str(file.relative_to(project.root)) for file in files] == [
        "notebooks/reports/late_data.ipynb",
        "params/late_data/demo.yaml",
        "params/late_data/production.yaml",
    ]
    source = find_notebook(project, "late_data")
    assert source.title == "Which data is late?"
    declared = read_parameters(source.content, where="late_data")
    assert [parameter.name for parameter in declared] == ["warehouse", "as_of"]
    for file in files[1:]:
        assert resolve(declared, read_values(file), where="late_data")
    cells = source.content["cells"]
    assert "".join(cells[-1]["source"]) == "nb.emit(answer.judgement)"
    for cell in cells:
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            assert len(cell["source"]) <= 5
            assert "def " not in "".join(cell["source"])
            compile("".join(cell["source"]), "cell", "exec")


def test_a_new_notebook_passes_our_own_checks(project: Project) -> None:
    file = create_notebook(project, "late_data", title="Which data is late?")[0]
    ruff = [sys.executable, "-m", "ruff"]
    usual = ["--isolated", "--line-length=100", str(file)]
    lint = [*ruff, "check", "--select=E,F,W,B,I", "--ignore=E402,B018,I001", *usual]
    for command in (lint, [*ruff, "format", "--check", *usual]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten(project: Project) -> None:
    with pytest.raises(InputError, match=r"daily_health\.ipynb is there already"):
        create_notebook(project, "daily_health", title="x")
    with pytest.raises(InputError, match="no name for a notebook"):
        create_notebook(project, "../evil", title="x")
    mine = project.params / "late_data" / "demo.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    create_notebook(project, "late_data", title="x")
    assert mine.read_text() == "# mine\n"
