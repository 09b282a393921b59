"""The registry in memory: look-ups, and questions about the dependency graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from nbkit.registry.models import Criticality, Phase, Processor, UnknownProcessor

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class BlastRadius:
    """What breaks when one processor fails: everything downstream of it, nearest first."""

    processor: Processor
    affected: tuple[Processor, ...]
    distance: Mapping[str, int]

    @property
    def by_phase(self) -> dict[str, tuple[Processor, ...]]:
        phases: dict[str, list[Processor]] = {}
        for processor in self.affected:
            phases.setdefault(processor.phase, []).append(processor)
        return {phase: tuple(found) for phase, found in phases.items()}

    @property
    def by_criticality(self) -> dict[Criticality, int]:
        return dict(Counter(processor.criticality for processor in self.affected))

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(sorted({p.owner for p in (self.processor, *self.affected)}))

    def deadlines(self, data_date: date) -> tuple[tuple[datetime, Processor], ...]:
        """The promises at risk for that date in UTC, the next one first."""
        found = [
            (moment, processor)
            for processor in (self.processor, *self.affected)
            if (moment := processor.deadline(data_date))
        ]
        return tuple(sorted(found, key=lambda pair: (pair[0], pair[1].name)))


class ProcessorRegistry:
    """All phases and processors, and the graph between them (an edge runs from a dependency to
    what needs it). Values are frozen; build one with `nbkit.registry.load_registry`."""

    def __init__(
        self, phases: Sequence[Phase], processors: Sequence[Processor], *, source: Path
    ) -> None:
        self.phases = tuple(phases)
        self.processors = tuple(processors)
        self.source = source
        self._by_name = {processor.name: processor for processor in processors}
        self._canonical = {
            label: phase.name for phase in phases for label in (phase.name, *phase.aliases)
        }
        self._graph: nx.DiGraph | None = None

    @property
    def graph(self) -> nx.DiGraph:
        """A networkx DiGraph of names; made when first asked for (networkx is slow to import)."""
        if self._graph is None:
            self._graph = _graph(self.processors)
        return self._graph

    # The customer's four calls.

    def get_processor(self, name: str) -> Processor | None:
        """The processor, or None if it is not registered."""
        return self._by_name.get(name)

    def get_dependencies(self, name: str) -> tuple[str, ...]:
        """Names of what it reads directly; empty for an unknown name."""
        processor = self.get_processor(name)
        return processor.dependencies if processor else ()

    def get_dependents(self, name: str) -> tuple[str, ...]:
        """Names of what reads it directly, in registry order; empty for an unknown name."""
        return tuple(p.name for p in self.processors if name in p.dependencies)

    def get_by_criticality(self, criticality: Criticality | str) -> tuple[Processor, ...]:
        """All of one criticality, in registry order."""
        return tuple(p for p in self.processors if p.criticality == criticality)

    # Look-ups.

    def processor(self, name: str) -> Processor:
        """The processor.

        Raises:
            UnknownProcessor: none of that name; names the nearest.
        """
        found = self.get_processor(name)
        if found is None:
            folded = {known.lower(): known for known in self._by_name}
            near = get_close_matches(name.lower(), folded, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(folded[n] for n in near)}?" if near else ""
            raise UnknownProcessor(f"No processor {name!r} in {self.source}.{hint}")
        return found

    def by_phase(self, phase: str) -> tuple[Processor, ...]:
        """All of one phase, by its name or one of its older labels."""
        name = self._canonical.get(phase)
        return tuple(p for p in self.processors if p.phase == name)

    def by_table(self, table: str) -> tuple[Processor, ...]:
        """All that write `dataset.table`."""
        return tuple(p for p in self.processors if p.bigquery_table == table)

    def canonical_phase(self, label: str) -> str | None:
        """The phase that a label in the history means; None for a label nobody registered."""
        return self._canonical.get(label)

    def phase_of(self, processor: str, label: str | None) -> str | None:
        """The phase of a run: by its label, else by its processor; None for a stranger."""
        canonical = self.canonical_phase(label) if isinstance(label, str) else None
        if canonical:
            return canonical
        found = self.get_processor(processor)
        return found.phase if found else None

    def owner_of_phase(self, phase: str) -> str | None:
        """Who owns most of a phase."""
        owners = Counter(p.owner for p in self.by_phase(phase))
        return owners.most_common(1)[0][0] if owners else None

    # The graph.

    def upstream(self, name: str) -> tuple[str, ...]:
        """Everything it needs, directly or not, in the order in which it runs."""
        import networkx as nx

        return self._ordered(nx.ancestors(self.graph, self.processor(name).name))

    def downstream(self, name: str) -> tuple[str, ...]:
        """Everything that needs it, directly or not, in the order in which it runs."""
        import networkx as nx

        return self._ordered(nx.descendants(self.graph, self.processor(name).name))

    def blast_radius(self, name: str) -> BlastRadius:
        """What breaks when it fails."""
        import networkx as nx

        processor = self.processor(name)
        distance = nx.single_source_shortest_path_length(self.graph, name)
        names = sorted(self.downstream(name), key=lambda n: distance[n])
        return BlastRadius(processor, tuple(self._by_name[n] for n in names), dict(distance))

    def order(self) -> tuple[str, ...]:
        """All names, every dependency before what needs it; ties in registry order."""
        return self._ordered(self._by_name)

    def critical_path(self) -> tuple[tuple[str, ...], timedelta]:
        """The chain with the longest sum of timeouts, and that sum: the worst case of a day."""
        longest: dict[str, tuple[int, str | None]] = {}
        for name in self.order():
            before = max(
                ((longest[d][0], d) for d in self.get_dependencies(name)), default=(0, None)
            )
            longest[name] = (before[0] + self._by_name[name].timeout_seconds, before[1])
        last: str | None = max(longest, key=lambda n: longest[n][0])
        total = longest[last][0] if last else 0
        path: list[str] = []
        while last is not None:
            path.append(last)
            last = longest[last][1]
        return tuple(reversed(path)), timedelta(seconds=total)

    def _ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        import networkx as nx

        position = {name: i for i, name in enumerate(self._by_name)}
        wanted = set(names)
        order = nx.lexicographical_topological_sort(self.graph, key=position.__getitem__)
        return tuple(name for name in order if name in wanted)


def find_cycle(processors: Iterable[Processor]) -> list[str] | None:
    """One circle of dependencies as a closed list of names, or None."""
    import networkx as nx

    graph = _graph(processors)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    try:
        edges = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return None
    return [*(edge[0] for edge in edges), edges[0][0]]


def _graph(processors: Iterable[Processor]) -> nx.DiGraph:
    import networkx as nx

    graph = nx.DiGraph()
    listed = list(processors)
    graph.add_nodes_from(p.name for p in listed)
    known = set(graph)
    graph.add_edges_from((d, p.name) for p in listed for d in p.dependencies if d in known)
    return graph
