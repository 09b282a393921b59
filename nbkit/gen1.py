"""Find what is still written for Cloud Functions Gen1, and say what to write instead.

Python is read as a syntax tree, deployment scripts and documents line by line. A Gen1 function of
an event takes two arguments and finds its message in `event['data']`; deployed as Gen2 it is called
with one CloudEvent and fails, which is what happened to `cleanup_upcoming_tables`.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset(
    {".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache"}
)
_SCRIPTS = frozenset({".sh", ".bash", ".yaml", ".yml", ".md", ".txt"})
_MAX_BYTES = 2_000_000
_OLDEST_PYTHON = 11  # the runtimes below are being retired
_EVENT_NAMES = frozenset({"event", "data", "message", "_event", "cloud_event"})
_CONTEXT_NAMES = frozenset({"context", "ctx", "_context", "_ctx"})
_DEPLOY = re.compile(r"\bgcloud\b(?:\s+(?:beta|alpha))?\s+functions\s+deploy\b")
_RUNTIME = re.compile(r"--runtime[=\s]+python3(\d+)")


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


@dataclass(frozen=True)
class Unread:
    """A file that could not be looked into, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a tree holds."""

    uses: tuple[Gen1Use, ...]
    unread: tuple[Unread, ...]
    files: int


def scan(root: Path) -> Scan:
    """Look through a file or a folder and all below it. Links are not followed, and folders of
    installed packages are left out."""
    uses: list[Gen1Use] = []
    unread: list[Unread] = []
    count = 0
    for path in _files(root):
        count += 1
        try:
            text = path.read_text(encoding="utf-8")
            uses += _in_python(path, text) if path.suffix == ".py" else _in_script(path, text)
        except UnicodeDecodeError:
            unread.append(Unread(path, "not UTF-8 text"))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f" (line {line})" if line else ""
            unread.append(Unread(path, f"not Python 3{where}"))
        except RecursionError:
            unread.append(Unread(path, "nested too deeply"))
        except OSError as error:
            unread.append(Unread(path, error.strerror or str(error)))
    return Scan(tuple(sorted(uses, key=lambda u: (u.path, u.line))), tuple(unread), count)


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix not in _SCRIPTS | {".py"} or path.is_symlink():
                continue
            if path.stat().st_size <= _MAX_BYTES:
                yield path


def _in_python(path: Path, text: str) -> Iterator[Gen1Use]:
    tree = ast.parse(text)
    lines = text.splitlines()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            event = _gen1_event(node)
            if event is not None:
                yield from _function(path, lines, node, event)
    for imported in ast.walk(tree):
        if isinstance(imported, (ast.Import, ast.ImportFrom)) and _imports_v1(imported):
            yield Gen1Use(
                path=path,
                line=imported.lineno,
                kind="client of the Gen1 API",
                found=_line(lines, imported.lineno),
                instead="from google.cloud import functions_v2",
            )


def _gen1_event(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The name of the event argument, where the function has the signature of Gen1's event
    functions: an event and a context, by their names or by how they are used."""
    if any("cloud_event" in ast.dump(decorator) for decorator in node.decorator_list):
        return None
    arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    if len(arguments) != 2 or node.args.vararg or node.args.kwonlyargs:
        return None
    event, context = arguments
    if event in ("self", "cls"):
        return None
    if context in _CONTEXT_NAMES and (event in _EVENT_NAMES or _reads(node, event)):
        return event
    return event if _reads_data(node, event) and _uses(node, context) else None


def _function(
    path: Path,
    lines: list[str],
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    event: str,
) -> Iterator[Gen1Use]:
    yield Gen1Use(
        path=path,
        line=node.lineno,
        kind="function of a Gen1 event",
        found=_line(lines, node.lineno),
        instead=(
            "import functions_framework\n\n"
            f"@functions_framework.cloud_event\ndef {node.name}(cloud_event):"
        ),
    )
    context = (*node.args.posonlyargs, *node.args.args)[1].arg
    for part in ast.walk(node):
        if _is_key(part, event, "data"):
            yield Gen1Use(
                path=path,
                line=part.lineno,  # type: ignore[attr-defined]  # every expression has one
                kind="payload of a Gen1 event",
                found=_line(lines, part.lineno),  # type: ignore[attr-defined]
                instead='cloud_event.data["message"]["data"]  # base64, as before',
            )
        elif _is_key(part, event, "attributes"):
            yield Gen1Use(
                path=path,
                line=part.lineno,  # type: ignore[attr-defined]
                kind="attributes of a Gen1 event",
                found=_line(lines, part.lineno),  # type: ignore[attr-defined]
                instead='cloud_event.data["message"].get("attributes", {})',
            )
        elif (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id == context
        ):
            new = {
                "event_id": 'cloud_event["id"]',
                "timestamp": 'cloud_event["time"]',
                "event_type": 'cloud_event["type"]',
                "resource": 'cloud_event["source"]',
            }.get(part.attr, "the CloudEvent's own attributes")
            yield Gen1Use(
                path=path,
                line=part.lineno,
                kind="context of a Gen1 event",
                found=_line(lines, part.lineno),
                instead=new,
            )


def _in_script(path: Path, text: str) -> Iterator[Gen1Use]:
    for number, command in _commands(text):
        if not _DEPLOY.search(command):
            continue
        if "--gen2" not in command.split() or "--no-gen2" in command.split():
            yield Gen1Use(
                path=path,
                line=number,
                kind="deployment as Gen1",
                found=" ".join(command.split()),
                instead=_DEPLOY.sub(lambda m: f"{m[0]} … --gen2", " ".join(command.split())[:80]),
            )
        runtime = _RUNTIME.search(command)
        if runtime and int(runtime[1]) < _OLDEST_PYTHON:
            yield Gen1Use(
                path=path,
                line=number,
                kind="old runtime",
                found=runtime[0],
                instead="--runtime=python311",
            )


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Each command with the number of its first line; a backslash continues it."""
    first, parts = 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        parts.append(line.rstrip().removesuffix("\\"))
        first = first or number
        if line.rstrip().endswith("\\"):
            continue
        command = " ".join(parts)
        if not command.lstrip().startswith("#"):
            yield first, command
        first, parts = 0, []
    if parts:
        yield first, " ".join(parts)


def _imports_v1(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names]
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    return any("functions_v1" in name for name in (*names, module))


def _is_key(node: ast.AST, name: str, key: str) -> bool:
    """`name['key']` or `name.get('key', …)`."""
    if isinstance(node, ast.Subscript):
        target, said = node.value, node.slice
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        target, said = node.func.value, node.args[0]
    else:
        return False
    return (
        isinstance(target, ast.Name)
        and target.id == name
        and isinstance(said, ast.Constant)
        and said.value == key
    )


def _reads(node: ast.AST, name: str) -> bool:
    return any(
        _is_key(part, name, key) for part in ast.walk(node) for key in ("data", "attributes")
    )


def _reads_data(node: ast.AST, name: str) -> bool:
    return any(_is_key(part, name, "data") for part in ast.walk(node))


def _uses(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(part, ast.Attribute)
        and isinstance(part.value, ast.Name)
        and part.value.id == name
        and part.attr in ("event_id", "timestamp", "event_type", "resource")
        for part in ast.walk(node)
    )


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1].strip()
