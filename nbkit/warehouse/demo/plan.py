"""How many runs of which outcome each processor has: the published counts, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from nbkit.errors import InputError
from nbkit.warehouse.demo.distributions import Ints
from nbkit.warehouse.demo.facts import DemoFacts, load_published

SMALLEST = 20_000


@dataclass(frozen=True)
class Plan:
    """Counts by processor for one part of the main period; `scale` is its size beside the
    published history (1.0: all of it)."""

    successes: Ints
    failures: Ints
    others: Ints
    scale: float
    part: int

    @property
    def runs(self) -> int:
        return int(self.successes.sum() + self.failures.sum() + self.others.sum())


def plans(facts: DemoFacts, runs: int, *, largest: int | None = None) -> list[Plan]:
    """Cut a main period of `runs` runs into parts of at most `largest` (default: the size of the
    published history), so that memory stays bounded. Their counts add up to `runs` exactly.

    Raises:
        InputError: too few runs for the shares of the small processors to mean anything.
    """
    if runs < SMALLEST:
        raise InputError(
            f"A demo of {runs:,} runs cannot keep the published proportions; "
            f"ask for at least {SMALLEST:,}, or for the default."
        )
    whole = int(load_published()["total_runs"])
    factor = runs / whole
    parts = ceil(runs / (largest or whole))

    def share(name: str, part: int) -> Ints:
        counts = np.array([getattr(p, name) for p in facts.processors], dtype=np.float64)
        edges = [np.rint(counts * factor * edge / parts) for edge in (part, part + 1)]
        return np.asarray(edges[1] - edges[0]).astype(np.int64)

    made = [
        Plan(share("successes", k), share("failures", k), share("others", k), factor / parts, k)
        for k in range(parts)
    ]
    # What rounding left over is lost among the most frequent failures of all.
    commonest = int(np.argmax(made[-1].failures))
    made[-1].failures[commonest] += runs - sum(plan.runs for plan in made)
    return made
