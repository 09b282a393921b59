"""One place that is still Gen1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Gen1Use:
    """One place: what stands there, why it is Gen1, and what to write."""

    path: Path
    line: int
    kind: str
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}"
