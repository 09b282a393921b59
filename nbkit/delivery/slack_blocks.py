"""A message as Slack's Block Kit, within Slack's limits whatever the message holds.

Where it does not fit, lists are folded ("and 12 more") and then titles cut, in that order, until
it does: the verdict, the headline and the link always stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nbkit.delivery.message import Fact, Item, Mark, Message, Section
from nbkit.delivery.slack_text import escape, link, plain, prose
from nbkit.findings import Verdict

MOST_BLOCKS = 50
MOST_TEXT = 3_000
MOST_HEADER = 150
MOST_FIELDS = 10
MOST_FIELD = 2_000
MOST_CONTEXT = 10
MOST_ALT = 2_000
MOST_DETAILS = 6
# Slack documents no limit on all blocks together and refuses about 13,000 characters
# (`msg_blocks_too_long`); measured as JSON, which counts more than Slack does.
MOST_TOTAL = 13_000

Block = dict[str, Any]

VERDICT_SIGNS = {
    Verdict.GREEN: "🟢",
    Verdict.YELLOW: "🟡",
    Verdict.RED: "🔴",
    Verdict.UNKNOWN: "⚪",
}
MARKS = {
    Mark.CRITICAL: "🔴",
    Mark.WARNING: "🟡",
    Mark.INFO: "🔹",
    Mark.RECOVERED: "🟢",
}
# (entries shown of each list, characters of a title, of a detail), roomiest first.
_ROOM = ((6, 400, 300), (5, 300, 200), (4, 250, 150), (3, 250, 150), (2, 200, 80), (1, 150, 40))


def blocks(message: Message, *, image: str | None = None) -> list[Block]:
    """The blocks of `message`; `image` is the id of an uploaded Slack file with its picture."""
    for shown, title, detail in _ROOM:
        built = list(_blocks(message, image, shown, title, detail))
        if fits(built):
            return built
    return [_header(message), _section(last_resort(message))]


def fits(built: list[Block]) -> bool:
    """Whether Slack takes that many blocks of that length in one message."""
    return len(built) <= MOST_BLOCKS and len(json.dumps(built, ensure_ascii=False)) <= MOST_TOTAL


def text_only(message: Message) -> str:
    """The message in one text of mrkdwn: the notification line, and what is sent without blocks."""
    return escape(message.text, 500)


def last_resort(message: Message) -> str:
    """The whole message as one text, for when its blocks do not fit or Slack refuses them."""
    lines = [
        f"{VERDICT_SIGNS[message.verdict]} {_bold(message.title, 200)}",
        escape(message.headline, 800),
        _where(message, 600),
    ]
    for section in message.sections:
        listed = [f"• {escape(item.title, 150)}" for item in section.items[:4]]
        lines.append("\n".join([_bold(section.heading, 100), *listed, *_more(section, 4)]))
    while len("\n".join(lines)) > MOST_TEXT:
        lines.pop()
    return "\n".join(lines)


def _blocks(
    message: Message, image: str | None, shown: int, title: int, detail: int
) -> Iterator[Block]:
    yield _header(message)
    said = [escape(message.headline, 3 * title)]
    said += [f"_{escape(notice, 2 * title)}_" for notice in message.notices]
    yield from (_section(text) for text in said if text.strip("_"))
    if image is not None:
        yield {
            "type": "image",
            "slack_file": {"id": image},
            "alt_text": plain(message.figure_alt or "", min(MOST_ALT, 3 * title)) or "Figure",
        }
    for section in message.sections:
        yield from _list(section, shown, title, detail)
    if message.facts:
        yield {"type": "section", "fields": [_field(fact) for fact in message.facts[:MOST_FIELDS]]}
    yield _section(_where(message, 1_500))
    footer = [escape(text, 200) for text in message.footer[:MOST_CONTEXT]]
    elements = [_mrkdwn(text) for text in footer if text]
    if elements:
        yield {"type": "context", "elements": elements}


def _header(message: Message) -> Block:
    title = plain(message.title, MOST_HEADER - 2)
    text = f"{VERDICT_SIGNS[message.verdict]} {title}"
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _list(section: Section, shown: int, title: int, detail: int) -> Iterator[Block]:
    """Lines packed into as few blocks as hold them: each block costs, and Slack spaces them out."""
    yield {"type": "divider"}
    packed = _bold(section.heading, 200) or "…"
    lines = [_entry(item, title, detail) for item in section.items[:shown]]
    for line in [*lines, *_more(section, shown)]:
        # Entries of several lines are told apart by an empty one.
        longer = (
            f"{packed}\n\n{line}" if "\n" in line and packed.count("\n") else f"{packed}\n{line}"
        )
        if len(longer) > MOST_TEXT:
            yield _section(packed)
            longer = line
        packed = longer
    yield _section(packed)


def _entry(item: Item, title: int, detail: int) -> str:
    lines = [f"{MARKS[item.mark]} {_bold(item.title, title)}"]
    if item.details:
        lines.append(" · ".join(escape(text, detail) for text in item.details[:MOST_DETAILS]))
    if item.next_step:
        lines.append(f"Next: {prose(item.next_step, detail)}")
    if item.runbook:
        lines.append(f"Runbook: {escape(item.runbook, detail)}")
    return "\n".join(lines)


def _more(section: Section, shown: int) -> list[str]:
    hidden = len(section.items) - shown
    return [f"_and {hidden} more_"] if hidden > 0 else []


def _field(fact: Fact) -> Block:
    label = _bold(fact.label, 100)
    return _mrkdwn(f"{label}\n{escape(fact.value, 300)}")


def _where(message: Message, limit: int) -> str:
    if message.report_url:
        return link(message.report_url, "Open the report", limit)
    return f"Report: {escape(message.location, limit - 10)}" if message.location else "No report."


def _bold(text: str, limit: int) -> str:
    words = escape(text, limit)
    return f"*{words}*" if words else ""


def _section(text: str) -> Block:
    # Without `expand`, Slack hides the lower part of a long text behind "show more".
    return {"type": "section", "text": _mrkdwn(text), "expand": True}


def _mrkdwn(text: str) -> Block:
    # Verbatim: Slack is not to look for addresses, channels and names in what comes from the data.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
