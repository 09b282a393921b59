"""Markup from notebooks made harmless: nothing runs, nothing loads, nothing imitates the report.

This is the first wall; the page's Content-Security-Policy is the second. `sanitize_html` of
nbconvert is not used: it breaks tables and headings.
"""

from __future__ import annotations

import re
from functools import cache

import nh3

_TAGS = {
    *{"a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del"},
    *{"details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5"},
    *{"h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp"},
    *{"small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"},
    *{"thead", "tr", "u", "ul", "var"},
}
_ATTRIBUTES = {
    "*": {"class", "style", "title", "dir", "lang"},
    "a": {"href"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
# Alignment and weight only: colours of one theme are unreadable in the other, and positions
# could lay markup over the verdict.
_STYLES = {"text-align", "font-weight", "font-style", "white-space"}
_OWN_CLASSES = re.compile(r"nb-[a-z-]+|num|dataframe|highlight")
_DATA_IMAGE = re.compile(r"data:image/(?:png|jpe?g|gif|webp|svg\+xml)[;,]", re.IGNORECASE)


def clean(html: str) -> str:
    """`html` with only the tags, attributes and links that a report needs.

    Kept: text, tables, lists, links to http(s), mailto and fragments, images that are in the
    document itself, classes of `nbkit.tables` and of highlighted code. Text in tags that are not
    kept stays, as text; scripts and styles go with their content.
    """
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties=_STYLES,
        link_rel="noopener noreferrer",
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return " ".join(part for part in value.split() if _is_known(tag, part)) or None
    if name == "src":
        return value if _DATA_IMAGE.match(value) else None
    if name == "href":
        return None if value.strip().lower().startswith("data:") else value
    return value


def _is_known(tag: str, name: str) -> bool:
    return _OWN_CLASSES.fullmatch(name) is not None or (tag == "span" and name in _token_classes())


@cache
def _token_classes() -> frozenset[str]:
    from pygments.token import STANDARD_TYPES

    return frozenset(STANDARD_TYPES.values())
