"""Where the boxes of the dependency graph stand: a layered layout, without graphviz.

Sugiyama, Tagawa & Toda (1981), in four steps: columns (here given by the phases), dummy points
where an edge passes a column, an order within each column by barycentres, and heights that keep
that order while edges run as straight as they can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

Edge = tuple[str, str]
# A name of the graph, or the dummy (source, column) where edges of one source pass a column: they
# share a lane until they part, otherwise a processor with many dependents fills the picture.
_Point = str | tuple[str, int]

_SWEEPS = 12


@dataclass(frozen=True)
class Column:
    """One column of boxes: the `level`-th of its phase, with the names from top to bottom."""

    phase: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Columns from left to right, the height of each box's middle (in units of one box), and for
    each edge the heights at which it passes the columns between its ends."""

    columns: tuple[Column, ...]
    heights: Mapping[str, float]
    routes: Mapping[Edge, tuple[float, ...]]

    @property
    def column_of(self) -> dict[str, int]:
        return {name: at for at, column in enumerate(self.columns) for name in column.names}


def layered(
    graph: nx.DiGraph, phase_of: Mapping[str, str], *, phases: Iterable[str], lane: float = 0.35
) -> Layout:
    """Lay out an acyclic graph in columns, phase by phase.

    Args:
        graph: an edge runs from a dependency to what needs it.
        phase_of: the phase of each name.
        phases: the phases from left to right; those without names take no room.
        lane: room for an edge that passes a column, in units of one box.
    """
    members = _columns(graph, phase_of, phases)
    column_of = {name: at for at, (_, _, names) in enumerate(members) for name in names}
    points: list[list[_Point]] = [list(names) for _, _, names in members]
    links: dict[tuple[_Point, _Point], None] = {}
    # Only edges that run to the right pass other columns; a registry may hold a few that do not.
    for edge in graph.edges:
        stops: list[_Point] = [edge[0]]
        for at in range(column_of[edge[0]] + 1, column_of[edge[1]]):
            dummy = (edge[0], at)
            if dummy not in points[at]:
                points[at].append(dummy)
            stops.append(dummy)
        stops.append(edge[1])
        links |= dict.fromkeys(pairwise(stops))
    lone = {name for name in graph if graph.degree(name) == 0}
    _order(points, links, lone)
    heights = _heights(points, links, lone, lane)
    return Layout(
        columns=tuple(
            Column(phase, level, tuple(p for p in points[at] if isinstance(p, str)))
            for at, (phase, level, _) in enumerate(members)
        ),
        heights={point: y for point, y in heights.items() if isinstance(point, str)},
        routes={
            edge: tuple(
                heights[(edge[0], at)] for at in range(column_of[edge[0]] + 1, column_of[edge[1]])
            )
            for edge in graph.edges
        },
    )


def _columns(
    graph: nx.DiGraph, phase_of: Mapping[str, str], phases: Iterable[str]
) -> list[tuple[str, int, list[str]]]:
    """(phase, level, names): a phase whose members need one another takes several columns."""
    columns = []
    for phase in phases:
        inside = graph.subgraph([name for name in graph if phase_of[name] == phase])
        for level, names in enumerate(nx.topological_generations(inside)):
            known = set(names)
            columns.append((phase, level, [name for name in graph if name in known]))
    return columns


def _order(
    points: list[list[_Point]], links: Iterable[tuple[_Point, _Point]], lone: set[str]
) -> None:
    """Sort each column by the mean place of its neighbours, to the left and right in turn."""
    left: dict[_Point, list[_Point]] = {}
    right: dict[_Point, list[_Point]] = {}
    for a, b in links:
        right.setdefault(a, []).append(b)
        left.setdefault(b, []).append(a)
    place = {point: _share(i, column) for column in points for i, point in enumerate(column)}
    for sweep in range(_SWEEPS):
        neighbours, walk = (left, points) if sweep % 2 == 0 else (right, points[::-1])
        for column in walk:
            mean = {
                point: _mean([place[n] for n in neighbours.get(point, ())], place[point])
                for point in column
            }
            # What is connected to nothing goes below, whatever its neighbours' places.
            column.sort(key=lambda point: (point in lone, mean[point]))
            place |= {point: _share(i, column) for i, point in enumerate(column)}


def _heights(
    points: list[list[_Point]],
    links: Iterable[tuple[_Point, _Point]],
    lone: set[str],
    lane: float,
) -> dict[_Point, float]:
    """Heights near the mean of the neighbours', in order and not overlapping."""
    near: dict[_Point, list[_Point]] = {}
    for a, b in links:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    heights: dict[_Point, float] = {}
    for column in points:
        gaps = _gaps(column, lane)
        top = -sum(gaps) / 2
        for i, point in enumerate(column):
            heights[point] = top + sum(gaps[: i + 1])
    for sweep in range(_SWEEPS):
        for column in points if sweep % 2 == 0 else points[::-1]:
            joined = [point for point in column if point not in lone]
            wanted = [
                _mean([heights[n] for n in near.get(point, ())], heights[point]) for point in joined
            ]
            heights |= zip(joined, spread(wanted, _gaps(joined, lane)), strict=True)
    top = min((y for point, y in heights.items() if point not in lone), default=0.0)
    for column in points:
        # Boxes connected to nothing stand below the others of their column.
        below = max((heights[point] for point in column if point not in lone), default=top - 1.5)
        for rank, point in enumerate(point for point in column if point in lone):
            heights[point] = below + 1.5 + rank
    return heights


def spread(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places closest to `wanted` (least squares) whose neighbours are at least a gap apart.

    `gaps[i]` is the least distance from place i - 1 to place i (`gaps[0]` is not used). Pool
    adjacent violators, on the wanted places less the gaps before them.
    """
    offsets: list[float] = []
    for i in range(len(wanted)):
        offsets.append(offsets[-1] + gaps[i] if i else 0.0)
    pools: list[tuple[float, int]] = []  # (mean, size)
    for want, offset in zip(wanted, offsets, strict=True):
        mean, size = want - offset, 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean = (before * count + mean * size) / (count + size)
            size += count
        pools.append((mean, size))
    level = [mean for mean, size in pools for _ in range(size)]
    return [base + offset for base, offset in zip(level, offsets, strict=True)]


def _gaps(column: Sequence[_Point], lane: float) -> list[float]:
    sizes = [1.0 if isinstance(point, str) else lane for point in column]
    return [0.0 if i == 0 else (sizes[i - 1] + size) / 2 for i, size in enumerate(sizes)]


def _share(index: int, column: Sequence[_Point]) -> float:
    return (index + 0.5) / len(column)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
