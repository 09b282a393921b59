"""Text from the data made harmless in Slack's mrkdwn: no mention, link, mark or emoji comes alive.

Source: Slack's "Formatting text for app surfaces" (the three escapes, control sequences in angle
brackets). What the escapes do not cover, mentions and emoji names, is broken up with a zero-width
space.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

ZERO_WIDTH = "\u200b"
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Control characters, zero-width joiners of the data itself, overrides of the writing direction
# (they let a name show as another one), and halves of surrogate pairs, which no JSON parser takes.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_BLANKS = re.compile(r"\s+")
# `@here` is only parsed where a client asks for it; our own requests never do, others may quote us.
_MENTION = re.compile(r"@(?=here\b|channel\b|everyone\b)|(?<!\w)@(?=\w)", re.IGNORECASE)
_CONTROL = re.compile(r"<(?=[!@#])")
# Slack has no escape for its marks, so a look-alike stands in. Zero-width spaces would not do: they
# are how people make marks work in the middle of a word. `phase_3_raw` means nothing to Slack and
# stays copyable.
_MARKUP = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)")
_LOOK_ALIKE = {"*": "\u2217", "~": "\u223c", "`": "\u02cb", "_": "\u02cd"}
_CODE = re.compile("\u02cb([^\u02cb]+)\u02cb")
_EMOJI = re.compile(r":(?=[\w+'-]*[a-z][\w+'-]*:)", re.IGNORECASE)


def clean(text: str) -> str:
    """One line of readable characters."""
    return _BLANKS.sub(" ", _UNSAFE.sub("", text.replace("\n", " "))).strip()


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, the cut shown by an ellipsis."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"[:limit]


def plain(text: str, limit: int) -> str:
    """For a plain_text object: nothing is parsed there but mentions are broken up all the same."""
    safe = _CONTROL.sub("<" + ZERO_WIDTH, _MENTION.sub("@" + ZERO_WIDTH, clean(text)))
    return clip(safe, limit)


def escape(text: str, limit: int) -> str:
    """For mrkdwn: at most `limit` characters once escaped; never cut inside an entity."""
    line = clean(text)
    keep = min(len(line), limit)
    while len(escaped := _escaped(clip(line, keep))) > limit:
        keep -= max(1, (len(escaped) - limit) // 5)
    return escaped


def prose(text: str, limit: int) -> str:
    """As `escape`, but what stands between backticks stays code: a command to copy."""
    return _CODE.sub(r"`\1`", escape(text, limit))


def link(url: str, label: str, limit: int) -> str:
    """`<url|label>`, or the escaped label alone where the URL is no http(s) address that fits."""
    words = escape(label, limit)
    address = web_address(url)
    if address is None:
        return words
    target = quote(clean(address), safe="%/:?#[]@!$&'()*+,;=~-._").translate(_ENTITIES)
    whole = f"<{target}|{words}>"
    return whole if len(whole) <= limit else words


def web_address(url: str | None) -> str | None:
    """`url` if a browser would open it as a page, else None (no `javascript:`, no local path)."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else None


def _escaped(line: str) -> str:
    # The look-alikes first: they count as letters, and one after an @ makes it a mention.
    line = _MARKUP.sub(lambda found: _LOOK_ALIKE[found[0]], line)
    line = _MENTION.sub("@" + ZERO_WIDTH, line)
    line = _EMOJI.sub(":" + ZERO_WIDTH, line)
    return line.translate(_ENTITIES)
