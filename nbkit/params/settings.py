"""Values for parameters: from a YAML file, `-p name=value` and options, checked together."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbkit.errors import ParameterError
from nbkit.params.declaration import (
    EXAMPLES,
    Kind,
    Parameter,
    Value,
    checked,
    raise_all,
    with_article,
)


@dataclass(frozen=True)
class Setting:
    """A value for a parameter and where it was written (`file:line`, or the option)."""

    name: str
    value: Any
    where: str
    from_text: bool = False  # typed on a command line: read by the declared type


def read_values(path: Path) -> tuple[Setting, ...]:
    """The settings of a YAML file: a mapping from parameter to value.

    Raises:
        ParameterError: no such file, not YAML, or not a mapping; names file and line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = sorted(p.name for p in path.parent.glob("*.yaml"))
        there = f" There: {', '.join(siblings)}." if siblings else ""
        raise ParameterError(f"{path}: no such parameter file.{there}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read: {error}") from None
    yaml = YAML(typ="rt")
    # Dates stay the text that was written: the declared type decides what they are.
    yaml.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    try:
        content: Any = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        reason = str(error.problem or error.context or error).split("\n")[0]
        raise ParameterError(f"{path}{line}: not YAML: {reason}") from None
    except YAMLError as error:
        raise ParameterError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    if content is None:
        return ()
    if not hasattr(content, "lc") or not hasattr(content, "items"):
        raise ParameterError(f"{path}:1: must be a mapping, one `name: value` a line")
    return tuple(
        Setting(str(name), _plain(value), f"{path}:{content.lc.key(name)[0] + 1}")
        for name, value in content.items()
    )


def _plain(value: Any) -> Any:
    """YAML's round-trip types as plain Python."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    for python in (bool, int, float, str):
        if isinstance(value, python):
            return python(value)
    return value


def read_assignments(texts: Iterable[str]) -> tuple[Setting, ...]:
    """`-p name=value` options, in order.

    Raises:
        ParameterError: one without `=`.
    """
    settings, problems = [], []
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name.strip():
            settings.append(Setting(name.strip(), value, f"-p {text}", from_text=True))
        else:
            problems.append(f"-p {text}: write name=value")
    raise_all(problems)
    return tuple(settings)


def resolve(
    declared: Sequence[Parameter], settings: Iterable[Setting], *, where: str
) -> dict[str, Value]:
    """The value of every declared parameter; of several settings the last one wins.

    Timestamps come back as text in UTC (`2026-01-13T12:00:00Z`), dates as `2026-01-13`.

    Raises:
        ParameterError: all unknown names (each with the nearest valid one), wrong types and bad
            dates in one message.
    """
    known = {parameter.name: parameter for parameter in declared}
    values: dict[str, Value] = {
        p.name: None if p.default is None else checked(p, p.default) for p in declared
    }
    problems = []
    for setting in settings:
        parameter = known.get(setting.name)
        if parameter is None:
            problems.append(_unknown(setting, known, where))
            continue
        try:
            values[setting.name] = _value(parameter, setting)
        except ValueError as error:
            problems.append(f"{setting.where}: `{setting.name}` {error}")
    raise_all(problems)
    return values


def _unknown(setting: Setting, known: Mapping[str, Parameter], where: str) -> str:
    nearest = difflib.get_close_matches(setting.name, known, n=1, cutoff=0.5)
    if nearest:
        hint = f"did you mean `{nearest[0]}`?"
    elif known:
        hint = f"it has {', '.join(f'`{name}`' for name in known)}"
    else:
        hint = "it has none"
    return f"{setting.where}: {where} has no parameter `{setting.name}`; {hint}"


def _value(parameter: Parameter, setting: Setting) -> Value:
    value = setting.value
    if setting.from_text:
        value = _from_text(parameter, str(value))
    if value is None:
        if parameter.optional:
            return None
        raise ValueError(
            f"must be {with_article(parameter.kind)}, such as {EXAMPLES[parameter.kind]}"
        )
    return checked(parameter, value)


def _from_text(parameter: Parameter, text: str) -> Any:
    """What was typed, by the declared type. Text that does not read stays text, so that the check
    after it says what is wrong."""
    stripped = text.strip()
    if parameter.optional and stripped.lower() in ("", "none", "null"):
        return None
    kind = parameter.kind
    if kind is Kind.BOOLEAN:
        return {"true": True, "yes": True, "false": False, "no": False}.get(stripped.lower(), text)
    if kind is Kind.LIST and not stripped.startswith("["):
        items = [item.strip() for item in stripped.split(",")] if stripped else []
        return [_as_number(item) for item in items] if _numeric(parameter.default) else items
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return _as_number(stripped)
    if kind in (Kind.LIST, Kind.MAPPING):
        try:
            return json.loads(stripped)
        except ValueError:
            return text
    return text


def _numeric(default: Value) -> bool:
    return (
        isinstance(default, list)
        and bool(default)
        and all(isinstance(item, int | float) for item in default)
    )


def _as_number(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
