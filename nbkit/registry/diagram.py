"""The dependency graph as text: SVG to look at, Mermaid for a wiki, DOT for graphviz."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from nbkit.registry.graph import ProcessorRegistry
from nbkit.registry.models import Criticality, Processor

# Okabe & Ito (2008): told apart with any colour vision. Criticality is also in the words.
_COLOURS = {
    Criticality.CRITICAL: "#D55E00",
    Criticality.HIGH: "#E69F00",
    Criticality.MEDIUM: "#56B4E9",
    Criticality.LOW: "#999999",
}
_LETTER = 7.0  # width of one, 11 px sans and bold, on the generous side
_SLOT = 74.0  # of the legend
_ROW, _BOX, _GAP, _HEAD, _MARGIN = 25.0, 20.0, 46.0, 62.0, 20.0
_SUFFIXES = ("Processor", "Exporter")


def draw(registry: ProcessorRegistry, *, kind: str, processor: str | None = None) -> str:
    """The graph, or the part of it upstream and downstream of one processor.

    Args:
        kind: `svg`, `mermaid` or `dot`.

    Raises:
        UnknownProcessor: no processor of that name.
        ValueError: no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
    shown = registry.order()
    if processor is not None:
        around = {processor, *registry.upstream(processor), *registry.downstream(processor)}
        shown = tuple(name for name in shown if name in around)
    return KINDS[kind](registry, shown, processor)


def _mermaid(registry: ProcessorRegistry, shown: tuple[str, ...], focus: str | None) -> str:
    key = {name: f"p{i}" for i, name in enumerate(shown)}
    lines = ["flowchart LR"]
    for i, phase in enumerate(registry.phases):
        own = [name for name in shown if registry.processor(name).phase == phase.name]
        if own:
            lines.append(f"  subgraph phase{i}[{_mermaid_text(phase.title)}]")
            lines += [f"    {key[name]}[{_mermaid_text(name)}]" for name in own]
            lines.append("  end")
    lines += [f"  {key[a]} --> {key[b]}" for a, b in _edges(registry, shown)]
    for level, colour in _COLOURS.items():
        own = [key[name] for name in shown if registry.processor(name).criticality is level]
        if own:
            lines.append(f"  classDef {level.lower()} stroke:{colour},stroke-width:2px")
            lines.append(f"  class {','.join(own)} {level.lower()}")
    if focus is not None:
        lines.append(f"  style {key[focus]} stroke-width:5px")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    # Mermaid reads entities written with # inside quotes; HTML in labels would be rendered.
    codes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"}
    return '"' + "".join(codes.get(letter, letter) for letter in text) + '"'


def _dot(registry: ProcessorRegistry, shown: tuple[str, ...], focus: str | None) -> str:
    lines = [
        "digraph processors {",
        "  rankdir=LR; nodesep=0.12; ranksep=1;",
        '  node [shape=box, style=rounded, fontname="Helvetica", fontsize=10];',
        '  edge [color="#888888", arrowsize=0.6];',
    ]
    for i, phase in enumerate(registry.phases):
        own = [name for name in shown if registry.processor(name).phase == phase.name]
        if own:
            lines.append(f"  subgraph cluster_{i} {{ label={_dot_text(phase.title)};")
            for name in own:
                colour = _COLOURS[registry.processor(name).criticality]
                width = ", penwidth=4" if name == focus else ""
                lines.append(f'    {_dot_text(name)} [color="{colour}"{width}];')
            lines.append("  }")
    lines += [f"  {_dot_text(a)} -> {_dot_text(b)};" for a, b in _edges(registry, shown)]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _svg(registry: ProcessorRegistry, shown: tuple[str, ...], focus: str | None) -> str:
    from nbkit.registry.layout import layered

    part = registry.graph.subgraph(shown)
    plan = layered(
        part,
        {name: registry.processor(name).phase for name in shown},
        phases=[phase.name for phase in registry.phases],
    )
    label = _labels(shown)
    titles = {phase.name: phase.title for phase in registry.phases}
    left, widths = [], []
    x = _MARGIN
    crowd = _crossings(plan.column_of, registry, shown)
    for i, column in enumerate(plan.columns):
        width = max(len(label[name]) for name in column.names) * _LETTER + 22
        if column.level == 0:  # the title of the phase must fit too
            width = max(width, (len(titles[column.phase]) + 4) * _LETTER)
        left.append(x)
        widths.append(width)
        x += width + (_GAP + min(crowd[i], 50) if i + 1 < len(plan.columns) else _MARGIN)
    total = x
    ys = [*plan.heights.values(), *(y for route in plan.routes.values() for y in route)]
    top = min(ys, default=0.0)

    def middle(height: float) -> float:
        return _HEAD + _MARGIN + (height - top) * _ROW + _BOX / 2

    bottom = middle(max(ys, default=0.0)) + _BOX / 2 + _MARGIN + 24
    at = plan.column_of
    above = set(registry.upstream(focus)) if focus else set()

    def side(a: str, b: str) -> str:
        if focus is None:
            return "edge"
        return "edge up" if b == focus or b in above else "edge down"

    parts = [_svg_head(registry, shown, focus, total, bottom)]
    # A band behind the columns of each phase, its title on top.
    for phase in registry.phases:
        own = [i for i, column in enumerate(plan.columns) if column.phase == phase.name]
        if own:
            start, end = left[own[0]] - 12, left[own[-1]] + widths[own[-1]] + 12
            count = sum(len(plan.columns[i].names) for i in own)
            parts.append(
                f'<rect class="band" x="{start:.1f}" y="{_HEAD - 22:.1f}" '
                f'width="{end - start:.1f}" height="{bottom - _HEAD - 8:.1f}" rx="8"/>'
                f'<text class="phase" x="{start + 10:.1f}" y="{_HEAD - 4:.1f}">'
                f'{escape(phase.title)} <tspan class="count">{count}</tspan></text>'
            )
    for a, b in _edges(registry, shown):
        i, j = at[a], at[b]
        stops = [(left[i] + widths[i], middle(plan.heights[a]))]
        for step, height in enumerate(plan.routes[(a, b)], start=1):
            stops += [
                (left[i + step], middle(height)),
                (left[i + step] + widths[i + step], middle(height)),
            ]
        stops.append((left[j], middle(plan.heights[b])))
        parts.append(
            f'<path class="{side(a, b)}" d="{_curve(stops)}">'
            f"<title>{escape(a)} → {escape(b)}</title></path>"
        )
    for i, column in enumerate(plan.columns):
        for name in column.names:
            parts.append(
                _svg_box(
                    registry.processor(name),
                    label[name],
                    x=left[i],
                    y=middle(plan.heights[name]) - _BOX / 2,
                    width=widths[i],
                    kind="focus" if name == focus else "lone" if not part.degree(name) else "",
                )
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _svg_head(
    registry: ProcessorRegistry,
    shown: tuple[str, ...],
    focus: str | None,
    width: float,
    height: float,
) -> str:
    if focus is None:
        title = f"{len(shown)} processors and exporters, and what they need"
    else:
        before, after = len(registry.upstream(focus)), len(registry.downstream(focus))
        title = f"{focus}: needs {before}, is needed by {after}"
    x = max(width - _MARGIN - _SLOT * len(Criticality), _MARGIN)
    legend = [
        f'<rect x="{x + _SLOT * i:.1f}" y="14" width="10" height="10" rx="2" '
        f'fill="{_COLOURS[level]}"/>'
        f'<text class="count" x="{x + _SLOT * i + 15:.1f}" y="23">{level.lower()}</text>'
        for i, level in enumerate(Criticality)
    ]
    if any(not registry.graph.degree(name) for name in shown):
        legend.append(
            f'<g class="box lone"><rect x="{x - 205:.1f}" y="13.5" width="18" height="11" rx="3"/>'
            f'<text class="count" x="{x - 182:.1f}" y="23">needs and is needed by none</text></g>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label={quoteattr(title)}>\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="paper" width="100%" height="100%"/>\n'
        f'<text class="title" x="{_MARGIN:.0f}" y="25">{escape(title)}</text>\n' + "".join(legend)
    )


def _svg_box(
    processor: Processor, label: str, *, x: float, y: float, width: float, kind: str
) -> str:
    deadline = processor.sla_completion_time
    about = [processor.name, processor.description, f"{processor.criticality.lower()} criticality"]
    about += [f"owner {processor.owner}", f"due {deadline}" if deadline else "no deadline stated"]
    return (
        f'<g class="box {kind}"><title>{escape(chr(10).join(filter(None, about)))}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BOX:.0f}" rx="4"/>'
        f'<rect class="mark" x="{x:.1f}" y="{y:.1f}" width="5" height="{_BOX:.0f}" rx="2" '
        f'style="fill:{_COLOURS[processor.criticality]}"/>'
        f'<text x="{x + 12:.1f}" y="{y + 14:.1f}">{escape(label)}</text></g>'
    )


def _curve(stops: list[tuple[float, float]]) -> str:
    """Flat through the columns, an S between them."""
    (x, y), rest = stops[0], stops[1:]
    path = f"M{x:.1f} {y:.1f}"
    for u, v in rest:
        half = (x + u) / 2
        bend = f"C{half:.1f} {y:.1f} {half:.1f} {v:.1f} {u:.1f} {v:.1f}"
        path += f"L{u:.1f} {v:.1f}" if v == y else bend
        x, y = u, v
    return path


def _crossings(
    column_of: dict[str, int], registry: ProcessorRegistry, shown: tuple[str, ...]
) -> Counter[int]:
    """How many edges end just right of each column: many need room to fan out."""
    return Counter(column_of[b] - 1 for _, b in _edges(registry, shown))


def _labels(names: tuple[str, ...]) -> dict[str, str]:
    """Names without the ending that nearly all share, where that leaves them distinct; the whole
    name is in the box's tooltip."""
    short = {}
    for name in names:
        ending = next((s for s in _SUFFIXES if name.endswith(s) and name != s), "")
        short[name] = name.removesuffix(ending)
    taken = list(short.values())
    return {name: label if taken.count(label) == 1 else name for name, label in short.items()}


def _edges(registry: ProcessorRegistry, shown: tuple[str, ...]) -> list[tuple[str, str]]:
    """Edges among the shown names, in the order of the lists that state them."""
    known = set(shown)
    return [
        (dependency, name)
        for name in shown
        for dependency in registry.get_dependencies(name)
        if dependency in known
    ]


_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --paper: #ffffff;
  --band: #f3f5f8; --box: #ffffff; --line: #8c959f; --rim: #d0d7de;
  --up: #0072b2; --down: #b64a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9aa4af; --paper: #0d1117;
  --band: #161b22; --box: #21262d; --line: #6e7681; --rim: #373e47;
  --up: #6cb6ff; --down: #ff9b5e; } }
text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  fill: var(--ink); }
.paper { fill: var(--paper); } .band { fill: var(--band); }
.title { font-size: 17px; font-weight: 600; } .phase { font-size: 12.5px; font-weight: 600; }
.count { fill: var(--dim); font-weight: 400; }
.box rect { fill: var(--box); stroke: var(--rim); } .box .mark { stroke: none; }
.box.lone rect { stroke-dasharray: 3 3; fill: none; } .box.lone text { fill: var(--dim); }
.box.focus rect { stroke: var(--ink); stroke-width: 2.5; } .box.focus .mark { stroke: none; }
.edge { fill: none; stroke: var(--line); stroke-width: 1.1; opacity: .55; }
.edge.up { stroke: var(--up); opacity: .85; } .edge.down { stroke: var(--down); opacity: .85; }
.edge:hover { opacity: 1; stroke-width: 3; stroke: var(--ink); }
"""

KINDS: dict[str, Callable[[ProcessorRegistry, tuple[str, ...], str | None], str]] = {
    "svg": _svg,
    "mermaid": _mermaid,
    "dot": _dot,
}
# By which ending of a file a kind is meant.
ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}
