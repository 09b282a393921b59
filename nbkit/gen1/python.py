"""Python: functions of Gen1 events, what they read, and the old client."""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbkit.gen1.scripts import in_words
from nbkit.gen1.use import Gen1Use

_EVENT_NAMES = frozenset({"event", "_event", "cloud_event"})
_CONTEXT_NAMES = frozenset({"context", "ctx", "_context", "_ctx"})
_MESSAGE_KEYS = frozenset({"data", "attributes"})
_OBJECT_KEYS = frozenset({"bucket", "metageneration"})
# What a Gen1 context knows, as the CloudEvent has it.
_CONTEXT = {
    "event_id": 'cloud_event["id"]',
    "timestamp": 'cloud_event["time"]',
    "event_type": 'cloud_event["type"]',
    "resource": 'cloud_event["source"]',
}
# A module without any of them has nothing to be found, and parsing is what takes time.
_SIGNS = re.compile(rf"{'|'.join([*_CONTEXT_NAMES, *_CONTEXT])}|functions_v1|deploy")
_FORMATTED = re.compile(rb"\b[rR]?[fF][rR]?(\"\"\"|'''|\"|')")  # where an f-string begins
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def in_python(path: Path) -> Iterator[Gen1Use]:
    """What of a module is Gen1.

    Raises:
        SyntaxError: it is no Python 3.
    """
    with tokenize.open(path) as file:  # in the encoding that its first lines declare
        text = file.read()
    if not _SIGNS.search(text):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in other people's strings
        tree = ast.parse(text)
    lines = text.split("\n")  # as the tree counts them: a form feed ends none
    for node in _top_level(tree.body):
        arguments = _gen1_arguments(node)
        if arguments:
            yield from _in_function(path, lines, node, *arguments)
    for part in ast.walk(tree):
        if isinstance(part, ast.Import | ast.ImportFrom) and _imports_v1(part):
            yield Gen1Use(
                path=path,
                line=part.lineno,
                kind="client of the Gen1 API",
                found=lines[part.lineno - 1].strip(),
                instead=lines[part.lineno - 1].strip().replace("functions_v1", "functions_v2"),
            )
        elif isinstance(part, ast.List | ast.Tuple):
            words = [e.value if isinstance(e, ast.Constant) else "…" for e in part.elts]
            yield from in_words(path, part.lineno, [str(word) for word in words])


def _top_level(body: Iterable[ast.stmt]) -> Iterator[_Function]:
    """Functions of a module, those below an `if` or a `try` too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif not isinstance(node, ast.ClassDef):
            yield from _top_level(s for s in ast.iter_child_nodes(node) if isinstance(s, ast.stmt))


def _gen1_arguments(node: _Function) -> tuple[str, str] | None:
    """The names of event and context, where the function has the signature of Gen1's event
    functions: by these names, or by how they are used, as `(data, context)` may be anything."""
    if any("cloud_event" in ast.dump(decorator) for decorator in node.decorator_list):
        return None
    arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    if len(arguments) != 2 or node.args.vararg or node.args.kwonlyargs:
        return None
    event, context = arguments
    if event in ("self", "cls"):
        return None
    keys = {key for part in ast.walk(node) if (key := _key_of(part, event))}
    if context in _CONTEXT_NAMES:
        known = event in _EVENT_NAMES or keys & (_MESSAGE_KEYS | _OBJECT_KEYS)
        return (event, context) if known else None
    asked = any(_attribute_of(part, context) in _CONTEXT for part in ast.walk(node))
    return (event, context) if "data" in keys and asked else None


def _in_function(
    path: Path, lines: list[str], node: _Function, event: str, context: str
) -> Iterator[Gen1Use]:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    define = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    yield Gen1Use(
        path=path,
        line=node.lineno,
        kind="function of a Gen1 event",
        found=lines[node.lineno - 1].strip(),
        instead=(
            "import functions_framework\n\n"
            f"@functions_framework.cloud_event\n{define} {node.name}(cloud_event){returns}:"
        ),
    )
    parts = [part for statement in node.body for part in ast.walk(statement)]
    keys = {key for part in parts if (key := _key_of(part, event))}
    # A Gen1 event of Pub/Sub is the message itself; one of Storage is the CloudEvent's data.
    is_object = keys & _OBJECT_KEYS and not keys & _MESSAGE_KEYS
    payload = "cloud_event.data" if is_object else 'cloud_event.data["message"]'
    formatted = {id(p) for text in parts if isinstance(text, ast.JoinedStr) for p in ast.walk(text)}
    changes: dict[int, set[tuple[int, int, str]]] = {}
    kinds: dict[int, set[str]] = {}
    for part in parts:
        if isinstance(part, ast.Attribute) and _attribute_of(part, context) in _CONTEXT:
            kind, old, new = "context", f"{context}.{part.attr}", _CONTEXT[part.attr]
        elif isinstance(part, ast.Name) and part.id == event and isinstance(part.ctx, ast.Load):
            kind, old, new = "payload", event, payload
        else:
            continue
        line = lines[part.lineno - 1].encode()
        start, end = part.col_offset, part.end_col_offset or 0
        if id(part) in formatted:
            opened = _FORMATTED.findall(line[: line.find(old.encode())])
            new = new.replace('"', "'") if opened and opened[-1] == b'"' else new
            places = _in_braces(line, old.encode())
        else:
            places = [(start, end)] if line[start:end] == old.encode() else []
        if places:
            changes.setdefault(part.lineno, set()).update((*place, new) for place in places)
            kinds.setdefault(part.lineno, set()).add(kind)
    for number, made in sorted(changes.items()):
        yield Gen1Use(
            path=path,
            line=number,
            kind=f"{' and '.join(sorted(kinds[number], reverse=True))} of a Gen1 event",
            found=lines[number - 1].strip(),
            instead=_changed(lines[number - 1], made).strip(),
        )


def _in_braces(line: bytes, name: bytes) -> list[tuple[int, int]]:
    """Where a name stands in the expressions of a formatted string: before Python 3.12 the syntax
    tree may point to the same word in the text beside them."""
    found = re.finditer(rb"(?<![\w.])" + re.escape(name) + rb"\b", line)
    return [
        m.span() for m in found if line.count(b"{", 0, m.start()) > line.count(b"}", 0, m.start())
    ]


def _changed(line: str, changes: set[tuple[int, int, str]]) -> str:
    """A line with parts of it replaced; their columns count bytes, as the syntax tree has them."""
    raw = line.encode()
    for start, end, new in sorted(changes, reverse=True):
        raw = raw[:start] + new.encode() + raw[end:]
    return raw.decode()


def _key_of(node: ast.AST, name: str) -> str | None:
    """`key` of `name['key']`, `name.get('key', …)` or `'key' in name`."""
    said: ast.AST
    if isinstance(node, ast.Subscript):
        target, said = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr != "get":
            return None
        target, said = node.func.value, node.args[0]
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        target, said = node.comparators[0], node.left
    else:
        return None
    if not isinstance(target, ast.Name) or target.id != name or not isinstance(said, ast.Constant):
        return None
    return said.value if isinstance(said.value, str) else None


def _attribute_of(node: ast.AST, name: str) -> str | None:
    """`x` of `name.x`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == name else None
    return None


def _imports_v1(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names]
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    return any("functions_v1" in name for name in (*names, module))
