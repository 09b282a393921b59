"""Every kind of finding has its page, its commands exist, and every link leads somewhere."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from nbkit.params import read_parameters

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
GENERAL = {"on-call"}  # about the work, not about a kind of finding
HEADINGS = ("What it means", "Is it real?", "First three commands", "When to escalate")


def kinds() -> set[str]:
    """What the package gives to `kind=` of a Finding, or first to a local `finding(...)`."""
    found = set()
    for path in (ROOT / "nbkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            given: list[ast.expr] = []
            if node.func.id in ("Finding", "finding"):
                given = [word.value for word in node.keywords if word.arg == "kind"]
            if node.func.id == "finding":
                given += node.args[:1]
            for value in given:
                found |= {
                    part.value
                    for part in ast.walk(value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    return {kind for kind in found if re.fullmatch(r"[a-z]\w+", kind)}


def kind_of(page: Path) -> str:
    return page.stem.replace("-", "_")


def test_every_kind_of_finding_has_a_page() -> None:
    pages = {kind_of(page) for page in PAGES}
    assert len(kinds()) > 20
    assert kinds() - pages == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_about_a_kind_that_exists_and_says_what_to_do(page: Path) -> None:
    if page.stem in GENERAL:
        return
    text = page.read_text(encoding="utf-8")
    assert f"`{kind_of(page)}`" in text
    for heading in HEADINGS:
        assert f"## {heading}" in text, f"{page.name} lacks {heading}"
    commands = re.search(r"## First three commands\n+```bash\n(.*?)```", text, re.DOTALL)
    assert commands, page.name
    assert len([line for line in commands[1].splitlines() if line.strip()]) == 3


@pytest.mark.parametrize(
    "page",
    sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_notebooks_that_a_page_runs_exist_with_their_parameters(page: Path) -> None:
    notebooks = {path.stem: path for path in (ROOT / "notebooks").rglob("*.ipynb")}
    for name, rest in re.findall(r"nbkit run ([a-z0-9_]+)([^`\n]*)", page.read_text("utf-8")):
        assert name in notebooks, f"{page.name}: nbkit run {name}"
        notebook = json.loads(notebooks[name].read_text(encoding="utf-8"))
        known = {parameter.name for parameter in read_parameters(notebook, where=name)}
        asked = set(re.findall(r"-p '?(\w+)=", rest))
        assert asked <= known, f"{page.name}: nbkit run {name} takes no {asked - known}"
