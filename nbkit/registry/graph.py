"""The registry in memory: look-ups, and questions about the dependency graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING

from nbkit.errors import UnknownProcessor
from nbkit.registry.impact import BlastRadius
from nbkit.registry.models import Criticality, Phase, Processor

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class CriticalPath:
    """A chain of processors and how long it takes if each uses up its timeout."""

    names: tuple[str, ...]
    longest: timedelta


class ProcessorRegistry:
    """All phases and processors, and the graph between them (an edge runs from a dependency to
    what needs it). Values are frozen; build one with `nbkit.registry.load_registry`.

    `get_processor`, `get_dependencies`, `get_dependents` and `get_by_criticality` answer for
    unknown names too, with None or nothing; all other calls that take a name raise
    `UnknownProcessor`, which names the nearest one.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        processors: Sequence[Processor],
        *,
        source: Path,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        self.phases = tuple(phases)
        self.processors = tuple(processors)
        self.source = source
        self._lines = dict(lines or {})
        self._by_name = {processor.name: processor for processor in processors}
        self._canonical = {
            label: phase.name for phase in phases for label in (phase.name, *phase.aliases)
        }
        self._graph: nx.DiGraph | None = None

    def __len__(self) -> int:
        return len(self.processors)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __repr__(self) -> str:
        return f"<ProcessorRegistry of {len(self)} processors from {self.source.name}>"

    @property
    def graph(self) -> nx.DiGraph:
        """A frozen networkx DiGraph of names; made when first asked for (networkx is slow to
        import)."""
        if self._graph is None:
            self._graph = graph_of({p.name: p.dependencies for p in self.processors})
        return self._graph

    # The customer's four calls.

    def get_processor(self, name: str) -> Processor | None:
        """The processor, or None if it is not registered."""
        return self._by_name.get(name)

    def get_dependencies(self, name: str) -> tuple[str, ...]:
        """Names of what it needs directly; empty for an unknown name."""
        processor = self.get_processor(name)
        return processor.dependencies if processor else ()

    def get_dependents(self, name: str) -> tuple[str, ...]:
        """Names of what needs it directly, in registry order; empty for an unknown name."""
        processor = self.get_processor(name)
        return processor.dependents if processor else ()

    def get_by_criticality(self, criticality: Criticality | str) -> tuple[Processor, ...]:
        """All of one criticality, in registry order; empty for a word that is none."""
        return tuple(p for p in self.processors if p.criticality == criticality)

    def check_dependencies_ready(
        self, name: str, data_date: date, is_ready: Callable[[str, date], bool]
    ) -> bool:
        """Whether all that a processor needs is done for a date.

        Args:
            is_ready: says so of one processor and date; the registry itself knows no history.
                `nbkit.runs.readiness.ready_in(warehouse, …)` gives one.
        """
        return all(is_ready(needed, data_date) for needed in self.get_dependencies(name))

    # Look-ups.

    def processor(self, name: str) -> Processor:
        """The processor.

        Raises:
            UnknownProcessor: none of that name; names the nearest.
        """
        found = self.get_processor(name)
        if found is None:
            folded = {known.lower(): known for known in self._by_name}
            near = get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
            # People leave the ending out: `NbacSchedule`.
            near += [n for n in folded if n.startswith(name.lower()) and n not in near][:3]
            hint = (
                f" Did you mean {' or '.join(folded[n] for n in near[:3])}?"
                if near and name
                else " `nbkit registry show` lists all names."
            )
            raise UnknownProcessor(f"No processor {name!r} in the registry.{hint}")
        return found

    def phase(self, label: str) -> Phase:
        """The phase of that name or older label.

        Raises:
            KeyError: no phase has it.
        """
        name = self._canonical[label]
        return next(phase for phase in self.phases if phase.name == name)

    def by_phase(self, phase: str) -> tuple[Processor, ...]:
        """All of one phase, by its name or one of its older labels."""
        name = self._canonical.get(phase)
        return tuple(p for p in self.processors if p.phase == name)

    def by_criticality(self) -> dict[Criticality, tuple[Processor, ...]]:
        """Every criticality, the worst first, with its processors."""
        return {level: self.get_by_criticality(level) for level in Criticality}

    def by_table(self, table: str) -> tuple[Processor, ...]:
        """All that write `dataset.table` (or `project.dataset.table`)."""
        short = ".".join(table.split(".")[-2:])
        return tuple(
            p
            for p in self.processors
            if p.bigquery_table and ".".join(p.bigquery_table.split(".")[-2:]) == short
        )

    def canonical_phase(self, label: str) -> str | None:
        """The phase that a label in the history means; None for a label nobody registered."""
        return self._canonical.get(label)

    def phase_of(self, processor: str, label: object = None) -> str | None:
        """The phase of a run: by its label (text; anything else is no label), else by its
        processor; None for a stranger."""
        canonical = self.canonical_phase(label) if isinstance(label, str) else None
        if canonical:
            return canonical
        found = self.get_processor(processor)
        return found.phase if found else None

    def owner_of_phase(self, phase: str) -> str | None:
        """Who owns most of a phase; None for a phase without processors."""
        owners = Counter(p.owner for p in self.by_phase(phase))
        return owners.most_common(1)[0][0] if owners else None

    def line_of(self, name: str) -> int | None:
        """The line of the registry file where a processor stands."""
        return self._lines.get(self.processor(name).name)

    # The graph.

    def upstream(self, name: str) -> tuple[str, ...]:
        """Everything it needs, directly or not, in the order in which it runs."""
        return self._ordered(_reached(self.processor(name).name, self.get_dependencies))

    def downstream(self, name: str) -> tuple[str, ...]:
        """Everything that needs it, directly or not, in the order in which it runs."""
        return self._ordered(_reached(self.processor(name).name, self.get_dependents))

    def blast_radius(self, name: str) -> BlastRadius:
        """What is at risk when it fails."""
        processor = self.processor(name)
        distance = _reached(name, self.get_dependents)
        names = sorted(self.downstream(name), key=lambda n: distance[n])
        others = self.by_table(processor.bigquery_table) if processor.bigquery_table else ()
        return BlastRadius(
            processor=processor,
            affected=tuple(self._by_name[n] for n in names),
            distance={n: distance[n] for n in names},
            same_table=tuple(p for p in others if p.name != name),
        )

    def roots(self) -> tuple[str, ...]:
        """Names that need nothing registered, in registry order."""
        return tuple(p.name for p in self.processors if not p.dependencies)

    def order(self) -> tuple[str, ...]:
        """All names, every dependency before what needs it; ties in registry order."""
        return self._ordered(self._by_name)

    def critical_path(self, to: str | None = None) -> CriticalPath:
        """The chain with the longest sum of timeouts, of all or of those that end at `to`."""
        names = self.order() if to is None else (*self.upstream(to), to)
        until: dict[str, timedelta] = {}
        before: dict[str, str | None] = {}
        for name in names:
            slowest = max(self.get_dependencies(name), key=lambda n: until[n], default=None)
            before[name] = slowest
            until[name] = self._by_name[name].timeout + (until[slowest] if slowest else timedelta())
        last = to or max(until, key=lambda n: until[n], default=None)
        chain: list[str] = []
        step = last
        while step is not None:
            chain.append(step)
            step = before[step]
        return CriticalPath(tuple(reversed(chain)), until[last] if last else timedelta())

    def _ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        place = self._places
        return tuple(sorted(names, key=place.__getitem__))

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each name stands when every dependency comes before what needs it (Kahn 1962); of
        those that are free at once the first of the registry leads."""
        position = {name: i for i, name in enumerate(self._by_name)}
        waits = Counter(later for name in position for later in self.get_dependents(name))
        free = [position[name] for name in position if not waits[name]]
        found: dict[str, int] = {}
        while free:
            name = self.processors[heappop(free)].name
            found[name] = len(found)
            for later in self.get_dependents(name):
                waits[later] -= 1
                if not waits[later]:
                    heappush(free, position[later])
        return found


def _reached(name: str, following: Callable[[str], Iterable[str]]) -> dict[str, int]:
    """All that is reached from a name, without itself, and in how many steps at least."""
    distance = {name: 0}
    wave = [name]
    while wave:
        wave = list(dict.fromkeys(n for each in wave for n in following(each) if n not in distance))
        distance.update(dict.fromkeys(wave, max(distance.values()) + 1))
    del distance[name]
    return distance


def graph_of(dependencies: Mapping[str, Iterable[str]]) -> nx.DiGraph:
    """A frozen DiGraph with an edge from each dependency to what needs it; a dependency that is
    no key, and one on itself, are left out."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    graph.add_edges_from(
        (needed, name)
        for name, listed in dependencies.items()
        for needed in listed
        if needed in dependencies and needed != name
    )
    return nx.freeze(graph)


def cycles(dependencies: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """One circle of every group of names that need one another, each a closed list of names."""
    known = {
        name: [n for n in listed if n in dependencies and n != name]
        for name, listed in dependencies.items()
    }
    try:
        # Nearly always there is none, and the standard library says so without networkx, whose
        # import takes longer than reading the file.
        TopologicalSorter(known).prepare()
        return []
    except CycleError:
        pass
    import networkx as nx

    graph = graph_of(dependencies)
    found = []
    for group in nx.strongly_connected_components(graph):
        if len(group) > 1:
            # The first name of the file leads, so that the message stays the same.
            first = next(name for name in dependencies if name in group)
            edges = nx.find_cycle(graph.subgraph(group), first)
            found.append([*(edge[0] for edge in edges), edges[0][0]])
    return sorted(found)
