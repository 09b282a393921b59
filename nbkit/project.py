"""Where the files of a project are: one folder with `notebooks/` and `registry/` in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nbkit.errors import ProjectNotFound

WAREHOUSE_VARIABLE = "NBKIT_WAREHOUSE"
PROJECT_VARIABLE = "NBKIT_PROJECT"
RUNS_VARIABLE = "NBKIT_RUNS"


@dataclass(frozen=True)
class Project:
    """The folders of one project. `root` is absolute."""

    root: Path

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def params(self) -> Path:
        return self.root / "params"

    @property
    def registry(self) -> Path:
        return self.root / "registry"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def runbooks(self) -> Path:
        return self.root / "docs" / "runbooks"

    @property
    def state(self) -> Path:
        """Ledger, outbox, last error: what the tool remembers between runs. Ignored by git."""
        return self.root / ".nbkit"

    @property
    def demo_warehouse(self) -> Path:
        return self.root / "demo.duckdb"

    def uses_demo(self) -> bool:
        """Whether no other warehouse is named than the demo file."""
        return not os.environ.get(WAREHOUSE_VARIABLE)

    def warehouse_url(self) -> str:
        """`NBKIT_WAREHOUSE`, else the demo file."""
        return os.environ.get(WAREHOUSE_VARIABLE) or f"duckdb:///{self.demo_warehouse}"

    def runs_url(self) -> str:
        """The history of nbkit's own runs: `NBKIT_RUNS`, else a file of the project's state."""
        return os.environ.get(RUNS_VARIABLE) or f"duckdb:///{self.state / 'runs.duckdb'}"


def find_project(start: Path | None = None) -> Project:
    """The project that `start` (default: the working directory) lies in.

    Looks at `NBKIT_PROJECT`, then at `start` and the folders above it, then at the checkout that
    this package is installed from (an editable install).

    Raises:
        ProjectNotFound: none of these has `notebooks/` and `registry/`.
    """
    named = os.environ.get(PROJECT_VARIABLE)
    if named:
        if _is_project(Path(named)):
            return Project(Path(named).resolve())
        raise ProjectNotFound(
            f"{PROJECT_VARIABLE}={named} has no notebooks/ and registry/ in it. "
            "Point it at the root of an nbkit project, or unset it."
        )
    here = (start or Path.cwd()).resolve()
    checkout = Path(__file__).resolve().parent.parent
    for folder in (here, *here.parents, checkout):
        if _is_project(folder):
            return Project(folder)
    raise ProjectNotFound(
        f"No nbkit project at {here} or above it (a folder with notebooks/ and registry/). "
        f"Change into one, or set {PROJECT_VARIABLE}."
    )


def _is_project(folder: Path) -> bool:
    return (folder / "notebooks").is_dir() and (folder / "registry").is_dir()
