"""Every notebook is prose around one-line calls, and its parameter files fit it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from nbkit.params import read_parameters, read_values, resolve

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
FORBIDDEN = re.compile(
    r"^\s*(?:def|class|async def) |\bSELECT\b|datetime\.now|time\.time\(|date\.today|except:|^[!%]",
    re.MULTILINE,
)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestShape:
    def test_its_title_is_a_question_with_owner_data_and_runbook(self, path: Path) -> None:
        first = read(path)["cells"][0]
        assert first["cell_type"] == "markdown"
        text = source(first)
        assert re.match(r"# .+\?\n", text), "the title should ask what the notebook answers"
        for word in ("Owner", "Reads", "Runbook"):
            assert f"**{word}**" in text

    def test_it_stores_no_outputs_and_no_counts(self, path: Path) -> None:
        for cell in code_cells(read(path)):
            assert cell["outputs"] == []
            assert cell["execution_count"] is None

    def test_its_cells_have_no_functions_no_sql_and_no_clock(self, path: Path) -> None:
        for cell in code_cells(read(path)):
            assert not FORBIDDEN.search(source(cell)), source(cell)

    def test_a_cell_is_a_few_lines_and_parses(self, path: Path) -> None:
        for cell in code_cells(read(path)):
            ast.parse(source(cell))
            lines = [line for line in source(cell).splitlines() if line.strip()]
            assert len(lines) <= (12 if "parameters" in tags(cell) else 5), source(cell)

    def test_it_uses_the_public_names_only(self, path: Path) -> None:
        import nbkit

        used = {
            name
            for cell in code_cells(read(path))
            for name in re.findall(r"\bnb\.(\w+)", source(cell))
        }
        assert used <= set(nbkit.__all__)
        imports = "\n".join(source(cell) for cell in code_cells(read(path)))
        assert not re.search(r"nbkit\.(report|delivery|schedule|cli)", imports)

    def test_a_headline_is_tagged_and_it_ends_with_what_it_does_not_show(self, path: Path) -> None:
        cells = read(path)["cells"]
        assert sum("headline" in tags(cell) for cell in cells) == 1
        assert "does not show" in source(cells[-2])
        assert source(cells[-1]).startswith("nb.emit(")

    @pytest.mark.parametrize("variant", ["demo", "production"])
    def test_its_parameter_files_fit_it(self, path: Path, variant: str) -> None:
        declared = read_parameters(read(path), where=path.stem)
        file = ROOT / "params" / path.stem / f"{variant}.yaml"
        values = resolve(declared, read_values(file), where=path.stem)
        assert set(values) == {parameter.name for parameter in declared}
