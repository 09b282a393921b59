"""Who runs in a world: the registry's processors, their graph, and a few strangers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nbkit.registry import ProcessorRegistry, load_registry


@lru_cache(maxsize=1)
def registry() -> ProcessorRegistry:
    return load_registry()


@lru_cache(maxsize=1)
def registered() -> tuple[str, ...]:
    return tuple(sorted(each.name for each in registry().processors))


def strangers(count: int) -> tuple[str, ...]:
    """Names that nobody registered: a history has them whenever code is ahead of the registry."""
    return tuple(f"Wnba{chr(65 + k // 26)}{chr(97 + k % 26)}Processor" for k in range(count))


def choose(rng: np.random.Generator, count: int) -> list[str]:
    """`count` names; beyond those of the registry come strangers."""
    known = registered()
    if count <= len(known):
        return [str(name) for name in rng.choice(known, size=count, replace=False)]
    return [*known, *strangers(count - len(known))]


@lru_cache(maxsize=256)
def descendants(name: str) -> frozenset[str]:
    """Everything that reads, directly or not, what this processor writes."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each in registry().get_dependents(waiting.pop()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return frozenset(found)


@lru_cache(maxsize=1)
def roots() -> tuple[str, ...]:
    """Processors whose outage takes at least two others down."""
    return tuple(name for name in registered() if len(descendants(name)) >= 2)


@lru_cache(maxsize=256)
def table_of(name: str) -> str:
    processor = registry().get_processor(name)
    table = processor.bigquery_table if processor else None
    return str(table or f"nba_raw.{name.lower()}")


@lru_cache(maxsize=256)
def phase_of(name: str) -> str:
    processor = registry().get_processor(name)
    return str(processor.phase) if processor else "phase_2_raw"
