"""YAML with line numbers: the plain values, and for every key path the line it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nbkit.errors import RegistryError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file as values; `lines` maps key paths to line numbers, counted from 1. `twice`
    holds the keys that stand twice in one mapping, with the line of the second."""

    path: Path
    values: Any
    lines: dict[KeyPath, int]
    twice: tuple[tuple[KeyPath, int], ...] = ()

    def line(self, key: KeyPath) -> int:
        """The line of a key, or of its nearest parent that stands in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def shown_path(path: Path) -> str:
    """The path as a person in the working directory would write it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def read_document(path: Path) -> Document:
    """Read a YAML 1.2 file in one pass. Dates and times stay text.

    Raises:
        RegistryError: missing, not UTF-8 or not YAML; names file and line.
    """
    shown = shown_path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RegistryError(
            f"{shown}: no such file. Write it, or begin with the file of that name in the "
            "registry/ folder of nbkit's own repository."
        ) from None
    except UnicodeDecodeError:
        raise RegistryError(f"{shown}: is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise RegistryError(f"{shown}: cannot be read: {error.strerror}.") from None
    # Nodes know their lines; ruamel's round-trip types do too, at twice the time.
    yaml = YAML(typ="safe", pure=True)
    reader = _Reader(yaml)
    try:
        root = yaml.compose(text)
        values = reader.value(root, ()) if root is not None else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = str(error.problem or error.context).split("\n")[0].strip()
        raise RegistryError(
            f"{shown}:{mark.line + 1 if mark else 1}: not YAML: {reason}. "
            "Check the indentation, quotes and colons there and on the line above."
        ) from None
    except YAMLError as error:
        raise RegistryError(f"{shown}: not YAML: {str(error).splitlines()[0]}.") from None
    return Document(path, values, reader.lines, tuple(reader.twice))


class _Reader:
    """Turns nodes into values and notes where they stand."""

    def __init__(self, yaml: YAML) -> None:
        self._constructor = yaml.constructor
        self._open: list[Node] = []
        self.lines: dict[KeyPath, int] = {}
        self.twice: list[tuple[KeyPath, int]] = []

    def value(self, node: Node, key: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(key, line)
        if isinstance(node, ScalarNode):
            if node.tag == "tag:yaml.org,2002:timestamp":
                return node.value
            return self._constructor.construct_object(node)
        if any(node is outer for outer in self._open):
            raise ConstructorError(
                problem="an alias stands inside what it names", problem_mark=node.start_mark
            )
        self._open.append(node)
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*key, i)) for i, item in enumerate(node.value)]
            assert isinstance(node, MappingNode)
            return self._mapping(node, key)
        finally:
            self._open.pop()

    def _mapping(self, node: MappingNode, key: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, item in node.value:
            path = (*key, str(name.value))
            line = name.start_mark.line + 1
            if path[-1] in values:
                self.twice.append((path, line))
                continue
            self.lines[path] = line
            values[str(name.value)] = self.value(item, path)
        return values
