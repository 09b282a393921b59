"""The messages in the `errors` column, in all the shapes that are really in the table.

A JSON array of strings or objects, an object, a bare string, JSON inside a string, null, truncated
JSON, stack traces (chained ones too), and the rows of `stale_running_cleanup`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_TEXT_KEYS = (
    "message",
    "error_message",
    "error",
    "msg",
    "detail",
    "details",
    "description",
    "reason",
    "text",
    "exception_message",
)
_TYPE_KEYS = ("exception_type", "error_type", "exc_type", "exception", "type", "class")
_TRACE_KEYS = ("traceback", "stack_trace", "stacktrace", "trace")
_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?::\s?(?P<text>.*))?$")
_TRUNCATED_TEXT = re.compile(
    r'"(?:%s)"\s*:\s*"(?P<text>(?:[^"\\]|\\.)*)' % "|".join(_TEXT_KEYS), re.DOTALL
)
_TRUNCATED_TYPE = re.compile(r'"(?:%s)"\s*:\s*"(?P<text>[^"\\]*)"' % "|".join(_TYPE_KEYS))


@dataclass(frozen=True)
class Message:
    """One error as text, with the exception's type where it is known."""

    text: str
    exception_type: str | None = None


def messages_of(errors: Any) -> tuple[Message, ...]:
    """All messages in a value of the `errors` column (JSON text, or already parsed), in order.

    Never raises: what cannot be parsed is a message as it stands. Empty for null.
    """
    return tuple(m for m in _of_value(errors, depth=0) if m.text.strip() or m.exception_type)


def _of_value(value: Any, *, depth: int) -> list[Message]:
    if value is None or depth > 6 or isinstance(value, bool):
        return []
    if isinstance(value, str):
        return _of_text(value, depth=depth)
    if isinstance(value, dict):
        return _of_object(value, depth=depth)
    if isinstance(value, (list, tuple)):
        return [m for item in value for m in _of_value(item, depth=depth + 1)]
    if isinstance(value, float) and value != value:  # NaN stands for null in a frame
        return []
    return [Message(str(value))]


def _of_text(text: str, *, depth: int) -> list[Message]:
    stripped = text.strip()
    if stripped in ("", "null", "None", "[]", "{}"):
        return []
    if stripped[0] in '[{"':
        try:
            parsed = json.loads(stripped)
        except ValueError:
            return _of_truncated(stripped, depth=depth)
        except RecursionError:
            return [Message(stripped)]
        if parsed != stripped:
            return _of_value(parsed, depth=depth + 1)
    if _TRACEBACK in text:
        return _of_traceback(text)
    return [Message(text)]


def _of_object(value: dict[Any, Any], *, depth: int) -> list[Message]:
    if "stale_running_cleanup" in (value.get("cleanup"), value.get("source")) or (
        "original_errors" in value
    ):
        original = _of_value(value.get("original_errors"), depth=depth + 1)
        # What the run said before it was swept counts for more than the sweep.
        return original or [Message(f"stale_running_cleanup {json.dumps(value, default=str)}")]
    kind = next((v for k in _TYPE_KEYS if isinstance(v := value.get(k), str) and v), None)
    found: list[Message] = []
    for key in _TEXT_KEYS:
        inner = value.get(key)
        if inner:
            found = _of_value(inner, depth=depth + 1)
            break
    for key in _TRACE_KEYS:
        if isinstance(value.get(key), str) and _TRACEBACK in value[key]:
            found += _of_traceback(value[key])
    if not found:
        if kind:
            return [Message("", kind)]
        return [Message(json.dumps(value, default=str, ensure_ascii=False))] if value else []
    return [Message(m.text, m.exception_type or kind) for m in found]


def _of_truncated(text: str, *, depth: int) -> list[Message]:
    """JSON that was cut off somewhere: the strings under the known keys, else all of it."""
    kinds = _TRUNCATED_TYPE.findall(text)
    texts = [_unescaped(match) for match in _TRUNCATED_TEXT.findall(text)]
    if not texts:
        texts = [_unescaped(text.strip('[]{}" '))]
    kind = kinds[0] if kinds else None
    return [
        Message(m.text, m.exception_type or kind)
        for part in texts
        for m in (_of_traceback(part) if _TRACEBACK in part else [Message(part)])
    ]


def _of_traceback(text: str) -> list[Message]:
    """Every exception of a (chained) trace, the last raised first."""
    found = []
    for block in text.split(_TRACEBACK)[1:]:
        lines = block.splitlines()
        raised = None
        for number, line in enumerate(lines):
            # Frames are indented; the exception is the first line that is not.
            if number and line and not line[0].isspace() and (m := _RAISED.match(line.strip())):
                rest = [m["text"] or ""]
                for more in lines[number + 1 :]:
                    if not more.strip() or "exception" in more and more.endswith(":"):
                        break
                    rest.append(more)
                raised = Message("\n".join(rest).strip(), m["type"])
                break
        if raised:
            found.append(raised)
    before = text.split(_TRACEBACK)[0].strip()
    if before:
        found.append(Message(before))
    return list(reversed(found)) or [Message(text)]


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t").replace("\\\\", "\\")
