"""The message written to a folder instead of sent: as Slack gets it, as text, and as it looks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path

from nbkit.delivery.message import Item, Message
from nbkit.delivery.preview import preview_page
from nbkit.delivery.run_folder import Run
from nbkit.delivery.slack_blocks import MARKS, VERDICT_SIGNS, blocks, text_only
from nbkit.delivery.slack_text import clean, web_address
from nbkit.errors import DeliveryError

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
# In a folder the picture has no file id; the preview shows `headline.png` in its place.
PICTURE_ID = "headline.png"


def write_preview(folder: Path, run: Run, message: Message) -> None:
    """Write `message.json` (what Slack gets), `message.md`, `headline.png` and `preview.html`.

    Each file is whole or not there; a picture of an earlier message is taken away.

    Raises:
        DeliveryError: the folder cannot be written.
    """
    image = PICTURE_ID if run.figure else None
    body = {"text": text_only(message), "blocks": blocks(message, image=image)}
    files = {
        "message.json": json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n",
        "message.md": as_markdown(message).encode(),
        "preview.html": preview_page(message, body, run).encode(),
    }
    if run.figure:
        files["headline.png"] = run.figure.png
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            _write_whole(folder / name, data)
        if not run.figure:
            (folder / "headline.png").unlink(missing_ok=True)
    except OSError as error:
        raise DeliveryError(
            f"The message could not be written to {folder} ({error.strerror or error}). "
            "Free the disk or give another folder; the report itself is kept."
        ) from error


def as_markdown(message: Message) -> str:
    """The whole message as Markdown, nothing folded; readable as plain text, fit for a mail."""
    lines = [
        f"# {VERDICT_SIGNS[message.verdict]} {_escape(message.title)}",
        "",
        _escape(message.headline),
    ]
    for notice in message.notices:
        lines += ["", f"> {_escape(notice)}"]
    for section in message.sections:
        lines += ["", f"## {_escape(section.heading)}", ""]
        for item in section.items:
            end = "\\" if item.details else ""
            lines.append(f"- {MARKS[item.mark]} **{_escape(item.title)}**{end}")
            lines += _below(item)
    if message.facts:
        lines += ["", *(f"- {_escape(f.label)}: {_escape(f.value)}" for f in message.facts)]
    address = web_address(message.report_url)
    lines += ["", f"Report: <{address}>" if address else f"Report: {_escape(message.location)}"]
    lines += ["", _escape(" · ".join(message.footer)), ""]
    return "\n".join(lines)


def _below(item: Item) -> list[str]:
    lines = [" · ".join(item.details)] if item.details else []
    lines += [f"Next: {item.next_step}"] if item.next_step else []
    lines += [f"Runbook: {item.runbook}"] if item.runbook else []
    # A backslash at the end is a line break.
    escaped = [f"  {_escape(line)}" for line in lines]
    return [f"{line}\\" for line in escaped[:-1]] + escaped[-1:]


def _escape(text: str) -> str:
    """Markdown's own signs made literal; a `_` within a word is one already."""
    escaped = _MARKDOWN.sub(r"\\\1", clean(text))
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", escaped)


def _write_whole(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
