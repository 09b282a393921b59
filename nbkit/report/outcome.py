"""How a run ended: the values that execution hands to rendering and to the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nbkit.errors import NotebookFailed

if TYPE_CHECKING:
    from nbformat import NotebookNode


class ExitState(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A code cell of the notebook as it ran. `number` counts all cells of the notebook from 1;
    `question` is the heading above it. `seconds` is None for a cell that did not run."""

    id: str
    number: int
    question: str
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run did not end well, in one line, with the cell and the traceback where known."""

    error: type[NotebookFailed]
    reason: str
    cell: Cell | None
    traceback: str = ""

    def place(self, total: int) -> str:
        """`cell 7 of 24 ("What fails, and why?")`, or "" where no cell is to blame."""
        if self.cell is None:
            return ""
        question = f' ("{self.cell.question}")' if self.cell.question else ""
        return f"cell {self.cell.number} of {total}{question}"


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What a run of a notebook left: the notebook with its outputs, and how it ended."""

    notebook: NotebookNode
    state: ExitState
    failure: Failure | None
    cells: tuple[Cell, ...]
    total_cells: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Which cell is about to run: `number` of `total`, under the heading `question`."""

    number: int
    total: int
    question: str
