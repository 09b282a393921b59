"""Scripts, YAML, Terraform and documents: functions that are deployed as Gen1."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from nbkit.gen1.use import Gen1Use

_YAML = frozenset({".yaml", ".yml"})
_PROSE = frozenset({".md", ".txt"})
_OLDEST_PYTHON = 11  # the runtimes below are being retired
_DEPLOY = re.compile(r"\bgcloud\b[^|;&\n]*?\bfunctions\s+deploy\b(?:\s+[^-\s]\S*)?")
_RUNTIME = re.compile(r"--runtime[=\s]+[\"']?python3(\d+)")
_TERRAFORM = re.compile(r'"google_cloudfunctions_function(\w*)"')
# What stands between the operators of a shell, in quotes or not.
_COMMAND = re.compile(r"(?:'[^']*'|\"(?:\\.|[^\"\\])*\"|(?!&&|\|\||[;|]).)+")


def in_script(path: Path, text: str) -> Iterator[Gen1Use]:
    """Deployments as Gen1 in a script, YAML, Terraform or a document."""
    if path.suffix == ".tf":
        for number, line in enumerate(text.splitlines(), start=1):
            if _TERRAFORM.search(line):
                yield Gen1Use(
                    path=path,
                    line=number,
                    kind="resource of the Gen1 API",
                    found=line.strip(),
                    instead=_TERRAFORM.sub(r'"google_cloudfunctions2_function\1"', line).strip(),
                )
        return
    if "deploy" not in text:
        return
    nodes = _yaml_nodes(text) if path.suffix in _YAML else None
    if nodes is None:
        for number, command in _commands(text):
            yield from _in_command(path, number, command)
        return
    for number, value in nodes:
        if isinstance(value, list):
            yield from in_words(path, number, value)
        else:
            for offset, command in _commands(value):
                yield from _in_command(path, number + offset - 1, command)


def _yaml_nodes(text: str) -> list[tuple[int, str | list[str]]] | None:
    """Texts and lists of words with their lines; None for what is no YAML, such as a template."""
    import yaml

    found: list[tuple[int, str | list[str]]] = []
    seen: set[int] = set()  # an alias is the node that it stands for

    def visit(node: yaml.Node) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            # Of a block the text begins on the line after its mark.
            found.append((line + (node.style in ("|", ">")), node.value))
        elif isinstance(node, yaml.SequenceNode):
            found.append((line, [str(item.value) for item in node.value]))
            for item in node.value:
                visit(item)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                visit(key)
                visit(value)

    try:
        for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if document is not None:
                visit(document)
    except (yaml.YAMLError, RecursionError):
        return None
    return found


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


def _in_command(path: Path, number: int, line: str) -> Iterator[Gen1Use]:
    for command in _COMMAND.findall(line):
        command = " ".join(command.split())
        words = re.split(r"[\s`]+", command)
        if not _DEPLOY.search(command):
            continue
        # In prose a deployment may be spoken of without being one.
        if path.suffix in _PROSE and not any(word.startswith("--") for word in words):
            continue
        if "--gen2" not in words:
            without = re.sub(r"\s--no-gen2\b", "", command)
            yield _deployment(
                path, number, command, _DEPLOY.sub(lambda m: f"{m[0]} --gen2", without, count=1)
            )
        yield from _runtime(path, number, command)


def in_words(path: Path, number: int, words: list[str]) -> Iterator[Gen1Use]:
    """A deployment as a list of words: a step of Cloud Build, or an argument of `subprocess`."""
    pairs = list(pairwise(words))
    if ("functions", "deploy") not in pairs:
        return
    said = " ".join(words)
    if "--gen2" not in words:
        named = pairs.index(("functions", "deploy")) + 3
        rest = [word for word in words[named:] if word != "--no-gen2"]
        yield _deployment(path, number, said, " ".join([*words[:named], "--gen2", *rest]))
    yield from _runtime(path, number, said)


def _deployment(path: Path, number: int, found: str, instead: str) -> Gen1Use:
    """Without the flag, a function that is Gen1 stays Gen1."""
    kind = "deployment without --gen2"
    return Gen1Use(path=path, line=number, kind=kind, found=found, instead=instead)


def _runtime(path: Path, number: int, command: str) -> Iterator[Gen1Use]:
    runtime = _RUNTIME.search(command)
    if runtime and int(runtime[1]) < _OLDEST_PYTHON:
        yield Gen1Use(
            path=path,
            line=number,
            kind="old runtime",
            found=runtime[0],
            instead="--runtime=python311",
        )
