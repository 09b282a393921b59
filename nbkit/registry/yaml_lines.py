"""YAML with line numbers: the plain values, and for every key path the line it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nbkit.errors import RegistryError

KeyPath = tuple[str | int, ...]
# libyaml reads the registry ten times faster; a build without it still works.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """A YAML file as values; `lines` maps key paths to line numbers, counted from 1."""

    path: Path
    values: Any
    lines: dict[KeyPath, int]

    def where(self, key: KeyPath) -> str:
        """`file.yaml:12`: the line of the key, or of its nearest parent that has one."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path}:{self.lines.get(key, 1)}"


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        RegistryError: missing, not YAML, or with a key written twice; names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RegistryError(
            f"{path}: cannot be read ({error.strerror}). A project keeps its registry there."
        ) from None
    except UnicodeDecodeError:
        raise RegistryError(f"{path}: is not UTF-8 text. Save it as UTF-8.") from None
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise RegistryError(
            f"{path}:{line}: not YAML: {error.problem or error.context}. "
            "Check the indentation and quotes around there."
        ) from None
    lines: dict[KeyPath, int] = {}
    twice: list[str] = []
    if root is not None:
        _walk(root, (), lines, twice, path)
    if twice:
        raise RegistryError("\n".join(twice))
    return Document(path, yaml.load(text, Loader=_Loader), lines)


def _walk(
    node: yaml.Node, key: KeyPath, lines: dict[KeyPath, int], twice: list[str], path: Path
) -> None:
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for name, value in node.value:
            line = name.start_mark.line + 1
            if name.value in seen:
                twice.append(
                    f"{path}:{line}: the key {name.value!r} stands twice (first on line "
                    f"{seen[name.value]}). Remove one."
                )
            seen[name.value] = line
            lines[(*key, name.value)] = line
            _walk(value, (*key, name.value), lines, twice, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*key, index), lines, twice, path)
