"""The demo's facts, read from the YAML files beside this module."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
HISTORY_START = date(2025, 9, 30)
BUG_START = date(2025, 10, 1)
MAIN_START = date(2025, 12, 14)
MAIN_END = date(2026, 1, 13)
FIX_DATE = date(2026, 1, 14)
HISTORY_END = date(2026, 1, 18)
# Stuck runs were first closed in one sweep, then every thirty minutes.
FIRST_SWEEP = datetime(2026, 1, 4, 15, tzinfo=UTC)
TWO_ROWS_UNTIL = date(2025, 12, 1)


@dataclass(frozen=True)
class DemoProcessor:
    """One processor of the demo; the counts are those of the main period at its full size."""

    name: str
    phase: str
    table: str | None
    successes: int
    failures: int
    others: int
    hours: tuple[float, ...]
    starts: tuple[int, ...]
    messages: str
    records: int
    parent: str | None

    @property
    def baseball(self) -> bool:
        return self.name.startswith("Mlb")


@dataclass(frozen=True)
class DemoFacts:
    """All processors in a fixed order, and names of services and topics by phase."""

    processors: tuple[DemoProcessor, ...]
    services: dict[str, str]
    topics: dict[str, str]

    def index(self, name: str) -> int:
        return next(i for i, p in enumerate(self.processors) if p.name == name)


@cache
def load_facts() -> DemoFacts:
    """`processors.yaml`."""
    raw = _read("processors.yaml")
    return DemoFacts(
        processors=tuple(
            DemoProcessor(
                name=p["name"],
                phase=p["phase"],
                table=p["table"],
                successes=p["successes"],
                failures=p["failures"],
                others=p["others"],
                hours=tuple(raw["hours"][p["hours"]]),
                starts=tuple(raw["starts"][p["starts"]]),
                messages=p["messages"],
                records=p["records"],
                parent=p.get("parent"),
            )
            for p in raw["processors"]
        ),
        services=dict(raw["services"]),
        topics=dict(raw["topics"]),
    )


@cache
def load_published() -> dict[str, Any]:
    """`published.yaml`: figures as published, by section."""
    return _read("published.yaml")


@cache
def load_messages() -> dict[str, list[tuple[float, str]]]:
    """`messages.yaml`: per kind of processor, shares and texts of its failures."""
    return {
        kind: [(float(share), str(text)) for share, text in entries]
        for kind, entries in _read("messages.yaml").items()
    }


def _read(name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    text = files("nbkit.warehouse.demo").joinpath(name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return loaded
