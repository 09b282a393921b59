"""How a message looks in Slack, as one HTML file: drawn from the blocks themselves, so that what is
wrong in them is seen. No request leaves the page, and everything from the data is escaped.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any

from nbkit.delivery.message import Message
from nbkit.delivery.run_folder import Run
from nbkit.findings.wording import moment

_CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --back: #f8f8f8; --page: #fff; --ink: #1d1c1d; --soft: #616061;
  --line: #dddddd; --link: #1264a3; --code: #c01343; --code-back: #f6f6f6; --app: #e8e8e8;
  --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --back: #121016; --page: #1a1d21; --ink: #d1d2d3;
  --soft: #ababad; --line: #35373b; --link: #1d9bd1; --code: #e8912d; --code-back: #232529;
  --app: #222529; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); overflow-wrap: anywhere;
  font: 15px/1.46668 Slack-Lato, Lato, "Helvetica Neue", Helvetica, Arial, sans-serif; }
main { max-width: 720px; margin: 24px auto; background: var(--page); padding: 16px 20px 20px;
  border: 1px solid var(--line); border-radius: 8px; }
.message { display: grid; grid-template-columns: 36px 1fr; column-gap: 10px; }
.avatar { width: 36px; height: 36px; border-radius: 6px; background: #3b4d61; color: #fff;
  font: 700 17px/36px "Helvetica Neue", Arial, sans-serif; text-align: center; }
.who { font-weight: 900; } .who small { font-weight: 400; color: var(--soft); font-size: 12px; }
.who b { background: var(--app); color: var(--soft); font: 700 10px/1 Arial, sans-serif;
  padding: 2px 4px; border-radius: 2px; margin: 0 5px; vertical-align: 2px; }
.blocks { min-width: 0; } .blocks > * { margin: 4px 0 8px; }
h1 { font-size: 18px; line-height: 1.3; margin: 4px 0 6px; }
hr { border: 0; border-top: 1px solid var(--line); margin: 12px 0; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; }
figure { margin: 8px 0; } img { display: block; max-width: 100%; border-radius: 8px;
  border: 1px solid var(--line); background: var(--paper); }
.context { color: var(--soft); font-size: 13px; display: flex; flex-wrap: wrap; gap: 2px 12px; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code { color: var(--code); background: var(--code-back); border: 1px solid var(--line);
  border-radius: 3px; font-size: 12px; padding: 1px 3px; }
.dot { display: inline-block; width: .8em; height: .8em; border-radius: 50%; vertical-align: -1px;
  margin-right: 3px; } .red { background: #d92d20; } .yellow { background: #f2b31b; }
.green { background: #2da44e; } .white { background: #fff; border: 2px solid #868686; }
.blue { width: .55em; height: .55em; margin: 0 .27em 0 .12em; border-radius: 1px;
  transform: rotate(45deg); background: #4a90d9; vertical-align: 1px; }
.gap { display: block; height: 9px; }
.thread { grid-column: 2; margin-top: 6px; border-top: 1px solid var(--line); padding-top: 8px;
  color: var(--soft); font-size: 13px; } .thread b { color: var(--link); }
.about { max-width: 720px; margin: 0 auto 24px; padding: 0 20px; color: var(--soft);
  font-size: 13px; }
@media (max-width: 480px) { main { margin: 0; border-width: 0 0 1px; border-radius: 0;
  padding: 12px; } .fields { grid-template-columns: 1fr; } .about { padding: 12px; } }
"""
_DOTS = {
    "🔴": '<span class="dot red" role="img" aria-label="red"></span>',
    "🟡": '<span class="dot yellow" role="img" aria-label="yellow"></span>',
    "🟢": '<span class="dot green" role="img" aria-label="green"></span>',
    "⚪": '<span class="dot white" role="img" aria-label="white"></span>',
    "🔹": '<span class="dot blue" role="img" aria-label="note"></span>',
}
# Slack's mrkdwn in the order in which it is taken apart: links first, then the marks.
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_MARKS = (
    (re.compile(r"(?<![\w`])`([^`\n]+)`(?![\w`])"), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_([^\n]+?)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~([^~\n]+)~(?![\w~])"), r"<s>\1</s>"),
)


def preview_page(message: Message, body: Mapping[str, Any], run: Run) -> str:
    """The page. `body` is what Slack would get (`text`, `blocks`); the picture is embedded."""
    drawn = "\n".join(_block(block, run) for block in body["blocks"])
    title = escape(message.title)
    thread = (
        f'<div class="thread"><b>1 reply</b> · {escape(run.notebook)}.html: the whole report</div>'
        if run.html
        else ""
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_CSP}">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<div class="message">
<div class="avatar" aria-hidden="true">nb</div>
<div class="blocks">
<div class="who">nbkit <b>APP</b> <small>{escape(moment(run.as_of))}</small></div>
{drawn}
</div>
{thread}
</div>
</main>
<p class="about">A preview: nothing was sent. A notification would read:
“{_text(body["text"])}”</p>
</body>
</html>
"""


def _block(block: Mapping[str, Any], run: Run) -> str:
    match block:
        case {"type": "header", "text": {"text": text}}:
            return f"<h1>{_signs(escape(text))}</h1>"
        case {"type": "divider"}:
            return "<hr>"
        case {"type": "section", "fields": fields}:
            return (
                f'<div class="fields">{"".join(f"<div>{_mrkdwn(f)}</div>" for f in fields)}</div>'
            )
        case {"type": "section", "text": text}:
            return f"<div>{_mrkdwn(text)}</div>"
        case {"type": "image", "alt_text": alt} if run.figure:
            data = base64.b64encode(run.figure.png).decode()
            return f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{data}"></figure>'
        case {"type": "context", "elements": elements}:
            inner = "".join(f"<span>{_mrkdwn(element)}</span>" for element in elements)
            return f'<div class="context">{inner}</div>'
    return ""


def _mrkdwn(text: Mapping[str, Any]) -> str:
    return _text(text["text"])


def _text(mrkdwn: str) -> str:
    """Slack's markup as HTML. Only links that we made are links; entities show as what they are."""
    parts = []
    position = 0
    for found in _LINK.finditer(mrkdwn):
        parts.append(_marked(mrkdwn[position : found.start()]))
        address = escape(unescape(found[1]))
        parts.append(f'<a href="{address}" rel="noopener">{_marked(found[2])}</a>')
        position = found.end()
    parts.append(_marked(mrkdwn[position:]))
    return "".join(parts)


def _marked(mrkdwn: str) -> str:
    # Slack's three entities undone, then HTML's own escapes: never twice, never not at all.
    html = escape(_unescape_slack(mrkdwn))
    for pattern, replacement in _MARKS:
        html = pattern.sub(replacement, html)
    return _signs(html).replace("\n\n", '<br><span class="gap"></span>').replace("\n", "<br>\n")


def _unescape_slack(text: str) -> str:
    """`&lt;` → `<`, as Slack shows it; no other entity means anything to Slack."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _signs(html: str) -> str:
    # Drawn, for not every machine has a font with coloured signs.
    for sign, dot in _DOTS.items():
        html = html.replace(sign, dot)
    return html
