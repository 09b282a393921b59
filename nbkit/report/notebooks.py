"""Find a notebook by name or path, and make a new one of the right shape."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbkit.errors import InputError, NotebookNotFound
from nbkit.project import Project

DEMO_AS_OF = "2026-01-13T12:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A notebook as it is in the project: `name` is the stem of its file."""

    name: str
    path: Path
    content: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The first heading; the name when there is none."""
        for cell in self.content["cells"]:
            if cell.get("cell_type") == "markdown":
                found = re.search(r"^#\s+(.+?)\s*$", _joined(cell.get("source", "")), re.MULTILINE)
                if found:
                    return found[1]
        return self.name

    @property
    def asks(self) -> tuple[str, ...]:
        """What its code calls of nbkit by the usual name (`nb.retry_storm(`), each once."""
        code = (c for c in self.content["cells"] if c.get("cell_type") == "code")
        text = "\n".join(_joined(cell.get("source", "")) for cell in code)
        return tuple(dict.fromkeys(re.findall(r"\bnb\.([a-z]\w*)\(", text)))


def find_notebook(project: Project, name: str) -> Source:
    """The notebook of that name under `notebooks/`, or at that path.

    Raises:
        NotebookNotFound: none, several, or a file that is not a notebook.
    """
    path = Path(name)
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        if not path.is_file():
            raise NotebookNotFound(f"{name}: no such notebook. {_offer(project, path.stem)}")
        return _read(path)
    found = [known for known in _all(project) if known.stem == name]
    if not found:
        raise NotebookNotFound(f"No notebook `{name}`. {_offer(project, name)}")
    if len(found) > 1:
        listed = " and ".join(str(known.relative_to(project.root)) for known in found)
        raise NotebookNotFound(f"`{name}` means {listed}; give the path of one.")
    return _read(found[0])


def create_notebook(project: Project, name: str, *, title: str) -> list[Path]:
    """Write `notebooks/reports/<name>.ipynb` and its demo and production parameters.

    The notebook runs as it stands, on the demo history: it asks an existing question, to be
    replaced by its own.

    Returns:
        The files that were written.

    Raises:
        InputError: not a name, or a notebook of that name is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"{name!r} is no name for a notebook: small letters, digits and _, as in retry_storm."
        )
    taken = [known for known in _all(project) if known.stem == name]
    if taken:
        raise InputError(f"{taken[0].relative_to(project.root)} is there already; take another.")
    notebook = project.notebooks / "reports" / f"{name}.ipynb"
    parameters = project.params / name
    files = {
        notebook: json.dumps(_skeleton(title), indent=1, ensure_ascii=False) + "\n",
        parameters / "demo.yaml": f"# The moment that the demo history is made for.\n"
        f'as_of: "{DEMO_AS_OF}"\n',
        parameters / "production.yaml": "# as_of comes from the clock (or --as-of), the warehouse "
        "from NBKIT_WAREHOUSE\n# (or --warehouse). Other parameters of the notebook go here.\n",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # parameters that somebody wrote first are kept
            path.write_text(text, encoding="utf-8")
    return list(files)


def _all(project: Project) -> list[Path]:
    return sorted(
        path
        for path in project.notebooks.rglob("*.ipynb")
        if not any(part.startswith(".") for part in path.parts)
    )


def _offer(project: Project, name: str) -> str:
    names = sorted({path.stem for path in _all(project)})
    if not names:
        return "There is none under notebooks/ yet; `nbkit new NAME` makes one."
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean `{nearest[0]}`? " if nearest else ""
    return f"{hint}There are: {', '.join(names)}."


def _read(path: Path) -> Source:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotebookNotFound(f"{path}: cannot be read as a notebook: {error}") from None
    version = content.get("nbformat") if isinstance(content, dict) else None
    if version != 4 or not isinstance(content.get("cells"), list):
        raise NotebookNotFound(
            f"{path}: not a notebook of format 4. Open and save it in JupyterLab."
        )
    return Source(name=path.stem, path=path.resolve(), content=content)


def _skeleton(title: str) -> dict[str, Any]:
    """Prose around one-line calls: question, parameters, verdict, answers, limits, judgement."""
    cells = [
        _prose(
            "title",
            f"# {title}",
            "**Owner** data-platform · **Reads** the last 31 days of `processor_run_history` · "
            "**Runbook** `docs/runbooks/`",
            "One paragraph: what is compared with what, and what the words mean.",
        ),
        _code(
            "parameters",
            'warehouse = ""  # warehouse URL; empty: NBKIT_WAREHOUSE, else the demo history',
            f'as_of = "{DEMO_AS_OF}"  # the moment the report is about; nothing later is looked at',
            tags=["parameters"],
        ),
        _code(
            "answer",
            "import nbkit as nb",
            "",
            "# Your question goes here: a function in nbkit/questions/ that returns the answer.",
            "answer = nb.daily_health(warehouse, as_of=as_of)",
        ),
        _code("freshness", "answer.freshness_note()"),
        _prose("first", "## Is each phase doing its job?"),
        _code("first-figure", "answer.phase_figure()", tags=["headline"]),
        _code("first-table", "answer.phase_table()"),
        _prose("first-read", "*How to read it.* Say what a cell means and which value is bad."),
        _prose(
            "limits",
            "## What this does not show",
            "Name what the run history cannot tell, and where to look instead.",
        ),
        _code("emit", "nb.emit(answer.judgement)"),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _prose(name: str, *paragraphs: str) -> dict[str, Any]:
    source = "\n\n".join(paragraphs).splitlines(keepends=True)
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def _code(name: str, *lines: str, tags: list[str] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {"tags": tags} if tags else {},
        "outputs": [],
        "source": "\n".join(lines).splitlines(keepends=True),
    }


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
