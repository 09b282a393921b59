"""The drawn graph shows every processor and dependency, and draws hostile names as text."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.errors import UnknownProcessor
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.diagram import draw
from nbkit.registry.layout import layered, spread

SVG = "{http://www.w3.org/2000/svg}"
FOCUS = "PlayerGameSummaryProcessor"


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> ProcessorRegistry:
    path: Path = tmp_path_factory.mktemp("hostile") / "registry.yaml"
    rest = (
        "phase: p, criticality: LOW, owner: me, timeout_seconds: 1, expected_frequency: daily, "
        "sla_completion_time: null, expected_record_range: null"
    )
    path.write_text(
        'version: "1"\nphases: [{name: p, title: "A & <b>"}]\nprocessors:\n'
        f"- {{name: '<script>alert(1)</script>', {rest}}}\n"
        f"- {{name: 'x\"]; y', dependencies: ['<script>alert(1)</script>'], {rest}}}\n"
        f"- {{name: 'a\\b#1', {rest}}}\n",
        encoding="utf-8",
    )
    return load_registry(path)


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Name (first line of the tooltip) → x, y, width, height."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        rect = group.find(f"{SVG}rect")
        if title is not None and title.text and rect is not None:
            box = tuple(float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
            found[title.text.split("\n")[0]] = box
    return found


def edges(svg: str) -> dict[tuple[str, str], str]:
    """(from, to) → the path's data."""
    found = {}
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        title = path.find(f"{SVG}title")
        assert title is not None
        a, b = (title.text or "").split(" → ")
        found[(a, b)] = path.attrib["d"]
    return found


def test_every_processor_is_a_box_and_every_dependency_a_line(
    registry: ProcessorRegistry,
) -> None:
    svg = draw(registry, kind="svg")
    assert boxes(svg).keys() == {p.name for p in registry.processors}
    assert edges(svg).keys() == set(registry.graph.edges)


def test_boxes_do_not_overlap_and_lie_in_the_picture(registry: ProcessorRegistry) -> None:
    svg = draw(registry, kind="svg")
    _, _, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    placed = sorted(boxes(svg).values())
    for x, y, w, h in placed:
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    for i, (x, y, w, h) in enumerate(placed):
        for u, v, s, t in placed[i + 1 :]:
            assert x + w <= u or u + s <= x or y + h <= v or v + t <= y


def test_a_line_runs_from_the_right_side_of_one_box_to_the_left_side_of_the_other(
    registry: ProcessorRegistry,
) -> None:
    svg = draw(registry, kind="svg")
    box = boxes(svg)
    for (a, b), path in edges(svg).items():
        numbers = [float(n) for n in re.findall(r"[\d.]+", path)]
        x, y, w, h = box[a]
        assert numbers[:2] == pytest.approx([x + w, y + h / 2], abs=0.2)
        x, y, _, h = box[b]
        assert numbers[-2:] == pytest.approx([x, y + h / 2], abs=0.2)


def test_a_line_does_not_cross_a_box_on_its_way(registry: ProcessorRegistry) -> None:
    graph, phases = registry.graph, [phase.name for phase in registry.phases]
    plan = layered(graph, {p.name: p.phase for p in registry.processors}, phases=phases)
    for (a, b), route in plan.routes.items():
        passed = range(plan.column_of[a] + 1, plan.column_of[b])
        assert len(route) == len(passed)
        for column, height in zip(passed, route, strict=True):
            nearest = min(abs(height - plan.heights[n]) for n in plan.columns[column].names)
            assert nearest >= 0.5, (a, b, column)


def test_phases_stand_from_left_to_right_and_dependencies_left_of_what_needs_them(
    registry: ProcessorRegistry,
) -> None:
    phases = [phase.name for phase in registry.phases]
    plan = layered(registry.graph, {p.name: p.phase for p in registry.processors}, phases=phases)
    ranks = [phases.index(column.phase) for column in plan.columns]
    assert ranks == sorted(ranks)
    assert all(plan.column_of[a] < plan.column_of[b] for a, b in registry.graph.edges)


def test_an_edge_against_the_phases_is_drawn_too() -> None:
    graph = nx.DiGraph([("late", "early")])
    plan = layered(graph, {"late": "two", "early": "one"}, phases=["one", "two"])
    assert plan.column_of == {"early": 0, "late": 1}
    assert plan.routes == {("late", "early"): ()}


def test_one_processor_is_drawn_with_what_it_needs_and_what_needs_it(
    registry: ProcessorRegistry,
) -> None:
    around = {FOCUS, *registry.upstream(FOCUS), *registry.downstream(FOCUS)}
    svg = draw(registry, kind="svg", processor=FOCUS)
    assert boxes(svg).keys() == around
    assert f'aria-label="{FOCUS}: needs 9, is needed by 26"' in svg
    alone = draw(registry, kind="svg", processor="NewsExporter")
    assert boxes(alone).keys() == {"NewsExporter"}
    with pytest.raises(UnknownProcessor, match=FOCUS):
        draw(registry, kind="svg", processor="PlayerGameSumaryProcessor")
    with pytest.raises(ValueError, match="png"):
        draw(registry, kind="png")


def test_the_picture_loads_nothing_and_a_name_is_never_markup(hostile: ProcessorRegistry) -> None:
    svg = draw(hostile, kind="svg")
    names = {p.name for p in hostile.processors}
    assert boxes(svg).keys() == names
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "style", "rect", "text", "tspan", "path", "title", "g"}
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_mermaid_names_all_and_escapes_what_it_would_read(
    registry: ProcessorRegistry, hostile: ProcessorRegistry
) -> None:
    text = draw(registry, kind="mermaid", processor=FOCUS)
    assert text.startswith("flowchart LR\n")
    key = dict(re.findall(r'^    (p\d+)\["(\w+)"\]$', text, re.MULTILINE))
    drawn = {(key[a], key[b]) for a, b in re.findall(r"^  (p\d+) --> (p\d+)$", text, re.MULTILINE)}
    assert drawn == set(registry.graph.subgraph(key.values()).edges)
    assert FOCUS in key.values()
    assert len(key) == 36
    text = draw(hostile, kind="mermaid")
    assert '["#lt;script#gt;alert(1)#lt;/script#gt;"]' in text
    assert '["x#quot;]; y"]' in text
    assert "<" not in text


def test_dot_names_all_and_quotes_them(
    registry: ProcessorRegistry, hostile: ProcessorRegistry
) -> None:
    text = draw(registry, kind="dot")
    drawn = set(re.findall(r'^  "(\w+)" -> "(\w+)";$', text, re.MULTILINE))
    assert drawn == set(registry.graph.edges)
    assert text.count("subgraph cluster_") == 7
    text = draw(hostile, kind="dot")
    assert r'"x\"]; y"' in text
    assert r'"a\\b#1"' in text


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 5)), min_size=1, max_size=12))
def test_spreading_keeps_order_and_distance_and_what_already_fits(
    points: list[tuple[float, float]],
) -> None:
    wanted, gaps = [p[0] for p in points], [p[1] for p in points]
    placed = spread(wanted, gaps)
    for (a, b), gap in zip(pairwise(placed), gaps[1:], strict=True):
        assert b - a >= gap - 1e-9
    # Least squares leaves the mean where it was, and a solution alone.
    assert sum(placed) == pytest.approx(sum(wanted), abs=1e-6)
    assert spread(placed, gaps) == pytest.approx(placed, abs=1e-9)


def test_spreading_moves_two_that_collide_by_the_same_way() -> None:
    assert spread([0.0, 0.0, 9.0], [0.0, 2.0, 1.0]) == [-1.0, 1.0, 9.0]
