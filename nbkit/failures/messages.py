"""The messages in the `errors` column, in all the shapes that are really in the table.

A JSON array of strings or objects (with keys of many names), one object, a bare string, JSON inside
a string, null, JSON that was cut off, stack traces (chained ones too), and the rows that
`stale_running_cleanup` wrote.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

_TEXT_KEYS = (
    *("message", "error_message", "exception_message", "error", "errors", "msg", "text"),
    *("detail", "details", "description", "reason", "cause", "value"),
)
_TYPE_KEYS = (
    "exception_type",
    "error_type",
    "exc_type",
    "exception_class",
    "exception",
    "type",
    "class",
)
_TRACE_KEYS = ("traceback", "stack_trace", "stacktrace", "stack", "trace")
_STATUS_KEYS = ("status_code", "http_status", "statusCode", "code")
_SWEEP = "stale_running_cleanup"

_TRACEBACK = re.compile(r"^[^\S\n]*(?:\S.*)?Traceback \(most recent call last\):?", re.I | re.M)
_FRAME = re.compile(r"^\s*File \".*\", line \d+", re.M)
# How a trace says how its parts hang together. These lines are no message.
_LINK = re.compile(r"^(?:During handling of the above exception|The above exception was the)", re.I)
_CLASS_NAME = re.compile(r"[A-Za-z_][\w.]*")
_RAISED = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?::\s?(?P<text>.*))?")

# In the repr of a dict the quotes are single.
_QUOTED_VALUE = (
    r"""["'](?:%s)["']\s*:\s*(?P<quote>["'])"""
    r"(?P<text>(?:(?!(?P=quote))[^\\]|\\.)*)(?P<end>(?P=quote))?"
)
_CUT_TEXT = re.compile(_QUOTED_VALUE % "|".join(_TEXT_KEYS), re.DOTALL)
_CUT_TYPE = re.compile(_QUOTED_VALUE % "|".join(_TYPE_KEYS), re.DOTALL)
_CUT_TRACE = re.compile(_QUOTED_VALUE % "|".join(_TRACE_KEYS), re.DOTALL)
_CUT_STRING = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)(?P<end>")?', re.DOTALL)
_DEPTH = 8


@dataclass(frozen=True)
class Message:
    """One error as text, with the exception's class where it is known. `cut`: it went on."""

    text: str
    exception_type: str | None = None
    cut: bool = False


def error_text(errors: Any) -> tuple[str, str | None]:
    """The message that ended the run and its exception's class: ("", None) when there is none.

    `errors` is a value of the column, as JSON text or already parsed. Of a chained trace it is the
    exception that was raised last.
    """
    found = messages_of(errors)
    return (found[0].text, found[0].exception_type) if found else ("", None)


def said_in(errors: Any) -> str:
    """All that a value of the `errors` column says, in one line without the JSON around it."""
    said = [message.text or message.exception_type or "" for message in messages_of(errors)]
    return " / ".join(dict.fromkeys(said))


def messages_of(errors: Any) -> tuple[Message, ...]:
    """All messages in a value of the `errors` column (JSON text, or already parsed), in order.

    Of a chained trace the exception raised last comes first, then what it was raised from. Never
    raises: what cannot be parsed is a message as it stands. Empty for null.
    """
    return _messages_of_text(errors) if isinstance(errors, str) else _messages(errors)


def _messages(errors: Any) -> tuple[Message, ...]:
    found = dict.fromkeys(_of_value(errors, depth=0))
    return tuple(message for message in found if message.text.strip() or message.exception_type)


# One history is asked about again and again, by the classifier, by window and by cause.
_messages_of_text = lru_cache(maxsize=8_192)(_messages)


def _of_value(value: Any, *, depth: int) -> list[Message]:
    if value is None or isinstance(value, bool) or value != value:  # NaN is null in a frame
        return []
    if depth > _DEPTH:
        return [Message(str(value)[:1000])]
    if isinstance(value, str):
        return _of_text(value, depth=depth)
    if isinstance(value, dict):
        return _of_object(value, depth=depth)
    if isinstance(value, (list, tuple)):
        return [message for item in value for message in _of_value(item, depth=depth + 1)]
    return [Message(str(value))]


def _of_text(text: str, *, depth: int) -> list[Message]:
    stripped = text.strip()
    if stripped in ("", "null", "None", "NULL", "nan", "[]", "{}"):
        return []
    if stripped[0] in '[{"':
        try:
            parsed = json.loads(stripped)
        except (ValueError, RecursionError):
            if stripped[0] != '"' or stripped.count('"') == 1:
                return _of_cut_json(stripped)
        else:
            return _of_value(parsed, depth=depth + 1)
    if _TRACEBACK.search(text) or _FRAME.search(text):
        return _of_traceback(text)
    return [Message(text)]


def _of_object(value: dict[Any, Any], *, depth: int) -> list[Message]:
    if "original_errors" in value or _SWEEP in map(str, value.values()):
        # What the run said before it was swept counts for more than the sweep.
        original = _of_value(value.get("original_errors"), depth=depth + 1)
        return [*original, Message(f"{_SWEEP}: {json.dumps(value, default=str)[:500]}")]
    kinds, found = [], []
    for key in _TYPE_KEYS:
        named = value.get(key)
        if isinstance(named, str) and named:
            if _CLASS_NAME.fullmatch(named.strip()):
                kinds.append(named.strip())
            else:  # "exception": "ValueError('No games found')"
                found += _of_value(named, depth=depth + 1)
    for key in _TEXT_KEYS:
        found = [*found, *_of_value(value.get(key), depth=depth + 1)]
    # {"error": "ValueError", "message": "…"}: a word that is only a class is the class.
    kinds += [m.text for m in found if _is_class(m.text)]
    found = [m for m in found if not _is_class(m.text)]
    for key in _TRACE_KEYS:
        if value.get(key):
            found += _of_value(value[key], depth=depth + 1)
    kind = kinds[0] if kinds else None
    status = next(
        (v for k in _STATUS_KEYS if isinstance(v := value.get(k), int) and v >= 400), None
    )
    if not found:
        if kind:
            return [Message(f"HTTP {status}" if status else "", kind)]
        return [Message(json.dumps(value, default=str, ensure_ascii=False))] if value else []
    if status and str(status) not in found[0].text:
        found[0] = replace(found[0], text=f"{found[0].text} (HTTP {status})")
    return [replace(m, exception_type=m.exception_type or kind) for m in found]


def _is_class(text: str) -> bool:
    return re.fullmatch(r"(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Timeout|Exceeded)", text) is not None


def _of_cut_json(text: str) -> list[Message]:
    """JSON (or the repr of it) that cannot be parsed: the strings under known keys, else all."""
    kind = next((m["text"] for m in _CUT_TYPE.finditer(text) if m["end"]), None)
    found = [Message(_unescaped(m["text"]), cut=not m["end"]) for m in _CUT_TEXT.finditer(text)]
    if not found and text[0] == "[":
        found = [
            Message(_unescaped(m["text"]), cut=not m["end"]) for m in _CUT_STRING.finditer(text)
        ]
    if not found:
        found = [Message(_unescaped(text), cut=True)]
    # Of a trace that was cut before its exception, the message beside it says what it was.
    for match in _CUT_TRACE.finditer(text):
        blocks = _TRACEBACK.split(_unescaped(match["text"]))[1:]
        found += [raised for block in blocks if (raised := _raised(block))]
    if _SWEEP in text and not any(_SWEEP in message.text for message in found):
        found.append(Message(_SWEEP))
    whole = []
    for message in found:
        if _TRACEBACK.search(message.text) or _FRAME.search(message.text):
            whole += _of_traceback(message.text, cut=message.cut)
        else:
            whole.append(message)
    return [replace(m, exception_type=m.exception_type or kind) for m in whole]


def _of_traceback(text: str, *, cut: bool = False) -> list[Message]:
    """Every exception of a (chained) trace, the last raised first. Frames are never read: the
    source lines in them quote messages that were not raised."""
    before, *blocks = _TRACEBACK.split(text)
    if not blocks:  # the beginning is gone: frames, then the exception
        before, blocks = "", [text]
    found = [message for block in blocks if (message := _raised(block))]
    # A trace without its last line says only that there was an exception; so does one that ends
    # with the line that leads to another.
    leads_on = any(_LINK.match(line) for line in blocks[-1].splitlines())
    if not found or leads_on or (cut and not _raised(blocks[-1])):
        found.append(Message("Traceback without its exception", cut=True))
    if cut:
        found[-1] = replace(found[-1], cut=True)
    found.reverse()
    return [*found, Message(before.strip())] if before.strip() else found


def _raised(block: str) -> Message | None:
    """The exception at the end of one trace: the first line after it that is not indented."""
    lines = block.splitlines()
    for number, line in enumerate(lines):
        if number == 0 or not line.strip() or line[0].isspace() or _LINK.match(line):
            continue
        if match := _RAISED.fullmatch(line.strip()):
            rest = [match["text"] or ""]
            for more in lines[number + 1 :]:
                if _LINK.match(more):
                    break
                rest.append(more)
            return Message("\n".join(rest).strip(), match["type"])
    return None


def _unescaped(text: str) -> str:
    """What JSON would have made of the text, had it been whole."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return (
            text.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t").replace("\\\\", "\\")
        )
